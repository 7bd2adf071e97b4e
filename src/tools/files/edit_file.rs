//! `edit_file`: replaces one piece of a file, when it is clear which one.

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use crate::platform::encoding::contents::Contents;
use crate::platform::encoding::stored::{StoredForm, StoredText};
use crate::policy::request::Request;
use crate::tools::arguments::Arguments;
use crate::tools::context::ToolContext;
use crate::tools::files::edit_match::{Edit, Mismatch};
use crate::tools::files::line_ends::FileLines;
use crate::tools::files::{diff, edit_match, existing, write_file};
use crate::tools::outcome::{Effect, Outcome, PlannedWrite, ToolError};
use crate::tools::tool::{Access, Probe, Tool, WrittenText, blocking, object, text};
use crate::workspace::paths::{Place, Workspace};

/// The most lines shown of the resulting difference.
const DIFF_LINES: usize = 60;

/// `edit_file`.
#[derive(Clone, Copy, Debug)]
pub struct EditFile;

impl Tool for EditFile {
    fn name(&self) -> &'static str {
        "edit_file"
    }

    fn description(&self) -> &'static str {
        "Replaces one piece of a file. old_text must stand in the file exactly once, so include enough lines around it; read the file first. Encoding and ends of lines stay as they are."
    }

    fn parameters(&self) -> Value {
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
        )
    }

    fn access(&self) -> Access {
        Access::Write
    }

    fn request<'a>(&self, arguments: Arguments<'a>) -> Request<'a> {
        arguments.request("path", |path| Request::Write { path })
    }

    fn probe(&self, arguments: Arguments<'_>, context: &ToolContext) -> Probe {
        Probe::of_write(planned_write(arguments, context))
    }

    fn written(&self, arguments: Arguments<'_>) -> Option<WrittenText> {
        WrittenText::of(arguments, "path", "new_text")
    }

    fn call<'a>(
        &'a self,
        _call_id: &'a str,
        arguments: Map<String, Value>,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<Outcome, ToolError>> {
        Box::pin(async move {
            let call = EditFileCall::parse(Arguments::of(&arguments))?;
            let context = context.clone();
            blocking(move || execute(&call, &context)).await
        })
    }
}

/// The arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditFileCall {
    path: String,
    old_text: String,
    new_text: String,
    replace_all: bool,
}

impl EditFileCall {
    /// Reads the arguments of a call.
    pub fn parse(given: Arguments<'_>) -> Result<Self, ToolError> {
        Ok(Self {
            path: given.text("path")?,
            old_text: given.text("old_text")?,
            new_text: given.text("new_text")?,
            replace_all: given.flag("replace_all")?,
        })
    }
}

/// Edits.
pub fn execute(call: &EditFileCall, context: &ToolContext) -> Result<Outcome, ToolError> {
    let edited = Edited::of(call, &context.workspace, context.limits.write_bytes)?;
    write_file::replace(&edited.place, &edited.bytes)?;
    let path = edited.place.path.to_string();
    let lines: Vec<_> = edited
        .edit
        .places
        .iter()
        .take(20)
        .map(|place| edit_match::line_of(edited.lines.text(), place.start))
        .collect();
    let mut result = json!({
        "success": true,
        "path": path,
        "action": "modified",
        "replacements": edited.edit.places.len(),
        "lines": lines,
        "match": edited.edit.rule.name(),
        "size": edited.bytes.len(),
        "diff": diff::unified(&edited.stored, &edited.text, DIFF_LINES),
    });
    if !edited.form.is_utf8() {
        result["encoding"] = json!(edited.form.name());
    }
    Ok(Outcome::new(result, vec![Effect::Modified(path)]))
}

/// The write that a call is about to do; nothing when it will be refused.
fn planned_write(arguments: Arguments<'_>, context: &ToolContext) -> Option<PlannedWrite> {
    let call = EditFileCall::parse(arguments).ok()?;
    let edited = Edited::of(&call, &context.workspace, context.limits.write_bytes).ok()?;
    Some(PlannedWrite {
        path: edited.place.path.to_string(),
        before: Some(edited.before),
        after: edited.bytes,
    })
}

