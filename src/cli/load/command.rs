//! `navi load`: the command line, and what becomes of it.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::cli::failure::Failure;
use crate::cli::load::actions::world::{LoadWorld, Persistence, TaskShape, WorldParts};
use crate::cli::load::budget::LoadBudgets;
use crate::cli::load::drive::arrivals::{Crowd, Spacing};
use crate::cli::load::drive::plan::{Profile, StageSizes};
use crate::cli::load::drive::stage::Driver;
use crate::cli::load::measure::kind::Scenario;
use crate::cli::load::measurement::LoadRun;
use crate::cli::load::named_setting::named_setting;
use crate::cli::load::report::measured::{
    BuildKind, FORMAT, LoadReport, MeasuredServers, StageKind,
};
use crate::cli::load::report::page::{LoadTelling, tell_all};
use crate::cli::load::report::plot::plots;
use crate::cli::load::report::raw_data;
use crate::cli::load::stand::ground::{LoadStand, OrderedServers, StandOrder};
use crate::cli::load::stand::own_servers::OwnServers;
use crate::cli::load::watch::observatory::Observatory;
use crate::cli::load::watch::process::{describe_machine, load_average};
use crate::cli::serve::Ends;
use crate::cli::terminal::progress::Progress;
use crate::config::settings::Config;
use crate::platform::clock::Clock;
use crate::platform::secret::SecretString;
use crate::platform::tasks::Tasks;

/// The longest that the work left at the end may take.
const GRACE: Duration = Duration::from_secs(5);

/// Many users at once, as an open-loop load: arrivals do not wait for answers, and times count from when
/// a request was to be sent. Afterwards every row is compared with what was acknowledged.
///
/// Without `--server` the servers are this command's own, over `DATABASE_URL` or a private Postgres in a
/// temporary folder. The exit code is 0 when rows and budgets are right, 1 when not, 2 when it was called
/// wrongly.
#[derive(Clone, Debug, clap::Args)]
pub struct LoadArgs {
    /// The mixture of what users do.
    #[arg(long, value_enum, default_value_t)]
    pub scenario: Scenario,
    /// The order of stages.
    #[arg(long, value_enum, default_value_t)]
    pub profile: Profile,
    /// Users of each step, separated by commas.
    #[arg(long, value_name = "COUNTS", value_delimiter = ',', default_value = "10,50,100",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub users: Vec<u32>,
    /// The most users on the way to the knee. It is not looked for when this is no more than the last step.
    #[arg(hide_short_help = true, long, value_name = "COUNT", default_value_t = 12_800,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub most_users: u32,
    /// Users of a spike; by default five times the most of the steps.
    #[arg(hide_short_help = true, long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub spike_users: Option<u32>,
    /// Seconds of a stage.
    #[arg(long, value_name = "SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// Seconds of the warm-up, whose times count nowhere.
    #[arg(
        hide_short_help = true,
        long,
        value_name = "SECONDS",
        default_value_t = 3
    )]
    pub warm_up: u64,
    /// Seconds of a soak.
    #[arg(hide_short_help = true, long, value_name = "SECONDS", default_value_t = 600,
          value_parser = clap::value_parser!(u64).range(10..=1_209_600))]
    pub soak_seconds: u64,
    /// The factor by which users are quicker than people.
    #[arg(hide_short_help = true, long, value_name = "FACTOR", default_value_t = 1.0, value_parser = factor)]
    pub pace: f64,
    /// The spreading of arrivals.
    #[arg(hide_short_help = true, long, value_enum, default_value_t)]
    pub spacing: Spacing,
    /// The number that arrivals are drawn from.
    #[arg(
        hide_short_help = true,
        long,
        value_name = "NUMBER",
        default_value_t = 1
    )]
    pub seed: u64,
    /// The most actions that are under way at once; what waits for its turn is late.
    #[arg(hide_short_help = true, long, value_name = "COUNT", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub seats: u32,
    /// Seconds that a user waits for the end of an action. What fails counts as long.
    #[arg(hide_short_help = true, long, value_name = "SECONDS", default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub patience: u64,
    /// Times that a server is killed, with `--profile kill`.
    #[arg(hide_short_help = true, long, value_name = "COUNT", default_value_t = 3,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub kills: u32,
    /// A running server; may be said several times, and requests go to them in turn.
    #[arg(long, value_name = "URL")]
    pub server: Vec<Url>,
    /// The token for them; without one tokens are made with `JWT_SECRET`, one for each user.
    #[arg(long, value_name = "TOKEN", env = "NAVI_TOKEN", hide_env_values = true)]
    pub token: Option<SecretString>,
    /// The folder that runs work in, on the machine of these servers; without one runs have no tools.
    #[arg(hide_short_help = true, long, value_name = "DIR", requires = "server")]
    pub workspace: Option<String>,
    /// The model; this command's own servers have a stand-in that plays a script.
    #[arg(
        hide_short_help = true,
        long,
        value_name = "MODEL",
        requires = "server"
    )]
    pub model: Option<String>,
    /// The number of servers that this command starts.
    #[arg(long, value_name = "COUNT", default_value_t = 1, conflicts_with = "server",
          value_parser = clap::value_parser!(u32).range(1..=16))]
    pub servers: u32,
    /// A setting of theirs, `NAME=VALUE`; may be said several times.
    #[arg(hide_short_help = true, long, value_name = "NAME=VALUE", conflicts_with = "server", value_parser = named_setting)]
    pub set: Vec<(String, String)>,
    /// The pause before each piece of the stand-in's text, in milliseconds.
    #[arg(
        hide_short_help = true,
        long,
        value_name = "MILLISECONDS",
        default_value_t = 20,
        conflicts_with = "server"
    )]
    pub model_pause_ms: u64,
    /// Rows of each large table that are made before the load.
    #[arg(hide_short_help = true, long, value_name = "COUNT", default_value_t = 0, conflicts_with = "server",
          value_parser = clap::value_parser!(u32).range(0..=100_000_000))]
    pub rows: u32,
    /// Event streams that are open all the time.
    #[arg(hide_short_help = true, long, value_name = "COUNT", default_value_t = 0,
          value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub followers: u32,
    /// Load servers or a database on other machines.
    #[arg(hide_short_help = true, long)]
    pub allow_remote: bool,
    /// The budgets, a TOML file; there are built-in ones.
    #[arg(hide_short_help = true, long, value_name = "FILE")]
    pub budgets: Option<PathBuf>,
    /// Write the raw data into this file.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Measure nothing: tell and judge the raw data of earlier loads. May be said several times.
    #[arg(hide_short_help = true, long, value_name = "FILE", conflicts_with_all = ["server", "json"])]
    pub from: Vec<PathBuf>,
    /// Tell it in Markdown.
    #[arg(hide_short_help = true, long)]
    pub markdown: bool,
    /// Draw the plots into this folder, from the raw data of several loads.
    #[arg(hide_short_help = true, long, value_name = "DIR", requires = "from")]
    pub plots: Option<PathBuf>,
}

