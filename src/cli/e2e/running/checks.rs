//! Holding what came out against what a task expects.

use std::path::Path;

use serde_json::Value;

use crate::cli::e2e::running::commands::Commands;
use crate::cli::e2e::running::watched_run::{StreamEnd, WatchedRun};
use crate::cli::e2e::tasks::expected::{CommandExpected, Expected, FileExpected};
use crate::cli::e2e::tasks::folder::{FolderContents, TaskFolder, changed};
use crate::cli::failure::Failure;

/// The most of a text that a failure repeats, in characters.
const SHOWN: usize = 300;

/// The files of a task's folder before its run.
pub struct Before {
    /// Of the workspace.
    pub inside: FolderContents,
    /// Of the folder beside it.
    pub beside: FolderContents,
}

impl Before {
    /// The files as they are now.
    pub fn of(folder: &TaskFolder) -> std::io::Result<Self> {
        Ok(Self {
            inside: folder.inside()?,
            beside: folder.beside()?,
        })
    }
}

/// Everything about the run itself that is not as expected. `played` says whether the script of the task was
/// the model.
pub fn of_the_run(expected: &Expected, seen: &WatchedRun, played: bool) -> Vec<String> {
    let mut failures = Vec::new();
    if let StreamEnd::Whole(summary) = &seen.end {
        failures.extend(of_the_summary(expected, summary, &errors(seen)));
    }
    failures.extend(another_model(seen));
    let answer = seen.answer();
    let lower = answer.to_lowercase();
    for wanted in &expected.answer {
        if !lower.contains(&wanted.to_lowercase()) {
            failures.push(format!(
                "the answer lacks `{wanted}`: {}",
                beginning(&answer)
            ));
        }
    }
    for unwanted in &expected.answer_lacks {
        if lower.contains(&unwanted.to_lowercase()) {
            failures.push(format!("the answer holds `{unwanted}`"));
        }
    }
    for kind in &expected.events {
        if seen.of_type(kind).next().is_none() {
            failures.push(format!("there was no event `{kind}`"));
        }
    }
    let asked = [
        (
            expected.approvals,
            "command.consent_required",
            "consent was asked for",
        ),
        (expected.questions, "prompt_request", "a question was asked"),
    ];
    for (wanted, kind, what) in asked {
        let count = seen.of_type(kind).count();
        if wanted.is_some_and(|wanted| wanted != count) {
            failures.push(format!("{what} {count} times, not {}", wanted.unwrap_or(0)));
        }
    }
    if played {
        failures.extend(of_the_results(expected, seen));
    }
    failures
}

/// The model that answered in place of the one that was asked: what it did says nothing about that one.
fn another_model(seen: &WatchedRun) -> Option<String> {
    let mut infos = seen.frames.iter().map(|(_, frame)| &frame["router_info"]);
    let replaced = infos.find(|info| info["wasFallback"] == true)?;
    Some(format!(
        "{} answered in place of {}",
        replaced["effectiveModelId"], replaced["requestedModelId"]
    ))
}

/// The sentences of the run's errors.
fn errors(seen: &WatchedRun) -> String {
    let errors = seen.of_type("error");
    let errors = errors.filter_map(|frame| frame["error"].as_str());
    errors.flat_map(|error| [", ", error]).collect()
}

fn of_the_summary(expected: &Expected, summary: &Value, errors: &str) -> Vec<String> {
    let mut failures = Vec::new();
    let stopped = summary["stopped_reason"].as_str().unwrap_or_default();
    let success = expected.success.or(match expected.stopped {
        Some(_) => None,
        None => Some(true),
    });
    if let Some(wanted) = success
        && summary["success"] != wanted
    {
        failures.push(format!(
            "the run says success {}, not {wanted}: {stopped}{errors}",
            summary["success"]
        ));
    }
    if let Some(wanted) = &expected.stopped
        && wanted != stopped
    {
        failures.push(format!("the run stopped with `{stopped}`, not `{wanted}`"));
    }
    failures
}

fn of_the_results(expected: &Expected, seen: &WatchedRun) -> Vec<String> {
    let results: Vec<String> = seen.of_type("tool_result").map(texts).collect();
    let mut failures = Vec::new();
    for wanted in &expected.played {
        if !results
            .iter()
            .any(|result| result.contains(wanted.as_str()))
        {
            failures.push(format!(
                "no result holds `{wanted}`: {}",
                beginning(&results.join(" | "))
            ));
        }
    }
    failures
}

/// All texts of a value, so that one is found whatever JSON makes of its characters.
fn texts(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(texts).collect::<Vec<_>>().join("\n"),
        Value::Object(fields) => {
            let fields = fields.iter();
            let lines = fields.map(|(name, value)| format!("{name}: {}", texts(value)));
            lines.collect::<Vec<_>>().join("\n")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Everything about the folder that is not as expected.
pub async fn of_the_folder(
    expected: &Expected,
    folder: &TaskFolder,
    before: &Before,
    commands: &Commands,
) -> Result<Vec<String>, Failure> {
    let mut failures = Vec::new();
    for (path, wanted) in &expected.files {
        failures.extend(of_a_file(path, wanted, &folder.workspace));
    }
    if let Some(only) = &expected.only {
        let touched = changed(&before.inside, &folder.inside()?);
        for path in touched.iter().filter(|path| !only.contains(path)) {
            failures.push(format!("`{path}` was changed"));
        }
    }
    // Before the commands, which may write too.
    for path in changed(&before.beside, &folder.beside()?) {
        failures.push(format!("`{path}` beside the workspace was changed"));
    }
    for command in &expected.commands {
        failures.extend(of_a_command(command, &folder.workspace, commands).await?);
    }
    Ok(failures)
}

fn of_a_file(path: &str, wanted: &FileExpected, workspace: &Path) -> Vec<String> {
    let text = std::fs::read(workspace.join(path));
    let text = match (text, wanted.absent) {
        (Ok(_), true) => return vec![format!("`{path}` is there")],
        (Err(_), true) => return Vec::new(),
        (Err(error), false) => return vec![format!("`{path}`: {error}")],
        (Ok(bytes), false) => String::from_utf8_lossy(&bytes).into_owned(),
    };
    let mut failures = Vec::new();
    if wanted.is.as_ref().is_some_and(|whole| *whole != text) {
        failures.push(format!("`{path}` is {}", beginning(&text)));
    }
    for part in &wanted.holds {
        if !text.contains(part.as_str()) {
            failures.push(format!("`{path}` lacks `{part}`: {}", beginning(&text)));
        }
    }
    for part in &wanted.lacks {
        if text.contains(part.as_str()) {
            failures.push(format!("`{path}` holds `{part}`"));
        }
    }
    failures
}

async fn of_a_command(
    command: &CommandExpected,
    workspace: &Path,
    commands: &Commands,
) -> Result<Vec<String>, Failure> {
    let seen = commands.run(&command.run, workspace).await?;
    let mut failures = Vec::new();
    if seen.exit != Some(command.exit) {
        failures.push(format!(
            "`{}` ended with {:?}, not {}: {}",
            command.run,
            seen.exit,
            command.exit,
            beginning(&seen.output)
        ));
    }
    for wanted in &command.says {
        if !seen.output.contains(wanted.as_str()) {
            failures.push(format!(
                "`{}` does not say `{wanted}`: {}",
                command.run,
                beginning(&seen.output)
            ));
        }
    }
    Ok(failures)
}

fn beginning(text: &str) -> String {
    let text = text.trim();
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}
