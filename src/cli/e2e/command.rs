//! The command: its flags, the session, its report, and the exit code.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::SecondsFormat;
use url::Url;

use crate::cli::e2e::measuring::model::{E2eData, LeftOutTask, ProviderKind, SessionFacts};
use crate::cli::e2e::reporting::budget::{Budgets, SessionBudget, demands};
use crate::cli::e2e::reporting::{budget, data, machine, page, plot};
use crate::cli::e2e::running::commands::Commands;
use crate::cli::e2e::running::play::Play;
use crate::cli::e2e::running::stage::Stage;
use crate::cli::e2e::running::task::Player;
use crate::cli::e2e::tasks::load::load;
use crate::cli::e2e::tasks::model::{E2eTask, TaskKind};
use crate::cli::failure::Failure;
use crate::cli::serve::Ends;
use crate::config::settings::Config;
use crate::platform::clock::Clock;
use crate::platform::secret::SecretString;

/// The word for the script of each task.
const SCRIPTED: &str = "scripted";

/// The tasks that are done, the one who does them, and the place of the report.
#[derive(Clone, Debug, clap::Args)]
pub struct E2eArgs {
    /// The one who answers: `scripted`, or a model such as `anthropic/claude-sonnet-5.5`, whose provider the settings
    /// reach by key or base URL.
    #[arg(long = "player", value_name = "MODEL", default_value = SCRIPTED)]
    pub player: String,
    /// The section of the budgets; `scripted` for the script, else `capable`.
    #[arg(long, value_name = "NAME")]
    pub budget: Option<String>,
    /// The folder of the files of tasks.
    #[arg(long, value_name = "DIR", default_value = "e2e/tasks")]
    pub tasks: PathBuf,
    /// The file of budgets.
    #[arg(long, value_name = "FILE", default_value = "e2e/budgets.toml")]
    pub budgets: PathBuf,
    /// Only these tasks, by name.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Only tasks of these kinds.
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub kind: Vec<TaskKind>,
    /// The factor by which a task may take longer than it says, for a slow provider.
    #[arg(long, value_name = "FACTOR", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub patience: u32,
    /// The folder for raw data and plots.
    #[arg(long, value_name = "DIR", default_value = "target/e2e")]
    pub report: PathBuf,
    /// The page that is made of all raw data in that folder; by default `README.md` in it.
    #[arg(long, value_name = "FILE")]
    pub page: Option<PathBuf>,
    /// Make the page again, and run nothing.
    #[arg(long)]
    pub page_only: bool,
    /// The address of the provider's own counters of tokens, in the metrics of llama.cpp.
    #[arg(long, value_name = "URL")]
    pub counters: Option<Url>,
    /// A running server on this machine; without it this command starts one.
    #[arg(long, value_name = "URL", env = "NAVI_SERVER", requires = "token")]
    pub server: Option<Url>,
    /// The token for that server, as `navi token mint` prints it.
    #[arg(long, value_name = "TOKEN", env = "NAVI_TOKEN", hide_env_values = true)]
    pub token: Option<SecretString>,
    /// Print the raw data, and nothing else.
    #[arg(long)]
    pub json: bool,
}

