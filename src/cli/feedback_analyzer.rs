//! `navi feedback-analyzer`: learns from ratings, once or every few minutes.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

use clap::ValueEnum;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tokio_util::sync::CancellationToken;

use crate::app::BuildError;
use crate::cli::failure::Failure;
use crate::cli::serve;
use crate::cli::serve::Ends;
use crate::cli::terminal::progress;
use crate::config::settings::Config;
use crate::feedback::learner::jittered;
use crate::feedback::learning::error::Error;
use crate::feedback::learning::model::{
    LOOKBACK_DAYS, PassOptions, PassOutcome, PassProgress, PassReport,
};
use crate::feedback::learning::service::Analyzer;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::database::servers::Servers;
use crate::platform::database::settings::PoolSettings;
use crate::platform::db;
use crate::platform::metrics::Metrics;
use crate::platform::sync::lock;
use crate::platform::tasks::Tasks;
use crate::platform::traces::service::Traces;

/// The longest that the last spans may take to be sent.
const LAST_SPANS: Duration = Duration::from_secs(5);

/// The analyzer's mode: one pass, or one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// One pass.
    Once,
    /// One pass after another, until SIGTERM or Ctrl-C.
    Daemon,
}

/// Learns from ratings: makes and retires insights, and measures what they do.
///
/// Needs the database and nothing else. Safe at any time, from any number of processes: one works, the
/// others say so and end with 0. A pass may be killed; the next one does all of its work.
///
/// Ends with 0 when it did what was asked, 1 when it failed, 2 when it was called wrongly, 3 when the
/// database cannot be reached, 4 when some organisations failed (the next pass tries them again) and
/// 130 when one pass was interrupted. A daemon that reached the database once goes on trying when it
/// is away; told to end, it finishes the organisations at hand and ends with 0.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// End after one pass, or go on with one after another.
    #[arg(long, value_enum, default_value_t = Mode::Once)]
    pub mode: Mode,
    /// Minutes between two passes of a daemon; up to a tenth longer, so that several spread out.
    #[arg(long, value_name = "MINUTES", default_value_t = 15, allow_negative_numbers = true,
          value_parser = clap::value_parser!(u32).range(1..=10_080))]
    pub interval: u32,
    /// Days after which an answer teaches nothing any more.
    #[arg(long, value_name = "DAYS", default_value_t = LOOKBACK_DAYS, allow_negative_numbers = true,
          value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub lookback: u32,
    /// First recount everything from the ratings; a daemon does so in its first pass alone.
    #[arg(long)]
    pub rebuild: bool,
    /// Seconds to wait for another process that is at it; after that there is nothing to do.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 10,
        allow_negative_numbers = true
    )]
    pub wait: u64,
    /// Answer in JSON, an object for each pass.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub async fn run(
    args: &Args,
    config: &Config,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    // From here on a signal is an end in good order.
    let ends = Ends::listen()?;
    let tasks = Tasks::new();
    let traces = traces(config, &tasks)?;
    let (options, postgres) = serve::database(config).await?;
    // That a statement takes long is no news here, and spans are made of what is logged.
    let options = match config.traces.endpoint() {
        Some(_) => options,
        None => options.each(PgConnectOptions::disable_statement_logging),
    };
    let outcome = over(args, options, traces, ends, out).await;
    tasks.shutdown(LAST_SPANS).await;
    if let Some(postgres) = postgres {
        postgres.stop().await;
    }
    outcome
}

fn traces(config: &Config, tasks: &Tasks) -> Result<Traces, BuildError> {
    let metrics = Metrics::new(&[], &[])?;
    Ok(config.open_traces(&metrics, &Clock::System, tasks)?)
}

async fn over(
    args: &Args,
    database: Servers,
    traces: Traces,
    mut ends: Ends,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let db = tokio::select! {
        db = opened(database) => db?,
        () = ends.next() => return Err(Failure::Interrupted),
    };
    let mut work = Work {
        analyzer: Analyzer::new(db.clone(), Clock::System).traced(traces),
        options: PassOptions {
            lookback_days: args.lookback,
            rebuild: args.rebuild,
            wait: Duration::from_secs(args.wait),
            ..PassOptions::default()
        },
        stopping: CancellationToken::new(),
        ends,
    };
    let outcome = match args.mode {
        Mode::Once => once(&mut work, args.json, out).await,
        Mode::Daemon => daemon(&mut work, args, out).await,
    };
    db.close().await;
    outcome
}

/// The database, in the state that this binary needs.
async fn opened(database: Servers) -> Result<Pool, Failure> {
    let settings = PoolSettings {
        application_name: "navi-feedback-analyzer".to_owned(),
        // A large organisation may take as long as it needs.
        statement_timeout: Duration::ZERO,
        ..PoolSettings::default().at_most(4)
    };
    let pool = db::connect(database, &settings).await?;
    let mut conn = pool.acquire().await.map_err(db::Error::Query)?;
    let pending = db::pending(&mut conn).await?.len();
    drop(conn);
    if pending > 0 {
        return Err(Failure::Pending(pending));
    }
    Ok(pool)
}

