//! `run_command`: a shell command, from its start to its end.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use crate::exec::capture::{Capture, Live};
use crate::exec::credentials::lent::LentCredentials;
use crate::exec::launch::ShellCommand;
use crate::exec::output::OutputStream;
use crate::exec::running::Running;
use crate::platform::redact::evidence::redact_evident;
use crate::policy::request::Request;
use crate::policy::wall::widening::CallNeeds;
use crate::tools::arguments::Arguments;
use crate::tools::commands::opened::OpenedNeeds;
use crate::tools::commands::patience::patience;
use crate::tools::commands::stopped;
use crate::tools::context::{ToolContext, ToolLimits};
use crate::tools::outcome::{Effect, Outcome, ToolError};
use crate::tools::tool::{Access, Probe, Tool, needs, number, object, text};

/// The exit code of a command that took too long.
pub const TIMED_OUT: i32 = -1;

/// The exit code of a command whose run was stopped: by its user, or with its server.
pub const CANCELLED: i32 = -2;

/// The wait for a cancelled command to end; the rest of it is ended in the background.
const CANCEL_WAIT: Duration = Duration::from_millis(700);

/// The wait for a command that took too long until it is gone.
const TIMEOUT_WAIT: Duration = Duration::from_secs(10);

/// After the command itself ended, its output is read until it is silent for this long: something it
/// left in the background may hold the pipes open for ever.
const SILENCE: Duration = Duration::from_millis(100);

/// The time for which such a background process may go on talking before the result is given.
const TALK: Duration = Duration::from_secs(1);

/// `run_command`.
#[derive(Clone, Copy, Debug)]
pub struct RunCommand;

impl Tool for RunCommand {
    fn name(&self) -> &'static str {
        "run_command"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &[
            "run_interactive_command",
            "execute_command",
            "run_shell_command",
        ]
    }

    fn description(&self) -> &'static str {
        "Runs a shell command in the workspace and waits for its end. It has no input and no terminal. Use start_server for what does not end."
    }

    fn parameters(&self) -> Value {
        object(
            &json!({
                "command": text("The command, for bash."),
                "cwd": text("Working directory relative to the workspace."),
                "timeout_seconds": number("How long it may take, 1 to 1800; 300 when left out."),
                "needs": needs(),
            }),
            &["command"],
        )
    }

    fn access(&self) -> Access {
        Access::Write
    }

    fn request<'a>(&self, arguments: Arguments<'a>) -> Request<'a> {
        arguments.request("command", |text| Request::Command {
            text,
            directory: arguments.raw_text("cwd").unwrap_or_default(),
            in_background: false,
            needs: arguments.raw("needs"),
        })
    }

    fn probe(&self, _arguments: Arguments<'_>, _context: &ToolContext) -> Probe {
        Probe::Command
    }

    fn call<'a>(
        &'a self,
        call_id: &'a str,
        arguments: Map<String, Value>,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<Outcome, ToolError>> {
        Box::pin(async move {
            let call = RunCommandCall::parse(Arguments::of(&arguments), &context.limits)?;
            execute(call, call_id, context).await
        })
    }
}

/// The arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunCommandCall {
    /// The text for the shell.
    pub command: String,
    /// Where it runs, within the workspace.
    pub directory: String,
    /// Time limit.
    pub time: Duration,
    /// Variables it sees beside the usual ones.
    pub extra: Vec<(&'static str, String)>,
    /// Its needs beyond the wall, which the policy has judged.
    pub widening: CallNeeds,
}

