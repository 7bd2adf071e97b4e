//! The end of an answer, as far as it is prose.
//!
//! Code, tables, lists and logs repeat themselves with good reason, so none of their lines is looked at, and
//! each begins the prose from the start. What is left are sentences.

use crate::llm::repetition::period::{ENOUGH, repeated_part};
use crate::platform::text::first_chars;

/// The bytes that come between two looks: each costs as much as reading the end of the answer.
const BETWEEN_LOOKS: usize = 512;
/// The longest word of prose, in letters: what is longer is data.
const MAX_WORD: usize = 40;
/// The part of a line that is letters and spaces, in percent.
const MIN_LETTERS: usize = 75;
/// Words that logs begin or mark their lines with.
const LEVELS: &[&str] = &[
    "trace", "debug", "info", "notice", "warn", "warning", "err", "error", "fatal", "panic",
    "critical", "note", "help",
];

/// The prose at the end of an answer that is arriving.
#[derive(Debug, Default)]
pub struct ProseTail {
    /// Whole lines of prose, and the line that is being written.
    text: String,
    /// The beginning of the line that is being written.
    line: usize,
    /// The fence that ends the code in which the answer is.
    fence: Option<&'static str>,
    unseen: usize,
}

impl ProseTail {
    /// Takes the next piece, and answers with the part that the prose repeats without end, if it does.
    pub fn push(&mut self, piece: &str) -> Option<String> {
        for part in piece.split_inclusive('\n') {
            self.text.push_str(part);
            self.unseen += part.len();
            if part.ends_with('\n') {
                self.end_line();
            }
            if self.unseen >= BETWEEN_LOOKS {
                self.unseen = 0;
                self.shorten();
                if let Some(part) = self.repeated() {
                    return Some(part);
                }
            }
        }
        None
    }

    fn end_line(&mut self) {
        let line = self.text.get(self.line..).unwrap_or_default();
        let marks = ["```", "~~~"].into_iter();
        let fence = marks
            .into_iter()
            .find(|mark| line.trim_start().starts_with(mark));
        let is_prose = self.fence.is_none() && fence.is_none() && is_sentences(line);
        self.fence = match (self.fence, fence) {
            (None, begun) => begun,
            (Some(open), Some(mark)) if open == mark => None,
            (open, _) => open,
        };
        if !is_prose {
            self.text.clear();
        }
        self.line = self.text.len();
    }

    fn shorten(&mut self) {
        if self.text.len() > 2 * ENOUGH {
            let mut cut = self.text.len() - ENOUGH;
            while !self.text.is_char_boundary(cut) {
                cut += 1;
            }
            self.text.drain(..cut);
            self.line = self.line.saturating_sub(cut);
        }
    }

    fn repeated(&self) -> Option<String> {
        let line = self.text.get(self.line..).unwrap_or_default();
        if self.fence.is_some() || !is_written_in_words(line) {
            return None;
        }
        let end = self.text.len().saturating_sub(ENOUGH);
        let length = repeated_part(&self.text.as_bytes()[end..])?;
        let part = self.text.get(self.text.len().checked_sub(length)?..);
        // A part that begins within a letter ends within one, too: the whole letters say enough.
        let part = part.unwrap_or_default().split_whitespace();
        let part = part.collect::<Vec<_>>().join(" ");
        Some(first_chars(&part, 120).to_owned())
    }
}

/// True if a whole line is prose: sentences, or nothing.
fn is_sentences(line: &str) -> bool {
    let text = line.trim();
    if text.is_empty() {
        return true;
    }
    let closing = |c: char| matches!(c, '"' | '\'' | ')' | '*' | '_' | '”' | '’' | '»');
    let end = text.trim_end_matches(closing).chars().next_back();
    let ends =
        end.is_some_and(|c| matches!(c, '.' | '!' | '?' | '…' | ':' | '。' | '！' | '？' | '：'));
    ends && is_written_in_words(line)
}

