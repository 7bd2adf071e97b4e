//! `write_file`: a whole file, at once or not at all.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Component;

use futures_util::future::BoxFuture;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{FileStat, Mode, fchmod, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use serde_json::{Map, Value, json};

use crate::policy::request::Request;
use crate::tools::arguments::Arguments;
use crate::tools::context::ToolContext;
use crate::tools::files::existing;
use crate::tools::outcome::{Effect, Outcome, PlannedWrite, ToolError};
use crate::tools::tool::{Access, Probe, Tool, WrittenText, blocking, object, text};
use crate::workspace::error::PathError;
use crate::workspace::paths::{Place, Workspace};

/// Larger files are not compared before and after.
const MAX_FORESEEN: usize = 64 * 1024 * 1024;

/// `write_file`.
#[derive(Clone, Copy, Debug)]
pub struct WriteFile;

impl Tool for WriteFile {
    fn name(&self) -> &'static str {
        "write_file"
    }

    fn description(&self) -> &'static str {
        "Writes a whole file, creating it and its directories when missing. A file that is replaced keeps its encoding and ends of lines. Use edit_file to change a part of one."
    }

    fn parameters(&self) -> Value {
        object(
            &json!({
                "path": text("Path relative to the workspace."),
                "content": text("The whole new content."),
            }),
            &["path", "content"],
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
        WrittenText::of(arguments, "path", "content")
    }

    fn call<'a>(
        &'a self,
        _call_id: &'a str,
        arguments: Map<String, Value>,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<Outcome, ToolError>> {
        Box::pin(async move {
            let call = WriteFileCall::parse(Arguments::of(&arguments))?;
            let context = context.clone();
            blocking(move || execute(&call, &context)).await
        })
    }
}

/// The arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteFileCall {
    path: String,
    content: String,
}

impl WriteFileCall {
    /// Reads the arguments of a call.
    pub fn parse(given: Arguments<'_>) -> Result<Self, ToolError> {
        Ok(Self {
            path: given.text("path")?,
            content: given.text("content")?,
        })
    }
}

/// Writes.
pub fn execute(call: &WriteFileCall, context: &ToolContext) -> Result<Outcome, ToolError> {
    let most = context.limits.write_bytes;
    if call.content.len() > most {
        return Err(ToolError::Tell(format!(
            "`content` is {} bytes long; at most {most} can be written at once",
            call.content.len()
        )));
    }
    if call.path.ends_with('/') {
        return Err(ToolError::Tell(format!(
            "`{}` names a directory, not a file",
            call.path
        )));
    }
    let mut place = context.workspace.place(&call.path, true)?;
    let path = place.path.to_string();
    let before = match place.existing {
        Some(_) => Some(existing::read(&mut place, MAX_FORESEEN)?),
        None => None,
    };
    let rewritten = rewritten(&path, before.as_deref(), &call.content)?;
    let size = rewritten.bytes.len();
    if before.as_ref() == Some(&rewritten.bytes) {
        return Ok(held_already(&path, size));
    }
    if let Err(error) = replace(&place, &rewritten.bytes) {
        // Another run wrote the same in the meantime: nothing is left to do, and nothing to tell.
        return match content(&context.workspace, &call.path) {
            Ok(Some(now)) if now == rewritten.bytes => Ok(held_already(&path, size)),
            Ok(_) | Err(_) => Err(error),
        };
    }
    let (action, effect) = match place.existing {
        Some(_) => ("modified", Effect::Modified(path.clone())),
        None => ("created", Effect::Created(path.clone())),
    };
    let mut result = json!({ "success": true, "path": path, "action": action, "size": size });
    if !rewritten.kept.is_empty() {
        result["note"] = json!(format!("the file kept {}", rewritten.kept.join(", ")));
    }
    Ok(Outcome::new(result, vec![effect]))
}

/// The outcome for a file that has the content without this call.
fn held_already(path: &str, size: usize) -> Outcome {
    let result = json!({
        "success": true, "path": path, "action": "modified", "size": size,
        "note": "the file held exactly this content already",
    });
    Outcome::new(result, Vec::new())
}

/// The write that a call is about to do; nothing when it will be refused.
fn planned_write(arguments: Arguments<'_>, context: &ToolContext) -> Option<PlannedWrite> {
    let call = WriteFileCall::parse(arguments).ok()?;
    let path = context.workspace.relative(&call.path).ok()?.to_string();
    let before = content(&context.workspace, &call.path).ok()?;
    let after = rewritten(&path, before.as_deref(), &call.content)
        .ok()?
        .bytes;
    Some(PlannedWrite {
        path,
        before,
        after,
    })
}

