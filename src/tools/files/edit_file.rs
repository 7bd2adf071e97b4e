//! `edit_file`: replaces one piece of a file, when it is clear which one.

use std::fs::File;
use std::io::Read;

use futures_util::future::BoxFuture;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, fstat};
use serde_json::{Map, Value, json};

use crate::exec::text;
use crate::policy::request::Request;
use crate::tools::arguments::Arguments;
use crate::tools::context::ToolContext;
use crate::tools::files::edit_match::Mismatch;
use crate::tools::files::{diff, edit_match, write_file};
use crate::tools::outcome::{Effect, Outcome, PlannedWrite, ToolError};
use crate::tools::tool::{Access, Probe, Tool, WrittenText, blocking, object, text};
use crate::workspace::error::PathError;
use crate::workspace::paths::Place;

/// How many lines of the resulting difference are shown.
const DIFF_LINES: usize = 60;

/// `edit_file`.
#[derive(Clone, Copy, Debug)]
pub struct EditFile;

impl Tool for EditFile {
    fn name(&self) -> &'static str {
        "edit_file"
    }

    fn description(&self) -> &'static str {
        "Replaces one piece of a file. old_text must stand in the file exactly once, so include enough lines around it; read the file first."
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
    let most = context.limits.write_bytes;
    let mut place = context.workspace.place(&call.path, false)?;
    let path = place.path.to_string();
    let before = read(&mut place, most)?;
    let edit = edit_match::find(&before, &call.old_text, &call.new_text, call.replace_all)
        .map_err(|mismatch| ToolError::Tell(explain(&mismatch, &path, &before, call)))?;
    let after = edit.apply(&before);
    if after.len() > most {
        return Err(ToolError::Tell(format!(
            "`{path}` would become {} bytes long; at most {most} can be written",
            after.len()
        )));
    }
    write_file::replace(&place, after.as_bytes())?;
    let lines: Vec<_> = edit
        .places
        .iter()
        .take(20)
        .map(|place| edit_match::line_of(&before, place.start))
        .collect();
    let result = json!({
        "success": true,
        "path": path,
        "action": "modified",
        "replacements": edit.places.len(),
        "lines": lines,
        "match": edit.rule.name(),
        "size": after.len(),
        "diff": diff::unified(&before, &after, DIFF_LINES),
    });
    Ok(Outcome::new(result, vec![Effect::Modified(path)]))
}

/// What a call is about to do; nothing when it will be refused.
fn planned_write(arguments: Arguments<'_>, context: &ToolContext) -> Option<PlannedWrite> {
    let call = EditFileCall::parse(arguments).ok()?;
    let mut place = context.workspace.place(&call.path, false).ok()?;
    let before = read(&mut place, context.limits.write_bytes).ok()?;
    let edit = edit_match::find(&before, &call.old_text, &call.new_text, call.replace_all).ok()?;
    let after = edit.apply(&before).into_bytes();
    Some(PlannedWrite {
        path: place.path.to_string(),
        before: Some(before.into_bytes()),
        after,
    })
}

/// Reads the file to be edited and notes in `place` which content was read.
fn read(place: &mut Place, most: usize) -> Result<String, ToolError> {
    let path = place.path.to_string();
    if place.existing.is_none() {
        return Err(PathError::Missing(path).into());
    }
    let unreadable = |reason: &str| ToolError::Tell(format!("`{path}` cannot be read: {reason}"));
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let descriptor = openat(
        &place.directory,
        place.name.as_os_str(),
        flags,
        Mode::empty(),
    )
    .map_err(|errno| unreadable(errno.desc()))?;
    place.existing = Some(fstat(&descriptor).map_err(|errno| unreadable(errno.desc()))?);
    let mut bytes = Vec::new();
    File::from(descriptor)
        .take(most as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error.to_string()))?;
    if let Some(found) = text::not_text(&bytes) {
        return Err(ToolError::Tell(format!(
            "`{path}` holds {found} and cannot be edited as text"
        )));
    }
    if bytes.len() > most {
        return Err(ToolError::Tell(format!(
            "`{path}` is longer than {most} bytes; edit it with a command such as sed"
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        ToolError::Tell(format!(
            "`{path}` is not valid UTF-8 (byte {} is wrong) and would be damaged by an edit; \
             edit it with a command",
            error.utf8_error().valid_up_to()
        ))
    })
}

fn explain(mismatch: &Mismatch, path: &str, before: &str, call: &EditFileCall) -> String {
    match mismatch {
        Mismatch::Empty => {
            "`old_text` is empty; name the text to replace, or use `write_file`".to_owned()
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
