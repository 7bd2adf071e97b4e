//! The command line: reads it, runs the command, turns the outcome into an exit code.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::cli::agent::command::AgentCommand;
use crate::cli::audit::command::Work;
use crate::cli::config::wrong_values::wrong_values;
use crate::cli::config::{check, documents};
use crate::cli::failure::Failure;
use crate::cli::lifecycle::{erase, retention};
use crate::cli::load::command as load;
use crate::cli::policy::command::PolicyCommand;
use crate::cli::serve::stopped;
use crate::cli::settled::{With, quietly, settled, spoken, told_database, watched};
use crate::cli::{
    audit, demo, doctor, e2e, feedback_analyzer, keys, migrate, models, serve, token, vault,
    workspaces,
};
use crate::config::found;
use crate::config::found::GivenSettings;
use crate::config::help::own_flags_first;
use crate::config::secret_files::{Unmatched, matched};
use crate::config::settings::Config;
use crate::platform::clock::Clock;
use crate::platform::database::servers::Servers;
use crate::platform::logging::LogFormat;
use crate::platform::privacy;
use crate::platform::redact::text::redact_text;
use crate::platform::text::visible;

/// NAVI, the backend of an autonomous engineering assistant.
#[derive(Debug, Parser)]
#[command(name = "navi", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API until SIGTERM or Ctrl-C.
    Serve(Box<With<serve::Args>>),
    /// Bring the database to the state this binary needs, or show what that takes.
    Migrate(Box<With<migrate::Args>>),
    /// Watch an agent mend a small project; needs no API key.
    Demo(Box<With<demo::Args>>),
    /// Do engineering tasks from end to end, look at what came out, and measure.
    E2e(Box<With<e2e::command::E2eArgs>>),
    /// Give the agent a task, go on with one, see what became of it.
    Agent(AgentCommand),
    /// Make bearer tokens.
    Token(TokenCommand),
    /// Make secrets.
    Keys(KeysCommand),
    /// Verify, list, decrypt, export and adopt audit logs.
    Audit(AuditCommand),
    /// Look after what is kept.
    Retention(RetentionCommand),
    /// Learn from ratings, once or every few minutes.
    FeedbackAnalyzer(Box<With<feedback_analyzer::Args>>),
    /// Destroy what is known of a person or an organisation, and look whether it is gone.
    Erase(Box<With<erase::Args>>),
    /// Look after what is sealed in the database.
    Vault(VaultCommand),
    /// See which folders belong to which organisation, and take one back.
    #[command(subcommand)]
    Workspaces(WorkspacesCommands),
    /// Say what is missing here, and the command that mends it.
    Doctor(Box<With<doctor::command::DoctorArgs>>),
    /// Let many users at once do what users do, and compare every row afterwards.
    Load(Box<With<load::LoadArgs>>),
    /// List the models that a request can name here.
    Models(Box<With<models::ModelsArgs>>),
    /// Look at what the agent may do without asking.
    Policy(PolicyCommand),
    /// Look at the settings.
    Config(ConfigCommand),
}

#[derive(Debug, clap::Args)]
struct TokenCommand {
    #[command(subcommand)]
    command: TokenCommands,
}

#[derive(Debug, Subcommand)]
enum TokenCommands {
    /// Print a token, and nothing else.
    Mint(Box<With<token::Args>>),
}

#[derive(Debug, clap::Args)]
struct KeysCommand {
    #[command(subcommand)]
    command: KeysCommands,
}

#[derive(Debug, Subcommand)]
enum KeysCommands {
    /// Print a new secret, and nothing else.
    Generate(keys::Args),
}

#[derive(Debug, clap::Args)]
struct RetentionCommand {
    #[command(subcommand)]
    command: RetentionCommands,
}

#[derive(Debug, Subcommand)]
enum RetentionCommands {
    /// Make the coming months and drop what is too old, as every server does each hour.
    Run(Box<With<retention::Args>>),
}

#[derive(Debug, clap::Args)]
struct VaultCommand {
    #[command(subcommand)]
    command: VaultCommands,
}

#[derive(Debug, Subcommand)]
enum VaultCommands {
    /// Count what is sealed, by format and key.
    Status(Box<With<vault::StatusArgs>>),
    /// Seal secrets again that are not sealed with the current key.
    Rewrap(Box<With<vault::RewrapArgs>>),
}

#[derive(Debug, Subcommand)]
enum WorkspacesCommands {
    /// List the folders that belong to organisations.
    List(Box<With<workspaces::list::ListArgs>>),
    /// Take a folder from its organisation.
    Release(Box<With<workspaces::release::ReleaseArgs>>),
}

#[derive(Debug, clap::Args)]
struct ConfigCommand {
    #[command(subcommand)]
    command: ConfigCommands,
}

#[derive(Debug, Subcommand)]
enum ConfigCommands {
    /// Say whether these settings are fit for production, without starting anything.
    Check(Box<With<check::Args>>),
    /// Print a file that is generated from the settings' own descriptions.
    #[command(hide = true)]
    Docs(documents::DocsArgs),
}

