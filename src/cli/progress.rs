//! Long work: a bar on a terminal, plain lines elsewhere, nothing where it is over at once.

use std::{
    io::IsTerminal,
    sync::atomic::{AtomicU64, Ordering},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::print::note;

/// Fewer rows are booked before anybody wonders.
const ROWS_WORTH_SAYING: u64 = 20_000;
/// Plain lines come at every tenth part.
const PARTS: u64 = 10;

/// How much of something long is done.
pub struct Bar {
    name: String,
    /// What is counted: `rows`.
    what: &'static str,
    /// Below this nobody waits.
    least: u64,
    drawn: Option<ProgressBar>,
    said: AtomicU64,
}

impl Bar {
    /// Rows of a file that are booked so far.
    pub fn new(name: &str) -> Self {
        Self::with(name, "rows", ROWS_WORTH_SAYING)
    }

    /// What takes its time however little it is.
    pub fn of(name: &str, what: &'static str) -> Self {
        Self::with(name, what, 1)
    }

    fn with(name: &str, what: &'static str, least: u64) -> Self {
        let drawn = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let look = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {prefix}, {eta} left");
            bar.set_style(look.expect("a constant template"));
            bar.set_message(name.to_owned());
            bar.set_prefix(what);
            bar
        });
        Self { name: name.to_owned(), what, least, drawn, said: AtomicU64::new(0) }
    }

    pub fn at(&self, done: u64, all: u64) {
        if all < self.least {
            return;
        }
        if let Some(bar) = &self.drawn {
            bar.set_length(all);
            bar.set_position(done);
            return;
        }
        let part = done * PARTS / all;
        if part > self.said.swap(part, Ordering::Relaxed) {
            note(&format!("{}: {done} of {all} {}", self.name, self.what));
        }
    }

    pub fn end(&self) {
        if let Some(bar) = &self.drawn {
            bar.finish_and_clear();
        }
    }
}
