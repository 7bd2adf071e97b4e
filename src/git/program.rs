//! Running git: to its end, within a time, with an environment of its own.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use crate::exec::launch::Launch;
use crate::exec::launch::ProgramCommand;
use crate::exec::process::Processes;
use crate::exec::sandbox::enclosure::{Grant, Widening};
use crate::exec::text;
use crate::git::error::Error;
use crate::platform::redact::text::redact_text;
use crate::platform::tasks::Tasks;
use crate::platform::text::cut_bytes;

/// The longest a command may take.
const TIME: Duration = Duration::from_mins(1);
/// The most that is kept of what git complains about, in bytes.
const COMPLAINT_BYTES: usize = 4 * 1024;
/// The most of it that is shown.
const SHOWN_BYTES: usize = 300;

/// Keeps git from everything that is configured outside of what it is given: nothing of the system,
/// nothing of a user, no network, no questions, nothing written.
const VARIABLES: &[(&str, &str)] = &[
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_SYSTEM", "/dev/null"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_ALLOW_PROTOCOL", ""),
    ("GIT_LITERAL_PATHSPECS", "1"),
    ("HOME", "/nonexistent"),
    ("XDG_CONFIG_HOME", "/nonexistent"),
    ("LC_ALL", "C"),
];

/// A folder in which git is run.
#[derive(Debug)]
pub struct Program {
    processes: Processes,
    tasks: Tasks,
    directory: OwnedFd,
    widening: Widening,
}

/// The outcome of a git command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitOutput {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub bytes: Vec<u8>,
    /// True when there was more of it than the limit; git was ended then.
    pub is_cut: bool,
    /// The first line of its standard error.
    pub complaint: String,
}

impl Program {
    /// Git in this directory. `mark` names what it does, uniquely on this machine.
    ///
    /// `grant` is what it may use; the folder in which it works for us comes with
    /// [`Self::working_in`].
    pub fn new(launch: Launch, mark: &str, tasks: Tasks, directory: OwnedFd, grant: Grant) -> Self {
        Self {
            processes: Processes::new(launch, mark, grant, None),
            tasks,
            directory,
            widening: Widening::default(),
        }
    }

    /// Git that may also read and write this folder.
    #[must_use]
    pub fn working_in(self, folder: &Path) -> Self {
        let widening = Widening {
            folders: vec![folder.to_owned()],
            ..Widening::default()
        };
        Self { widening, ..self }
    }

    /// Runs a command that must succeed, and keeps at most `limit` bytes of what it says.
    pub async fn run(
        &self,
        variables: &[(&str, String)],
        arguments: &[&str],
        limit: usize,
    ) -> Result<GitOutput, Error> {
        let output = self.try_to_run(variables, arguments, limit).await?;
        if output.code == 0 || output.is_cut {
            return Ok(output);
        }
        let reason = if output.complaint.is_empty() {
            format!("exit code {}", output.code)
        } else {
            output.complaint
        };
        Err(Error::Failed(reason))
    }

    /// Runs a command whose failure says something too.
    pub async fn try_to_run(
        &self,
        variables: &[(&str, String)],
        arguments: &[&str],
        limit: usize,
    ) -> Result<GitOutput, Error> {
        let command = ProgramCommand {
            program: "git",
            arguments,
            widening: &self.widening,
        };
        let fixed = VARIABLES.iter();
        let mut extra: Vec<_> = fixed
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        extra.extend(variables.iter().cloned());
        let started = self
            .processes
            .start_program(command, &self.directory, &extra, &self.tasks)
            .await;
        let (mut running, outputs) =
            started.map_err(|error| Error::NotStarted(error.to_string()))?;
        // Dropped together with the caller's interest, it ends the command.
        let guard = running.guard();
        let reading = async {
            let stdout = async {
                let read = first_of(outputs.stdout, limit).await;
                if read.1 {
                    running.stop();
                }
                read
            };
            let (stdout, stderr) = futures_util::join!(stdout, all_of(outputs.stderr));
            (stdout, stderr)
        };
        let Ok(((bytes, is_cut), complaint)) = timeout(TIME, reading).await else {
            return Err(Error::TimedOut(TIME.as_secs()));
        };
        let state = running.ended().await;
        guard.disarm();
        match (state.code, state.failure) {
            (Some(code), _) => Ok(GitOutput {
                code,
                bytes,
                is_cut,
                complaint: first_line(&complaint),
            }),
            (None, Some(reason)) => Err(Error::NotStarted(reason)),
            (None, None) => Err(Error::Failed("it was ended".to_owned())),
        }
    }
}

/// The first bytes of a stream, and whether more came. The rest is not read: who writes it is ended by
/// that.
async fn first_of(stream: impl AsyncRead + Unpin, limit: usize) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    // A stream that breaks ends there; the exit code says whether that matters.
    let _read = stream.take(most).read_to_end(&mut bytes).await;
    let is_cut = bytes.len() > limit;
    bytes.truncate(limit);
    (bytes, is_cut)
}

/// The first bytes of a stream that is read to its end, so that nothing waits for it.
async fn all_of(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
    let (bytes, _) = first_of(&mut stream, COMPLAINT_BYTES).await;
    let _rest = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    bytes
}

fn first_line(bytes: &[u8]) -> String {
    let text = text::lossy(bytes).0;
    let line = text.lines().next().unwrap_or_default();
    let line = line.strip_prefix("fatal: ").unwrap_or(line);
    cut_bytes(&redact_text(line), SHOWN_BYTES)
}