/// Runs the tasks, writes the report, and answers with 0 when all budgets hold, 1 when not.
pub async fn run(args: &E2eArgs, config: Config) -> Result<ExitCode, Failure> {
    let budgets = budget::read(&args.budgets)?;
    if args.page_only {
        write_page(args, &budgets)?;
        return Ok(ExitCode::SUCCESS);
    }
    let player = if args.player == SCRIPTED {
        Player::Script
    } else {
        Player::Model(args.player.clone())
    };
    let name = args.budget.clone().unwrap_or_else(|| budget_of(&player));
    let Some(demanded) = budgets.get(&name).copied() else {
        let path = args.budgets.display();
        return Err(Failure::Usage(format!("`{path}` has no budget `{name}`")));
    };
    if player == Player::Script && args.server.is_some() {
        return Err(Failure::Usage(
            "a running server has scripts of its own; name a model with --player, or leave \
             --server out"
                .to_owned(),
        ));
    }
    if player != Player::Script && args.server.is_none() && config.llm.is_unconfigured() {
        return Err(Failure::NoModel);
    }
    let mut tasks = load(&args.tasks)?;
    for task in &mut tasks {
        task.written.seconds *= u64::from(args.patience);
    }
    let chosen = chosen(args, &tasks)?;
    let commands = Commands::new(&config)?;
    let (wanted, left_out) = possible(chosen, &player, &commands);
    let mut ends = Ends::listen()?;
    let facts = SessionPlan {
        player: &player,
        budget: name,
        left_out,
    };
    let session = tokio::select! {
        session = Box::pin(perform_all(args, config, &wanted, facts, &commands)) => session?,
        () = ends.next() => return Err(Failure::Interrupted),
    };
    report(args, &session, &budgets, &demanded)
}

/// The part of a session that is known before it begins.
struct SessionPlan<'a> {
    player: &'a Player,
    budget: String,
    left_out: Vec<LeftOutTask>,
}

fn budget_of(player: &Player) -> String {
    match player {
        Player::Script => SCRIPTED.to_owned(),
        Player::Model(_) => "capable".to_owned(),
    }
}

/// The tasks that were asked for. A name that no task has is a mistake.
fn chosen<'a>(args: &E2eArgs, tasks: &'a [E2eTask]) -> Result<Vec<&'a E2eTask>, Failure> {
    for id in &args.only {
        if !tasks.iter().any(|task| task.written.id == *id) {
            return Err(Failure::Usage(format!("task `{id}` not found")));
        }
    }
    let is_wanted = |task: &&E2eTask| {
        (args.only.is_empty() || args.only.contains(&task.written.id))
            && (args.kind.is_empty() || args.kind.contains(&task.kind))
    };
    let chosen: Vec<&E2eTask> = tasks.iter().filter(is_wanted).collect();
    if chosen.is_empty() {
        return Err(Failure::Usage("no task is of these kinds".to_owned()));
    }
    Ok(chosen)
}

/// The tasks that can be done here, and why the others cannot.
fn possible(
    tasks: Vec<&E2eTask>,
    player: &Player,
    commands: &Commands,
) -> (Vec<E2eTask>, Vec<LeftOutTask>) {
    let mut wanted = Vec::new();
    let mut left_out = Vec::new();
    for task in tasks {
        let needs = &task.written.needs;
        let missing = needs.iter().find(|program| !commands.has(program));
        let why = match missing {
            _ if *player != Player::Script && task.kind.is_of_the_script() => {
                Some("a real provider does not fail on command".to_owned())
            }
            Some(program) => Some(format!("`{program}` is not installed")),
            None => None,
        };
        match why {
            Some(why) => left_out.push(LeftOutTask {
                id: task.written.id.clone(),
                why,
            }),
            None => wanted.push(task.clone()),
        }
    }
    (wanted, left_out)
}

async fn perform_all(
    args: &E2eArgs,
    config: Config,
    tasks: &[E2eTask],
    facts: SessionPlan<'_>,
    commands: &Commands,
) -> Result<E2eData, Failure> {
    let began_at = Clock::System
        .now()
        .to_rfc3339_opts(SecondsFormat::Secs, true);
    let machine = machine::machine();
    let script = (*facts.player == Player::Script).then_some(tasks);
    let stage = match (&args.server, &args.token) {
        (Some(server), Some(token)) => Stage::named(server, token.clone())?,
        (_, _) => Box::pin(Stage::start(config, script)).await?,
    };
    let play = Play {
        is_whole: is_whole(args),
        counters: args.counters.as_ref(),
        is_silent: args.json,
        tasks,
        player: facts.player,
        stage: &stage,
        commands,
    };
    let outcome = Box::pin(play.perform()).await;
    let (server, warm_up) = (stage.kind(), play.warm_up().len());
    stage.stop().await;
    Ok(E2eData {
        session: SessionFacts {
            name: session_name(&facts.budget, facts.player),
            provider: match facts.player {
                Player::Script => ProviderKind::Scripted,
                Player::Model(_) => ProviderKind::Real,
            },
            model: args.player.clone(),
            budget: facts.budget,
            whole: is_whole(args),
            server,
            began_at,
            machine,
            program: machine::program(),
            warm_up,
            left_out: facts.left_out,
        },
        tasks: outcome?,
    })
}

