//! Verification within a run: the project's checks before the first change and after the last.
//!
//! A run is never blamed for what failed before it, and never praised either: a check that fails
//! at the end means that the task is not verified, whoever broke it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::agent::event::Event;
use crate::agent::event_data::{Phase, Verification};
use crate::agent::journal::Entry;
use crate::agent::model::Stopped;
use crate::agent::prompt::Reach;
use crate::agent::run::{Halt, Runner};
use crate::agent::tools::registry::ToolError;
use crate::agent::verify::compare::{Change, Verdict, compare};
use crate::agent::verify::detect::{Check, detect};
use crate::agent::verify::run::{CheckResult, run};
use crate::platform::db::to_jsonb;

/// How often the same failures may come back before the run is stopped.
const SAME_FAILURES: u32 = 5;
/// The most of a failing check's output that the model is shown, in bytes.
const MAX_OUTPUT_BYTES: usize = 4_000;

/// What the checks said before the first change.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Baseline {
    /// The checks, once they were looked for.
    checks: Option<Vec<Check>>,
    /// Their results before the first change.
    before: Option<Vec<CheckResult>>,
}

/// What is remembered from one verification to the next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rounds {
    /// The failures of the last verification, and how often they came back.
    repeated: (BTreeSet<String>, u32),
    /// Whether the model was already told that what fails failed before.
    told_of_old_failures: bool,
    /// What had been done by the last verification.
    deeds_seen: u32,
}

/// What follows from a verification.
#[derive(Debug)]
pub enum Checked {
    /// The run may end well.
    Done,
    /// The run ends otherwise.
    Stop(Stopped),
    /// The model has to go on.
    Again {
        /// For the client.
        reason: String,
        /// For the model.
        message: String,
    },
}

impl Runner {
    /// Runs the checks once before anything is changed, so that old failures are known as old.
    pub(super) async fn measure_baseline(&mut self) -> Result<(), Halt> {
        if self.baseline.before.is_some() || !self.verifies() {
            return Ok(());
        }
        let checks = self.checks();
        if checks.is_empty() {
            self.baseline.before = Some(Vec::new());
            return self.keep_baseline().await;
        }
        self.thinking("Running the project's checks before the first change…")
            .await?;
        let results = self.run_checks(&checks, "baseline").await?;
        self.baseline.before = Some(results);
        self.keep_baseline().await
    }

    /// Whoever goes on with this run cannot measure it again: the workspace will have changed.
    async fn keep_baseline(&mut self) -> Result<(), Halt> {
        let baseline = to_jsonb(&self.baseline);
        Ok(self.journal.write(vec![Entry::Baseline(baseline)]).await?)
    }

    /// Verifies what was done. When nothing was, there is nothing to verify.
    pub(super) async fn check(&mut self) -> Result<Checked, Halt> {
        if !self.verifies() || self.tally.deeds() == 0 {
            return Ok(Checked::Done);
        }
        let checks = self.checks();
        self.journal.event(Event::status(Phase::Verifying)).await?;
        let after = self.run_checks(&checks, "verification").await?;
        let before = self.baseline.before.as_deref().unwrap_or_default();
        let verdict = compare(before, &after);
        self.verification = verdict.outcome;
        let event = Event::Verification {
            results: verdict.checks.clone(),
            outcome: verdict.outcome,
        };
        self.journal.event(event).await?;
        match verdict.outcome {
            Verification::Passed | Verification::NotRun => Ok(Checked::Done),
            Verification::Failed => Ok(self.after_failure(&verdict, &after)),
        }
    }

    fn after_failure(&mut self, verdict: &Verdict, after: &[CheckResult]) -> Checked {
        let rounds = &mut self.rounds;
        let changed = self.tally.deeds() != rounds.deeds_seen;
        rounds.deeds_seen = self.tally.deeds();
        if verdict.only_old_failures {
            if rounds.told_of_old_failures && !changed {
                return Checked::Stop(Stopped::FailuresExistedBefore);
            }
            rounds.told_of_old_failures = true;
        }
        let failing = failing(verdict);
        if rounds.repeated.0 == failing {
            rounds.repeated.1 += 1;
        } else {
            rounds.repeated = (failing, 1);
        }
        if rounds.repeated.1 >= SAME_FAILURES {
            return Checked::Stop(Stopped::LoopDetected);
        }
        if !changed && !verdict.only_old_failures {
            return Checked::Stop(Stopped::VerificationFailed);
        }
        let failed = after.iter().filter(|check| !check.success).count();
        Checked::Again {
            reason: format!("{failed} of {} checks failed", after.len()),
            message: feedback(verdict, after),
        }
    }

    fn verifies(&self) -> bool {
        self.run.task.run_verification && self.reach == Reach::Full
    }

    /// The project's checks, looked for before the first change: the agent does not choose what it
    /// is measured by. Only a project that had none is looked at again, because it may be new.
    fn checks(&mut self) -> Vec<Check> {
        let Some(tools) = &self.tools else {
            return Vec::new();
        };
        match &self.baseline.checks {
            Some(checks) if !checks.is_empty() => checks.clone(),
            Some(_) | None => self.baseline.checks.insert(detect(tools)).clone(),
        }
    }

    async fn run_checks(&mut self, checks: &[Check], id: &str) -> Result<Vec<CheckResult>, Halt> {
        let Some(tools) = self.tools.clone() else {
            return Ok(Vec::new());
        };
        match self.output.during_checks(run(checks, id, &tools)).await? {
            Ok(results) => Ok(results),
            Err(ToolError::Cancelled) => Err(Halt::Stopped(Stopped::Cancelled)),
            Err(error) => {
                tracing::error!(%error, "a check failed on our side");
                Err(Halt::Stopped(Stopped::InternalError))
            }
        }
    }
}

/// What fails, by name; two verifications in which the same fails are the same.
fn failing(verdict: &Verdict) -> BTreeSet<String> {
    let names = |change: &Change| &change.broken | &change.still_broken;
    verdict.changes.iter().flat_map(names).collect()
}

/// What the model is told about a failed verification.
fn feedback(verdict: &Verdict, results: &[CheckResult]) -> String {
    let mut text =
        String::from("The project's checks ran after you said that you were done, and failed.\n");
    for check in results.iter().filter(|check| !check.success) {
        let exit = match check.exit_code {
            _ if check.timed_out => "timed out".to_owned(),
            Some(code) => format!("exit code {code}"),
            None => "ended by a signal".to_owned(),
        };
        let _ = writeln!(text, "\n`{}` ({exit}):", check.command);
        let output = crate::platform::text::head_and_tail(&check.output, MAX_OUTPUT_BYTES);
        let _ = writeln!(text, "```\n{output}\n```");
    }
    for check in &verdict.checks {
        if !check.failed_before.is_empty() {
            let names = check.failed_before.join(", ");
            let _ = writeln!(text, "\nFailed already before your first change: {names}.");
        }
    }
    text.push_str(if verdict.only_old_failures {
        "\nEverything that fails now failed before you began. If the task asks for it to work, mend \
         it; if not, answer without changing anything more."
    } else {
        "\nMend what fails. Do not weaken or remove checks to get them to pass."
    });
    text
}