#[derive(Debug, clap::Args)]
struct AuditCommand {
    #[command(subcommand)]
    command: AuditCommands,
}

#[derive(Debug, Subcommand)]
enum AuditCommands {
    /// Verify the logs in the database, or an export without any database.
    Verify(Box<With<audit::verify::Args>>),
    /// List what was done, newest first.
    List(Box<With<audit::list::Args>>),
    /// Open what an entry sealed; the reason is written into the log first.
    Decrypt(Box<With<audit::decrypt::Args>>),
    /// Write a log to the standard output, as JSON Lines that can be verified anywhere, or as CSV.
    Export(Box<With<audit::export::Args>>),
    /// Go on with logs whose sealing key is lost; a record in each says so.
    Adopt(Box<With<audit::adopt::AdoptArgs>>),
}

impl AuditCommands {
    fn split(self) -> (Work, Config) {
        match self {
            Self::Verify(with) => (Work::Verify(with.args), with.config),
            Self::List(with) => (Work::List(with.args), with.config),
            Self::Decrypt(with) => (Work::Decrypt(with.args), with.config),
            Self::Export(with) => (Work::Export(with.args), with.config),
            Self::Adopt(with) => (Work::Adopt(with.args), with.config),
        }
    }
}

/// Runs the command line and answers with its exit code.
pub fn main() -> ExitCode {
    // Before the settings are read, and with them the first secret.
    if let Err(error) = privacy::close_to_others() {
        return failed(&Failure::Io(error));
    }
    let (matches, files) = match matched(own_flags_first(Cli::command())) {
        Ok(matched) => matched,
        Err(Unmatched::Usage(error)) => return usage(&error),
        Err(Unmatched::File(error)) => return failed(&error.into()),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&Failure::Io(error)),
    };
    let given = GivenSettings {
        settings: found::settings(&matches),
        secret_files: files.paths(),
    };
    let outcome = runtime.block_on(run(cli.command, given));
    // Whatever still runs on a blocking thread has had its grace.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match outcome {
        Ok(code) => code,
        // As of a program that the signal ended, whose default Rust turns off.
        Err(failure) if failure.is_closed_output() => ExitCode::from(128 + 13),
        Err(failure) => failed(&failure),
    }
}

