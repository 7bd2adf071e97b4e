//! Verification within a run: the project's checks before the first change and after the last.
//!
//! A run is never blamed for what failed before it, and never praised either: a check that fails
//! at the end means that the task is not verified, whoever broke it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::agent::prompt::fence::code_block;
use crate::agent::runner::primitives::{Halt, Runner};
use crate::agent::runner::watch;
use crate::agent::steps::turn;
use crate::platform::json::to_jsonb;
use crate::platform::redact::text::redact_text;
use crate::policy::model::{Finding, Verdict, WORKSPACE_CODE};
use crate::policy::request::Request;
use crate::runs::event::Event;
use crate::runs::event_data::RunPhase;
use crate::runs::log::entry::Entry;
use crate::runs::model::ToolAccess;
use crate::runs::outcome::Stopped;
use crate::tools::context::ToolContext;
use crate::tools::outcome::ToolError;
use crate::verify::compare;
use crate::verify::compare::{Change, compare};
use crate::verify::detect::{Check, detect};
use crate::verify::left_out::LeftOut;
use crate::verify::model::Verification;
use crate::verify::run::{CheckResult, run};

/// How often the same failures may come back before the run is stopped.
const SAME_FAILURES: u32 = 5;
/// The most of a failing check's output that the model is shown, in bytes.
const MAX_OUTPUT_BYTES: usize = 4_000;

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

/// Runs the checks once before anything is changed, so that old failures are known as old.
pub(crate) async fn measure_baseline(runner: &mut Runner) -> Result<(), Halt> {
    if runner.baseline.before.is_some() || !verifies(runner) {
        return Ok(());
    }
    let checks = checks(runner).await?;
    if checks.is_empty() {
        runner.baseline.before = Some(Vec::new());
        return keep_baseline(runner).await;
    }
    runner
        .thinking("Running the project's checks before the first change…")
        .await?;
    let results = run_checks(runner, &checks, "baseline").await?;
    runner.baseline.before = Some(results);
    keep_baseline(runner).await
}

/// Another process cannot measure it again: the workspace will have changed.
async fn keep_baseline(runner: &mut Runner) -> Result<(), Halt> {
    let baseline = to_jsonb(&runner.baseline);
    Ok(runner
        .journal
        .write(vec![Entry::Baseline(baseline)])
        .await?)
}

/// Verifies what was done. When nothing was, there is nothing to verify.
pub(crate) async fn check(runner: &mut Runner) -> Result<Checked, Halt> {
    if !verifies(runner) || runner.state.usage.deeds() == 0 {
        return Ok(Checked::Done);
    }
    let known = runner.baseline.checks.clone().unwrap_or_default();
    let checks = checks(runner).await?;
    runner
        .journal
        .event(Event::status(RunPhase::Verifying))
        .await?;
    let mut after = run_checks(runner, &checks, "verification").await?;
    // A check that ran before, and may not run any more, tells nothing good.
    let refused = known.iter().filter(|check| !checks.contains(check));
    after.extend(refused.map(|check| CheckResult::refused(check, &runner.baseline.left_out)));
    let before = runner.baseline.before.as_deref().unwrap_or_default();
    let verdict = compare(before, &after);
    runner.state.verification = verdict.outcome;
    let event = Event::Verification {
        results: verdict.checks.clone(),
        outcome: verdict.outcome,
    };
    runner.journal.event(event).await?;
    match verdict.outcome {
        Verification::Passed | Verification::NotRun => {
            tell_left_out(runner, &after).await?;
            Ok(Checked::Done)
        }
        Verification::Failed => Ok(after_failure(runner, &verdict, &after)),
    }
}

/// Adds to the answer which checks say nothing about it.
async fn tell_left_out(runner: &mut Runner, after: &[CheckResult]) -> Result<(), Halt> {
    let has_run = |check: &LeftOut| {
        let mut results = after.iter();
        results.any(|result| check.is_of(&result.command, &result.directory))
    };
    let left_out = runner.baseline.left_out.iter();
    let left_out = left_out.filter(|check| !has_run(check));
    let sentences: Vec<_> = left_out.map(LeftOut::sentence).collect();
    if !sentences.is_empty() {
        turn::show(runner, format!("\n\n{}\n", sentences.join("\n"))).await?;
    }
    Ok(())
}