/// True if a line, or its beginning, may be prose: words, and no mark of code, tables, lists or logs.
fn is_written_in_words(line: &str) -> bool {
    const MARKS: [&str; 11] = ["|", "+", "-", "*", "#", ">", "<", "=", "{", "[", "$"];
    if line.starts_with("    ") || line.starts_with('\t') {
        return false;
    }
    let text = line.trim();
    // Emphasis begins with stars as well.
    if MARKS.iter().any(|mark| text.starts_with(mark)) && !text.starts_with("**") {
        return false;
    }
    let letters = text
        .chars()
        .filter(|c| c.is_alphabetic() || c.is_whitespace())
        .count();
    let most = text.chars().count();
    letters * 100 >= most * MIN_LETTERS && text.split_whitespace().all(is_word)
}

fn is_word(word: &str) -> bool {
    let bare = word
        .trim_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase();
    let is_level = LEVELS.contains(&bare.as_str())
        && (word.ends_with(':') || word.contains('[') || word.chars().all(|c| !c.is_lowercase()));
    // Some languages write without spaces.
    !is_level && (word.chars().count() <= MAX_WORD || !word.is_ascii())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::{Just, Strategy, prop_oneof, proptest};
    use proptest::{collection, prop_assert, prop_assert_eq};

    use super::*;

    /// The part that is found when a text arrives in pieces of this size.
    fn found(text: &str, piece: usize) -> Option<String> {
        let mut tail = ProseTail::default();
        let letters: Vec<char> = text.chars().collect();
        letters.chunks(piece.max(1)).find_map(|piece| {
            let piece: String = piece.iter().collect();
            tail.push(&piece)
        })
    }

    #[test]
    fn a_model_that_loops_in_its_prose_is_found() {
        for part in [
            "I will now look at the file again.\n",
            "Wait, let me reconsider. ",
            "the the ",
            "Let me check the tests.\n\nActually, the tests were checked before, so nothing is left.\n\n",
            "**Final answer.** The function is right. But wait: is it? ",
            "好的，我再看一遍这个文件。",
            "Ich sehe mir die Datei noch einmal an. ",
        ] {
            let loops = part.repeat(16_000 / part.len() + 6);
            let text = format!("First I read the code.\n\n{loops}");
            for piece in [1, 7, 64, 4_096] {
                let found = found(&text, piece);
                assert!(found.is_some(), "{part:?} in pieces of {piece}");
            }
        }
        let part = found(&"Wait, let me reconsider. ".repeat(400), 5).unwrap();
        assert!(
            "Wait, let me reconsider. Wait, let me reconsider.".contains(&part),
            "{part}"
        );
    }

    #[test]
    fn a_loop_is_stopped_soon_and_what_only_began_to_be_one_is_not() {
        let sentence = "I will now look at the file again. ";
        let mut tail = ProseTail::default();
        let fed = (1..1_000).find(|_| tail.push(sentence).is_some()).unwrap();
        assert!(fed * sentence.len() < 7_000, "{fed}");
        assert_eq!(found(&sentence.repeat(150), 9), None);
    }

    #[test]
    fn code_tables_lists_and_logs_may_repeat_themselves() {
        let row = "| a | b | c |\n".repeat(2_000);
        let code = format!("```rust\n{}```\n", "    let x = 1;\n".repeat(2_000));
        let prose_in_code = format!("```text\n{}\n```\n", "Come back. ".repeat(2_000));
        let open = format!("```\n{}", "Come back again and again. ".repeat(2_000));
        let log = "2026-11-30T10:00:00Z INFO request served in 12 ms\n".repeat(2_000);
        let bare_log = "connection refused by the server\n".repeat(2_000);
        let level = "ERROR the connection was refused.\n".repeat(2_000);
        let compiler = "warning: this is never used.\n".repeat(2_000);
        let list = "- the same again.\n".repeat(2_000);
        let hex = "00 00 00 00 ff ff ff ff ".repeat(2_000);
        let base64 = "QUFBQUFBQUFB".repeat(4_000);
        let zeros = "0, ".repeat(8_000);
        let minified = "a=b;c(d);".repeat(3_000);
        let html = "<li>One more.</li>\n".repeat(2_000);
        let rule = "-".repeat(20_000);
        let dots = ".".repeat(20_000);
        let indented = "    Come back.\n".repeat(2_000);
        for text in [
            row,
            code,
            prose_in_code,
            open,
            log,
            bare_log,
            level,
            compiler,
            list,
            hex,
            base64,
            zeros,
            minified,
            html,
            rule,
            dots,
            indented,
        ] {
            for piece in [3, 1_000] {
                assert_eq!(found(&text, piece), None, "{}", first_chars(&text, 60));
            }
        }
    }

    /// Every text of the repository: code, tables, logs, lists and lock files.
    #[test]
    fn nothing_that_people_wrote_here_is_a_loop() {
        fn texts(folder: &Path, all: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                if path.is_dir() && !name.starts_with('.') && name != "target" {
                    texts(&path, all);
                } else if path.is_file() {
                    all.extend(std::fs::read_to_string(&path));
                }
            }
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut all = vec![std::fs::read_to_string(root.join("Cargo.lock")).unwrap()];
        for folder in ["src", "docs", "migrations", "tests/it", "scripts"] {
            texts(&root.join(folder), &mut all);
        }
        assert!(all.len() > 500, "{}", all.len());
        for text in all {
            let piece = text.len().div_ceil(50);
            assert_eq!(found(&text, piece), None, "{}", first_chars(&text, 80));
        }
    }

    fn line_of_a_table_or_a_log() -> impl Strategy<Value = String> {
        prop_oneof![
            collection::vec("[a-z ]{1,12}", 2..5)
                .prop_map(|cells| format!("| {} |", cells.join(" | "))),
            "[a-z]{2,8} = [a-z]{2,8}\\([a-z]{1,5}\\);",
            "2026-11-30 10:00:[0-5][0-9] (INFO|WARN|ERROR) [a-z ]{5,40}",
            "[a-z]{2,9}/[a-z]{2,9}\\.rs:[0-9]{1,3}: [a-z ]{5,30}",
            "\\[(info|debug)\\] [a-z ]{5,30}\\.",
            "(    |\t)[a-zA-Z ]{3,40}\\.",
            "[-*+] [a-z ]{3,30}\\.",
            "(ERROR|WARN): [a-z ]{5,30}\\.",
        ]
    }

    proptest! {
        #[test]
        fn lines_of_code_tables_and_logs_never_are_a_loop(
            lines in collection::vec(line_of_a_table_or_a_log(), 1..6),
            piece in 1_usize..300,
        ) {
            let block = lines.join("\n") + "\n";
            let text = block.repeat(12_000 / block.len() + 6);
            prop_assert_eq!(found(&text, piece), None);
        }

        #[test]
        fn whatever_stands_between_fences_is_no_loop(
            words in collection::vec("[a-z]{1,9}", 1..20),
            fence in prop_oneof![Just("```"), Just("~~~")],
            piece in 1_usize..300,
        ) {
            let sentence = words.join(" ") + ". ";
            let code = sentence.repeat(12_000 / sentence.len() + 6);
            let text = format!("{fence}\n{code}\n{fence}\n");
            prop_assert_eq!(found(&text, piece), None);
        }

        #[test]
        fn sentences_without_end_are_a_loop_however_they_arrive(
            words in collection::vec("[a-z]{1,9}", 2..20),
            piece in 1_usize..300,
        ) {
            let sentence = words.join(" ") + ". ";
            let text = sentence.repeat(16_000 / sentence.len() + 6);
            prop_assert!(found(&text, piece).is_some());
        }

        #[test]
        fn an_answer_that_ends_is_none(words in collection::vec("[a-z]{1,9}", 100..2_000), piece in 1_usize..300) {
            let text = words.chunks(12).map(|some| some.join(" ") + ". ").collect::<String>();
            prop_assert_eq!(found(&text, piece), None);
        }
    }
}
