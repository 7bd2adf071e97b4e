//! Keeping back what may turn out to be a call, so that it is never shown as an answer.

use crate::llm::model::ToolSpec;
use crate::llm::spoken::json;
use crate::llm::spoken::read::{MARKS, OWNERS};

/// A text on its way to those who read it. From a line on that begins as calls do, it is kept back until it
/// is none, or over.
#[derive(Debug)]
pub struct HeldText {
    /// Beginnings of calls that stand for themselves.
    marks: Vec<String>,
    /// The text that is kept back; it begins at the beginning of a line, unless a line goes on that was passed on.
    kept: String,
    /// True within a line of which something was passed on.
    is_within_line: bool,
    /// True within a fence that was passed on.
    is_fenced: bool,
}

/// The meaning of a text that begins a line.
enum Guess {
    /// No call.
    Words,
    /// A call, or not long enough to know.
    MayBeCall,
}

impl HeldText {
    /// Nothing yet, of an answer to a request that offers these tools.
    pub fn new(tools: &[ToolSpec]) -> Self {
        let fixed = MARKS.iter().chain(OWNERS).map(|mark| (*mark).to_owned());
        let named = tools.iter().flat_map(|tool| {
            let name = tool.name;
            [format!("<{name}>"), format!("{name}("), format!("[{name}(")]
        });
        Self {
            // Without tools there is nothing to call.
            marks: if tools.is_empty() {
                Vec::new()
            } else {
                fixed.chain(named).collect()
            },
            kept: String::new(),
            is_within_line: false,
            is_fenced: false,
        }
    }

    /// Adds a piece, and answers with what can be passed on.
    pub fn push(&mut self, piece: &str) -> String {
        self.kept.push_str(piece);
        let mut passed = 0;
        while passed < self.kept.len() {
            let rest = &self.kept[passed..];
            if !self.is_within_line && matches!(self.guess(rest), Guess::MayBeCall) {
                break;
            }
            let line = rest.split_inclusive('\n').next().unwrap_or(rest);
            if !self.is_within_line && line.trim_start().starts_with("```") {
                self.is_fenced = !self.is_fenced;
            }
            self.is_within_line = !line.ends_with('\n');
            passed += line.len();
        }
        self.kept.drain(..passed).collect()
    }

    /// The text that is kept back, now that nothing follows.
    pub fn finish(self) -> String {
        self.kept
    }

    fn guess(&self, text: &str) -> Guess {
        let text = text.trim_start_matches([' ', '\t']);
        let may_be = if self.is_fenced {
            // Only the end of the fence matters.
            text.len() < 3 && "```".starts_with(text)
        } else {
            self.begins_call(text) || self.fence_may_be_call(text)
        };
        if may_be && !self.marks.is_empty() {
            Guess::MayBeCall
        } else {
            Guess::Words
        }
    }

    fn begins_call(&self, text: &str) -> bool {
        let begins = |mark: &String| mark.starts_with(text) || text.starts_with(mark.as_str());
        self.marks.iter().any(begins) || json::begins_call(text)
    }

    /// True if a fence may hold a call, as far as it has come: one that words follow holds none.
    fn fence_may_be_call(&self, text: &str) -> bool {
        if "```".starts_with(text) {
            return true;
        }
        let Some(rest) = text.strip_prefix("```") else {
            return false;
        };
        let Some((_, body)) = rest.split_once('\n') else {
            return true;
        };
        let first = body.trim_start();
        if !first.is_empty() && !self.begins_call(first) {
            return false;
        }
        match body.split_once("\n```") {
            Some((_, after)) => after.trim().is_empty(),
            None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> HeldText {
        HeldText::new(&[ToolSpec {
            name: "read_file",
            description: "",
            parameters: serde_json::Value::Null,
        }])
    }

    /// The text that is shown while it arrives, by one character after the other.
    fn shown(text: &str) -> String {
        let mut held = held();
        let mut shown = String::new();
        for c in text.chars() {
            shown.push_str(&held.push(c.encode_utf8(&mut [0; 4])));
        }
        shown
    }

    #[test]
    fn a_call_is_kept_back_from_its_line_on() {
        for (text, passed) in [
            ("<tool_call>\n{\"name\": \"a\"}", ""),
            (
                "I edit it.\n\n<tool_call>\n{}\n</tool_call>\n",
                "I edit it.\n\n",
            ),
            ("{\"name\": \"edit_file\", \"arguments\"", ""),
            ("```json\n{\n  \"name\": \"a\"}\n```\n", ""),
            ("[TOOL_CALLS][{", ""),
            ("functions.read_file({", ""),
            ("  <function=a>", ""),
            ("<read_file>\n<path>", ""),
            ("read_file(path", ""),
        ] {
            assert_eq!(shown(text), passed, "{text}");
        }
    }

    #[test]
    fn words_and_code_are_passed_on() {
        for text in [
            "A word, and {\"name\": 1}. And <tool_call> within a line.",
            "{\"version\": 1}",
            "```rust\nfn a() {}\n",
            "```json\n{\"version\": 1}",
            "```json\n{\"name\": \"a\"}\n```\nThat was an example.",
            "```\nfn a() {}\n```\nand more\n",
            "<table>\n",
        ] {
            assert_eq!(shown(text), text, "{text}");
        }
    }

    #[test]
    fn nothing_is_lost_and_nothing_comes_twice() {
        for text in ["a\n{", "```\n", "{\"name\"", "", "x\n```json\n{\"name\":"] {
            let mut held = held();
            let passed = held.push(text);
            assert_eq!(passed + &held.finish(), text);
        }
    }
}