fn after_failure(
    runner: &mut Runner,
    verdict: &compare::Verdict,
    after: &[CheckResult],
) -> Checked {
    let rounds = &mut runner.state.rounds;
    let changed = runner.state.usage.deeds() != rounds.deeds_seen;
    rounds.deeds_seen = runner.state.usage.deeds();
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

fn verifies(runner: &Runner) -> bool {
    runner.run.task.run_verification && runner.access == ToolAccess::Full
}

/// The project's checks, looked for before the first change: the agent does not choose what it
/// is measured by. Only a project that had none is looked at again, because it may be new.
async fn checks(runner: &mut Runner) -> Result<Vec<Check>, Halt> {
    let Some(tools) = runner.tools.clone() else {
        return Ok(Vec::new());
    };
    let found = detect(&tools);
    let known = runner.baseline.checks.clone().unwrap_or_default();
    if known.is_empty() {
        let allowed = allowed(runner, &tools, found.clone(), &found).await?;
        return Ok(runner.baseline.checks.insert(allowed).clone());
    }
    // What a check runs may be another text by now.
    allowed(runner, &tools, known, &found).await
}

/// The checks that may run; the run says of the others why they do not. `found` are the checks as
/// the project has them now.
async fn allowed(
    runner: &mut Runner,
    tools: &ToolContext,
    checks: Vec<Check>,
    found: &[Check],
) -> Result<Vec<Check>, Halt> {
    let mut allowed = Vec::new();
    for check in checks {
        let is_same =
            |now: &&Check| (&now.command, &now.directory) == (&check.command, &check.directory);
        let now = found.iter().find(is_same).unwrap_or(&check);
        match objection(tools, now) {
            None => allowed.push(check),
            Some(why) => leave_out(runner, LeftOut::new(&check, why)).await?,
        }
    }
    Ok(allowed)
}

/// Says once that a check is not run.
async fn leave_out(runner: &mut Runner, check: LeftOut) -> Result<(), Halt> {
    if runner.baseline.left_out.contains(&check) {
        return Ok(());
    }
    runner.thinking(&check.sentence()).await?;
    runner.baseline.left_out.push(check);
    keep_baseline(runner).await
}

/// Rules that a check may be the subject of although it runs without a question: it is made of the
/// project's own tools, which the policy does not know.
const TOOLS_OF_PROJECTS: &[&str] = &[
    "unknown-program",
    "package-not-local",
    "pagers",
    "lock-file",
    // To run the project's code is what a check is for.
    WORKSPACE_CODE,
];

/// The reason not to run a check, which runs without a question: its command needs none, and neither
/// does the text of the repository that it runs, but for tools of the project.
fn objection(tools: &ToolContext, check: &Check) -> Option<String> {
    let judge = |text: &str| {
        let request = Request::Command {
            text,
            directory: &check.directory,
            in_background: false,
            needs: None,
        };
        tools
            .policy
            .judge("run_command", request, tools.workspace.root())
    };
    let command = judge(&check.command);
    let objects =
        |found: &Finding| found.verdict == Verdict::Forbid || found.rule != WORKSPACE_CODE;
    if let Some(found) = command.findings.into_iter().find(objects) {
        return Some(found.why);
    }
    let script = judge(check.script.as_deref()?);
    let counts = |found: &Finding| {
        found.verdict == Verdict::Forbid || !TOOLS_OF_PROJECTS.contains(&found.rule.as_str())
    };
    script
        .findings
        .into_iter()
        .find(counts)
        .map(|found| found.why)
}

async fn run_checks(
    runner: &mut Runner,
    checks: &[Check],
    id: &str,
) -> Result<Vec<CheckResult>, Halt> {
    let Some(tools) = runner.tools.clone() else {
        return Ok(Vec::new());
    };
    watch::pause(runner).await;
    let done = runner.output.during_checks(run(checks, id, &tools)).await?;
    watch::go_on(runner).await;
    match done {
        Ok(results) => Ok(results),
        Err(ToolError::Cancelled) => Err(Halt::Stopped(Stopped::Cancelled)),
        Err(error) => {
            tracing::error!(%error, "a check failed on our side");
            Err(Halt::Stopped(Stopped::InternalError))
        }
    }
}

/// What fails, by name; two verifications in which the same fails are the same.
fn failing(verdict: &compare::Verdict) -> BTreeSet<String> {
    let names = |change: &Change| &change.broken | &change.still_broken;
    verdict.changes.iter().flat_map(names).collect()
}

/// What the model is told about a failed verification.
fn feedback(verdict: &compare::Verdict, results: &[CheckResult]) -> String {
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
        // The checks run unasked, so what they print of secrets goes no further.
        let _ = writeln!(text, "{}", code_block(&redact_text(&output)));
    }
    for check in &verdict.checks {
        if !check.failed_before.is_empty() {
            let names = check.failed_before.join(", ");
            let names = redact_text(&names);
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
