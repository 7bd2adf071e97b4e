//! Deciding what an answer without calls is.
//!
//! A call is run when there is no other way to read the text: it is one in a notation of models, nothing
//! follows it, its tool is offered and has all arguments that it needs. A text *about* calls is words: within
//! a sentence, a quotation, or a fence that explanations stand around. What lies between is told to the
//! model, because a run in which nothing happened is no success.

use serde_json::{Map, Value};

use crate::llm::model::ToolSpec;
use crate::llm::spoken::json::{self, SpokenCall};
use crate::llm::spoken::scan::{Scanned, past_marks, scan};

/// Beginnings of notations that nothing else has.
pub(super) const MARKS: &[&str] = &[
    "<tool_call",
    "<toolcall",
    "<tool_use>",
    "<function=",
    "<functioncall>",
    "<function_call",
    "<start_function_call>",
    "<invoke name=",
    "<minimax:tool_call>",
    "<|python_tag|>",
    "<|channel|>",
    "<|start|>",
    "<|tool",
    "<|action_start|>",
    "<｜tool",
    "<｜DSML｜",
    "[TOOL_CALL",
    "[TOOL_REQUEST]",
    "commentary to=",
];
/// Beginnings of calls that are code.
pub(super) const OWNERS: &[&str] = &["functions.", "default_api.", "print(default_api."];
/// An indentation of code in Markdown.
const CODE: usize = 4;

/// The reading of an answer without calls.
#[derive(Clone, Debug, PartialEq)]
pub enum Spoken {
    /// Words.
    Words,
    /// Calls that are as good as others.
    Calls {
        /// The words before them.
        before: String,
        /// The calls, in order.
        calls: Vec<SpokenCall>,
    },
    /// Something that looks as if it was meant as a call, and is not run.
    Unclear {
        /// The reason, for the model.
        why: String,
    },
}

/// The way in which something that may be a call is written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Notation {
    /// Behind a mark of a notation.
    Marked,
    /// In a fence, with a mark or without.
    Fenced { is_marked: bool },
    /// By itself.
    Bare,
}

#[derive(Debug)]
struct Suspect<'a> {
    before: &'a str,
    notation: Notation,
    scanned: Scanned<'a>,
    /// True if words follow.
    is_followed: bool,
    /// True if it is all there is, and begins or ends as only a call does.
    is_meant: bool,
}

/// Reads an answer. `calls_natively` says that the model has called tools in this conversation in the way in
/// which tools are called: then a text is more likely to be only a text.
pub fn read(text: &str, tools: &[ToolSpec], calls_natively: bool) -> Spoken {
    if tools.is_empty() {
        return Spoken::Words;
    }
    let names: Vec<_> = tools.iter().map(|tool| tool.name).collect();
    let text = without_variants(text);
    match candidate(past_thoughts(&text), &names) {
        Some(candidate) => decide(candidate, tools, calls_natively),
        None => Spoken::Words,
    }
}

fn decide(candidate: Suspect<'_>, tools: &[ToolSpec], calls_natively: bool) -> Spoken {
    let Suspect {
        before,
        notation,
        scanned,
        is_followed,
        is_meant,
    } = candidate;
    let is_alone = before.trim().is_empty();
    let calls = scanned.calls;
    if scanned.is_broken && (notation == Notation::Marked || is_meant) {
        let why = "it is cut off, or its arguments are not JSON".to_owned();
        return Spoken::Unclear { why };
    }
    if calls.is_empty() || scanned.is_broken {
        return Spoken::Words;
    }
    let is_exact = calls.iter().all(|call| call.is_exact);
    let fitted: Result<Vec<_>, String> = calls.into_iter().map(|call| fit(call, tools)).collect();
    let calls = match fitted {
        Ok(calls) => calls,
        // Data may have the same members as a call.
        Err(why) if !is_followed && is_exact && (is_alone || notation == Notation::Marked) => {
            return Spoken::Unclear { why };
        }
        Err(_) => return Spoken::Words,
    };
    let unclear = |why: &str| Spoken::Unclear {
        why: why.to_owned(),
    };
    match notation {
        Notation::Fenced { .. } if is_followed => Spoken::Words,
        // An example, most likely.
        Notation::Fenced { is_marked } if !is_alone && (is_marked || calls_natively) => {
            Spoken::Words
        }
        _ if is_followed => unclear("words follow it that cannot know its result"),
        Notation::Marked if !is_alone && calls_natively => unclear("words stand before it"),
        Notation::Bare | Notation::Fenced { .. } if !is_alone => unclear("words stand before it"),
        Notation::Marked | Notation::Bare | Notation::Fenced { .. } => Spoken::Calls {
            before: before.trim_end().to_owned(),
            calls,
        },
    }
}