impl RunCommandCall {
    /// The call as the policy judges it, without its needs.
    fn judged(&self) -> Request<'_> {
        Request::Command {
            text: &self.command,
            directory: &self.directory,
            in_background: false,
            needs: None,
        }
    }

    /// Reads the arguments of a call.
    pub fn parse(given: Arguments<'_>, limits: &ToolLimits) -> Result<Self, ToolError> {
        let command = given.text("command")?;
        if command.trim().is_empty() {
            return Err(ToolError::Tell("`command` is empty".to_owned()));
        }
        let seconds = given.optional_whole("timeout_seconds", 0..=u64::MAX)?;
        let time = seconds.map_or(limits.command_time, |seconds| {
            Duration::from_secs(seconds.max(1)).min(limits.command_time_max)
        });
        let directory = given.optional_text("cwd")?.filter(|cwd| !cwd.is_empty());
        let widening = given.needs()?;
        if !widening.ports.is_empty() {
            return Err(ToolError::Tell(
                "`needs.ports` is for `start_server`, which keeps a server running".to_owned(),
            ));
        }
        Ok(Self {
            time: patience(&command, time, limits),
            directory: directory.unwrap_or_else(|| ".".to_owned()),
            command,
            extra: Vec::new(),
            widening,
        })
    }
}

/// The result of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code; 128 and the signal's number when a signal ended it, or [`TIMED_OUT`], or
    /// [`CANCELLED`].
    pub exit_code: i32,
    /// The part of its standard output that is kept.
    pub stdout: String,
    /// The part of its standard error that is kept.
    pub stderr: String,
    /// Its duration.
    pub took: Duration,
    /// True if something it started still runs; it ends with the run.
    pub left_running: bool,
    /// The limit of the sandbox that it exceeded, so that it was ended.
    pub exceeded: Option<String>,
    /// The accesses that the sandbox stopped, as far as they are known, and the files put back after it.
    pub stopped: Vec<String>,
}

/// Runs the command of a call.
///
/// A cancelled command has an outcome, with the exit code [`CANCELLED`] and what it said until then.
pub async fn execute(
    call: RunCommandCall,
    call_id: &str,
    context: &ToolContext,
) -> Result<Outcome, ToolError> {
    let ran = run(&call, call_id, context).await?;
    let success = ran.exit_code == 0;
    let seconds = ran.took.as_secs_f64();
    let message = match ran.exit_code {
        0 => format!("done in {seconds:.1} s"),
        TIMED_OUT => format!(
            "ended because it took longer than {} s; for a server use `start_server`, for a long \
             command set `timeout_seconds`",
            call.time.as_secs()
        ),
        CANCELLED => "ended before it was done, because its run was ended or moved".to_owned(),
        code => match &ran.exceeded {
            Some(what) => format!("ended because it used {what}"),
            None => format!("failed with exit code {code} after {seconds:.1} s"),
        },
    };
    // Code of the workspace may read any file, and shows it only by printing it. The output of a command that
    // only reads is exact, for an edit has to quote it, and was judged by its files.
    let is_exact = context
        .policy
        .judge("run_command", call.judged(), context.workspace.root())
        .is_asked_or_reads();
    let shown = |text: &str| {
        if is_exact {
            text.to_owned()
        } else {
            redact_evident(text).into_owned()
        }
    };
    let mut result = json!({
        "success": success,
        "exit_code": ran.exit_code,
        "stdout": shown(&ran.stdout),
        "stderr": shown(&ran.stderr),
        "message": message,
    });
    if !success {
        result["error"] = json!(message);
    }
    if !ran.stopped.is_empty() {
        result["sandbox"] = json!(ran.stopped);
    }
    if ran.left_running {
        result["note"] = json!(
            "something this command started still runs in the background and will be ended with \
             the run"
        );
    }
    let effect = Effect::Ran {
        command: call.command,
        exit_code: Some(ran.exit_code),
        success,
    };
    Ok(Outcome::new(result, vec![effect]))
}

