//! One task, from its folder to its row in the report.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::e2e::measuring::model::{CountedTokens, TaskData};
use crate::cli::e2e::measuring::shares::shares;
use crate::cli::e2e::measuring::store::CallTimes;
use crate::cli::e2e::running::checks;
use crate::cli::e2e::running::checks::Before;
use crate::cli::e2e::running::commands::Commands;
use crate::cli::e2e::running::protocol::breaches;
use crate::cli::e2e::running::stage::Stage;
use crate::cli::e2e::running::watched_run::{StreamEnd, WatchedRun};
use crate::cli::e2e::tasks::folder::TaskFolder;
use crate::cli::e2e::tasks::model::E2eTask;
use crate::cli::e2e::tasks::repertoire::Repertoire;
use crate::cli::failure::Failure;
use crate::platform::ids::RunId;

/// The time in which a run ends whose client left or ends it.
const TO_END: Duration = Duration::from_secs(10);

/// The model that does the tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Player {
    /// The script of each task.
    Script,
    /// This one.
    Model(String),
}

/// Has a task done, in a folder of its own below this one, and looks at the outcome.
pub async fn perform(
    task: &E2eTask,
    player: &Player,
    stage: &Stage,
    folder: &Path,
    commands: &Commands,
) -> Result<TaskData, Failure> {
    let written = &task.written;
    let folder = TaskFolder::make(folder, written)?;
    commands.set_up(&written.setup, &folder.workspace).await?;
    let before = Before::of(&folder)?;
    let workspace = folder.workspace.canonicalize()?;
    let model = match player {
        Player::Script => Repertoire::model_of(task),
        Player::Model(model) => model.clone(),
    };
    let workspace = workspace.to_string_lossy();
    let seen = WatchedRun::watch(&stage.session, task, &workspace, Some(model)).await;
    let broken = breaches(&seen, written.interactive);
    let mut data = row(task, &seen, broken.is_empty());
    data.failures = broken;
    if seen.end == StreamEnd::Left {
        let status = end_after_leaving(stage, seen.run_id()).await?;
        if status != "canceled" {
            data.failures
                .push(format!("the run is `{status}` after its client left"));
        }
        data.stopped = Some(status);
    } else if seen.end == StreamEnd::TooLong {
        // The next task would share the model with it.
        data.stopped = Some(canceled(stage, seen.run_id()).await?);
    } else if written.leaves {
        data.failures
            .push("the run was over before its client could leave".to_owned());
    }
    let by_script = *player == Player::Script;
    data.failures
        .extend(checks::of_the_run(&written.check, &seen, by_script));
    let left = checks::of_the_folder(&written.check, &folder, &before, commands).await?;
    data.failures.extend(left);
    account(&mut data, &seen, stage).await?;
    folder.remove()?;
    Ok(data)
}

fn row(task: &E2eTask, seen: &WatchedRun, protocol: bool) -> TaskData {
    let total = match seen.end {
        StreamEnd::Whole(_) | StreamEnd::Left => seen.took,
        // A task that does not end is slower than any that does.
        StreamEnd::TooLong | StreamEnd::Broken(_) => task.limit().max(seen.took),
    };
    let summary = seen.summary();
    let count = |name: &str| summary.and_then(|summary| summary["tokens"][name].as_u64());
    TaskData {
        id: task.written.id.clone(),
        kind: task.kind,
        language: task.written.language.clone(),
        interactive: task.written.interactive,
        run_id: seen.run_id().map(|id| id.to_string()),
        protocol,
        stopped: summary.and_then(|summary| Some(summary["stopped_reason"].as_str()?.to_owned())),
        failures: Vec::new(),
        first_token_ms: seen.first_token().map(millis),
        total_ms: millis(total),
        shares: None,
        calls: None,
        whole_calls: None,
        counted_calls: None,
        tokens: CountedTokens {
            input: count("input").unwrap_or(0),
            cache_read: count("cache_read").unwrap_or(0),
            output: count("output").unwrap_or(0),
        },
        ledger: None,
        provider: None,
        cost_usd: summary.and_then(|summary| summary["cost_usd"].as_f64()),
    }
}

/// Ends a run that takes too long. Answers with its status after that.
async fn canceled(stage: &Stage, run_id: Option<RunId>) -> Result<String, Failure> {
    if let Some(run_id) = run_id {
        match stage.session.cancel(run_id).await {
            // It may have ended meanwhile.
            Ok(()) | Err(Failure::Answered { .. }) => {}
            Err(failure) => return Err(failure),
        }
    }
    end_after_leaving(stage, run_id).await
}

/// The status of a run whose client left, once it is over.
async fn end_after_leaving(stage: &Stage, run_id: Option<RunId>) -> Result<String, Failure> {
    let Some(run_id) = run_id else {
        return Ok("not known".to_owned());
    };
    let began = Instant::now();
    loop {
        let job = stage.session.job(run_id).await?;
        let status = job["status"].as_str().unwrap_or_default();
        let over = ["completed", "failed", "canceled"].contains(&status);
        if over || began.elapsed() > TO_END {
            return Ok(status.to_owned());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Adds what the database knows, where it can be read.
async fn account(data: &mut TaskData, seen: &WatchedRun, stage: &Stage) -> Result<(), Failure> {
    let run = data.run_id.as_ref().and_then(|id| id.parse().ok());
    let Some(run) = run else {
        return Ok(());
    };
    let Some(times) = stage.times(run).await? else {
        return Ok(());
    };
    let models: BTreeSet<&str> = times.calls.iter().map(|call| &*call.model).collect();
    if models.len() > 1 {
        data.failures
            .push(format!("several models answered: {models:?}"));
    }
    let number = |is_wanted: fn(&CallTimes) -> bool| {
        let count = times.calls.iter().filter(|call| is_wanted(call)).count();
        Some(u32::try_from(count).unwrap_or(u32::MAX))
    };
    data.calls = number(|_| true);
    data.whole_calls = number(|call| call.status == "success");
    data.counted_calls = number(|call| call.status == "success" && call.is_counted);
    data.ledger = Some(
        times
            .calls
            .iter()
            .fold(CountedTokens::default(), |sum, call| {
                let count = |tokens: i64| u64::try_from(tokens).unwrap_or(0);
                sum.plus(CountedTokens {
                    input: count(call.input_tokens),
                    cache_read: count(call.cache_read_tokens),
                    output: count(call.output_tokens),
                })
            }),
    );
    data.shares = seen
        .summary()
        .map(|_: &Value| shares(&times, seen.took).rounded());
    Ok(())
}

fn millis(time: Duration) -> f64 {
    let micros = time.as_secs_f64() * 1e6;
    micros.round() / 1e3
}
