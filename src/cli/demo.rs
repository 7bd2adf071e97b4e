//! `navi demo`: a small project is mended before your eyes.

use std::path::Path;
use std::process::ExitCode;

use crate::cli::agent::desk::Desk;
use crate::cli::agent::follow::Manner;
use crate::cli::agent::named_model::{SCRIPTED, check_name};
use crate::cli::agent::own::Own;
use crate::cli::agent::run::work;
use crate::cli::agent::session::Errand;
use crate::cli::beacon;
use crate::cli::failure::Failure;
use crate::cli::serve::Ends;
use crate::cli::terminal::show::Show;
use crate::cli::terminal::words::columns;
use crate::config::settings::Config;
use crate::exec::environment::try_out;
use crate::llm::script::Script;
use crate::platform::clock::Clock;
use crate::platform::ids::ConversationId;
use crate::platform::text::visible;

/// The sample project, as it lies in `examples/paging`: its paths and contents.
const PROJECT: &[(&str, &str)] = &[
    (
        ".gitignore",
        include_str!("../../examples/paging/.gitignore"),
    ),
    (
        "Cargo.lock",
        include_str!("../../examples/paging/Cargo.lock"),
    ),
    (
        "Cargo.toml",
        include_str!("../../examples/paging/Cargo.toml"),
    ),
    ("README.md", include_str!("../../examples/paging/README.md")),
    (
        "src/lib.rs",
        include_str!("../../examples/paging/src/lib.rs"),
    ),
];
/// The script of the scripted model, for when no other model is configured.
const SCRIPT: &str = include_str!("../../examples/paging.script.json");
/// The task.
const TASK: &str = "`cargo test` fails in this project: the last, shorter page is missing. Find \
                    out why and mend it, without changing the tests.";

/// Options of the demonstration.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Args {
    /// The model; by default the first one that is configured, else the scripted one.
    #[arg(long)]
    pub model: Option<String>,
    /// Keep the folder in which the agent worked.
    #[arg(long)]
    pub keep: bool,
    /// Print the frames of the stream, one JSON object a line, and nothing else.
    #[arg(long)]
    pub json: bool,
}

/// Copies the sample project, gives the agent its task, shows the run and what was recorded.
pub async fn run(args: &Args, mut config: Config) -> Result<ExitCode, Failure> {
    check_name(args.model.as_deref())?;
    refuse_beside(&config)?;
    let scripted = config.scripted.is_none()
        && match &args.model {
            Some(name) => name.trim().starts_with(SCRIPTED),
            None => config.llm.is_unconfigured(),
        };
    let placeholder = config.llm.placeholders().next();
    let mut show = Show::new(anstream::stdout(), columns());
    let folder = tempfile::Builder::new().prefix("navi-demo-").tempdir()?;
    let workspace = folder.path().join("paging");
    copy_project(&workspace)?;
    check_toolchain(&config, &workspace).await?;
    if scripted {
        let script = Script::from_json(SCRIPT).map_err(std::io::Error::other)?;
        config.play(script);
    }
    if !args.json {
        show.line(&match &args.model {
            Some(name) => {
                let name = visible(name.trim());
                format!("`{name}` is to mend a small project with a failing test.")
            }
            None if scripted && placeholder.is_some() => format!(
                "A scripted model plays, because {} holds a placeholder and no key.",
                placeholder.unwrap_or_default()
            ),
            None if scripted => {
                "A scripted model plays, because no model is configured: set ANTHROPIC_API_KEY, \
                 OPENAI_API_KEY or SELF_HOSTED_API_BASE_URL to watch a real one."
                    .to_owned()
            }
            None => "A configured model works on a small project with a failing test.".to_owned(),
        })?;
        show.note(&format!("Workspace: {}", workspace.display()))?;
        show.note(&format!("Task: {TASK}"))?;
    }
    let errand = Errand {
        message: TASK.to_owned(),
        workspace: workspace.canonicalize()?.to_string_lossy().into_owned(),
        conversation: ConversationId::new(&Clock::System),
        model: args.model.clone(),
        verify: true,
        max_iterations: None,
        effort: None,
        verbosity: None,
    };
    let outcome = Box::pin(alone(config, &errand, args.json)).await;
    // One who was not content goes on in it.
    let goes_on = !args.json && matches!(outcome, Ok(code) if code != ExitCode::SUCCESS);
    if args.keep || goes_on {
        let kept = folder.keep();
        show.note(&format!("The folder is kept: {}", kept.display()))?;
    }
    outcome
}

/// Does the errand with a server of this command's own, whatever else runs.
async fn alone(config: Config, errand: &Errand, json: bool) -> Result<ExitCode, Failure> {
    let manner = Manner {
        json,
        only_named_model: errand.model.is_some(),
        ..Manner::default()
    };
    let mut ends = Ends::listen()?;
    let own = tokio::select! {
        own = Own::start(config) => own?,
        () = ends.next() => return Err(Failure::Interrupted),
    };
    let desk = Desk::Own(Box::new(own));
    let outcome = work(&desk, errand, &manner, &mut ends).await;
    desk.close(&mut ends).await;
    outcome
}

/// Refuses to begin where a server has the database of the data folder already: the demo plays its script with
/// one of its own.
fn refuse_beside(config: &Config) -> Result<(), Failure> {
    if config.database.database_url.is_some() {
        return Ok(());
    }
    let folder = config.data_dir().ok();
    match folder.as_deref().and_then(beacon::find) {
        Some(server) => Err(Failure::Usage(format!(
            "a server runs over this data folder ({}), and the demo needs a server of its own: set NAVI_DATA_DIR \
             to another folder for it",
            server.url
        ))),
        None => Ok(()),
    }
}

/// Tries out what the project is built with, before anything is begun that would fail without it.
async fn check_toolchain(config: &Config, folder: &Path) -> Result<(), Failure> {
    let environment = config.surroundings.command_environment.clone();
    let folder = folder.to_owned();
    let tried = tokio::task::spawn_blocking(move || {
        let mut programs = ["cargo", "rustc"].iter();
        programs.try_for_each(|program| try_out(program, "--version", &environment, &folder))
    });
    let tried = tried.await.map_err(std::io::Error::other)?;
    tried.map_err(Failure::NoCargo)
}

fn copy_project(to: &Path) -> std::io::Result<()> {
    for (path, text) in PROJECT {
        let path = to.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(())
}
