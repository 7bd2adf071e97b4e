//! The width of documents: a line that can be broken keeps within a hundred columns.

use crate::prose::lines::documents;

/// The most columns of a line.
const COLUMNS: usize = 100;

#[test]
fn documents_keep_within_a_hundred_columns() {
    let wrong: Vec<String> = documents()
        .iter()
        .flat_map(|(path, text)| too_wide(text).map(move |number| format!("{path}:{number}")))
        .collect();
    assert_eq!(wrong, [""; 0], "wrap these lines at {COLUMNS} columns");
}

/// The numbers of the lines that are wider and could be broken. Blocks of code, tables, images and marks of
/// HTML could not.
fn too_wide(text: &str) -> impl Iterator<Item = usize> {
    let mut in_code = false;
    text.lines().zip(1..).filter_map(move |(line, number)| {
        let begin = line.trim_start();
        let is_fence = begin.starts_with("```");
        in_code ^= is_fence;
        let stays = in_code || is_fence || begin.starts_with(['|', '!', '<']);
        (!stays && line.chars().count() > COLUMNS && can_be_broken(begin)).then_some(number)
    })
}

/// True if a line has a space that stands in no code span and in no link, behind its mark of a list or quote.
fn can_be_broken(line: &str) -> bool {
    let text = line.trim_start_matches(['-', '*', '>', ' ']);
    let (mut in_code, mut in_link) = (false, false);
    text.chars().any(|c| {
        match c {
            '`' => in_code = !in_code,
            '[' if !in_code => in_link = true,
            ')' if !in_code => in_link = false,
            _ => {}
        }
        c == ' ' && !in_code && !in_link
    })
}

#[test]
fn a_line_is_too_wide_only_where_it_can_be_broken() {
    let words = "word ".repeat(30);
    let code = format!("`{words}`");
    let text =
        format!("{words}\n\n{code}\n- {code}\n| {words} |\n```sh\n{words}\n```\n- {words}\n");
    assert_eq!(too_wide(&text).collect::<Vec<_>>(), [1, 9]);
}