/// Measures, or reads what was measured; tells and judges it.
pub async fn run(
    args: &LoadArgs,
    config: Config,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let budgets = LoadBudgets::read(args.budgets.as_deref())?;
    if let Some(path) = &args.json {
        raw_data::expect_folder(path)?;
    }
    let reports = if args.from.is_empty() {
        if args.profile == Profile::Kill && !args.server.is_empty() {
            let text = "only servers of this command's own are killed; leave out --server";
            return Err(Failure::Usage(text.to_owned()));
        }
        let mut ends = Ends::listen()?;
        let report = tokio::select! {
            report = Box::pin(measure(args, config, &budgets)) => report?,
            () = ends.next() => return Err(Failure::Interrupted),
        };
        vec![report]
    } else {
        let files = args.from.iter().map(|path| raw_data::read(path));
        files.collect::<Result<Vec<_>, _>>()?
    };
    let how = if args.markdown {
        LoadTelling::Markdown
    } else {
        LoadTelling::Plain
    };
    write!(out, "{}", tell_all(&reports, how))?;
    if let Some(path) = &args.json {
        raw_data::write(path, &reports[0])?;
    }
    if let Some(folder) = &args.plots {
        for (name, svg) in plots(&reports) {
            raw_data::write_text(&folder.join(name), &svg)?;
        }
    }
    if args.markdown {
        return Ok(ExitCode::SUCCESS);
    }
    judge(&budgets, &reports, out)
}

/// Says what is broken, and answers with the exit code.
fn judge(
    budgets: &LoadBudgets,
    reports: &[LoadReport],
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let judgement = budgets.judge(reports);
    for line in &judgement.broken {
        writeln!(out, "BROKEN: {line}")?;
    }
    if judgement.broken.is_empty() {
        let judged = judgement.judged;
        writeln!(
            out,
            "no row is missing; ratios within their budgets: {judged}"
        )?;
    }
    Ok(ExitCode::from(u8::from(!judgement.broken.is_empty())))
}

