//! The obstacles of a run, and the verdict on its task.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::platform::text::{cut_chars, visible};
use crate::runs::outcome::{RunVerdict, Stopped};
use crate::verify::model::Verification;

/// The most of a path that is named, in characters.
const PATH_CHARS: usize = 60;
/// The most files that are named.
const MOST_FILES: usize = 5;

/// The obstacles that a run met.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Obstacles {
    /// Tool calls that ended.
    calls: u32,
    /// Those that failed.
    failed: u32,
    /// Commands among them that ran to their own end and said no, which may be what was asked for.
    said_no: u32,
    /// Calls among them that were not made, because a person did not allow them.
    not_allowed: u32,
    /// Files that could not be written, and were not written later.
    unwritten: BTreeSet<String>,
    /// Consents that a person denied.
    denied: u32,
    /// Questions that were not answered in time.
    unanswered: u32,
    /// Questions that needed a person where there was none.
    unasked: u32,
}

/// The end of a tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEnd {
    /// It did what it is for.
    Good,
    /// A command ran to its own end and said no, as tests do that fail.
    SaidNo,
    /// It was not made, because a person did not allow it.
    NotAllowed,
    /// It did not.
    Failed,
}

/// The facts of a verdict beside the obstacles.
#[derive(Clone, Copy, Debug)]
pub struct RunResult {
    /// Why the run ended.
    pub stopped: Stopped,
    /// The number of files that are other than before.
    pub changed: usize,
    /// The word of the project's checks.
    pub verification: Verification,
    /// True if the user wants the checks to run.
    pub checks: bool,
}

impl Obstacles {
    /// Notes the end of a tool call, and the file that it was to write, if that is what it does.
    pub fn note_call(&mut self, end: CallEnd, writes: Option<&str>) {
        self.calls = self.calls.saturating_add(1);
        self.failed = self.failed.saturating_add(u32::from(end != CallEnd::Good));
        self.said_no = self
            .said_no
            .saturating_add(u32::from(end == CallEnd::SaidNo));
        self.not_allowed = self
            .not_allowed
            .saturating_add(u32::from(end == CallEnd::NotAllowed));
        match writes {
            Some(path) if end == CallEnd::Good => drop(self.unwritten.remove(path)),
            Some(path) => drop(self.unwritten.insert(path.to_owned())),
            None => {}
        }
    }

    /// Notes that a person denied something.
    pub fn note_denied(&mut self) {
        self.denied = self.denied.saturating_add(1);
    }

    /// Notes that a question was not answered in time.
    pub fn note_unanswered(&mut self) {
        self.unanswered = self.unanswered.saturating_add(1);
    }

    /// Notes that a question needed a person where there was none.
    pub fn note_unasked(&mut self) {
        self.unasked = self.unasked.saturating_add(1);
    }

    /// The verdict about a run that met these.
    pub fn verdict(&self, run: RunResult) -> RunVerdict {
        if !run.stopped.is_success() {
            let is_limit = matches!(
                run.stopped,
                Stopped::FailuresExistedBefore
                    | Stopped::MaxIterations
                    | Stopped::RuntimeCap
                    | Stopped::ToolCallLimit
                    | Stopped::CostLimit
            );
            return if is_limit && run.changed > 0 {
                RunVerdict::Partly
            } else {
                RunVerdict::Failed
            };
        }
        let is_unwritten = !self.unwritten.is_empty();
        let nothing_worked = run.changed == 0 && self.calls > 0 && self.failed == self.calls;
        if nothing_worked && self.said_no == 0 || run.changed == 0 && is_unwritten {
            return RunVerdict::Failed;
        }
        let was_refused = self.denied > 0 || self.unanswered > 0 || self.unasked > 0;
        let is_unchecked =
            run.checks && run.changed > 0 && run.verification != Verification::Passed;
        if was_refused || is_unwritten || is_unchecked || nothing_worked {
            RunVerdict::Partly
        } else {
            RunVerdict::Done
        }
    }