/// A file, and what an edit makes of it.
struct Edited {
    place: Place,
    before: Vec<u8>,
    stored: String,
    form: StoredForm,
    lines: FileLines,
    edit: Edit,
    text: String,
    bytes: Vec<u8>,
}

impl Edited {
    fn of(call: &EditFileCall, workspace: &Workspace, most: usize) -> Result<Self, ToolError> {
        let mut place = workspace.place(&call.path, false)?;
        let path = place.path.to_string();
        let before = existing::read(&mut place, most)?;
        if before.len() > most {
            return Err(ToolError::Tell(format!(
                "`{path}` is longer than {most} bytes; edit it with a command such as sed"
            )));
        }
        let StoredText { text: stored, form } = exact(&path, &before)?;
        let lines = FileLines::of(&stored);
        let (old, new) = (lines.plain(&call.old_text), lines.plain(&call.new_text));
        let edit = edit_match::find(lines.text(), &old, &new, call.replace_all)
            .map_err(|mismatch| ToolError::Tell(explain(&mismatch, &path, lines.text(), call)))?;
        let text = lines.edited(&edit);
        let bytes = existing::written(&path, &text, form)?;
        if bytes.len() > most {
            return Err(ToolError::Tell(format!(
                "`{path}` would become {} bytes long; at most {most} can be written",
                bytes.len()
            )));
        }
        Ok(Self {
            place,
            before,
            stored,
            form,
            lines,
            edit,
            text,
            bytes,
        })
    }
}

/// The text of a file, if an edit of one line leaves every byte of the others as it is.
fn exact(path: &str, bytes: &[u8]) -> Result<StoredText, ToolError> {
    match Contents::of(bytes) {
        Contents::Text(stored) => Ok(stored),
        Contents::Inexact { why, .. } => Err(ToolError::Tell(format!(
            "`{path}` {why}; an edit could damage it, so edit it with a command"
        ))),
        Contents::Binary { what } => Err(ToolError::Tell(format!(
            "`{path}` holds {what} and cannot be edited as text"
        ))),
    }
}

fn explain(mismatch: &Mismatch, path: &str, before: &str, call: &EditFileCall) -> String {
    match mismatch {
        Mismatch::Empty => {
            "`old_text` is empty; name the text to replace, or use `write_file`".to_owned()
        }
        Mismatch::Identical if call.old_text != call.new_text => {
            "the edit changes nothing but white space at the ends of lines, which an edit keeps; change it \
             with a command"
                .to_owned()
        }
        Mismatch::Identical => {
            "the edit changes nothing: `old_text` and `new_text` are the same".to_owned()
        }
        Mismatch::Ambiguous { lines, count, rule } => {
            let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
            let loosely = match rule {
                edit_match::Rule::Exact => "",
                edit_match::Rule::TrailingSpace | edit_match::Rule::Indentation => {
                    ", when white space is disregarded"
                }
            };
            format!(
                "`old_text` stands in `{path}` {count} times{loosely} (lines {}{}); add lines \
                 around it until it is unique, or set `replace_all`",
                lines.join(", "),
                if lines.len() < *count { ", …" } else { "" },
            )
        }
        Mismatch::Absent => absent(path, before, call),
    }
}

fn absent(path: &str, before: &str, call: &EditFileCall) -> String {
    let there = before
        .find(&call.new_text)
        .filter(|_| !call.new_text.trim().is_empty())
        .map(|at| edit_match::line_of(before, at));
    let there = there.map_or_else(String::new, |line| {
        format!(" `new_text` is already there, at line {line}.")
    });
    let nearest = match diff::nearest(before, &call.old_text) {
        Some(nearest) => format!(
            "The nearest region begins at line {}; lines with - are yours, with + the file's:\n{}",
            nearest.line, nearest.diff
        ),
        None => "Nothing in it resembles `old_text`; read the file again.".to_owned(),
    };
    format!("`old_text` does not stand in `{path}`; nothing was changed.{there} {nearest}")
}
