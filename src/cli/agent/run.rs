//! `navi agent run`: a task done in a folder, watched in the terminal.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

use crate::app::App;
use crate::cli::agent::changes::Snapshot;
use crate::cli::agent::consent::check_rules;
use crate::cli::agent::desk::{Desk, Needs, ServerArgs};
use crate::cli::agent::follow::{FollowEnd, Manner, RunWatch};
use crate::cli::agent::frames::Frames;
use crate::cli::agent::named_model::{check, check_name, or_another};
use crate::cli::agent::outcome::{TaskOutcome, TaskVerdict, resume_command};
use crate::cli::agent::recorded;
use crate::cli::agent::session::Errand;
use crate::cli::failure::Failure;
use crate::cli::serve::Ends;
use crate::cli::terminal::words::counted;
use crate::config::settings::Config;
use crate::llm::effort::{Effort, Verbosity};
use crate::platform::clock::Clock;
use crate::platform::ids::{ConversationId, RunId};
use crate::workspace::error::WorkspaceError;
use crate::workspace::paths::Workspace;

/// The longest that the accounting of a run may take before it is shown.
const FLUSH: Duration = Duration::from_secs(10);

/// A task for the agent.
///
/// Ends with 0 when the task was done, 4 when a part of it was done or nothing could check it, 1 when it
/// failed, 2 when the command was called wrongly, and 130 after Ctrl-C.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The task; its words need no quotes.
    #[arg(required = true)]
    pub task: Vec<String>,
    /// The folder to work in.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub workspace: PathBuf,
    /// The model: `provider/name`, a mode such as `navi/fast`, or nothing for the default.
    #[arg(long)]
    pub model: Option<String>,
    /// Let another model do the work when the one that is named cannot.
    #[arg(long)]
    pub allow_fallback: bool,
    /// Options for the work on the run.
    #[command(flatten)]
    pub work: WorkArgs,
    /// The most rounds of work and verification.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub max_iterations: Option<u32>,
    /// The amount of reasoning before an answer, of models that know one.
    #[arg(long)]
    pub effort: Option<Effort>,
    /// The length of the answers, of models that know one.
    #[arg(long)]
    pub verbosity: Option<Verbosity>,
    /// The server.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Options for the work on a run and for watching it, both when it begins and when it goes on.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct WorkArgs {
    /// End without running the project's checks.
    #[arg(long)]
    pub no_verify: bool,
    /// Answer the questions of this rule with yes, as `navi policy explain` names it; may be given more than
    /// once.
    #[arg(long, value_name = "RULE")]
    pub yes_to: Vec<String>,
    /// Print the frames of the stream, one JSON object a line, and nothing else.
    #[arg(long)]
    pub json: bool,
}

/// Runs the task and answers with the exit code that says how far it was done.
pub async fn run(args: &Args, config: Config) -> Result<ExitCode, Failure> {
    let task = args.task.join(" ");
    if task.trim().is_empty() {
        let words =
            "the task is empty; say what is to be done, as in navi agent run \"fix the test\"";
        return Err(Failure::Usage(words.to_owned()));
    }
    check_name(args.model.as_deref())?;
    let workspace = open(&args.workspace, config.surroundings.home.as_deref())?;
    check_rules(&args.work.yes_to, &config, workspace.root())?;
    let errand = Errand {
        message: task,
        workspace: workspace.root().to_string_lossy().into_owned(),
        conversation: ConversationId::new(&Clock::System),
        model: args.model.clone(),
        verify: !args.work.no_verify,
        max_iterations: args.max_iterations,
        effort: args.effort,
        verbosity: args.verbosity,
    };
    let manner = Manner {
        json: args.work.json,
        yes_to: args.work.yes_to.clone(),
        only_named_model: args.model.is_some() && !args.allow_fallback,
        has_fallback: true,
    };
    let needs = match args.model {
        None => Needs::Model,
        Some(_) => Needs::Nothing,
    };
    let mut ends = Ends::listen()?;
    let desk = Desk::open(&args.server, config, needs, &mut ends).await?;
    let outcome = Box::pin(work(&desk, &errand, &manner, &mut ends)).await;
    desk.close(&mut ends).await;
    outcome
}

/// Opens the folder to work in; one that is no project's is refused before anything in it is read.
pub fn open(folder: &Path, home: Option<&Path>) -> Result<Workspace, Failure> {
    let unusable = |source| Failure::Workspace {
        path: folder.to_owned(),
        source,
    };
    let path = folder.canonicalize().map_err(unusable)?;
    let home = home.and_then(|home| home.canonicalize().ok());
    let path = path.to_string_lossy();
    if home.is_some_and(|home| home.as_os_str() == &*path) {
        let error = WorkspaceError::Home(path.into_owned());
        return Err(Failure::Usage(error.to_string()));
    }
    Workspace::open(&path).map_err(|error| Failure::Usage(error.to_string()))
}

/// Does an errand: begins the run, follows it, and shows what it amounts to.
pub async fn work(
    desk: &Desk,
    errand: &Errand,
    manner: &Manner,
    ends: &mut Ends,
) -> Result<ExitCode, Failure> {
    let session = desk.session();
    if let Some(model) = errand.model.as_deref().filter(|_| manner.only_named_model) {
        check(session, model, manner.has_fallback).await?;
    }
    let before = snapshot(&errand.workspace).await?;
    let frames = tokio::select! {
        frames = session.begin(errand) => frames.map_err(|failure| pointed(failure, desk))?,
        () = ends.next() => return Err(Failure::Interrupted),
    };
    let mut watch = RunWatch::new(session, manner);
    let place = (errand.workspace.as_str(), manner);
    end(desk, &mut watch, frames, &before, place, ends).await
}

