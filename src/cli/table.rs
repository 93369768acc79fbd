//! Aligned columns for a terminal, where a 漢字 is two columns wide.

use std::fmt;

use unicode_width::UnicodeWidthStr;

const GAP: &str = "  ";

/// Rows under a header. A column whose name begins with `>` holds numbers and is aligned to the right.
pub struct Table {
    names: Vec<&'static str>,
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(columns: &[&'static str]) -> Self {
        let right = columns.iter().map(|name| name.starts_with('>')).collect();
        let names = columns.iter().map(|name| name.trim_start_matches('>')).collect();
        Self { names, right, rows: Vec::new() }
    }

    pub fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.names.len());
        self.rows.push(cells.iter().map(|cell| on_one_line(cell)).collect());
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl fmt::Display for Table {
    /// No line ends with blanks, and the last one has no line break.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |index: usize| {
            let cells = self.rows.iter().map(|row| row[index].width());
            cells.chain([self.names[index].width()]).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..self.names.len()).map(width).collect();
        let names: Vec<String> = self.names.iter().map(ToString::to_string).collect();
        for (number, row) in std::iter::once(&names).chain(&self.rows).enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            let mut line = String::new();
            for (index, cell) in row.iter().enumerate() {
                let blanks = " ".repeat(widths[index] - cell.width());
                let padded = if self.right[index] { blanks + cell } else { cell.clone() + &blanks };
                line.push_str(if index == 0 { "" } else { GAP });
                line.push_str(&padded);
            }
            write!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Names on the left, values on the right, one pair a line.
pub fn pairs(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.width()).max().unwrap_or_default();
    let line = |(name, value): &(&str, String)| {
        let blanks = " ".repeat(width - name.width());
        format!("{name}{blanks}{GAP}{}", on_one_line(value)).trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What comes from a mall may hold line breaks and control characters, which would move the terminal's cursor.
fn on_one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_keep_their_columns() {
        let mut table = Table::new(&["SKU", "NAME", ">SELLABLE", "STATE"]);
        table.row(vec!["A-1".into(), "木の椅子".into(), "12".into(), "ok".into()]);
        table.row(vec!["B-22".into(), "Stool".into(), "-3".into(), String::new()]);
        let expected = "SKU   NAME      SELLABLE  STATE\nA-1   木の椅子        12  ok\nB-22  Stool           -3";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn what_a_mall_wrote_cannot_move_the_cursor() {
        let mut table = Table::new(&["MESSAGE"]);
        table.row(vec!["a\u{1b}[2Jb\nc".into()]);
        assert_eq!(table.to_string(), "MESSAGE\na [2Jb c");
    }

    #[test]
    fn pairs_are_aligned_by_the_longest_name() {
        assert_eq!(pairs(&[("id", "x".into()), ("状態", "active".into())]), "id    x\n状態  active");
    }
}
