//! `navi agent show`: a run once more, as it was seen.

use std::io::Write;
use std::process::ExitCode;

use serde_json::Value;

use crate::cli::agent::desk::{Desk, Needs, ServerArgs};
use crate::cli::agent::outcome::{TaskOutcome, TaskVerdict, resume_command};
use crate::cli::agent::past::list::{head, task};
use crate::cli::agent::past::named::NamedRun;
use crate::cli::agent::recorded::cost_of_summary;
use crate::cli::agent::session::Session;
use crate::cli::failure::Failure;
use crate::cli::serve::Ends;
use crate::cli::terminal::show::Show;
use crate::cli::terminal::words::columns;
use crate::config::settings::Config;
use crate::platform::ids::RunId;
use crate::platform::text::{visible, visible_prose};

/// A run's task, its actions and its end.
#[derive(Clone, Debug, clap::Args)]
pub struct ShowRunArgs {
    /// The run, as `navi agent list` names it, or enough of the beginning of its id.
    pub id: NamedRun,
    /// Print the frames of its stream, one JSON object a line, and nothing else.
    #[arg(long)]
    pub json: bool,
    /// The server.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Shows it.
pub async fn run(args: &ShowRunArgs, config: Config) -> Result<ExitCode, Failure> {
    let mut ends = Ends::listen()?;
    let desk = Desk::open(&args.server, config, Needs::Nothing, &mut ends).await?;
    let shown = tokio::select! {
        shown = again(desk.session(), args) => shown,
        () = ends.next() => Err(Failure::Interrupted),
    };
    desk.close(&mut ends).await;
    shown.map(|()| ExitCode::SUCCESS)
}

async fn again(session: &Session, args: &ShowRunArgs) -> Result<(), Failure> {
    let id = args.id.find(session).await?;
    let job = session.job(id).await?;
    let mut show = Show::new(anstream::stdout(), columns());
    if !args.json {
        about(&job, &mut show)?;
    }
    replay(session, (id, args.json), &job, &mut show).await?;
    if args.json {
        return Ok(());
    }
    let summary = &job["summary"];
    if summary.is_null() {
        show.line(&format!(
            "\nIt is not over. `navi agent resume {id}` follows it."
        ))?;
        return Ok(());
    }
    let outcome = TaskOutcome::of(summary);
    show.end(outcome.verdict == TaskVerdict::Done, &outcome.words)?;
    show.line(&cost_of_summary(summary))?;
    if outcome.verdict != TaskVerdict::Done {
        let resume = resume_command(&id.to_string(), summary);
        show.note(&format!("`{resume}` goes on."))?;
    }
    Ok(())
}

fn about<W: Write>(job: &Value, show: &mut Show<W>) -> Result<(), Failure> {
    let text = |name: &str| visible(job[name].as_str().unwrap_or_default()).into_owned();
    show.line(&head(job))?;
    show.line(&format!("Task: {}", visible_prose(task(job))))?;
    show.note(&format!("Workspace: {}", text("workspace_path")))?;
    if let Some(error) = job["error"].as_str() {
        show.note(&format!("Error: {}", visible_prose(error)))?;
    }
    Ok(())
}

/// Shows its frames up to the last that there is now.
async fn replay<W: Write>(
    session: &Session,
    (id, json): (RunId, bool),
    job: &Value,
    show: &mut Show<W>,
) -> Result<(), Failure> {
    let last = job["last_sequence"].as_i64().unwrap_or_default();
    if last == 0 {
        return Ok(());
    }
    let mut frames = session.events(id, 0).await?;
    while let Some(frame) = frames.next().await? {
        if json {
            writeln!(std::io::stdout(), "{frame}")?;
        } else {
            show.frame(&frame)?;
        }
        if frame["sequence"]
            .as_i64()
            .is_some_and(|sequence| sequence >= last)
        {
            break;
        }
    }
    Ok(())
}
