//! Recovery of a call that had begun in a process that was lost.
//!
//! Before an effect begins, the probe that recognises it is written beside the intent: the hashes of a file
//! before and after, or the place where a command notes its progress. The process that goes on looks there.
//! An effect that certainly did not happen is done now, one that did is not done again, and the user is asked
//! about one that is unknown.

use serde_json::{Value, json};

use crate::agent::calls::call::{CallResult, Invocation, PendingCall};
use crate::agent::calls::probe::{Sign, StoredProbe, sha256};
use crate::agent::runner::primitives::{Halt, Runner};
use crate::exec::status_file::CommandStatus;
use crate::llm::model::Message;
use crate::tools::files::write_file;
use crate::tools::outcome::Effect;

/// The outcome of a call that another process began.
pub(crate) enum Recovery {
    /// It was done, and this is its result.
    Completed(CallResult),
    /// It certainly did not happen.
    NotStarted,
    /// Unknown.
    Unknown,
}

/// Looks what became of a call that had begun.
pub(crate) async fn outcome_of(
    runner: &mut Runner,
    pending: &PendingCall,
    probe: &StoredProbe,
    invocation: &Invocation,
) -> Result<Recovery, Halt> {
    Ok(match &probe.sign {
        Sign::Repeatable => Recovery::NotStarted,
        Sign::Server => Recovery::Completed(CallResult::error(
            "the server process that held this was lost, and what it had started ended with \
             it; start it again if you need it",
        )),
        Sign::File {
            path,
            before,
            after,
        } => match hash_now(runner, path).await {
            Some(found) if found.as_ref() == Some(after) => {
                Recovery::Completed(written(path, before.is_some()))
            }
            Some(found) if found == *before => Recovery::NotStarted,
            Some(_) | None => Recovery::Unknown,
        },
        Sign::Command { records } => {
            let noted = &runner.deps.status_files;
            match noted.read(records, runner.run.id, pending.id) {
                Some(CommandStatus::NotBegun) => Recovery::NotStarted,
                Some(CommandStatus::Ended(code)) => Recovery::Completed(ran(invocation, code)),
                Some(CommandStatus::CutOff) | None => Recovery::Unknown,
            }
        }
        Sign::None => Recovery::Unknown,
    })
}

/// The hash of a file as it is now, if that can be told.
pub(crate) async fn hash_now(runner: &Runner, path: &str) -> Option<Option<String>> {
    let workspace = runner.tools.as_ref()?.workspace.clone();
    let path = path.to_owned();
    let look = move || match write_file::content(&workspace, &path) {
        Ok(content) => Some(content.as_deref().map(sha256)),
        Err(_) => None,
    };
    tokio::task::spawn_blocking(look).await.ok().flatten()
}

/// Before the model is asked again: it believes in servers that ended with the process that ran
/// them.
pub(crate) async fn tell_of_lost_servers(runner: &mut Runner) -> Result<(), Halt> {
    let ports = std::mem::take(&mut runner.state.ports);
    if ports.is_empty() {
        return Ok(());
    }
    let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
    let told = format!(
        "The service restarted. The servers you had started (ports {}) ended with it; start \
         them again if you need them.",
        ports.join(", ")
    );
    runner.append(Message::user(told)).await
}

/// The result of a file tool that was done before its process was lost.
fn written(path: &str, existed: bool) -> CallResult {
    let action = if existed { "modified" } else { "created" };
    let result = json!({
        "success": true, "path": path, "action": action,
        "note": "this was done before the server was lost, and is as it should be",
    });
    let path = path.to_owned();
    let effect = if existed {
        Effect::Modified(path)
    } else {
        Effect::Created(path)
    };
    let mut done = CallResult::of(result);
    done.effects.push(effect);
    done
}

/// The result of a command that ended after its process was lost.
fn ran(invocation: &Invocation, code: i32) -> CallResult {
    let success = code == 0;
    let message = format!(
        "it ended with exit code {code}; what it said was lost with the server, so look at what \
         it did if you need to know more"
    );
    let mut result = json!({
        "success": success, "exit_code": code, "stdout": "", "stderr": "", "message": message,
    });
    if !success {
        result["error"] = json!(message);
    }
    let command = invocation.arguments.get("command").and_then(Value::as_str);
    let mut done = CallResult::of(result);
    done.effects.push(Effect::Ran {
        command: command.unwrap_or_default().to_owned(),
        exit_code: Some(code),
        success,
    });
    done
}