    /// The same in words, a fact each.
    pub fn words(&self) -> Vec<String> {
        let mut told = Vec::new();
        let made = self.calls.saturating_sub(self.not_allowed);
        let failed = self.failed.saturating_sub(self.not_allowed);
        match (failed.saturating_sub(self.said_no), made) {
            (0, _) => {}
            (1, 1) => told.push("the only tool call failed".to_owned()),
            (failed, made) if failed == made => {
                told.push(format!("all {made} tool calls failed"));
            }
            (failed, made) => told.push(format!("{failed} of {made} tool calls failed")),
        }
        for path in self.unwritten.iter().take(MOST_FILES) {
            let path = cut_chars(&visible(path), PATH_CHARS);
            told.push(format!("`{path}` could not be written"));
        }
        for (count, one, many) in [
            (
                self.said_no,
                "command ended with an error",
                "commands ended with an error",
            ),
            (self.denied, "consent was denied", "consents were denied"),
            (
                self.unanswered,
                "question was not answered in time",
                "questions were not answered in time",
            ),
            (
                self.unasked,
                "question needs a person and was not asked",
                "questions need a person and were not asked",
            ),
        ] {
            if count > 0 {
                let what = if count == 1 { one } else { many };
                told.push(format!("{count} {what}"));
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stopped: Stopped, changed: usize, verification: Verification) -> RunResult {
        RunResult {
            stopped,
            changed,
            verification,
            checks: true,
        }
    }

    fn met(calls: &[(bool, Option<&str>)]) -> Obstacles {
        let mut obstacles = Obstacles::default();
        for (is_good, writes) in calls {
            let end = if *is_good {
                CallEnd::Good
            } else {
                CallEnd::Failed
            };
            obstacles.note_call(end, *writes);
        }
        obstacles
    }

    #[test]
    fn checked_work_is_done_and_so_is_an_answer() {
        let worked = met(&[(true, Some("a"))]);
        let checked = run(Stopped::Completed, 1, Verification::Passed);
        assert_eq!(worked.verdict(checked), RunVerdict::Done);
        let answered = run(Stopped::Completed, 0, Verification::NotRun);
        assert_eq!(Obstacles::default().verdict(answered), RunVerdict::Done);
        assert_eq!(worked.words(), Vec::<String>::new());
    }

    #[test]
    fn what_nothing_checked_is_partly_done_unless_no_checks_were_wanted() {
        let worked = met(&[(true, Some("a"))]);
        let unchecked = run(Stopped::Completed, 2, Verification::NotRun);
        assert_eq!(worked.verdict(unchecked), RunVerdict::Partly);
        let unwanted = RunResult {
            checks: false,
            ..unchecked
        };
        assert_eq!(worked.verdict(unwanted), RunVerdict::Done);
    }

    #[test]
    fn where_everything_failed_or_nothing_could_be_written_nothing_is_done() {
        let nothing = run(Stopped::Completed, 0, Verification::NotRun);
        let failed = met(&[(false, None)]);
        assert_eq!(failed.verdict(nothing), RunVerdict::Failed);
        assert_eq!(failed.words(), ["the only tool call failed"]);
        let refused = met(&[(true, None), (false, Some("a"))]);
        assert_eq!(refused.verdict(nothing), RunVerdict::Failed);
        assert_eq!(
            refused.words(),
            ["1 of 2 tool calls failed", "`a` could not be written"]
        );
    }

    #[test]
    fn a_command_that_said_no_may_be_the_answer_and_nothing_tells() {
        let nothing = run(Stopped::Completed, 0, Verification::NotRun);
        let mut asked = Obstacles::default();
        asked.note_call(CallEnd::SaidNo, None);
        assert_eq!(asked.verdict(nothing), RunVerdict::Partly);
        asked.note_call(CallEnd::Good, None);
        assert_eq!(asked.verdict(nothing), RunVerdict::Done);
        assert_eq!(asked.words(), ["1 command ended with an error"]);
    }

    #[test]
    fn a_call_that_was_not_allowed_did_not_fail() {
        let mut refused = met(&[(true, None)]);
        refused.note_call(CallEnd::NotAllowed, None);
        refused.note_denied();
        assert_eq!(refused.words(), ["1 consent was denied"]);
        refused.note_call(CallEnd::Failed, None);
        assert_eq!(
            refused.words(),
            ["1 of 2 tool calls failed", "1 consent was denied"]
        );
    }

    #[test]
    fn where_the_only_call_was_not_allowed_nothing_is_done() {
        let nothing = run(Stopped::Completed, 0, Verification::NotRun);
        let mut refused = Obstacles::default();
        refused.note_call(CallEnd::NotAllowed, None);
        refused.note_denied();
        assert_eq!(refused.verdict(nothing), RunVerdict::Failed);
    }

    #[test]
    fn a_file_that_was_written_at_the_second_try_is_written() {
        let worked = met(&[(false, Some("a")), (true, Some("a"))]);
        let checked = run(Stopped::Completed, 1, Verification::Passed);
        assert_eq!(worked.verdict(checked), RunVerdict::Done);
    }

    #[test]
    fn what_was_denied_is_partly_done_and_what_was_asked_of_no_person_is_not_called_denied() {
        let checked = run(Stopped::Completed, 1, Verification::Passed);
        let mut denied = met(&[(true, Some("a"))]);
        denied.note_denied();
        assert_eq!(denied.verdict(checked), RunVerdict::Partly);
        assert_eq!(denied.words(), ["1 consent was denied"]);
        let mut unasked = met(&[(true, Some("a"))]);
        unasked.note_unasked();
        assert_eq!(unasked.verdict(checked), RunVerdict::Partly);
        assert_eq!(
            unasked.words(),
            ["1 question needs a person and was not asked"]
        );
    }

    #[test]
    fn a_limit_leaves_a_part_and_a_failed_check_nothing() {
        for (stopped, changed, expected) in [
            (Stopped::CostLimit, 1, RunVerdict::Partly),
            (Stopped::CostLimit, 0, RunVerdict::Failed),
            (Stopped::FailuresExistedBefore, 1, RunVerdict::Partly),
            (Stopped::VerificationFailed, 1, RunVerdict::Failed),
            (Stopped::ModelError, 1, RunVerdict::Failed),
            (Stopped::Cancelled, 1, RunVerdict::Failed),
        ] {
            let ended = run(stopped, changed, Verification::Failed);
            let found = Obstacles::default().verdict(ended);
            assert_eq!(found, expected, "{stopped:?}");
        }
    }
}