/// True when all tasks are asked for.
fn is_whole(args: &E2eArgs) -> bool {
    args.only.is_empty() && args.kind.is_empty()
}

/// A name for files, of the budget and the model.
fn session_name(budget: &str, player: &Player) -> String {
    let name = match player {
        Player::Script => budget.to_owned(),
        Player::Model(model) => format!("{budget}-{model}"),
    };
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    name.chars().map(plain).collect()
}

fn report(
    args: &E2eArgs,
    session: &E2eData,
    budgets: &Budgets,
    demanded: &SessionBudget,
) -> Result<ExitCode, Failure> {
    let path = data::write(session, &args.report)?;
    write_page(args, budgets)?;
    let demands = demands(session, demanded);
    let broken = demands.iter().any(|demand| !demand.holds);
    let mut out = std::io::stdout();
    if args.json {
        out.write_all(data::text(session)?.as_bytes())?;
    } else {
        let passed = session.tasks.iter().filter(|task| task.passed()).count();
        let (all, left) = (session.tasks.len(), session.session.left_out.len());
        writeln!(
            out,
            "\n{passed} of {all} tasks succeeded, {left} were not run; raw data in {}",
            path.display()
        )?;
        for demand in &demands {
            let mark = if demand.holds { "holds " } else { "BROKEN" };
            writeln!(out, "{mark} {}: {}", demand.what, demand.seen)?;
        }
    }
    Ok(if broken {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Makes the page and the plots of all sessions in the folder of the report.
fn write_page(args: &E2eArgs, budgets: &Budgets) -> Result<(), Failure> {
    let folder = &args.report;
    let sessions = data::read_all(folder)?;
    for session in &sessions {
        let name = &session.session.name;
        std::fs::write(
            folder.join(format!("{name}-times.svg")),
            plot::distribution(session),
        )?;
        std::fs::write(
            folder.join(format!("{name}-parts.svg")),
            plot::parts(session),
        )?;
    }
    let file = args
        .page
        .clone()
        .unwrap_or_else(|| folder.join("README.md"));
    let plots = link(folder, &file);
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(&file, page::render(&sessions, budgets, &plots))?;
    Ok(())
}

/// The folder as a page links to it: from where the page lies, if it lies above.
fn link(folder: &Path, page: &Path) -> String {
    let parent = page.parent().unwrap_or(Path::new(""));
    let path = folder.strip_prefix(parent).unwrap_or(folder);
    if path.as_os_str().is_empty() {
        return String::new();
    }
    format!("{}/", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_links_to_plots_from_where_it_lies() {
        let from = |page: &str| link(Path::new("docs/e2e"), Path::new(page));
        assert_eq!(from("docs/PAGE.md"), "e2e/");
        assert_eq!(from("docs/e2e/README.md"), "");
        assert_eq!(from("elsewhere/PAGE.md"), "docs/e2e/");
    }

    #[test]
    fn a_session_is_named_after_who_answered() {
        let model = Player::Model("openai/SmolLM2-135M".to_owned());
        assert_eq!(session_name("small", &model), "small-openai-smollm2-135m");
        assert_eq!(session_name("scripted", &Player::Script), "scripted");
    }
}
