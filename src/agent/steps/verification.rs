//! Verification within a run: the project's checks before the first change and after the last.
//!
//! A run is never blamed for what failed before it, and never praised either: a check that fails
//! at the end means that the task is not verified, no matter who broke it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::agent::prompt::fence::code_block;
use crate::agent::runner::primitives::{Halt, Runner};
use crate::agent::runner::watch;
use crate::agent::steps::objection::objection;
use crate::agent::steps::turn;
use crate::platform::json::to_jsonb;
use crate::platform::redact::text::redact_text;
use crate::runs::event::Event;
use crate::runs::event_data::RunPhase;
use crate::runs::log::entry::Entry;
use crate::runs::model::ToolAccess;
use crate::runs::outcome::Stopped;
use crate::tools::context::ToolContext;
use crate::tools::outcome::ToolError;
use crate::verify::compare;
use crate::verify::compare::{Change, compare};
use crate::verify::detect::Check;
use crate::verify::left_out::LeftOut;
use crate::verify::model::Verification;
use crate::verify::projects::{
    CHANGED_PROJECTS, ROOT, by_project, checks_in, detect, is_checked_at_root, project_of,
    unchecked,
};
use crate::verify::run::{CheckResult, run};

/// Repetitions of the same failures after which the run is stopped.
const SAME_FAILURES: u32 = 5;
/// The most of a failing check's output that the model is shown, in bytes.
const MAX_OUTPUT_BYTES: usize = 4_000;

/// The consequence of a verification.
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

/// Runs the checks once before anything is changed, so that old failures are known as old; those of a
/// project below the root before `file` is the first of its files that is written.
pub(crate) async fn measure_baseline(runner: &mut Runner, file: Option<&str>) -> Result<(), Halt> {
    if !verifies(runner) {
        return Ok(());
    }
    if runner.baseline.before.is_none() {
        let checks = checks(runner).await?;
        measure(runner, &checks, "baseline").await?;
    }
    let Some(tools) = runner.tools.clone() else {
        return Ok(());
    };
    let project = file.map(|file| project_of(&tools, file));
    if let Some(project) = project.filter(|project| is_new(runner, &tools, project))
        && runner.baseline.projects.len() < CHANGED_PROJECTS
    {
        let checks = add_project(runner, &tools, project).await?;
        let id = format!("baseline_{}", runner.baseline.projects.len());
        measure(runner, &checks, &id).await?;
    }
    Ok(())
}

async fn measure(runner: &mut Runner, checks: &[Check], id: &str) -> Result<(), Halt> {
    let mut before = runner.baseline.before.take().unwrap_or_default();
    if !checks.is_empty() {
        let message = "Running the project's checks before the first change…";
        runner.thinking(message).await?;
        before.extend(run_checks(runner, checks, id).await?);
    }
    runner.baseline.before = Some(before);
    keep_baseline(runner).await
}

/// True if a project below the root has checks that are not among those of the run.
fn is_new(runner: &Runner, tools: &ToolContext, project: &str) -> bool {
    let baseline = &runner.baseline;
    let mut known = baseline.checks.iter().flatten();
    project != ROOT
        && !baseline.projects.contains(project)
        && known.all(|check| check.directory != project)
        && !is_checked_at_root(tools, project)
}

/// Adds the checks of a project to those of the run, and answers with them.
async fn add_project(
    runner: &mut Runner,
    tools: &ToolContext,
    project: String,
) -> Result<Vec<Check>, Halt> {
    let found = checks_in(tools, &project);
    runner.baseline.projects.insert(project);
    let added = allowed(runner, tools, found.clone(), &found).await?;
    let checks = runner.baseline.checks.get_or_insert_default();
    checks.extend(added.iter().cloned());
    Ok(added)
}

/// Adds the projects that were changed and not foreseen, as commands change them. Answers with those beyond
/// the number that is checked.
async fn add_changed(
    runner: &mut Runner,
    tools: &ToolContext,
    changed: &ChangedFiles<'_>,
) -> Result<Vec<String>, Halt> {
    let mut too_many = Vec::new();
    for project in changed.keys() {
        if !is_new(runner, tools, project) {
            continue;
        }
        if runner.baseline.projects.len() < CHANGED_PROJECTS {
            add_project(runner, tools, project.clone()).await?;
        } else {
            too_many.push(project.clone());
        }
    }
    Ok(too_many)
}

/// Another process cannot measure it again: the workspace will have changed.
async fn keep_baseline(runner: &mut Runner) -> Result<(), Halt> {
    let baseline = to_jsonb(&runner.baseline);
    Ok(runner
        .journal
        .write(vec![Entry::Baseline(baseline)])
        .await?)
}

/// Changed files by their projects.
type ChangedFiles<'a> = BTreeMap<String, Vec<&'a str>>;

