//! The outcome of a run: evidence from its frames, its summary, and the exit code.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use serde_json::Value;

use crate::cli::terminal::words::counted;
use crate::platform::text::{cut_chars, visible};

/// The tools that write a file.
const WRITERS: &[&str] = &["edit_file", "write_file"];
/// The most of a path that is named, in characters.
const PATH_CHARS: usize = 60;

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
    /// The exit code of the command.
    pub fn exit_code(self) -> ExitCode {
        match self {
            Self::Done => ExitCode::SUCCESS,
            Self::Partly => ExitCode::from(4),
            Self::Failed => ExitCode::FAILURE,
        }
    }
}

/// Facts that the frames of a run tell and its summary does not.
#[derive(Clone, Debug, Default)]
pub struct RunEvidence {
    /// Tool calls that ended.
    calls: u64,
    /// Those that failed.
    failed: u64,
    /// Consents that a person denied.
    denied: u64,
    /// Consents that were not answered in time.
    unanswered: u64,
    /// Questions that no one could be asked, because there is no terminal.
    unasked: u64,
    /// The file of each call that is to write one.
    writing: BTreeMap<String, String>,
    /// Files that could not be written, and were not written later.
    unwritten: BTreeSet<String>,
}

impl RunEvidence {
    /// Takes a frame into account.
    pub fn frame(&mut self, frame: &Value) {
        match frame["type"].as_str().unwrap_or_default() {
            "tool_call" => self.call(&frame["tool_call"]),
            "tool_result" => self.result(&frame["tool_result"]),
            "approval_denied" => match frame["approval"]["decision"].as_str() {
                Some("timeout") => self.unanswered += 1,
                Some("denied") => self.denied += 1,
                Some(_) | None => {}
            },
            _ => {}
        }
    }

    /// Counts a question that was answered with no, because no one could be asked.
    pub fn nobody_was_asked(&mut self) {
        self.unasked += 1;
    }

    fn call(&mut self, call: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if WRITERS.contains(&text(&call["name"]).as_str()) {
            self.writing
                .insert(text(&call["id"]), text(&call["arguments"]["path"]));
        }
    }

    fn result(&mut self, result: &Value) {
        let is_good = result["result"]["success"] != Value::Bool(false);
        self.calls += 1;
        self.failed += u64::from(!is_good);
        let id = result["id"].as_str().unwrap_or_default();
        if let Some(path) = self.writing.remove(id) {
            if is_good {
                self.unwritten.remove(&path);
            } else {
                self.unwritten.insert(path);
            }
        }
    }

    /// The consents that a person was asked for and denied.
    fn denied_by_a_person(&self) -> u64 {
        self.denied.saturating_sub(self.unasked)
    }