/// The analyzer, and what it is told.
struct Work {
    analyzer: Analyzer,
    options: PassOptions,
    stopping: CancellationToken,
    ends: Ends,
}

impl Work {
    /// Makes a pass. The first signal lets it finish the organisations at hand, the second one does not.
    async fn pass(&mut self) -> Result<Result<Option<PassReport>, Error>, Failure> {
        let shown = Mutex::new(progress::Progress::default());
        let show = |at: PassProgress| {
            let mut shown = lock(&shown);
            shown.show(&line(at));
        };
        let pass = self.analyzer.pass(&self.options, &self.stopping, &show);
        let mut pass = std::pin::pin!(pass);
        let passed = loop {
            tokio::select! {
                passed = &mut pass => break passed,
                () = self.ends.next() => {
                    if self.stopping.is_cancelled() {
                        return Err(Failure::Interrupted);
                    }
                    tracing::info!("ending with the organisations at hand; a second signal ends at once");
                    self.stopping.cancel();
                }
            }
        };
        lock(&shown).end();
        Ok(passed)
    }

    /// Waits for the next pass. Answers whether there is one.
    async fn pause(&mut self, pause: Duration) -> bool {
        if self.stopping.is_cancelled() {
            return false;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = self.ends.next() => false,
        }
    }
}

/// The progress of a pass, as one line.
fn line(at: PassProgress) -> String {
    let of = at.total.max(1);
    let filled = (at.done.min(of) * 20) / of;
    format!(
        "[{}{}] {} of {} organisations",
        "#".repeat(filled),
        " ".repeat(20 - filled),
        at.done,
        at.total
    )
}

async fn once(
    work: &mut Work,
    json: bool,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let report = work.pass().await??;
    if report.is_none() && work.stopping.is_cancelled() {
        // Before its turn came.
        return Err(Failure::Interrupted);
    }
    tell(report.as_ref(), json, out)?;
    Ok(match report.map(|report| report.outcome) {
        None | Some(PassOutcome::Done) => ExitCode::SUCCESS,
        Some(PassOutcome::Partly) => ExitCode::from(4),
        Some(PassOutcome::Failed) => ExitCode::FAILURE,
        Some(PassOutcome::Interrupted) => Failure::Interrupted.exit_code(),
    })
}

async fn daemon(
    work: &mut Work,
    args: &Args,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let interval = Duration::from_mins(u64::from(args.interval));
    tracing::info!(
        minutes = args.interval,
        "learning from ratings until a signal"
    );
    loop {
        match work.pass().await? {
            Ok(report) => {
                tell(report.as_ref(), args.json, out)?;
                work.options.rebuild &= report.is_none();
            }
            // It comes back, or an operator mends it: the next pass does the work of this one.
            Err(error) => tracing::error!(%error, "a pass failed; the next one tries again"),
        }
        if !work.pause(jittered(interval)).await {
            tracing::info!("ended");
            return Ok(ExitCode::SUCCESS);
        }
    }
}

fn tell(
    report: Option<&PassReport>,
    as_json: bool,
    out: &mut (dyn Write + Send),
) -> io::Result<()> {
    if as_json {
        let json = serde_json::json!({"held_elsewhere": report.is_none(), "report": report});
        writeln!(out, "{json}")?;
    } else {
        match report {
            Some(report) => tell_people(report, out)?,
            None => writeln!(out, "another process is at it; there is nothing to do")?,
        }
    }
    // A daemon's line is for a reader who follows it.
    out.flush()
}

fn tell_people(report: &PassReport, out: &mut (dyn Write + Send)) -> io::Result<()> {
    if !report.orgs_failed.is_empty() {
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(["organisation", "problem"]);
        for failed in &report.orgs_failed {
            table.add_row([failed.org_id.as_str(), failed.problem.as_str()]);
        }
        writeln!(out, "{}", table.trim_fmt())?;
    }
    let took = report.ended_at - report.started_at;
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([
        "outcome",
        "organisations",
        "failed",
        "rows",
        "made",
        "changed",
        "retired",
        "seconds",
    ]);
    table.add_row([
        report.outcome.label().to_owned(),
        report.orgs.to_string(),
        report.orgs_failed.len().to_string(),
        report.rows_read.to_string(),
        report.insights_made.to_string(),
        report.insights_changed.to_string(),
        report.insights_retired.to_string(),
        format!("{:.1}", took.as_seconds_f64()),
    ]);
    writeln!(out, "{}", table.trim_fmt())
}
