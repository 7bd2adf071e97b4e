//! Events as a person may read them: nothing in them turns, hides or piles up text.
//!
//! Commands, paths and questions about actions count to the letter, so that in them every such character
//! is written as an escape. In what a model says and a command prints, those stay that make one sign of
//! several, as an emoji does. What is executed is what the model sent, and not what is shown of it.

use serde_json::{Map, Value};

use crate::platform::json::show_json;
use crate::platform::text::{visible, visible_prose};

/// Members that hold a text of many lines, which is read and not run.
const PROSE: &[&str] = &[
    "content",
    "description",
    "line",
    "new_text",
    "old_text",
    "placeholder",
    "question",
    "title",
];
/// Members that count to the letter wherever they are.
const EXACT: &[&str] = &["blocked_command", "command", "cwd", "path"];

/// Makes an event's payload readable. Answers whether anything changed.
pub(super) fn make_readable(payload: &mut Value) -> bool {
    let Value::Object(fields) = payload else {
        return false;
    };
    match fields.get("type").and_then(Value::as_str) {
        Some("command.consent_required" | "approval_recorded" | "approval_denied") => {
            show_json(payload, visible)
        }
        Some("tool_call") => show_call(fields),
        Some("command_output" | "check_output") => {
            let had_end = strip_end(fields);
            show_result(payload) || had_end
        }
        Some("tool_result" | "verification") => show_result(payload),
        _ => show_json(payload, visible_prose),
    }
}

/// Takes the other half of the last line's end away, whose line feed no event has.
fn strip_end(fields: &mut Map<String, Value>) -> bool {
    match fields.get_mut("line") {
        Some(Value::String(line)) if line.ends_with('\r') => line.pop().is_some(),
        Some(_) | None => false,
    }
}

/// Shows a call: its arguments to the letter, but for the texts among them.
fn show_call(fields: &mut Map<String, Value>) -> bool {
    let Some(call) = fields.get_mut("tool_call") else {
        return false;
    };
    let Some(arguments) = call.get_mut("arguments").map(Value::take) else {
        return show_json(call, visible);
    };
    let mut changed = show_json(call, visible);
    let shown = match arguments {
        Value::Object(arguments) => {
            let mut shown = Map::new();
            for (name, mut value) in arguments {
                let is_prose = PROSE.contains(&name.as_str());
                changed |= show_json(&mut value, if is_prose { visible_prose } else { visible });
                let name = visible(&name).into_owned();
                shown.insert(name, value);
            }
            Value::Object(shown)
        }
        mut other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)) => {
            changed |= show_json(&mut other, visible);
            other
        }
    };
    call["arguments"] = shown;
    changed
}

/// Shows what something printed or returned, in which commands and paths count to the letter.
fn show_result(value: &mut Value) -> bool {
    match value {
        Value::Object(fields) => {
            let shown = fields.iter_mut().map(|(name, value)| {
                if EXACT.contains(&name.as_str()) {
                    show_json(value, visible)
                } else {
                    show_result(value)
                }
            });
            shown.filter(|changed| *changed).count() > 0
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            show_json(value, visible_prose)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn actions_are_shown_to_the_letter_and_prose_as_it_reads() {
        let family = "👩\u{200d}👧";
        let mut call = json!({"type": "tool_call", "tool_call": {"id": "1", "name": "write_file",
            "arguments": {"path": family, "content": format!("{family}\u{202e}")}}});
        assert!(make_readable(&mut call));
        let arguments = &call["tool_call"]["arguments"];
        assert_eq!(arguments["path"], "👩\\u{200d}👧");
        assert_eq!(arguments["content"], format!("{family}\\u{{202e}}"));
        let mut output = json!({"type": "command_output", "command": "a\u{200b}b", "line": family});
        assert!(make_readable(&mut output));
        assert_eq!(output["command"], "a\\u{200b}b");
        assert_eq!(output["line"], family);
        let mut output = json!({"type": "check_output", "command": "a", "line": "b\r\nc\r"});
        assert!(make_readable(&mut output));
        assert_eq!(output["line"], "b\r\nc");
        let mut text = json!({"type": "text", "text": "\u{2066}a\u{1b}[2J"});
        assert!(make_readable(&mut text));
        assert_eq!(text["text"], "\\u{2066}a\\u{1b}[2J");
    }

    #[test]
    fn what_shows_itself_stays_as_it_is() {
        for mut event in [
            json!({"type": "text", "text": "שלום 你好 é 🚀\r\n"}),
            json!({"type": "tool_call", "tool_call": {"id": "1", "name": "run_command",
                "arguments": {"command": "cargo test\n\techo é"}}}),
            json!({"type": "tool_call", "tool_call": {"id": "1", "name": "x", "arguments": "{"}}),
            json!({"type": "complete", "summary": {"success": true, "files": ["a"]}}),
            json!(null),
        ] {
            let before = event.clone();
            assert!(!make_readable(&mut event));
            assert_eq!(event, before);
        }
    }
}
