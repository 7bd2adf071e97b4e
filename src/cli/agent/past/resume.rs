//! `navi agent resume`: a run that waits goes on where it was, one that is over in a new run.
//!
//! The end of a run is final: it was told to its clients, and what it cost is counted. So a run that is over
//! is gone on with in a new one, in the same conversation and folder, which is told what was done so far.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;

use crate::cli::agent::consent::check_rules;
use crate::cli::agent::desk::{Desk, Needs, ServerArgs};
use crate::cli::agent::follow::{Manner, RunWatch};
use crate::cli::agent::named_model::check_name;
use crate::cli::agent::outcome::reason;
use crate::cli::agent::past::list::{TASK, state, task};
use crate::cli::agent::past::named::NamedRun;
use crate::cli::agent::run::{WorkArgs, end, open, snapshot, work};
use crate::cli::agent::session::Errand;
use crate::cli::failure::Failure;
use crate::cli::serve::Ends;
use crate::config::settings::Config;
use crate::platform::clock::Clock;
use crate::platform::ids::{ConversationId, RunId};

/// Goes on with a run.
///
/// One that waits, or lost its process, goes on where it was. One that is over cannot: a new run begins in
/// its conversation and folder, and is told what was done so far.
#[derive(Clone, Debug, clap::Args)]
pub struct ResumeRunArgs {
    /// The run, as `navi agent list` names it.
    pub id: NamedRun,
    /// A further message for the new run.
    pub message: Option<String>,
    /// Another model for the new run: `provider/name`, or a mode such as `navi/fast`.
    #[arg(long)]
    pub model: Option<String>,
    /// Let another model do the work of the new run when its own cannot.
    #[arg(long)]
    pub allow_fallback: bool,
    /// Options for the work on the run.
    #[command(flatten)]
    pub work: WorkArgs,
    /// The server.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Goes on with it.
pub async fn run(args: &ResumeRunArgs, config: Config) -> Result<ExitCode, Failure> {
    check_name(args.model.as_deref())?;
    let rules = config.clone();
    let mut ends = Ends::listen()?;
    let desk = Desk::open(&args.server, config, Needs::Model, &mut ends).await?;
    let outcome = Box::pin(go_on(args, &rules, &desk, &mut ends)).await;
    desk.close(&mut ends).await;
    outcome
}

async fn go_on(
    args: &ResumeRunArgs,
    config: &Config,
    desk: &Desk,
    ends: &mut Ends,
) -> Result<ExitCode, Failure> {
    let id = args.id.find(desk.session()).await?;
    let job = desk.session().job(id).await?;
    let workspace = job["workspace_path"].as_str().ok_or_else(|| {
        Failure::Usage(format!("the run {id} works in no folder, so it is no task"))
    })?;
    let folder = open(Path::new(workspace), config.surroundings.home.as_deref())?;
    check_rules(&args.work.yes_to, config, folder.root())?;
    let manner = Manner {
        json: args.work.json,
        yes_to: args.work.yes_to.clone(),
        only_named_model: args.model.is_some() && !args.allow_fallback,
        has_fallback: true,
    };
    if !job["summary"].is_null() || job["finished_at"].is_number() {
        let errand = follow_up((id, args), &job, workspace)?;
        let how = state(&job);
        tell(&format!(
            "The run {id} is over ({how}), so a new one goes on in its conversation and folder."
        ))?;
        return work(desk, &errand, &manner, ends).await;
    }
    if args.message.is_some() {
        return Err(Failure::Usage(format!(
            "the run {id} is not over and can be told nothing; leave the words out to follow it"
        )));
    }
    if args.model.is_some() || args.allow_fallback {
        return Err(Failure::Usage(format!(
            "the run {id} is not over and keeps its model; `--model` and `--allow-fallback` are for a \
             run that is over"
        )));
    }
    tell(&format!("The run {id} goes on where it was."))?;
    where_it_was(id, &job, workspace, &manner, desk, ends).await
}

/// Follows a run that is not over from where it is.
async fn where_it_was(
    id: RunId,
    job: &Value,
    workspace: &str,
    manner: &Manner,
    desk: &Desk,
    ends: &mut Ends,
) -> Result<ExitCode, Failure> {
    let session = desk.session();
    let before = snapshot(workspace).await?;
    session.resume(id).await?;
    // Not before: the run might be over before it is asked for, and its changes be taken for older ones.
    desk.take_up(id);
    // From its beginning, so that the person sees what it did so far.
    let frames = session.events(id, 0).await?;
    let mut watch = RunWatch::new(session, manner);
    watch.run = Some(id);
    watch.begins_after = job["last_sequence"].as_i64().unwrap_or_default();
    watch.pending.clone_from(&job["pending_approval"]);
    end(desk, &mut watch, frames, &before, (workspace, manner), ends).await
}

/// The errand of the run that goes on with one that is over.
fn follow_up(
    (id, args): (RunId, &ResumeRunArgs),
    job: &Value,
    workspace: &str,
) -> Result<Errand, Failure> {
    let words = args.message.as_deref();
    if job["status"] == "completed" && words.is_none() {
        return Err(Failure::Usage(format!(
            "the model says that the run {id} is done; say what else is to be done: \
             navi agent resume {id} \"…\""
        )));
    }
    let conversation = job["conversation_id"].as_str();
    let conversation = conversation.and_then(|id| id.parse().ok());
    let named = |name: &str| job[name].as_str().filter(|name| !name.is_empty());
    let model = named("provider").zip(named("model"));
    let model = model.map(|(provider, model)| format!("{provider}/{model}"));
    Ok(Errand {
        message: message(job, words),
        workspace: workspace.to_owned(),
        conversation: conversation.unwrap_or_else(|| ConversationId::new(&Clock::System)),
        model: args.model.clone().or(model),
        verify: !args.work.no_verify,
        max_iterations: None,
        effort: None,
        verbosity: None,
    })
}

/// The message to the new run.
fn message(job: &Value, words: Option<&str>) -> String {
    let summary = &job["summary"];
    let ended = match job["status"].as_str() {
        Some("canceled") => "was cancelled by its user".to_owned(),
        Some("completed") => "ended and said that the task was done".to_owned(),
        Some(_) | None => format!("ended before the task was done: {}", reason(summary)),
    };
    let mut lines = vec![format!(
        "Go on with the task below. An earlier run of it {ended}."
    )];
    let done: Vec<String> = [
        ("changed", "files_modified"),
        ("created", "files_created"),
        ("deleted", "files_deleted"),
    ]
    .iter()
    .filter_map(|(verb, list)| {
        let files = summary[*list].as_array()?.iter().filter_map(Value::as_str);
        let files: Vec<String> = files.map(|file| format!("`{file}`")).collect();
        (!files.is_empty()).then(|| format!("{verb} {}", files.join(", ")))
    })
    .collect();
    lines.push(if done.is_empty() {
        "It changed no file.".to_owned()
    } else {
        format!(
            "It {}. Look at them before you change them again.",
            done.join(", ")
        )
    });
    if let Some(words) = words {
        lines.push(format!("The user says: {words}"));
    }
    format!("{}\n{TASK}{}", lines.join("\n"), task(job))
}

fn tell(words: &str) -> std::io::Result<()> {
    writeln!(std::io::stderr(), "{words}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_new_run_is_told_what_was_done_so_far() {
        let job = json!({"status": "canceled", "task": "Mend it", "summary": {
            "files_modified": ["a", "b"], "files_created": ["c"], "files_deleted": []}});
        insta::assert_snapshot!(message(&job, Some("not in b")), @r"
        Go on with the task below. An earlier run of it was cancelled by its user.
        It changed `a`, `b`, created `c`. Look at them before you change them again.
        The user says: not in b

        The task:
        Mend it
        ");
    }
}
