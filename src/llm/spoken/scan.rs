//! Reading a text that is a call, or some, in the notations of models.
//!
//! Hermes and Qwen write JSON within `<tool_call>`, Qwen's coder `<function=…><parameter=…>`, GLM names and
//! values, Mistral `[TOOL_CALLS]`, Llama `<|python_tag|>` or code, gpt-oss `to=functions.…<|message|>`, Kimi and
//! `DeepSeek` marks of their own, and what was taught by others `<invoke name="…">`. Marks around the call and
//! between calls say nothing that its own parts do not say, so they are passed over.

use serde_json::{Map, Value};

use crate::llm::spoken::code;
use crate::llm::spoken::json::{SpokenCall, calls, extent, parse};
use crate::llm::spoken::tags;

/// Marks without a form of their own.
const MARKS: &[&str] = &[
    "[TOOL_CALLS]",
    "[/TOOL_CALLS]",
    "[TOOL_CALL]",
    "[/TOOL_CALL]",
    "[TOOL_REQUEST]",
    "[END_TOOL_REQUEST]",
    "[ARGS]",
    "</s>",
    "<s>",
];
/// Names of tags that only stand around calls.
const AROUND: &[&str] = &[
    "tool_call",
    "tool_calls",
    "toolcall",
    "tool_use",
    "tool_code",
    "tools",
    "function",
    "functions",
    "functioncall",
    "function_call",
    "function_calls",
    "start_function_call",
    "end_function_call",
    "minimax:tool_call",
    "invoke",
];
/// Words before the name of a tool in code.
const OWNERS: &[&str] = &["functions.", "default_api.", "tools.", "call:"];
/// The name that `DeepSeek` gives to the kind of a call.
const KIND: &str = "function";

/// The calls and marks that were read.
#[derive(Debug, PartialEq)]
pub(super) struct Scanned<'a> {
    /// The calls, in order.
    pub(super) calls: Vec<SpokenCall>,
    /// True if one begins that cannot be read.
    pub(super) is_broken: bool,
    /// The text that is no call and no mark.
    pub(super) rest: &'a str,
}

/// Reads calls from the beginning of a text. `names` are those of the tools, which some notations use as
/// names of tags.
pub(super) fn scan<'a>(text: &'a str, names: &[&str]) -> Scanned<'a> {
    let mut scanned = Scanned {
        calls: Vec::new(),
        is_broken: false,
        rest: past_marks(text),
    };
    while !scanned.rest.is_empty() {
        match one(scanned.rest, names) {
            Read::Calls(found, rest) => {
                scanned.calls.extend(found);
                // Some models close more brackets than they open.
                let rest = past_marks(rest).trim_start_matches(['}', ']', ')', ';', ',']);
                scanned.rest = past_marks(rest);
            }
            Read::Broken => {
                scanned.is_broken = true;
                break;
            }
            Read::Else => break,
        }
    }
    scanned
}

enum Read<'a> {
    Calls(Vec<SpokenCall>, &'a str),
    Broken,
    Else,
}

fn one<'a>(text: &'a str, names: &[&str]) -> Read<'a> {
    if text.starts_with(['{', '[']) {
        return json(text, names);
    }
    if let Some(rest) = text.strip_prefix("<function=") {
        return function(rest);
    }
    for tag in ["<invoke ", "<function "] {
        if let Some(rest) = text.strip_prefix(tag) {
            return invoke(rest);
        }
    }
    let tag = names.iter().find_map(|name| {
        let rest = text
            .strip_prefix('<')?
            .strip_prefix(name)?
            .strip_prefix('>')?;
        Some((*name, rest))
    });
    match tag {
        Some((name, rest)) => element(name, rest),
        None => named(text),
    }
}

fn read<'a>(name: &str, arguments: Map<String, Value>, rest: &'a str) -> Read<'a> {
    let call = SpokenCall {
        name: plain(name).to_owned(),
        arguments,
        is_exact: true,
    };
    Read::Calls(vec![call], rest)
}

fn json<'a>(text: &'a str, names: &[&str]) -> Read<'a> {
    let end = extent(text);
    // `[read_file(path="a")]` is a list of code.
    let inner = text[1..].trim_start();
    if text.starts_with('[') && names.iter().any(|name| inner.starts_with(name)) {
        return named(inner);
    }
    let Some(end) = end else {
        return Read::Broken;
    };
    match parse(&text[..end]) {
        None => Read::Broken,
        Some(value) => match calls(&value) {
            Some(mut found) => {
                for call in &mut found {
                    call.name = plain(&call.name).to_owned();
                }
                Read::Calls(found, &text[end..])
            }
            None => Read::Else,
        },
    }
}

