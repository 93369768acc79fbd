//! Long work: a bar on a terminal, plain lines elsewhere, nothing where it is over at once.

use std::{
    io::IsTerminal,
    sync::atomic::{AtomicU64, Ordering},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::print::note;

/// Below this nobody waits.
const ROWS_WORTH_SAYING: u64 = 20_000;
/// Plain lines come at every tenth part.
const PARTS: u64 = 10;

/// Rows of a file that are booked so far.
pub struct Bar {
    name: String,
    drawn: Option<ProgressBar>,
    said: AtomicU64,
}

impl Bar {
    pub fn new(name: &str) -> Self {
        let drawn = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let look = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} rows, {eta} left");
            bar.set_style(look.expect("a constant template"));
            bar.set_message(name.to_owned());
            bar
        });
        Self { name: name.to_owned(), drawn, said: AtomicU64::new(0) }
    }

    pub fn at(&self, done: u64, all: u64) {
        if all < ROWS_WORTH_SAYING {
            return;
        }
        if let Some(bar) = &self.drawn {
            bar.set_length(all);
            bar.set_position(done);
            return;
        }
        let part = done * PARTS / all;
        if part > self.said.swap(part, Ordering::Relaxed) {
            note(&format!("{}: {done} of {all} rows", self.name));
        }
    }

    pub fn end(&self) {
        if let Some(bar) = &self.drawn {
            bar.finish_and_clear();
        }
    }
}
