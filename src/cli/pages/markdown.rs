//! The text of a page.

use std::fmt::Write as _;

use crate::cli::terminal::words::wrapped;

/// The columns within which documents are wrapped.
pub const COLUMNS: usize = 100;

/// A page whose paragraphs and list items keep within [`COLUMNS`], each given as one line or as several that
/// fit. Tables, images and comments stay as they are.
pub fn within_columns(page: &str) -> String {
    let mut text = String::new();
    for line in page.split_inclusive('\n') {
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (line, ""),
        };
        let stays = line.starts_with(['|', '!', '<']);
        let columns = (!stays).then_some(COLUMNS);
        let indent = if line.starts_with("- ") { 2 } else { 0 };
        let _ = write!(text, "{}{end}", wrapped(line, columns, indent).join("\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_and_items_are_wrapped_and_tables_are_not() {
        let long = "word ".repeat(30);
        let page = format!("# Head\n\n{long}\n\n- {long}\n\n| {long} |\n");
        let text = within_columns(&page);
        let (tables, others): (Vec<_>, Vec<_>) =
            text.lines().partition(|line| line.starts_with('|'));
        assert_eq!(tables.len(), 1);
        assert!(others.iter().all(|line| line.len() <= COLUMNS), "{text}");
        assert!(text.contains("\n  word"), "{text}");
        assert_eq!(within_columns(&text), text);
    }
}
