//! `navi agent list`: the runs of the person who asks, newest first.

use std::io::Write;
use std::process::ExitCode;

use chrono::DateTime;
use serde_json::Value;

use crate::cli::agent::desk::{Desk, Needs, ServerArgs};
use crate::cli::agent::outcome::TaskVerdict;
use crate::cli::agent::session::Session;
use crate::cli::failure::Failure;
use crate::cli::serve::Ends;
use crate::cli::terminal::show::Show;
use crate::cli::terminal::words::{columns, cut};
use crate::config::settings::Config;
use crate::platform::text::{cut_chars, visible, visible_prose};

/// Stands before the task in what a run is told that goes on with another one.
pub const TASK: &str = "\nThe task:\n";
/// The most of a task that is shown where there is no terminal, in characters.
const TASK_CHARS: usize = 120;

/// The runs that were begun, newest first.
#[derive(Clone, Debug, clap::Args)]
pub struct ListRunsArgs {
    /// At most this many.
    #[arg(long, value_name = "COUNT", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=100))]
    pub limit: u32,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
    /// The server.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Lists them.
pub async fn run(args: &ListRunsArgs, config: Config) -> Result<ExitCode, Failure> {
    let mut ends = Ends::listen()?;
    let desk = Desk::open(&args.server, config, Needs::Nothing, &mut ends).await?;
    let listed = tokio::select! {
        listed = list(desk.session(), args) => listed,
        () = ends.next() => Err(Failure::Interrupted),
    };
    desk.close(&mut ends).await;
    listed.map(|()| ExitCode::SUCCESS)
}

async fn list(session: &Session, args: &ListRunsArgs) -> Result<(), Failure> {
    let page = session.runs(args.limit, None).await?;
    if args.json {
        writeln!(std::io::stdout(), "{page}")?;
        return Ok(());
    }
    let mut show = Show::new(anstream::stdout(), columns());
    let jobs = page["jobs"].as_array().map_or(&[][..], Vec::as_slice);
    if jobs.is_empty() {
        show.line("No run was begun yet.")?;
    }
    for job in jobs {
        show.line(&head(job))?;
        show.note(&about(job, show.columns()))?;
    }
    if page["next_cursor"].is_string() {
        show.note("There are more; --limit shows them.")?;
    }
    Ok(())
}

/// A run's id, its beginning and its state.
pub fn head(job: &Value) -> String {
    let id = visible(job["job_id"].as_str().unwrap_or_default()).into_owned();
    format!("{id}  {}  {}", began(job), state(job))
}

fn began(job: &Value) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a number of seconds since 1970"
    )]
    let seconds = job["created_at"].as_f64().unwrap_or_default() as i64;
    let at = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// The task of a run, also where it goes on with another one.
pub fn task(job: &Value) -> &str {
    let told = job["task"].as_str().unwrap_or_default();
    told.rsplit(TASK).next().unwrap_or_default()
}

/// The state of a run, in words: how far it was done, as its exit code said, when it is over.
pub fn state(job: &Value) -> String {
    let summary = &job["summary"];
    let verdict = TaskVerdict::of(summary);
    match job["status"].as_str().unwrap_or_default() {
        "completed" | "failed" if verdict == TaskVerdict::Partly => "partly done".to_owned(),
        "completed" if verdict == TaskVerdict::Failed && summary.is_object() => {
            "not done".to_owned()
        }
        "completed" if summary["verification"] == "passed" => "done".to_owned(),
        "completed" => "the model says done".to_owned(),
        "failed" => "not done".to_owned(),
        "paused_for_approval" => "waits for you".to_owned(),
        other => status(other),
    }
}

/// The status of a run as people read it.
fn status(wire: &str) -> String {
    match wire {
        "canceled" => "cancelled".to_owned(),
        other => visible(other).into_owned(),
    }
}

fn about(job: &Value, columns: Option<usize>) -> String {
    let task = task(job).lines().next().unwrap_or_default();
    let task = visible_prose(&cut_chars(task, TASK_CHARS)).into_owned();
    let folder = visible(job["workspace_path"].as_str().unwrap_or_default()).into_owned();
    let line = format!("    {task} · {folder}");
    columns.map_or(line.clone(), |columns| cut(&line, columns))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_is_listed_as_its_exit_code_said() {
        let ended = |status: &str, verdict: &str, verification: &str| {
            let summary = json!({"verdict": verdict, "verification": verification});
            state(&json!({"status": status, "summary": summary}))
        };
        assert_eq!(ended("completed", "done", "passed"), "done");
        assert_eq!(ended("completed", "done", "not_run"), "the model says done");
        assert_eq!(ended("completed", "partly", "not_run"), "partly done");
        assert_eq!(ended("completed", "failed", "not_run"), "not done");
        assert_eq!(ended("failed", "partly", "failed"), "partly done");
        assert_eq!(ended("failed", "failed", "failed"), "not done");
        assert_eq!(ended("canceled", "failed", "not_run"), "cancelled");
        // Rows of earlier versions say no more.
        let old = json!({"status": "completed", "summary": {"success": true}});
        assert_eq!(state(&old), "the model says done");
    }
}
