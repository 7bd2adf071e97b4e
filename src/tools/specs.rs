//! What models are told about each tool.

use serde_json::{Value, json};

use crate::llm::model::ToolSpec;
use crate::tools::registry::Tool;

/// The description of a tool and the schema of its arguments.
pub fn of(tool: Tool) -> ToolSpec {
    let (description, parameters) = match tool {
        Tool::ReadFile => (
            "Reads a text file of the workspace. Long files come in parts: the answer says how to go on.",
            object(
                &json!({
                    "path": text("Path relative to the workspace."),
                    "start_line": number("First line, from 1."),
                    "end_line": number("Last line."),
                }),
                &["path"],
            ),
        ),
        Tool::WriteFile => (
            "Writes a whole file, creating it and its directories when missing. Use edit_file to change a part of one.",
            object(
                &json!({
                    "path": text("Path relative to the workspace."),
                    "content": text("The whole new content."),
                }),
                &["path", "content"],
            ),
        ),
        Tool::EditFile => (
            "Replaces one piece of a file. old_text must stand in the file exactly once, so include enough lines around it; read the file first.",
            object(
                &json!({
                    "path": text("Path relative to the workspace."),
                    "old_text": text("The text to replace, as it stands in the file."),
                    "new_text": text("What to put in its place."),
                    "replace_all": {
                        "type": "boolean",
                        "description": "Replace every exact occurrence instead of one.",
                    },
                }),
                &["path", "old_text", "new_text"],
            ),
        ),
        Tool::ListDirectory => (
            "Lists a directory of the workspace.",
            object(
                &json!({ "path": text("Path relative to the workspace; `.` is the workspace.") }),
                &["path"],
            ),
        ),
        Tool::SearchFiles => (
            "Finds files by name or lines by content. Ignored files are not searched.",
            object(
                &json!({
                    "pattern": text("For filename a glob such as **/*.rs or a part of the path; for content a regular expression, matched line by line."),
                    "search_type": { "type": "string", "enum": ["filename", "content"] },
                    "path": text("Where to search; the whole workspace when left out."),
                }),
                &["pattern", "search_type"],
            ),
        ),
        Tool::RunCommand => (
            "Runs a shell command in the workspace and waits for its end. It has no input and no terminal. Use start_server for what does not end.",
            object(
                &json!({
                    "command": text("The command, for bash."),
                    "cwd": text("Working directory relative to the workspace."),
                    "timeout_seconds": number("How long it may take, 1 to 1800; 300 when left out."),
                }),
                &["command"],
            ),
        ),
        Tool::StartServer => (
            "Starts a server in the background and waits until it answers over HTTP. It ends with the run.",
            object(
                &json!({
                    "command": text("The command, for bash; it stays in the foreground."),
                    "port": number("The port it listens on, 1024 to 65535; also given to it as PORT."),
                    "health_path": text("URL path to ask; `/` when left out."),
                    "startup_time": number("Seconds until it must answer; 10 when left out."),
                    "cwd": text("Working directory relative to the workspace."),
                }),
                &["command", "port"],
            ),
        ),
        Tool::StopServer => (
            "Stops a server that start_server started.",
            object(&json!({ "port": number("Its port.") }), &["port"]),
        ),
        Tool::CheckEndpoint => (
            "Sends one HTTP request to a server on this machine and shows the beginning of its answer.",
            object(
                &json!({
                    "url": text("A URL on localhost."),
                    "method": { "type": "string", "enum": ["GET", "POST", "HEAD"] },
                    "expected_status": number("200 when left out."),
                }),
                &["url"],
            ),
        ),
        Tool::AskUser => (
            "Asks the user a question and waits for the answer. Only for what cannot be found out otherwise.",
            object(
                &json!({
                    "question": text("The question."),
                    "prompt_type": {
                        "type": "string",
                        "enum": ["text", "select", "confirm", "multiselect"],
                    },
                    "title": text("A short heading."),
                    "options": {
                        "type": "array",
                        "items": { "type": "string" },
                        "description": "What can be chosen, for select and multiselect.",
                    },
                    "placeholder": text("What an empty text field shows."),
                }),
                &["question", "prompt_type"],
            ),
        ),
    };
    ToolSpec {
        name: tool.name(),
        description,
        parameters,
    }
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn number(description: &str) -> Value {
    json!({ "type": "integer", "description": description })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_described_under_its_own_name() {
        for tool in Tool::ALL {
            let spec = tool.spec();
            assert_eq!(Tool::named(spec.name), Some(tool));
            let required = spec.parameters["required"].as_array().unwrap();
            let properties = spec.parameters["properties"].as_object().unwrap();
            for name in required {
                assert!(properties.contains_key(name.as_str().unwrap()), "{name}");
            }
        }
    }

    #[test]
    fn old_names_of_run_command_still_work() {
        for name in [
            "run_interactive_command",
            "execute_command",
            "run_shell_command",
        ] {
            assert_eq!(Tool::named(name), Some(Tool::RunCommand));
        }
        assert_eq!(Tool::named("fetch_url"), None);
    }
}
