//! Lines for a terminal: coloured pieces, padded and cut by the width that the terminal gives them.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    Bold,
    Dim,
    Good,
    Warn,
    Bad,
    /// Stands out of a table.
    Mark,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "\x1b[1m",
            Self::Dim => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Warn => "\x1b[33m",
            Self::Bad => "\x1b[1;31m",
            Self::Mark => "\x1b[1;33m",
        }
    }
}

/// One line, piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Line(Vec<(Style, String)>);

impl Line {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn then(mut self, style: Style, text: impl Into<String>) -> Self {
        self.0.push((style, text.into()));
        self
    }

    /// Filled up on the right to `width` columns, or cut to it.
    #[must_use]
    pub fn left(self, style: Style, text: &str, width: usize) -> Self {
        let text = cut(text, width);
        let blanks = width.saturating_sub(text.width());
        self.then(style, text).then(Style::Plain, " ".repeat(blanks))
    }

    /// Filled up on the left to `width` columns, or cut to it.
    #[must_use]
    pub fn right(self, style: Style, text: &str, width: usize) -> Self {
        let text = cut(text, width);
        let blanks = width.saturating_sub(text.width());
        self.then(Style::Plain, " ".repeat(blanks)).then(style, text)
    }

    pub fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| text.width()).sum()
    }

    /// With colours, at most `width` columns wide.
    pub fn coloured(&self, width: usize) -> String {
        let mut left = width;
        let mut drawn = String::new();
        for (style, text) in &self.0 {
            let text = cut(text, left);
            left -= text.width();
            match style.code() {
                "" => drawn.push_str(&text),
                code => drawn.push_str(&format!("{code}{text}\x1b[0m")),
            }
        }
        drawn
    }
}

/// The start of a text that fits into `width` columns; a wide character is never halved.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let mut start = String::new();
    for character in text.chars() {
        let columns = character.width().unwrap_or(0);
        if columns > left {
            break;
        }
        left -= columns;
        start.push(character);
    }
    if width > 0 {
        start.push('…');
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_japanese_names_line_up() {
        for name in ["深蒸し煎茶 100g", "宇治抹茶", "tea", "玄米茶 ティーバッグ20包 とても長い名前"]
        {
            assert_eq!(Line::new().left(Style::Plain, name, 20).width(), 20, "{name}");
            assert_eq!(Line::new().right(Style::Plain, name, 7).width(), 7, "{name}");
        }
    }

    #[test]
    fn a_wide_character_is_left_out_rather_than_halved() {
        assert_eq!(cut("楽天市場", 6), "楽天…");
        assert_eq!(cut("楽天市場", 4), "楽…");
        assert_eq!(cut("楽天市場", 8), "楽天市場");
        assert_eq!(cut("楽天市場", 0), "");
    }

    #[test]
    fn a_line_never_grows_beyond_the_screen() {
        let line = Line::new().then(Style::Bold, "楽天市場 ").then(Style::Bad, "sold out");
        assert_eq!(line.coloured(80), "\x1b[1m楽天市場 \x1b[0m\x1b[1;31msold out\x1b[0m");
        assert_eq!(line.coloured(11), "\x1b[1m楽天市場 \x1b[0m\x1b[1;31ms…\x1b[0m");
    }
}
