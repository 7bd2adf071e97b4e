//! `navi agent run`: a task done in a folder, watched in the terminal.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use crate::app::App;
use crate::auth::principal::{Principal, Proof, Role};
use crate::cli::changes::Snapshot;
use crate::cli::failure::Failure;
use crate::cli::recorded;
use crate::cli::serve::{Ends, Running};
use crate::cli::session::{AtTerminal, Errand, Session};
use crate::cli::show::Show;
use crate::config::settings::Config;
use crate::llm::effort::{Effort, Verbosity};
use crate::platform::ids::{OrgId, UserId};
use crate::platform::secret::SecretString;

/// How long the accounting of a run may take to be written before it is shown.
const FLUSH: Duration = Duration::from_secs(10);
/// How long the token of a self-contained command is good for.
const TOKEN_TTL: Duration = Duration::from_hours(12);

/// A task for the agent.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What is to be done.
    pub task: String,
    /// The folder to work in.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub workspace: PathBuf,
    /// The model: `provider/name`, a mode such as `navi/fast`, or nothing for the default.
    #[arg(long)]
    pub model: Option<String>,
    /// End without running the project's checks.
    #[arg(long)]
    pub no_verify: bool,
    /// The most rounds of work and verification.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub max_iterations: Option<u32>,
    /// The amount of reasoning before an answer, of models that know one.
    #[arg(long)]
    pub effort: Option<Effort>,
    /// The length of the answers, of models that know one.
    #[arg(long)]
    pub verbosity: Option<Verbosity>,
    /// A running server; without it this command serves itself, with its own database.
    #[arg(long, value_name = "URL", env = "NAVI_SERVER", requires = "token")]
    pub server: Option<Url>,
    /// The token for that server, as `navi token mint` prints it.
    #[arg(long, value_name = "TOKEN", env = "NAVI_TOKEN", hide_env_values = true)]
    pub token: Option<SecretString>,
    /// Print the frames of the stream, one JSON object a line, and nothing else.
    #[arg(long)]
    pub json: bool,
}

/// Runs the task and answers with 0 when it was done, 1 when not.
pub async fn run(args: &Args, config: Config) -> Result<ExitCode, Failure> {
    let workspace = args
        .workspace
        .canonicalize()
        .map_err(|source| Failure::Workspace {
            path: args.workspace.clone(),
            source,
        })?;
    let errand = Errand {
        message: args.task.clone(),
        workspace: workspace.to_string_lossy().into_owned(),
        model: args.model.clone(),
        verify: !args.no_verify,
        max_iterations: args.max_iterations,
        effort: args.effort,
        verbosity: args.verbosity,
    };
    if let (Some(server), Some(token)) = (&args.server, &args.token) {
        let session = Session::new(server.as_str(), token.clone())?;
        let mut ends = Ends::listen()?;
        return tokio::select! {
            outcome = follow(&session, &errand, args.json, None) => outcome,
            () = ends.next() => Err(Failure::Interrupted),
        };
    }
    if args.model.is_none() && config.scripted.is_none() && config.llm.is_unconfigured() {
        return Err(Failure::NoModel);
    }
    Box::pin(alone(config, &errand, args.json)).await
}

/// Runs an errand with a server of this command's own. A signal ends both in good order, a second
/// one at once.
pub async fn alone(config: Config, errand: &Errand, json: bool) -> Result<ExitCode, Failure> {
    let mut ends = Ends::listen()?;
    let own = tokio::select! {
        own = Own::start(config) => own?,
        () = ends.next() => return Err(Failure::Interrupted),
    };
    let outcome = tokio::select! {
        outcome = follow(&own.session, errand, json, Some(&own)) => outcome.map_err(pointed),
        // Dropping the session's stream ends the run, as for every client that leaves.
        () = ends.next() => Err(Failure::Interrupted),
    };
    tokio::select! {
        _complete = own.running.stop() => {}
        () = ends.next() => {}
    }
    outcome
}

/// A refusal of our own server. The folder is there, so if it is not found it belongs to somebody who
/// used it over the same database; whoever sits here may know, and take it back.
fn pointed(mut failure: Failure) -> Failure {
    if let Failure::Answered {
        status: 404,
        detail,
    } = &mut failure
    {
        detail.push_str(
            "; `navi workspaces list` says whose it is, and `navi workspaces release` takes it back",
        );
    }
    failure
}

/// A server of this command's own.
pub struct Own {
    /// The server.
    pub running: Running,
    /// A session with it.
    pub session: Session,
    /// Who the command is to it.
    pub principal: Principal,
}

impl Own {
    /// Starts a server on a free port of the loopback address.
    pub async fn start(mut config: Config) -> Result<Self, Failure> {
        config.server.bind = SocketAddr::from(([127, 0, 0, 1], 0)).into();
        // Whatever else waits in the data folder was not asked for by this command.
        config.agent.worker = false;
        let running = Running::start(config, true).await?;
        let principal = Principal {
            org_id: OrgId::local(),
            user_id: UserId::local(),
            team_id: None,
            role: Role::Planner,
            proof: Proof::Token,
        };
        let token = running.app.verifier.mint(&principal, TOKEN_TTL)?;
        let session = Session::new(&running.url(), SecretString::from(token))?;
        Ok(Self {
            running,
            session,
            principal,
        })
    }
}

/// Runs an errand, shows it, and shows what was recorded when the server is ours.
pub async fn follow(
    session: &Session,
    errand: &Errand,
    json: bool,
    own: Option<&Own>,
) -> Result<ExitCode, Failure> {
    let before = snapshot(errand).await?;
    let mut show = Show::new(anstream::stdout());
    let mut person = AtTerminal;
    let run = session.run(errand, &mut person, |frame| {
        if json {
            writeln!(std::io::stdout(), "{frame}")
        } else {
            show.frame(frame)
        }
    });
    let summary = run.await?;
    if !json {
        after(&mut show, errand, &before, &summary, own).await?;
    }
    let success = summary["success"] == Value::Bool(true);
    Ok(if success {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The folder as it is now, read where it may take its time.
async fn snapshot(errand: &Errand) -> Result<Snapshot, Failure> {
    let folder = PathBuf::from(&errand.workspace);
    let taken = tokio::task::spawn_blocking(move || Snapshot::take(&folder)).await;
    Ok(taken.map_err(std::io::Error::other)?)
}

async fn after<W: Write>(
    show: &mut Show<W>,
    errand: &Errand,
    before: &Snapshot,
    summary: &Value,
    own: Option<&Own>,
) -> Result<(), Failure> {
    if before.is_partial() {
        show.note("The folder is too large to show what changed; `git diff` does.")?;
    } else {
        let diff = before.diff(&snapshot(errand).await?);
        if !diff.is_empty() {
            show.heading("Changed")?;
            show.diff(&diff)?;
        }
    }
    if let Some(own) = own {
        let app: &App = &own.running.app;
        app.ledger.flush(FLUSH).await?;
        recorded::show(app, &own.principal.org_id, summary, show).await?;
    }
    Ok(())
}