/// The first part of a text that may be a call.
fn candidate<'a>(text: &'a str, names: &[&str]) -> Option<Suspect<'a>> {
    let mut at = 0;
    while at < text.len() {
        let line = text[at..].split_inclusive('\n').next()?;
        let rest = &text[at..];
        let trimmed = line.trim_start();
        if line.len() - trimmed.len() >= CODE && !text[..at].trim().is_empty() {
            at += line.len();
            continue;
        }
        if trimmed.starts_with("```") {
            let fence = FencedBlock::of(rest);
            if let Some(found) = fence.candidate(&text[..at], names) {
                return Some(found);
            }
            at += fence.length;
            continue;
        }
        if let Some(notation) = notation(trimmed, names) {
            let scanned = scan(rest, names);
            if notation == Notation::Marked
                || !scanned.calls.is_empty()
                || text[..at].trim().is_empty()
            {
                let is_followed = !scanned.is_broken && !scanned.rest.trim().is_empty();
                return Some(Suspect {
                    before: &text[..at],
                    notation,
                    scanned,
                    is_followed,
                    is_meant: text[..at].trim().is_empty() && is_meant(text.trim(), names),
                });
            }
        }
        at += line.len();
    }
    None
}

fn notation(line: &str, names: &[&str]) -> Option<Notation> {
    let is_tag = |name: &&str| {
        let rest = line
            .strip_prefix('<')
            .and_then(|line| line.strip_prefix(*name));
        rest.is_some_and(|rest| rest.starts_with('>'))
    };
    if MARKS.iter().any(|mark| line.starts_with(mark)) || names.iter().any(is_tag) {
        return Some(Notation::Marked);
    }
    let is_code = |name: &&str| {
        let line = line.trim_start_matches('[');
        let rest = line.strip_prefix(*name);
        rest.is_some_and(|rest| rest.starts_with('('))
    };
    let is_bare = line.starts_with('{')
        || line.starts_with("[{")
        || line.trim_end() == "["
        || OWNERS.iter().any(|owner| line.starts_with(owner))
        || names.iter().any(is_code);
    is_bare.then_some(Notation::Bare)
}

fn is_meant(text: &str, names: &[&str]) -> bool {
    if text.starts_with(['{', '[']) {
        let has_name = |name: &&str| text.contains(&format!("\"{name}\""));
        return json::begins_call(text) && names.iter().any(has_name);
    }
    text.ends_with(')') || OWNERS.iter().any(|owner| text.starts_with(owner))
}

/// A fence and what is in it.
struct FencedBlock<'a> {
    content: &'a str,
    after: &'a str,
    length: usize,
}

impl<'a> FencedBlock<'a> {
    fn of(text: &'a str) -> Self {
        let head = text.find('\n').map_or(text.len(), |at| at + 1);
        let body = &text[head..];
        let mut end = 0;
        for line in body.split_inclusive('\n') {
            if line.trim() == "```" {
                return Self {
                    content: &body[..end],
                    after: &body[end + line.len()..],
                    length: head + end + line.len(),
                };
            }
            end += line.len();
        }
        Self {
            content: body,
            after: "",
            length: text.len(),
        }
    }