    fn has_failed_wholly(&self) -> bool {
        self.calls > 0 && self.failed == self.calls
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
    /// The outcome of a run with this summary. `checks` is false when no checks were wanted.
    pub fn of(summary: &Value, evidence: &RunEvidence, checks: bool) -> Self {
        let changed = changed(summary);
        let verdict = verdict(summary, evidence, checks, changed);
        let head = match (summary["success"] == Value::Bool(true), verdict) {
            (true, TaskVerdict::Done) if summary["verification"] == "passed" => "Done".to_owned(),
            (true, _) => "The model says done".to_owned(),
            (false, _) => format!("Not done: {}", reason(summary)),
        };
        let mut facts = vec![files(summary, changed), verified(summary).to_owned()];
        if verdict != TaskVerdict::Done {
            facts.extend(troubles(evidence));
        }
        let seconds = summary["elapsed_ms"].as_f64().unwrap_or_default() / 1_000.0;
        let facts = facts.join(", ");
        Self {
            verdict,
            words: format!("{head}; {facts}; {seconds:.1} s"),
        }
    }
}

fn verdict(summary: &Value, evidence: &RunEvidence, checks: bool, changed: u64) -> TaskVerdict {
    if summary["success"] != Value::Bool(true) {
        return match summary["stopped_reason"].as_str().unwrap_or_default() {
            "failures_existed_before"
            | "max_iterations"
            | "runtime_cap_reached"
            | "tool_call_limit"
            | "cost_limit"
                if changed > 0 =>
            {
                TaskVerdict::Partly
            }
            _ => TaskVerdict::Failed,
        };
    }
    let was_refused = evidence.denied + evidence.unanswered + evidence.unasked > 0;
    let is_unwritten = !evidence.unwritten.is_empty();
    if changed == 0 && (evidence.has_failed_wholly() || is_unwritten) {
        return TaskVerdict::Failed;
    }
    let is_unchecked = checks && changed > 0 && summary["verification"] != "passed";
    if was_refused || is_unwritten || is_unchecked {
        return TaskVerdict::Partly;
    }
    TaskVerdict::Done
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

fn files(summary: &Value, changed: u64) -> String {
    let files = counted(changed, "file changed", "files changed");
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

/// Further faults.
fn troubles(evidence: &RunEvidence) -> Vec<String> {
    let mut told = Vec::new();
    if evidence.has_failed_wholly() {
        told.push(match evidence.calls {
            1 => "the only tool call failed".to_owned(),
            calls => format!("all {calls} tool calls failed"),
        });
    } else if evidence.failed > 0 {
        told.push(format!(
            "{} of {} tool calls failed",
            evidence.failed, evidence.calls
        ));
    }
    for path in &evidence.unwritten {
        let path = cut_chars(&visible(path), PATH_CHARS);
        told.push(format!("`{path}` could not be written"));
    }
    for (count, one, many) in [
        (
            evidence.denied_by_a_person(),
            "consent was denied",
            "consents were denied",
        ),
        (
            evidence.unanswered,
            "question was not answered in time",
            "questions were not answered in time",
        ),
        (
            evidence.unasked,
            "question needs a person and was not asked",
            "questions need a person and were not asked",
        ),
    ] {
        if count > 0 {
            told.push(counted(count, one, many));
        }
    }
    told
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(id: &str, name: &str, path: &str, success: bool) -> [Value; 2] {
        [
            json!({"type": "tool_call", "tool_call":
                {"id": id, "name": name, "arguments": {"path": path}}}),
            json!({"type": "tool_result", "tool_result": {"id": id, "result": {"success": success}}}),
        ]
    }

    fn evidence(frames: impl IntoIterator<Item = Value>) -> RunEvidence {
        let mut evidence = RunEvidence::default();
        for frame in frames {
            evidence.frame(&frame);
        }
        evidence
    }

    fn summary(reason: &str, modified: &[&str], verification: &str) -> Value {
        json!({"success": reason == "completed", "stopped_reason": reason, "elapsed_ms": 1_500,
            "files_modified": modified, "verification": verification, "changes_complete": true})
    }

    fn said(summary: &Value, evidence: &RunEvidence) -> (TaskVerdict, String) {
        let TaskOutcome { verdict, words } = TaskOutcome::of(summary, evidence, true);
        (verdict, words)
    }

    #[test]
    fn checked_work_is_done_and_an_answer_is_an_answer() {
        let good = evidence(call("1", "edit_file", "a", true));
        let done = summary("completed", &["a"], "passed");
        let expected = "Done; 1 file changed, the project's checks pass; 1.5 s";
        assert_eq!(said(&done, &good), (TaskVerdict::Done, expected.to_owned()));
        let answer = summary("completed", &[], "not_run");
        let expected = "The model says done; 0 files changed, nothing was checked; 1.5 s";
        let nothing = RunEvidence::default();
        assert_eq!(
            said(&answer, &nothing),
            (TaskVerdict::Done, expected.to_owned())
        );
    }

    #[test]
    fn what_nobody_checked_is_partly_done_unless_no_checks_were_wanted() {
        let work = summary("completed", &["a", "b"], "not_run");
        let (good, nothing) = (
            evidence(call("1", "edit_file", "a", true)),
            RunEvidence::default(),
        );
        assert_eq!(said(&work, &good).0, TaskVerdict::Partly);
        assert_eq!(
            TaskOutcome::of(&work, &nothing, false).verdict,
            TaskVerdict::Done
        );
    }

    #[test]
    fn where_everything_failed_or_nothing_could_be_written_nothing_is_done() {
        let nothing = summary("completed", &[], "not_run");
        let failed = evidence(call("1", "read_file", "a", false));
        let (verdict, words) = said(&nothing, &failed);
        assert_eq!(verdict, TaskVerdict::Failed);
        assert!(words.contains("the only tool call failed"), "{words}");
        let looked = call("1", "read_file", "a", true);
        let refused = evidence(
            looked
                .into_iter()
                .chain(call("2", "write_file", "a", false)),
        );
        let (verdict, words) = said(&nothing, &refused);
        assert_eq!(verdict, TaskVerdict::Failed);
        assert!(
            words.contains("1 of 2 tool calls failed, `a` could not be written"),
            "{words}"
        );
    }

    #[test]
    fn a_file_that_was_written_at_the_second_try_is_written() {
        let first = call("1", "edit_file", "a", false);
        let work = evidence(first.into_iter().chain(call("2", "edit_file", "a", true)));
        let done = summary("completed", &["a"], "passed");
        assert_eq!(said(&done, &work).0, TaskVerdict::Done);
    }

    #[test]
    fn what_was_denied_is_partly_done_and_what_nobody_was_asked_is_not_called_denied() {
        let denied = json!({"type": "approval_denied", "approval": {"decision": "denied"}});
        let done = summary("completed", &["a"], "passed");
        let mut work = evidence([denied.clone()]);
        let (verdict, words) = said(&done, &work);
        assert_eq!(verdict, TaskVerdict::Partly);
        assert!(words.contains("1 consent was denied"), "{words}");
        work.nobody_was_asked();
        let words = said(&done, &work).1;
        assert!(
            words.contains("1 question needs a person and was not asked")
                && !words.contains("denied"),
            "{words}"
        );
    }

    #[test]
    fn a_limit_leaves_a_part_and_a_failed_check_nothing() {
        for (reason, files, expected) in [
            ("cost_limit", &["a"][..], TaskVerdict::Partly),
            ("cost_limit", &[], TaskVerdict::Failed),
            ("failures_existed_before", &["a"], TaskVerdict::Partly),
            ("verification_failed", &["a"], TaskVerdict::Failed),
            ("model_error", &["a"], TaskVerdict::Failed),
            ("cancelled", &["a"], TaskVerdict::Failed),
        ] {
            let summary = summary(reason, files, "failed");
            let (verdict, words) = said(&summary, &RunEvidence::default());
            assert_eq!(verdict, expected, "{reason}");
            assert!(words.starts_with("Not done: "), "{words}");
        }
    }
}