/// `NAME>` and arguments, as JSON or between tags.
fn function(text: &str) -> Read<'_> {
    let Some((name, rest)) = text.split_once('>') else {
        return Read::Broken;
    };
    arguments_of(name.trim().trim_matches('"'), rest)
}

/// ` name='NAME'>` and arguments.
fn invoke(text: &str) -> Read<'_> {
    let Some((head, rest)) = text.split_once('>') else {
        return Read::Broken;
    };
    match tags::name(head) {
        Some(name) => arguments_of(&name, rest),
        None => Read::Broken,
    }
}

fn arguments_of<'a>(name: &str, text: &'a str) -> Read<'a> {
    let text = text.trim_start();
    if text.starts_with('{') {
        return object(name, text);
    }
    match tags::parameters(text) {
        Some((arguments, rest)) => read(name, arguments, rest),
        None => Read::Broken,
    }
}

fn object<'a>(name: &str, text: &'a str) -> Read<'a> {
    let found = extent(text).and_then(|end| {
        let arguments = parse(&text[..end])?.as_object()?.clone();
        Some((arguments, &text[end..]))
    });
    match found {
        Some((arguments, rest)) => read(name, arguments, rest),
        None => Read::Broken,
    }
}

/// The content of `<NAME>…</NAME>`.
fn element<'a>(name: &str, text: &'a str) -> Read<'a> {
    let Some((content, rest)) = text.split_once(&format!("</{name}>")) else {
        return Read::Broken;
    };
    match tags::children(content) {
        Some(arguments) => read(name, arguments, rest),
        None => Read::Broken,
    }
}

/// A name and then arguments.
fn named(text: &str) -> Read<'_> {
    let text = past_channel(text);
    let text = text.strip_prefix("print(").unwrap_or(text);
    let Some((name, rest)) = identifier(text) else {
        return Read::Else;
    };
    if name == KIND
        && let Some((name, rest)) = identifier(past_marks(rest))
    {
        return object(name, past_hints(rest));
    }
    if let Some(rest) = rest.strip_prefix('(') {
        return match code::arguments(rest) {
            Some((arguments, rest)) => read(name, arguments, rest),
            None => Read::Broken,
        };
    }
    let rest = past_hints(rest);
    if rest.starts_with('{') {
        return object(name, rest);
    }
    if rest.starts_with("<arg_key>") {
        return match tags::keys_and_values(rest) {
            Some((arguments, rest)) => read(name, arguments, rest),
            None => Read::Broken,
        };
    }
    Read::Else
}

/// The channel of gpt-oss, up to the tool that it is to.
fn past_channel(text: &str) -> &str {
    const TO: &str = "to=";
    let begins = ["assistant", "commentary", "analysis", TO];
    if !begins.iter().any(|word| text.starts_with(word)) {
        return text;
    }
    let head = text.split(['{', '\n']).next().unwrap_or_default();
    match head.find(TO) {
        Some(at) => &text[at + TO.len()..],
        None => text,
    }
}

/// The name of a tool with what belongs to it, and what follows.
fn identifier(text: &str) -> Option<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | ':');
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let name = &text[..end];
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins.then(|| (plain(name), &text[end..]))
}