/// Follows a run to its end, and shows what became of it.
pub async fn end(
    desk: &Desk,
    watch: &mut RunWatch<'_>,
    frames: Frames,
    before: &Snapshot,
    (workspace, manner): (&str, &Manner),
    ends: &mut Ends,
) -> Result<ExitCode, Failure> {
    let followed = watch.follow(frames, ends).await;
    let summary = match &followed {
        Ok(FollowEnd::Over(summary) | FollowEnd::Left(Some(summary))) => summary,
        Ok(FollowEnd::Left(None) | FollowEnd::OtherModel(_)) | Err(_) => &Value::Null,
    };
    if !manner.json {
        changed(watch, workspace, before, summary).await?;
    }
    let run = watch.run;
    match followed? {
        FollowEnd::Left(summary) => {
            if let Some(summary) = summary.filter(|_| !manner.json) {
                tell(watch, &TaskOutcome::of(&summary), &summary, desk).await?;
            }
            Err(Failure::Left { run })
        }
        FollowEnd::OtherModel(why) => {
            Err(Failure::OtherModel(or_another(&why, manner.has_fallback)))
        }
        FollowEnd::Over(summary) => {
            let outcome = TaskOutcome::of(&summary);
            if !manner.json {
                tell(watch, &outcome, &summary, desk).await?;
                if let Some(run) = run.filter(|_| outcome.verdict != TaskVerdict::Done) {
                    watch.show.note(&ways(run, &summary))?;
                }
            }
            Ok(outcome.verdict.exit_code())
        }
    }
}

/// Points at `navi workspaces` in a refusal of our own server. The folder is there, so if it is not found it
/// belongs to another user of the same database; the person at this machine may know, and take it back.
fn pointed(failure: Failure, desk: &Desk) -> Failure {
    let Failure::Answered { status, detail } = failure else {
        return failure;
    };
    match status {
        400 | 413 | 422 => Failure::Usage(detail),
        404 if desk.own().is_some() => Failure::Answered {
            status,
            detail: format!(
                "{detail}; `navi workspaces list` says whose it is, and `navi workspaces release` takes it back"
            ),
        },
        _ => Failure::Answered { status, detail },
    }
}

/// The folder as it is now, read where it may take its time.
pub async fn snapshot(workspace: &str) -> Result<Snapshot, Failure> {
    let folder = workspace.to_owned();
    let taken = tokio::task::spawn_blocking(move || {
        let workspace = Workspace::open(&folder);
        workspace.map(|workspace| Snapshot::take(&workspace))
    });
    let taken = taken.await.map_err(std::io::Error::other)?;
    taken.map_err(|error| Failure::Usage(error.to_string()))
}

async fn changed(
    watch: &mut RunWatch<'_>,
    workspace: &str,
    before: &Snapshot,
    summary: &Value,
) -> Result<(), Failure> {
    let show = &mut watch.show;
    if before.is_partial() {
        show.note("The folder is too large to show what changed; `git diff` does.")?;
        return Ok(());
    }
    let after = snapshot(workspace).await?;
    let all = before.changed(&after);
    let own = told(summary);
    let is_own = |path: &&String| own.as_ref().is_none_or(|own| own.contains(path.as_str()));
    let (own, others): (Vec<_>, Vec<_>) = all.iter().copied().partition(is_own);
    if !own.is_empty() {
        let count = counted(own.len() as u64, "file", "files");
        show.heading(&format!("Changed: {count}"))?;
        show.diff(&before.diff(&after, &own))?;
    }
    let mut earlier = paths(summary);
    earlier.retain(|path| !own.iter().any(|own| own == path));
    if watch.begins_after > 0 && !earlier.is_empty() {
        let earlier: Vec<_> = earlier.into_iter().collect();
        show.note(&format!(
            "Changed before it went on: {}.",
            earlier.join(", ")
        ))?;
    }
    if !others.is_empty() {
        let count = counted(others.len() as u64, "other file", "other files");
        show.note(&format!("{count} changed meanwhile, and not by the run."))?;
    }
    Ok(())
}

/// The paths that a run has changed, if it tells all.
fn told(summary: &Value) -> Option<BTreeSet<&str>> {
    (summary["changes_complete"] == Value::Bool(true)).then(|| paths(summary))
}

/// The paths in the lists of a summary.
fn paths(summary: &Value) -> BTreeSet<&str> {
    let list = |name: &str| summary[name].as_array().into_iter().flatten();
    let plain = ["files_modified", "files_created", "files_deleted"];
    let plain = plain.into_iter().flat_map(list).filter_map(Value::as_str);
    let moved = list("files_renamed").flat_map(|moved| [&moved["from"], &moved["to"]]);
    plain.chain(moved.filter_map(Value::as_str)).collect()
}

async fn tell(
    watch: &mut RunWatch<'_>,
    outcome: &TaskOutcome,
    summary: &Value,
    desk: &Desk,
) -> Result<(), Failure> {
    let show = &mut watch.show;
    show.end(outcome.verdict == TaskVerdict::Done, &outcome.words)?;
    match desk.own() {
        Some(own) => {
            let app: &App = &own.running.app;
            app.ledger.flush(FLUSH).await?;
            recorded::show(app, &own.principal.org_id, summary, show).await?;
        }
        None => show.line(&recorded::cost_of_summary(summary))?,
    }
    Ok(())
}

/// The commands for a run that is over and not done.
fn ways(run: RunId, summary: &Value) -> String {
    let resume = resume_command(&run.to_string(), summary);
    format!("`{resume}` goes on, `navi agent show {run}` shows it again.")
}
