//! Where the live view goes: redrawn in place on a terminal, a line now and then elsewhere.

use std::{
    io::{IsTerminal, Write, stdout},
    time::Duration,
};

use terminal_size::{Height, Width, terminal_size};

use super::text::Line;

/// When a terminal doesn't tell its size.
const USUAL: (usize, usize) = (100, 40);
/// Plain progress lines are so far apart (of the machine's time).
const LINES_APART: Duration = Duration::from_secs(3);

const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";
const OTHER_SCREEN: &str = "\x1b[?1049h";
const FIRST_SCREEN: &str = "\x1b[?1049l";
const HOME: &str = "\x1b[H";
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

pub struct Screen {
    live: bool,
    last_line: Option<Duration>,
}

impl Screen {
    pub fn open() -> Self {
        let live = stdout().is_terminal();
        if live {
            put(&format!("{OTHER_SCREEN}{HIDE_CURSOR}{HOME}{CLEAR_BELOW}"));
        }
        Self { live, last_line: None }
    }

    /// Columns and rows.
    pub fn size(&self) -> (usize, usize) {
        terminal_size().map_or(USUAL, |(Width(columns), Height(rows))| (columns.into(), rows.into()))
    }

    /// Shows the frame, or the progress line when one is due. `at`: the machine's time since the start.
    pub fn show(
        &mut self,
        at: Duration,
        frame: impl FnOnce((usize, usize)) -> Vec<Line>,
        progress: impl FnOnce() -> String,
    ) {
        if self.live {
            return self.draw(frame(self.size()));
        }
        if self.last_line.is_none_or(|last| at >= last + LINES_APART) {
            self.last_line = Some(at);
            put(&format!("{}\n", progress()));
        }
    }

    fn draw(&self, lines: Vec<Line>) {
        let (columns, rows) = self.size();
        let drawn: Vec<String> = lines.iter().take(rows).map(|line| line.coloured(columns) + CLEAR_LINE).collect();
        put(&format!("{HOME}{}{CLEAR_BELOW}", drawn.join("\r\n")));
    }

    /// Gives the terminal back, with the last frame left on it.
    pub fn close(mut self, last: impl FnOnce((usize, usize)) -> Vec<Line>) {
        let size = self.size();
        if self.leave() {
            for line in last(size) {
                put(&format!("{}\n", line.coloured(size.0)));
            }
        }
    }

    fn leave(&mut self) -> bool {
        let was_live = std::mem::take(&mut self.live);
        if was_live {
            put(&format!("{FIRST_SCREEN}{SHOW_CURSOR}"));
        }
        was_live
    }
}

impl Drop for Screen {
    /// Also when something fails half-way: a terminal without a cursor is no use to anyone.
    fn drop(&mut self) {
        self.leave();
    }
}

/// A reader that went away (`| head`) doesn't stop the demo.
pub fn put(text: &str) {
    let mut out = stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