/// Help and version are answers; everything else is a mistake, with exit code 2.
fn usage(error: &clap::Error) -> ExitCode {
    // A reader who went away does not matter any more.
    let _ = match wrong_values(error) {
        Some(wrong) => said(&wrong.join("\nnavi: ")),
        None => error.print(),
    };
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn failed(failure: &Failure) -> ExitCode {
    let _ = said(&told(failure));
    failure.exit_code()
}

fn said(text: &str) -> io::Result<()> {
    let text = format!("navi: {text}\n");
    io::stderr().write_all(visible(&redact_text(&text)).as_bytes())
}

/// A failure with its causes, each on a line of its own.
fn told(failure: &Failure) -> String {
    let mut text = failure.to_string();
    let mut source = std::error::Error::source(failure);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Errors that repeat their cause in their own text need it only once.
        if !text.contains(&cause_text) {
            text.push_str("\n  because ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// The end of a server whose log is read by programs: its reason is a line like all others, so that it is found
/// where they are. Else it is said as for every command.
fn logged(failure: Failure, form: LogFormat) -> Result<ExitCode, Failure> {
    let is_read = form == LogFormat::Json && tracing::enabled!(tracing::Level::ERROR);
    if !is_read || failure.is_closed_output() {
        return Err(failure);
    }
    tracing::error!(error = %told(&failure), "the server ends");
    Ok(failure.exit_code())
}

async fn serve(with: With<serve::Args>, given: GivenSettings) -> Result<ExitCode, Failure> {
    let config = settled(with.config, given)?;
    let form = config.log.log_format;
    let outcome = Box::pin(serve::run(&with.args, config)).await;
    outcome.or_else(|failure| logged(failure, form))
}

async fn run(command: Command, given: GivenSettings) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve(with) => serve(*with, given).await,
        Command::Migrate(with) => {
            let config = spoken(with.config, given)?;
            let (options, postgres) = serve::database(&config).await?;
            let (clock, out) = (Clock::System, &mut io::stdout());
            let outcome = migrate::run(&with.args, config.app_env, &options, &clock, out).await;
            stopped(postgres).await;
            Ok(outcome?)
        }
        Command::Demo(with) => {
            let (config, log) = watched(with.config, given, !with.args.json)?;
            let outcome = Box::pin(demo::run(&with.args, config)).await;
            log.tell()?;
            outcome
        }
        Command::E2e(with) => {
            Box::pin(e2e::command::run(&with.args, quietly(with.config, given)?)).await
        }
        Command::Agent(command) => {
            let (work, config) = command.split();
            let (config, log) = watched(config, given, work.is_live())?;
            let outcome = work.run(config).await;
            log.tell()?;
            outcome
        }
        Command::Token(TokenCommand {
            command: TokenCommands::Mint(with),
        }) => {
            let config = spoken(with.config, given)?;
            token::mint(&with.args, &config, &Clock::System, &mut io::stdout())
        }
        Command::Keys(KeysCommand {
            command: KeysCommands::Generate(args),
        }) => keys::generate(args, &mut io::stdout()),
        Command::Audit(AuditCommand { command }) => {
            let (work, config) = command.split();
            let config = quietly(config, given)?;
            if work.is_offline() {
                return work.run_offline(&config, &mut io::stdout());
            }
            let (options, postgres) = told_database(&config).await?;
            let outcome = Box::pin(work.run(&config, &options, &mut io::stdout())).await;
            stopped(postgres).await;
            outcome
        }
        Command::Retention(RetentionCommand {
            command: RetentionCommands::Run(with),
        }) => over_database(*with, given, retention::run).await,
        Command::FeedbackAnalyzer(with) => {
            let config = spoken(with.config, given)?;
            Box::pin(feedback_analyzer::run(
                &with.args,
                &config,
                &mut io::stdout(),
            ))
            .await
        }
        Command::Erase(with) => over_database(*with, given, erase::run).await,
        Command::Vault(VaultCommand { command }) => match command {
            VaultCommands::Status(with) => over_database(*with, given, vault::status).await,
            VaultCommands::Rewrap(with) => over_database(*with, given, vault::rewrap).await,
        },
        Command::Workspaces(command) => match command {
            WorkspacesCommands::List(with) => {
                over_database(*with, given, workspaces::list::run).await
            }
            WorkspacesCommands::Release(with) => {
                over_database(*with, given, workspaces::release::run).await
            }
        },
        Command::Doctor(with) => {
            let config = quietly(with.config, given)?;
            doctor::command::run(&with.args, &config, &Clock::System, &mut io::stdout()).await
        }
        Command::Models(with) => {
            let config = quietly(with.config, given)?;
            models::run(with.args, &config, &Clock::System, &mut io::stdout()).await
        }
        Command::Load(with) => {
            let config = quietly(with.config, given)?;
            Box::pin(load::run(&with.args, config, &mut io::stdout())).await
        }
        Command::Policy(command) => {
            let (work, config) = command.split();
            work.run(&quietly(config, given)?, &mut io::stdout())
        }
        Command::Config(ConfigCommand { command }) => about_settings(command, given),
    }
}

fn about_settings(command: ConfigCommands, given: GivenSettings) -> Result<ExitCode, Failure> {
    match command {
        ConfigCommands::Check(with) => {
            let config = settled(with.config, given)?;
            check::check(with.args, &config, &mut io::stdout())
        }
        ConfigCommands::Docs(args) => {
            io::stdout().write_all(documents::generated(args.file).as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Runs a command in a terminal over the database, our own Postgres when there is no other.
async fn over_database<A: clap::Args>(
    with: With<A>,
    given: GivenSettings,
    work: impl AsyncFnOnce(&A, &Config, &Servers, &mut (dyn Write + Send)) -> Result<ExitCode, Failure>,
) -> Result<ExitCode, Failure> {
    let config = quietly(with.config, given)?;
    let (options, postgres) = told_database(&config).await?;
    let out = &mut io::stdout();
    let outcome = Box::pin(work(&with.args, &config, &options, out)).await;
    stopped(postgres).await;
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::secret::SecretString;

    #[test]
    fn the_command_line_is_sound() {
        own_flags_first(Cli::command()).debug_assert();
    }

    #[test]
    fn every_setting_that_is_a_secret_is_kept_out_of_the_log() {
        let is_secret = |arg: &clap::Arg| {
            let wanted = clap::builder::ValueParser::from(clap::value_parser!(SecretString));
            arg.get_value_parser().type_id() == wanted.type_id()
        };
        let mut command = Cli::command();
        command.build();
        let serve = command.find_subcommand("serve").unwrap();
        let flags: Vec<&str> = serve
            .get_arguments()
            .filter(|arg| is_secret(arg))
            .filter_map(clap::Arg::get_long)
            .collect();
        assert!(
            flags.contains(&"jwt-secret") && flags.contains(&"openai-api-key"),
            "{flags:?}"
        );
        let values: Vec<String> = flags
            .iter()
            .map(|flag| format!("postgres://ada:planted-{flag}@db/{flag}"))
            .collect();
        let mut line = vec!["navi".to_owned(), "serve".to_owned()];
        for (flag, value) in flags.iter().zip(&values) {
            line.extend([format!("--{flag}"), value.clone()]);
        }
        let matches = Cli::command().try_get_matches_from(line).unwrap();
        let secrets = found::secrets(&found::settings(&matches));
        for (flag, value) in flags.iter().zip(&values) {
            assert_eq!(secrets.redact(value), "[redacted]", "{flag}");
            assert_eq!(
                secrets.redact(&format!("planted-{flag}")),
                "[redacted]",
                "{flag}"
            );
        }
    }
}
