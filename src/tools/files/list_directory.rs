//! `list_directory`: what is in a directory, sorted.

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use crate::platform::process::descriptors::descriptor_path;
use crate::policy::request::Request;
use crate::tools::arguments::Arguments;
use crate::tools::context::ToolContext;
use crate::tools::outcome::{Outcome, ToolError};
use crate::tools::tool::{Access, Probe, Tool, blocking, object, text};

/// Entries beyond this many are not even counted.
const SCAN_ENTRIES: usize = 100_000;

/// `list_directory`.
#[derive(Clone, Copy, Debug)]
pub struct ListDirectory;

impl Tool for ListDirectory {
    fn name(&self) -> &'static str {
        "list_directory"
    }

    fn description(&self) -> &'static str {
        "Lists a directory of the workspace."
    }

    fn parameters(&self) -> Value {
        object(
            &json!({ "path": text("Path relative to the workspace; `.` is the workspace.") }),
            &["path"],
        )
    }

    fn access(&self) -> Access {
        Access::Read
    }

    fn request<'a>(&self, _arguments: Arguments<'a>) -> Request<'a> {
        Request::Harmless { reads_only: true }
    }

    fn probe(&self, _arguments: Arguments<'_>, _context: &ToolContext) -> Probe {
        Probe::Repeatable
    }

    fn call<'a>(
        &'a self,
        _call_id: &'a str,
        arguments: Map<String, Value>,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<Outcome, ToolError>> {
        Box::pin(async move {
            let call = ListDirectoryCall::parse(Arguments::of(&arguments))?;
            let context = context.clone();
            blocking(move || execute(&call, &context)).await
        })
    }
}

/// The arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListDirectoryCall {
    path: String,
}

impl ListDirectoryCall {
    /// Reads the arguments of a call.
    pub fn parse(given: Arguments<'_>) -> Result<Self, ToolError> {
        let path = given.optional_text("path")?.filter(|path| !path.is_empty());
        Ok(Self {
            path: path.unwrap_or_else(|| ".".to_owned()),
        })
    }
}

/// Lists.
pub fn execute(call: &ListDirectoryCall, context: &ToolContext) -> Result<Outcome, ToolError> {
    let (directory, path) = context.workspace.open_directory(&call.path)?;
    let unreadable =
        |error: std::io::Error| ToolError::Tell(format!("`{path}` cannot be listed: {error}"));
    let entries = std::fs::read_dir(descriptor_path(&directory)).map_err(unreadable)?;
    let mut found: Vec<_> = entries.take(SCAN_ENTRIES).filter_map(Result::ok).collect();
    found.sort_by_key(std::fs::DirEntry::file_name);
    let most = context.limits.list_entries;
    let shown: Vec<Value> = found.iter().take(most).map(described).collect();
    let mut result = json!({
        "success": true, "path": path.to_string(), "entries": shown, "count": found.len(),
    });
    if found.len() > most {
        result["truncated"] = json!(true);
        result["note"] = json!(format!(
            "only the first {most} of {}{} entries are shown; use `search_files` to find a file",
            found.len(),
            if found.len() == SCAN_ENTRIES {
                " or more"
            } else {
                ""
            },
        ));
    }
    Ok(Outcome::new(result, Vec::new()))
}

fn described(entry: &std::fs::DirEntry) -> Value {
    let name = entry.file_name().to_string_lossy().into_owned();
    let kind = match entry.file_type() {
        Ok(kind) if kind.is_dir() => "directory",
        Ok(kind) if kind.is_symlink() => "symlink",
        Ok(kind) if kind.is_file() => "file",
        Ok(_) | Err(_) => "other",
    };
    // The metadata is the entry's own: a link is not followed.
    match entry.metadata() {
        Ok(found) if kind == "file" => json!({ "name": name, "type": kind, "size": found.len() }),
        Ok(_) | Err(_) => json!({ "name": name, "type": kind }),
    }
}