async fn measure(
    args: &LoadArgs,
    config: Config,
    budgets: &LoadBudgets,
) -> Result<LoadReport, Failure> {
    let (clock, made_at) = (Clock::System, Clock::System.now());
    let load_before = load_average();
    let stand = Box::pin(LoadStand::set_up(args.stand(), config, &clock)).await?;
    let database = stand.describe_database().await;
    let tasks = Tasks::new();
    let mut measurement = measurement(args, &stand, &tasks);
    measurement.own = stand.own;
    let followed = measurement.begin_following(args.followers).await?;
    let before = measurement.observatory.metrics().await;
    let mut stages = Vec::new();
    let sizes = args.sizes();
    for plan in args.profile.stages(&sizes) {
        stages.push(measurement.stage(&plan).await?);
    }
    let mut knee = None;
    if args.profile == Profile::Steps {
        let rule = &budgets.knee;
        let most = args.most_users;
        let search = measurement.to_the_knee(rule, most, sizes.lasts, &mut stages);
        knee = Box::pin(search).await?;
    }
    measurement.end_following(followed).await?;
    let killed = args.profile == Profile::Kill;
    // A server that was started again counts from nothing.
    let before = before.as_ref().filter(|_| !killed);
    let parity = measurement
        .compare(&stand.orgs, stand.since, before, stand.alone)
        .await?;
    measurement.progress.end();
    stages.retain(|stage| stage.kind != StageKind::WarmUp);
    let models = measurement.world.models().into_iter().collect();
    let settings = measurement.own.as_ref().map(OwnServers::told_settings);
    let servers = MeasuredServers {
        count: u32::try_from(measurement.observatory.servers.len()).unwrap_or(u32::MAX),
        own: measurement.own.is_some(),
        kills: if killed { args.kills } else { 0 },
        settings: settings.unwrap_or_default(),
        database,
        rows_before: u64::from(args.rows),
        followers: args.followers,
    };
    if !tasks.shutdown(GRACE).await {
        tracing::warn!("some users did not leave in time");
    }
    if let Some(own) = measurement.own {
        own.stop().await?;
    }
    Ok(LoadReport {
        format: FORMAT,
        made_at,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build: BuildKind::of_this_program(),
        machine: describe_machine(),
        load_before,
        scenario: args.scenario,
        pace: args.pace,
        models,
        provider: stand.provider,
        servers,
        stages,
        parity,
        knee,
    })
}

fn measurement(args: &LoadArgs, stand: &LoadStand, tasks: &Tasks) -> LoadRun {
    let world = Arc::new(LoadWorld::new(WorldParts {
        client: stand.client.clone(),
        servers: stand.servers.clone(),
        people: stand.people.clone(),
        task: TaskShape {
            model: stand.model.clone(),
            workspaces: stand.workspaces.clone(),
            in_organisation: usize::try_from(stand.in_organisation).unwrap_or(1),
        },
        persistence: match args.profile {
            Profile::Kill => Persistence::UntilAnswered,
            Profile::Steps | Profile::Spike | Profile::Soak => Persistence::Once,
        },
        name: stand.name.clone(),
    }));
    LoadRun {
        driver: Driver {
            world: world.clone(),
            tasks: tasks.clone(),
            seats: args.seats,
            patience: Duration::from_secs(args.patience),
        },
        world,
        observatory: Observatory {
            client: stand.client.clone(),
            servers: stand.servers.clone(),
            processes: stand.processes.clone(),
            database: stand.database.clone(),
        },
        crowd: Crowd {
            scenario: args.scenario,
            users: 1,
            pace: args.pace,
            spacing: args.spacing,
        },
        seed: args.seed,
        own: None,
        kills: args.kills,
        progress: Progress::default(),
    }
}

impl LoadArgs {
    fn most_of_steps(&self) -> u32 {
        self.users.iter().copied().max().unwrap_or(1)
    }

    fn sizes(&self) -> StageSizes {
        let spike = self.most_of_steps().saturating_mul(5);
        StageSizes {
            users: self.users.clone(),
            lasts: Duration::from_secs(self.seconds),
            warm_up: Duration::from_secs(self.warm_up),
            soak: Duration::from_secs(self.soak_seconds),
            spike: self.spike_users.unwrap_or(spike),
        }
    }

    fn stand(&self) -> StandOrder {
        let servers = if self.server.is_empty() {
            OrderedServers::Own {
                count: self.servers,
                pause_ms: self.model_pause_ms,
                settings: self.set.iter().cloned().collect(),
                rows: self.rows,
            }
        } else {
            OrderedServers::Running {
                servers: self.server.clone(),
                token: self.token.clone(),
                workspace: self.workspace.clone(),
                model: self.model.clone(),
            }
        };
        StandOrder {
            people: self.most_people(),
            remote: self.allow_remote,
            servers,
        }
    }

    /// The most users that any stage may have.
    fn most_people(&self) -> u32 {
        match self.profile {
            Profile::Steps => self.most_users.max(self.most_of_steps()),
            Profile::Spike => self.sizes().spike.max(self.most_of_steps()),
            Profile::Soak | Profile::Kill => self.most_of_steps(),
        }
    }
}

fn factor(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if factor.is_finite() && factor > 0.0 => Ok(factor),
        Ok(_) | Err(_) => Err("a factor is a number above 0".to_owned()),
    }
}