/// The bytes that a file gets. One that is too large to be looked at gets the content as it is.
fn rewritten(
    path: &str,
    before: Option<&[u8]>,
    content: &str,
) -> Result<existing::Rewritten, ToolError> {
    let before = before.filter(|bytes| bytes.len() <= MAX_FORESEEN);
    existing::rewritten(path, before, content)
}

/// The content of a file of the workspace; none when it is not there.
pub fn content(workspace: &Workspace, path: &str) -> Result<Option<Vec<u8>>, ToolError> {
    let file = match workspace.open_file(path) {
        Ok((file, _)) => file,
        Err(PathError::Missing(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut bytes = Vec::new();
    let read = file.take(MAX_FORESEEN as u64 + 1).read_to_end(&mut bytes);
    match read {
        Ok(_) if bytes.len() <= MAX_FORESEEN => Ok(Some(bytes)),
        Ok(_) => Err(ToolError::Tell(format!("`{path}` is too large"))),
        Err(error) => Err(ToolError::Tell(format!("`{path}` cannot be read: {error}"))),
    }
}

/// Puts `content` into place: written beside it, synced, then renamed over it. A reader sees the old
/// file or the new one, and what is there keeps its permissions.
///
/// The file must still be what `place.existing` says; otherwise another program changed it, and the
/// model has to look at it again.
pub fn replace(place: &Place, content: &[u8]) -> Result<(), ToolError> {
    let git = |component: Component<'_>| component.as_os_str().eq_ignore_ascii_case(".git");
    if place.path.as_path().components().any(git) {
        // Hooks and configuration in there are run by the next git command, outside our control.
        return Err(ToolError::Tell(format!(
            "`{}` belongs to git; change it with git commands",
            place.path
        )));
    }
    if let Some(existing) = &place.existing
        && existing.st_mode & 0o200 == 0
    {
        return Err(ToolError::Tell(format!("`{}` is read-only", place.path)));
    }
    let failed = |what: &str, reason: &str| {
        ToolError::Tell(format!("`{}` cannot be {what}: {reason}", place.path))
    };
    let mut beside = Beside::create(&place.directory).map_err(|e| failed("written", e.desc()))?;
    if let Some(existing) = &place.existing {
        let mode = Mode::from_bits_truncate(existing.st_mode & 0o7777);
        fchmod(&beside.file, mode).map_err(|e| failed("written", e.desc()))?;
    }
    let written = beside
        .file
        .write_all(content)
        .and_then(|()| beside.file.sync_data());
    written.map_err(|error| failed("written", &error.to_string()))?;
    let now = fstatat(
        &place.directory,
        place.name.as_os_str(),
        AtFlags::AT_SYMLINK_NOFOLLOW,
    );
    let unchanged = match (&place.existing, now) {
        (None, Err(Errno::ENOENT)) => true,
        (Some(before), Ok(now)) => identity(before) == identity(&now),
        (None, _) | (Some(_), Err(_)) => false,
    };
    if !unchanged {
        return Err(failed(
            "replaced",
            "it changed in the meantime; read it again",
        ));
    }
    renameat(
        &place.directory,
        beside.name.as_str(),
        &place.directory,
        place.name.as_os_str(),
    )
    .map_err(|errno| failed("replaced", errno.desc()))?;
    beside.renamed = true;
    Ok(())
}

/// The metadata that tells one content of a file from another without reading it.
fn identity(found: &FileStat) -> (u64, i64, i64, i64, i64, i64) {
    (
        found.st_ino,
        found.st_size,
        found.st_mtime,
        found.st_mtime_nsec,
        found.st_ctime,
        found.st_ctime_nsec,
    )
}

/// A new file beside the one to be replaced; removed again unless it was renamed.
struct Beside<'a> {
    directory: &'a OwnedFd,
    name: String,
    file: File,
    renamed: bool,
}

impl<'a> Beside<'a> {
    fn create(directory: &'a OwnedFd) -> Result<Self, Errno> {
        let name = format!(".navi-{:016x}.tmp", rand::random::<u64>());
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        let file = openat(
            directory,
            name.as_str(),
            flags,
            Mode::from_bits_truncate(0o666),
        )?;
        Ok(Self {
            directory,
            name,
            file: File::from(file),
            renamed: false,
        })
    }
}

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        if !self.renamed
            && let Err(errno) = unlinkat(
                self.directory,
                self.name.as_str(),
                UnlinkatFlags::NoRemoveDir,
            )
        {
            tracing::warn!(file = self.name, %errno, "a temporary file could not be removed");
        }
    }
}
