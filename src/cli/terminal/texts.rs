//! Texts of frames, as a person may see them.

use serde_json::Value;

use crate::cli::terminal::words::cut;
use crate::platform::text::{visible, visible_prose};

/// A tool's result in a line.
pub fn outcome(result: &Value) -> String {
    let said = ["error", "message"]
        .iter()
        .find_map(|key| result[*key].as_str());
    if let Some(said) = said {
        return visible_prose(said.lines().next().unwrap_or_default()).into_owned();
    }
    let counted = [
        ("", "total_lines", " lines"),
        ("", "count", " entries"),
        ("exit code ", "exit_code", ""),
    ];
    let what = counted
        .iter()
        .find_map(|(before, key, after)| Some(format!("{before}{}{after}", result.get(*key)?)))
        .map(|what| visible(&what).into_owned());
    let what = what.or_else(|| Some(text(result.get("action")?)));
    let path = text(&result["path"]);
    format!("{path} {}", what.unwrap_or_default())
        .trim()
        .to_owned()
}

/// A text that counts to the letter: what a model writes, a command prints or a file holds must not move a
/// viewer's cursor, set a window's title, or look like another text.
pub fn text(value: &Value) -> String {
    visible(value.as_str().unwrap_or_default()).into_owned()
}

/// A text to be read, in which emoji stay what they are.
pub fn prose(value: &Value) -> String {
    visible_prose(value.as_str().unwrap_or_default()).into_owned()
}

/// One line of a readable text, of at most so many columns.
pub fn one_line(text: &str, columns: usize) -> String {
    let one_line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    // No text has more columns than twice its characters; what is far beyond need not be measured.
    let most = columns.saturating_mul(2) + 1;
    cut(&one_line.take(most).collect::<String>(), columns)
}
