//! The outcome of a run: evidence from its frames, its summary, and the exit code.

use std::process::ExitCode;

use serde_json::Value;

use crate::cli::terminal::words::counted;
use crate::platform::text::visible;

/// The degree to which a task was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskVerdict {
    /// Wholly, as far as that can be told.
    Done,
    /// In part, or so that it cannot be told.
    Partly,
    /// Not.
    Failed,
}

impl TaskVerdict {
    /// The verdict of a summary. Servers of earlier versions only say whether it was a success.
    pub fn of(summary: &Value) -> Self {
        match summary["verdict"].as_str() {
            Some("done") => Self::Done,
            Some("partly") => Self::Partly,
            None if summary["success"] == Value::Bool(true) => Self::Done,
            Some(_) | None => Self::Failed,
        }
    }

    /// The exit code of the command.
    pub fn exit_code(self) -> ExitCode {
        match self {
            Self::Done => ExitCode::SUCCESS,
            Self::Partly => ExitCode::from(4),
            Self::Failed => ExitCode::FAILURE,
        }
    }
}

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskOutcome {
    /// The degree to which the task was done.
    pub verdict: TaskVerdict,
    /// The same in a sentence.
    pub words: String,
}

impl TaskOutcome {
    /// The outcome of a run with this summary.
    pub fn of(summary: &Value) -> Self {
        let verdict = TaskVerdict::of(summary);
        let head = match (summary["stopped_reason"] == "completed", verdict) {
            (true, TaskVerdict::Done) if summary["verification"] == "passed" => "Done".to_owned(),
            (true, _) => "The model says done".to_owned(),
            (false, _) => format!("Not done: {}", reason(summary)),
        };
        let mut facts = vec![files(summary), verified(summary).to_owned()];
        if verdict != TaskVerdict::Done {
            let met = summary["obstacles"].as_array().into_iter().flatten();
            facts.extend(
                met.filter_map(Value::as_str)
                    .map(|fact| visible(fact).into_owned()),
            );
        }
        let seconds = summary["elapsed_ms"].as_f64().unwrap_or_default() / 1_000.0;
        let facts = facts.join(", ");
        Self {
            verdict,
            words: format!("{head}; {facts}; {seconds:.1} s"),
        }
    }
}

/// The number of files that are other than before.
pub fn changed(summary: &Value) -> u64 {
    let lists = [
        "files_modified",
        "files_created",
        "files_deleted",
        "files_renamed",
    ];
    let lengths = lists
        .iter()
        .map(|list| summary[list].as_array().map_or(0, Vec::len));
    lengths.sum::<usize>() as u64
}

fn files(summary: &Value) -> String {
    let files = counted(changed(summary), "file changed", "files changed");
    if summary["changes_complete"] == Value::Bool(false) {
        return format!("at least {files}");
    }
    files
}

fn verified(summary: &Value) -> &'static str {
    match summary["verification"].as_str() {
        Some("passed") => "the project's checks pass",
        Some("failed") => "the project's checks fail",
        Some(_) | None => "nothing was checked",
    }
}

/// Why a run ended before its task was done.
pub fn reason(summary: &Value) -> String {
    let name = summary["stopped_reason"].as_str().unwrap_or_default();
    let words = match name {
        "verification_failed" => "the project's checks fail",
        "failures_existed_before" => "checks that failed before still fail",
        "max_iterations" => "the rounds of work are used up",
        "iteration_loop_detected" => "the same failures came back again and again",
        "runtime_cap_reached" => "the limit of time was reached",
        "tool_call_limit" => "the limit of tool calls was reached",
        "cost_limit" => "the limit of cost or tokens was reached",
        "model_error" => "the model could not be asked",
        "cancelled" => "it was cancelled",
        "internal_error" => "something failed on the server",
        _ => return visible(&name.replace('_', " ")).into_owned(),
    };
    words.to_owned()
}

/// The command that goes on with a run that is over. Where the model says that it is done, only words of the
/// person lead further.
pub fn resume_command(run: &str, summary: &Value) -> String {
    let says_done = summary["stopped_reason"] == "completed";
    let words = if says_done { " \"what else\"" } else { "" };
    format!("navi agent resume {run}{words}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(changes: &Value) -> (TaskVerdict, String) {
        let mut summary = json!({"success": true, "verdict": "done", "stopped_reason": "completed",
            "elapsed_ms": 1_500, "files_modified": ["a"], "verification": "passed",
            "changes_complete": true, "obstacles": ["1 of 2 tool calls failed"]});
        for (name, value) in changes.as_object().unwrap() {
            summary[name] = value.clone();
        }
        let TaskOutcome { verdict, words } = TaskOutcome::of(&summary);
        (verdict, words)
    }

    #[test]
    fn what_the_model_says_is_told_apart_from_what_is_known() {
        for (changes, verdict, words) in [
            (
                json!({}),
                TaskVerdict::Done,
                "Done; 1 file changed, the project's checks pass; 1.5 s",
            ),
            (
                json!({"files_modified": [], "verification": "not_run"}),
                TaskVerdict::Done,
                "The model says done; 0 files changed, nothing was checked; 1.5 s",
            ),
            (
                json!({"success": false, "verdict": "failed"}),
                TaskVerdict::Failed,
                "The model says done; 1 file changed, the project's checks pass, 1 of 2 tool calls \
                 failed; 1.5 s",
            ),
            (
                json!({"success": false, "verdict": "partly", "stopped_reason": "cost_limit"}),
                TaskVerdict::Partly,
                "Not done: the limit of cost or tokens was reached; 1 file changed, the project's \
                 checks pass, 1 of 2 tool calls failed; 1.5 s",
            ),
        ] {
            assert_eq!(said(&changes), (verdict, words.to_owned()));
        }
    }

    #[test]
    fn a_server_that_gives_no_verdict_is_believed_its_success() {
        assert_eq!(said(&json!({"verdict": null})).0, TaskVerdict::Done);
        let failed = json!({"verdict": null, "success": false});
        assert_eq!(said(&failed).0, TaskVerdict::Failed);
    }
}