/// Verifies what was done. When nothing was, there is nothing to verify.
pub(crate) async fn check(runner: &mut Runner) -> Result<Checked, Halt> {
    if !verifies(runner) || runner.state.usage.deeds() == 0 {
        return Ok(Checked::Done);
    }
    let Some(tools) = runner.tools.clone() else {
        return Ok(Checked::Done);
    };
    let known = runner.baseline.checks.clone().unwrap_or_default();
    let files = runner.state.usage.changed_files();
    let changed = by_project(&tools, &files);
    let too_many = add_changed(runner, &tools, &changed).await?;
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
    let mut verdict = compare(before, &after);
    let unchecked = unchecked(&tools, &changed, &directories(&after));
    if verdict.outcome == Verification::Passed
        && !changed.is_empty()
        && unchecked.len() == changed.len()
    {
        // The checks that passed belong to another project than the files that were changed.
        verdict.outcome = Verification::NotRun;
    }
    runner.state.verification = verdict.outcome;
    let event = Event::Verification {
        results: verdict.checks.clone(),
        outcome: verdict.outcome,
    };
    runner.journal.event(event).await?;
    match verdict.outcome {
        Verification::Passed | Verification::NotRun => {
            let unchecked = unchecked.iter().filter(|_| !after.is_empty());
            let more = unchecked.map(|project| {
                if too_many.contains(project) {
                    too_many_sentence(project)
                } else {
                    unchecked_sentence(project)
                }
            });
            tell_left_out(runner, &after, more.collect()).await?;
            Ok(Checked::Done)
        }
        Verification::Failed => Ok(after_failure(runner, &verdict, &after)),
    }
}

/// The folders in which checks ran.
fn directories(results: &[CheckResult]) -> BTreeSet<&str> {
    let directories = results.iter().map(|result| result.directory.as_str());
    directories.collect()
}

fn unchecked_sentence(project: &str) -> String {
    match project {
        ROOT => {
            "No check says anything about the changes outside the projects in folders.".to_owned()
        }
        project => format!("No check says anything about the changes in `{project}`."),
    }
}

fn too_many_sentence(project: &str) -> String {
    format!(
        "The checks of `{project}` are not run: of the projects in folders that were changed, \
         {CHANGED_PROJECTS} are checked."
    )
}

/// Adds to the answer which checks say nothing about it, and `more`.
async fn tell_left_out(
    runner: &mut Runner,
    after: &[CheckResult],
    more: Vec<String>,
) -> Result<(), Halt> {
    let has_run = |check: &LeftOut| {
        let mut results = after.iter();
        results.any(|result| check.is_of(&result.command, &result.directory))
    };
    let left_out = runner.baseline.left_out.iter();
    let left_out = left_out.filter(|check| !has_run(check));
    let sentences: Vec<_> = left_out.map(LeftOut::sentence).chain(more).collect();
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

/// The checks of the root and of the projects that were changed, looked for before the first change: the
/// agent does not choose what it is measured by. Only a root that had none is looked at again, because it
/// may be new.
async fn checks(runner: &mut Runner) -> Result<Vec<Check>, Halt> {
    let Some(tools) = runner.tools.clone() else {
        return Ok(Vec::new());
    };
    let projects = runner.baseline.projects.clone();
    let mut found = detect(&tools);
    found.retain(|check| !projects.contains(&check.directory));
    let mut known = runner.baseline.checks.clone().unwrap_or_default();
    if known
        .iter()
        .all(|check| projects.contains(&check.directory))
    {
        known.extend(allowed(runner, &tools, found.clone(), &found).await?);
        runner.baseline.checks = Some(known.clone());
    }
    let below = projects.iter();
    found.extend(below.flat_map(|project| checks_in(&tools, project)));
    // The commands that a check runs may have changed by now.
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

/// The names of the failures; two verifications with the same failures are the same.
fn failing(verdict: &compare::Verdict) -> BTreeSet<String> {
    let names = |change: &Change| &change.broken | &change.still_broken;
    verdict.changes.iter().flat_map(names).collect()
}

/// The message for the model about a failed verification.
fn feedback(verdict: &compare::Verdict, results: &[CheckResult]) -> String {
    let mut text =
        String::from("The project's checks ran after you said that you were done, and failed.\n");
    for check in results.iter().filter(|check| !check.success) {
        let exit = match check.exit_code {
            _ if check.timed_out => "timed out".to_owned(),
            Some(code) => format!("exit code {code}"),
            None => "ended by a signal".to_owned(),
        };
        let place = match check.directory.as_str() {
            ROOT => String::new(),
            directory => format!(" in `{directory}`"),
        };
        let _ = writeln!(text, "\n`{}`{place} ({exit}):", check.command);
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
