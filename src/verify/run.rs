//! Running checks.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::exec::capture::HeadAndTail;
use crate::tools::commands::patience::patience;
use crate::tools::commands::run_command;
use crate::tools::commands::run_command::{CANCELLED, RunCommandCall, TIMED_OUT};
use crate::tools::context::ToolContext;
use crate::tools::outcome::ToolError;
use crate::verify::detect::{Check, CheckKind};
use crate::verify::failures::Reading;
use crate::verify::left_out::LeftOut;

/// The bytes of a check's output that are read at each end: a long list of failures is read to its end.
const OUTPUT_BYTES: usize = 256 * 1024;

/// The bytes of it that are kept at each end.
const KEPT_BYTES: usize = 8 * 1024;

/// The exit code of a shell for what it does not execute.
const NOT_EXECUTED: i32 = 126;

/// The result of a check that checked something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Its kind.
    pub kind: CheckKind,
    /// The command that ran in the end.
    pub command: String,
    /// Where, relative to the workspace.
    pub directory: String,
    /// True if it passed.
    pub success: bool,
    /// Its exit code, 128 and the signal's number when a signal ended it; none after a time-out.
    pub exit_code: Option<i32>,
    /// True if it took too long.
    pub timed_out: bool,
    /// The most telling lines of a failure, at most twenty; none when it passed.
    pub errors: Vec<String>,
    /// Warnings, at most twenty.
    pub warnings: Vec<String>,
    /// The failures, by name: tests, or for other checks the complaints without their line numbers.
    pub failures: BTreeSet<String>,
    /// The beginning and the end of what it said, standard output first.
    pub output: String,
    /// Its duration.
    pub took: Duration,
}

impl CheckResult {
    /// A check that ran before and is not run any more, because of what it would do now.
    pub fn refused(check: &Check, left_out: &[LeftOut]) -> Self {
        let mut reasons = left_out.iter().rev();
        let reason = reasons.find(|known| known.is_of(&check.command, &check.directory));
        let reason = reason.map_or_else(String::new, LeftOut::sentence);
        Self {
            kind: check.kind,
            command: check.command.clone(),
            directory: check.directory.clone(),
            success: false,
            exit_code: Some(NOT_EXECUTED),
            timed_out: false,
            errors: vec![reason.clone()],
            warnings: Vec::new(),
            failures: BTreeSet::from(["it is not run".to_owned()]),
            output: reason,
            took: Duration::ZERO,
        }
    }
}

/// Runs the checks one after the other. What cannot succeed after a failure is left out, and so is
/// what checked nothing, because its program is missing or it found no tests: a check without a
/// result was not run.
///
/// Their live output carries the call id `ID_N`, with N from 1.
pub async fn run(
    checks: &[Check],
    id: &str,
    context: &ToolContext,
) -> Result<Vec<CheckResult>, ToolError> {
    let mut context = context.clone();
    context.limits.output_bytes = OUTPUT_BYTES;
    let mut results: Vec<CheckResult> = Vec::new();
    let mut hopeless = BTreeSet::new();
    for (index, check) in checks.iter().enumerate() {
        if hopeless.contains(&check.directory) {
            continue;
        }
        let call_id = format!("{id}_{}", index + 1);
        let mut result = one(check, &check.command, &call_id, &context).await?;
        if let Some(fallback) = check.fallback.as_ref().filter(|_| result.is_none()) {
            result = one(check, fallback, &call_id, &context).await?;
        }
        if check.decisive && result.as_ref().is_some_and(|result| !result.success) {
            hopeless.insert(check.directory.clone());
        }
        results.extend(result);
    }
    Ok(results)
}

async fn one(
    check: &Check,
    command: &str,
    call_id: &str,
    context: &ToolContext,
) -> Result<Option<CheckResult>, ToolError> {
    let call = RunCommandCall {
        command: command.to_owned(),
        directory: check.directory.clone(),
        time: patience(command, context.limits.command_time, &context.limits),
        // Test runners neither watch nor ask, and leave nothing behind.
        extra: vec![
            ("CI", "true".to_owned()),
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ],
        ..RunCommandCall::default()
    };
    let ran = run_command::run(&call, call_id, context).await?;
    if ran.exit_code == CANCELLED {
        return Err(ToolError::Cancelled);
    }
    let mut kept = HeadAndTail::new(KEPT_BYTES);
    for part in [&ran.stdout, &ran.stderr] {
        kept.push(part.as_bytes());
    }
    let (kind, exit_code) = (check.kind, ran.exit_code);
    let root = context.workspace.root().to_owned();
    let read = move || {
        let output = format!("{}\n{}", ran.stdout, ran.stderr);
        Reading::of(kind, exit_code, &output, &root)
    };
    let reading = tokio::task::spawn_blocking(read)
        .await
        .map_err(|failure| ToolError::Stop(format!("a check could not be read: {failure}")))?;
    let timed_out = exit_code == TIMED_OUT;
    let result = CheckResult {
        kind,
        command: command.to_owned(),
        directory: check.directory.clone(),
        success: exit_code == 0,
        exit_code: (!timed_out).then_some(exit_code),
        timed_out,
        errors: reading.errors,
        warnings: reading.warnings,
        failures: reading.failures,
        output: kept.text(),
        took: ran.took,
    };
    Ok(reading.ran.then_some(result))
}