/// Runs a command to its end, its time-out or the run's cancellation.
pub async fn run(
    call: &RunCommandCall,
    call_id: &str,
    context: &ToolContext,
) -> Result<Ran, ToolError> {
    let (directory, _) = context.workspace.open_directory(&call.directory)?;
    let opened = OpenedNeeds::of(&call.widening, &context.processes, &context.tasks).await?;
    let credentials = opened.credentials();
    let began = Instant::now();
    let command = ShellCommand {
        text: &call.command,
        record: context.status_file.as_deref(),
        widening: opened.widening(),
    };
    let refusals = context.processes.refusal_mark();
    let protected = context.protected_files().await?;
    let lent = credentials.into_iter().flat_map(|it| &it.variables);
    let lent = lent.map(|(name, value)| (name.as_str(), value.clone()));
    let extra: Vec<_> = call.extra.iter().cloned().chain(lent).collect();
    let started = context
        .processes
        .start(command, &directory, &extra, &context.tasks);
    let (mut running, outputs) = started.await?;
    drop(directory);
    let guard = running.guard();

    let limits = &context.limits;
    let live = Live::new(
        context.output.clone(),
        call_id,
        &call.command,
        limits.live_bytes,
    );
    if credentials.is_some_and(LentCredentials::holds_secrets) {
        // A piece may end within a secret that the whole is shown without.
        live.close();
    }
    let stdout = Capture::new(limits.output_bytes);
    let stderr = Capture::new(limits.output_bytes);
    let mut reading = [
        context.tasks.spawn(
            stdout
                .clone()
                .read(outputs.stdout, live.of(OutputStream::Stdout)),
        ),
        context.tasks.spawn(
            stderr
                .clone()
                .read(outputs.stderr, live.of(OutputStream::Stderr)),
        ),
    ];

    let exit_code = exit_code(&mut running, call.time, context).await?;
    settle(&mut reading, || stdout.total() + stderr.total()).await;
    live.close();
    guard.disarm();
    let shown = |text: String| credentials.map_or_else(|| text.clone(), |it| it.redacted(&text));
    let (stdout, stderr) = (shown(stdout.text()), shown(stderr.text()));
    let mut stopped = match exit_code {
        0 => Vec::new(),
        _ => stopped::reasons(&context.processes, refusals, &[&stdout, &stderr]),
    };
    let refused = credentials.map(LentCredentials::refused);
    stopped.extend(refused.into_iter().flatten().map(str::to_owned));
    if let Some(protected) = protected {
        stopped.extend(protected.put_back().await);
        let state = running.state();
        if !state.gone && (state.left_running || exit_code < 0) {
            context.servers.settle_at_the_end(protected);
        }
    }
    Ok(Ran {
        exit_code,
        stopped,
        stdout,
        stderr,
        took: began.elapsed(),
        exceeded: running.state().exceeded,
        left_running: exit_code >= 0 && running.state().left_running && !running.state().gone,
    })
}

/// Waits for a command's exit code. A command that takes longer than `time`, or whose run is
/// cancelled, is stopped.
async fn exit_code(
    running: &mut Running,
    time: Duration,
    context: &ToolContext,
) -> Result<i32, ToolError> {
    let state = tokio::select! {
        biased;
        state = running.ended() => state,
        () = context.cancel.cancelled() => {
            let _gone = tokio::time::timeout(CANCEL_WAIT, running.stop_soon()).await;
            return Ok(CANCELLED);
        }
        () = tokio::time::sleep(time) => {
            running.stop();
            running.gone(TIMEOUT_WAIT).await;
            return Ok(TIMED_OUT);
        }
    };
    match (state.code, state.failure) {
        (Some(code), _) => Ok(code),
        (None, Some(reason)) => Err(ToolError::Stop(format!(
            "a command could not be run: {reason}"
        ))),
        // The command killed its own supervisor, as `kill -9 -1` would.
        (None, None) => Ok(128 + 9),
    }
}

/// Waits until both outputs are read to their end, or nothing more comes.
async fn settle(reading: &mut [tokio::task::JoinHandle<()>; 2], total: impl Fn() -> u64) {
    let began = Instant::now();
    let [stdout, stderr] = reading;
    let both = async {
        let _ended = (stdout.await, stderr.await);
    };
    let mut both = std::pin::pin!(both);
    loop {
        let before = total();
        tokio::select! {
            () = &mut both => return,
            () = tokio::time::sleep(SILENCE) => {}
        }
        if total() == before || began.elapsed() > TALK {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_gets_more_time_than_the_most() {
        let limits = ToolLimits::default();
        let object = Map::from_iter([
            ("command".to_owned(), json!("ls")),
            ("timeout_seconds".to_owned(), json!("999999")),
        ]);
        let call = RunCommandCall::parse(Arguments::of(&object), &limits).unwrap();
        assert_eq!(call.time.as_secs(), 1800);
    }
}