    fn candidate(&self, before: &'a str, names: &[&str]) -> Option<Suspect<'a>> {
        let first = self.content.trim_start().lines().next()?;
        let notation = notation(first, names)?;
        let scanned = scan(self.content, names);
        // More in the fence than calls, and it is an example.
        let is_call = !scanned.calls.is_empty() && scanned.rest.trim().is_empty();
        is_call.then(|| Suspect {
            before,
            notation: Notation::Fenced {
                is_marked: notation == Notation::Marked,
            },
            scanned,
            is_followed: !past_marks(self.after).is_empty(),
            is_meant: false,
        })
    }
}

/// A call with its arguments as the tool's schema has them, or what is wrong with it.
fn fit(mut call: SpokenCall, tools: &[ToolSpec]) -> Result<SpokenCall, String> {
    let Some(tool) = tools.iter().find(|tool| tool.name == call.name) else {
        return Err(format!("there is no tool `{}`", call.name));
    };
    let required = tool.parameters["required"].as_array();
    let required = required.into_iter().flatten().filter_map(Value::as_str);
    for name in required {
        if !call.arguments.contains_key(name) {
            return Err(format!("`{}` needs `{name}`", call.name));
        }
    }
    coerce(&mut call.arguments, &tool.parameters["properties"]);
    Ok(call)
}

/// Between tags every value is a text, also of a number or a list.
fn coerce(arguments: &mut Map<String, Value>, properties: &Value) {
    for (name, value) in arguments {
        let wanted = properties[name.as_str()]["type"].as_str();
        let Some(text) = value
            .as_str()
            .filter(|_| wanted.is_some_and(|kind| kind != "string"))
        else {
            continue;
        };
        if let Some(read) = json::parse(text.trim()) {
            *value = read;
        }
    }
}

/// The answer behind thoughts that a server left in the text.
fn past_thoughts(text: &str) -> &str {
    let trimmed = text.trim_start();
    let rest = trimmed.strip_prefix("<think>");
    if let Some((_, answer)) = rest.and_then(|rest| rest.split_once("</think>")) {
        return answer;
    }
    // The channel of a call comes after that of thoughts.
    let call = text
        .find("to=functions.")
        .filter(|_| trimmed.starts_with("<|"));
    let channel = call.and_then(|at| text[..at].rfind("<|channel|>"));
    channel.map_or(text, |at| &text[at..])
}

/// The text without prefixes of tags that mean the same without.
fn without_variants(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains("｜DSML｜") {
        return text.replace("｜DSML｜", "").into();
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const EDIT: &str =
        r#"{"name": "edit_file", "arguments": {"path": "a.rs", "old_text": "1", "new_text": "2"}}"#;

    fn tools() -> Vec<ToolSpec> {
        let tool = |name, required: &[&str]| ToolSpec {
            name,
            description: "",
            parameters: json!({
                "type": "object", "required": required,
                "properties": { "path": { "type": "string" }, "limit": { "type": "integer" } },
            }),
        };
        vec![
            tool("edit_file", &["path", "old_text", "new_text"]),
            tool("read_file", &["path"]),
            tool("list_directory", &[]),
        ]
    }

    fn what(text: &str, calls_natively: bool) -> &'static str {
        match read(text, &tools(), calls_natively) {
            Spoken::Words => "words",
            Spoken::Calls { .. } => "calls",
            Spoken::Unclear { .. } => "unclear",
        }
    }

    #[test]
    fn a_text_that_is_a_call_is_a_call() {
        for text in [
            EDIT.to_owned(),
            format!("```json\n{EDIT}\n```"),
            format!("```\n<tool_call>\n{EDIT}\n</tool_call>\n```"),
            format!("<tool_call>\n{EDIT}\n</tool_call>"),
            format!("<think>\nI call edit_file.\n</think>\n\n{EDIT}"),
            format!("[{EDIT}]"),
            format!("[\n  {EDIT}\n]"),
            "<read_file>\n<path>a.rs</path>\n</read_file>".to_owned(),
            "read_file(path=\"a.rs\")".to_owned(),
            "<|channel|>analysis<|message|>I read it.\nThen I edit.<|end|><|start|>assistant<|channel|>commentary to=functions.read_file <|constrain|>json<|message|>{\"path\": \"a\"}<|call|>".to_owned(),
            "<｜DSML｜function_calls><｜DSML｜invoke name=\"read_file\"><｜DSML｜parameter name=\"path\" string=\"true\">a</｜DSML｜parameter></｜DSML｜invoke></｜DSML｜function_calls>".to_owned(),
        ] {
            assert_eq!(what(&text, false), "calls", "{text}");
            assert_eq!(what(&text, true), "calls", "{text}");
        }
    }

    #[test]
    fn words_before_a_marked_call_stay_words() {
        let text = format!("I will edit it.\n\n<tool_call>\n{EDIT}\n</tool_call>");
        let Spoken::Calls { before, calls } = read(&text, &tools(), false) else {
            panic!("calls");
        };
        assert_eq!(before, "I will edit it.");
        assert_eq!(calls[0].arguments["new_text"], json!("2"));
        // Who can call does not need to write it.
        assert_eq!(what(&text, true), "unclear");
    }

    #[test]
    fn a_text_about_a_call_is_words() {
        for text in [
            format!("Hermes writes `<tool_call>{EDIT}</tool_call>` and the server reads it."),
            format!("Hermes writes <tool_call>{EDIT}</tool_call> and the server reads it."),
            format!("A call looks like this:\n\n```\n<tool_call>\n{EDIT}\n</tool_call>\n```\n\nThe server reads it."),
            format!("A call looks like this:\n\n```json\n{EDIT}\n```\n\nThe server reads it."),
            format!("Hermes writes:\n\n```\n<tool_call>\n{EDIT}\n</tool_call>\n```"),
            format!("The documentation says:\n\n> <tool_call>{EDIT}</tool_call>\n"),
            format!("In Markdown:\n\n    <tool_call>{EDIT}</tool_call>\n"),
            "<tool_call> tags are what Hermes writes.".to_owned(),
            "<tool_call>{\"name\": \"get_weather\", \"arguments\": {}}</tool_call> is what the page shows.".to_owned(),
            "The package is:\n{\"name\": \"acme\", \"version\": \"1\"}".to_owned(),
            "{\"name\": \"acme\", \"version\": \"1\"}".to_owned(),
            "{\"files\": [1, 2]}".to_owned(),
            "```rust\nfn read_file(path: &str) {}\n```".to_owned(),
            "I called edit_file and the test passes.".to_owned(),
            "read_file is what I used.".to_owned(),
            "read_file(path) reads a file; I used it.".to_owned(),
            "{x | x > 0} is a set.".to_owned(),
            "{\"name\": \"acme\", // a comment\n}".to_owned(),
            "<|channel|>final<|message|>Done.".to_owned(),
            "Fixed: `read_file(path=\"a\")` returns the text.".to_owned(),
            String::new(),
        ] {
            assert_eq!(what(&text, false), "words", "{text}");
            assert_eq!(what(&text, true), "words", "{text}");
        }
    }

    #[test]
    fn what_may_be_meant_as_a_call_is_neither() {
        for text in [
            // Words that claim a result.
            format!("<tool_call>{EDIT}</tool_call>\nThe file is edited."),
            format!("{EDIT}\nThe file is edited."),
            // Words before, and no mark.
            format!("I will edit it:\n{EDIT}"),
        ] {
            assert_eq!(what(&text, false), "unclear", "{text}");
            assert_eq!(what(&text, true), "unclear", "{text}");
        }
        let text = format!("I will edit it:\n```json\n{EDIT}\n```");
        assert_eq!(what(&text, false), "unclear");
        assert_eq!(what(&text, true), "words");
        for text in [
            "<tool_call>{\"name\": \"fix_file\", \"arguments\": {}}</tool_call>",
            "{\"name\": \"fix_file\", \"arguments\": {\"a\": 1}}",
            "<tool_call>{\"name\": \"edit_file\", \"arguments\": {\"path\": \"a\"}}</tool_call>",
            "<tool_call>\n{\"name\": \"edit_file\", \"arguments\": {\"path\": \"a",
            "I edit it.\n<tool_call>\n{\"name\": \"edit_file\", \"argum",
            "<function=edit_file><parameter=path",
            "{\"name\": \"edit_file\", \"arguments\": {\"path\": \"a",
            "edit_file(path=name, old_text=f())",
        ] {
            assert_eq!(what(text, false), "unclear", "{text}");
            assert_eq!(what(text, true), "unclear", "{text}");
        }
    }

    #[test]
    fn a_number_between_tags_is_a_number() {
        let text = "<function=read_file><parameter=path>7</parameter><parameter=limit>20</parameter></function>";
        let Spoken::Calls { calls, .. } = read(text, &tools(), false) else {
            panic!("calls");
        };
        assert_eq!(json!(calls[0].arguments), json!({"path": "7", "limit": 20}));
    }

    #[test]
    fn without_tools_there_are_no_calls() {
        assert_eq!(read(EDIT, &[], false), Spoken::Words);
    }
}