/// A name without its owner and its number: Kimi writes `functions.read_file:0`.
fn plain(name: &str) -> &str {
    let owner = OWNERS.iter().find_map(|owner| name.strip_prefix(owner));
    let name = owner.unwrap_or(name);
    match name.rsplit_once(':') {
        Some((name, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    }
}

/// Signs between a name and its arguments.
fn past_hints(text: &str) -> &str {
    let mut text = past_marks(text);
    for hint in ["json", "code", "[CALL_ID]"] {
        let Some(rest) = text.strip_prefix(hint) else {
            continue;
        };
        let is_id = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let rest = if hint == "[CALL_ID]" {
            rest.trim_start_matches(is_id)
        } else {
            rest
        };
        text = past_marks(rest);
    }
    text
}

/// The text behind the marks at its beginning.
pub(super) fn past_marks(text: &str) -> &str {
    let mut text = text.trim_start();
    while let Some(rest) = past_mark(text) {
        text = rest.trim_start();
    }
    text
}

fn past_mark(text: &str) -> Option<&str> {
    for mark in MARKS {
        if let Some(rest) = text.strip_prefix(mark) {
            return Some(rest);
        }
    }
    if let Some(rest) = text.strip_prefix("```") {
        // A fence that begins may name a language.
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let after = rest.trim_start_matches(is_word);
        let next = after.trim_start_matches(' ');
        let is_head = next.is_empty() || next.starts_with(['\n', '{', '[']);
        return Some(if is_head { after } else { rest });
    }
    let inner = text.strip_prefix('<')?;
    for bar in ["|", "｜"] {
        if let Some(inner) = inner.strip_prefix(bar) {
            let (_, rest) = inner.split_once('>').filter(|(mark, _)| {
                let is_short = mark.len() <= 64 && !mark.contains(['\n', '<', '{']);
                is_short && mark.ends_with(bar)
            })?;
            return Some(rest);
        }
    }
    let (name, rest) = inner.split_once('>')?;
    let name = name.strip_prefix('/').unwrap_or(name);
    AROUND.contains(&name.trim()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NAMES: &[&str] = &["read_file", "edit_file", "list_directory"];

    #[test]
    fn every_notation_is_read() {
        for text in [
            "<tool_call>\n{\"name\": \"read_file\", \"arguments\": {\"path\": \"a b\"}}\n</tool_call>",
            "<tool_call>{\"name\": \"read_file\", \"arguments\": {\"path\": \"a b\"}}",
            "<tool_call>\n<function=read_file>\n<parameter=path>\na b\n</parameter>\n</function>\n</tool_call>",
            "<function=read_file>{\"path\": \"a b\"}</function>",
            "<tool_call>read_file\n<arg_key>path</arg_key>\n<arg_value>a b</arg_value>\n</tool_call>",
            "[TOOL_CALLS] [{\"name\": \"read_file\", \"arguments\": {\"path\": \"a b\"}}]",
            "[TOOL_CALLS]read_file{\"path\": \"a b\"}</s>",
            "[TOOL_CALLS]read_file[CALL_ID]a1b2c3d4e[ARGS]{\"path\": \"a b\"}",
            "<|python_tag|>{\"name\": \"read_file\", \"parameters\": {\"path\": \"a b\"}}<|eom_id|>",
            "<|python_tag|>read_file(path=\"a b\")",
            "[read_file(path='a b')]",
            "functions.read_file({\"path\": \"a b\"})",
            "```tool_code\nprint(default_api.read_file(path=\"a b\"))\n```",
            "<|channel|>commentary to=functions.read_file <|constrain|>json<|message|>{\"path\": \"a b\"}<|call|>",
            "<|start|>assistant<|channel|>commentary to=functions.read_file code<|message|>{\"path\": \"a b\"}",
            "<|tool_calls_section_begin|><|tool_call_begin|>functions.read_file:0<|tool_call_argument_begin|>{\"path\": \"a b\"}<|tool_call_end|><|tool_calls_section_end|>",
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>read_file\n```json\n{\"path\": \"a b\"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
            "<｜tool▁call▁begin｜>read_file<｜tool▁sep｜>{\"path\": \"a b\"}<｜tool▁call▁end｜>",
            "<function_calls>\n<invoke name=\"read_file\">\n<parameter name=\"path\">a b</parameter>\n</invoke>\n</function_calls>",
            "<read_file>\n<path>a b</path>\n</read_file>",
            "<start_function_call>call:read_file{\"path\": \"a b\"}<end_function_call>",
        ] {
            let scanned = scan(text, NAMES);
            assert_eq!(scanned.rest, "", "{text}");
            assert!(!scanned.is_broken, "{text}");
            let [call] = scanned.calls.as_slice() else {
                panic!("{text}: {scanned:?}");
            };
            assert_eq!(call.name, "read_file", "{text}");
            assert_eq!(json!(call.arguments), json!({"path": "a b"}), "{text}");
        }
    }

    #[test]
    fn some_calls_are_read_in_their_order() {
        let text = "<tool_call>\n{\"name\": \"read_file\", \"arguments\": {}}\n</tool_call>\n<tool_call>\n{\"name\": \"edit_file\", \"arguments\": {}}}\n</tool_call>";
        let names: Vec<_> = scan(text, NAMES)
            .calls
            .into_iter()
            .map(|call| call.name)
            .collect();
        assert_eq!(names, ["read_file", "edit_file"]);
    }

    #[test]
    fn what_follows_a_call_is_left_and_what_is_cut_off_is_broken() {
        let scanned = scan(
            "<tool_call>{\"name\": \"a\", \"arguments\": {}}</tool_call>\nDone.",
            NAMES,
        );
        assert_eq!((scanned.calls.len(), scanned.rest), (1, "Done."));
        for text in [
            "<tool_call>{\"name\": \"edit_file\", \"arguments\": {\"path\": \"a",
            "<function=edit_file",
            "functions.edit_file({\"path\": ",
        ] {
            assert!(scan(text, NAMES).is_broken, "{text}");
        }
        let scanned = scan("<tool_call> is a tag of Hermes.", NAMES);
        assert!(
            scanned.calls.is_empty() && !scanned.is_broken,
            "{scanned:?}"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_odd(text in "[<>{}\\[\\]|`\"'=a-z_/(), \\n｜]{0,60}") {
            let scanned = scan(&text, NAMES);
            proptest::prop_assert!(text.ends_with(scanned.rest));
        }
    }
}
