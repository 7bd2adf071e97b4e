//! `navi models`: the models that a request can name here, and why others cannot answer.

use std::io;
use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

use crate::cli::failure::Failure;
use crate::config::settings::Config;
use crate::llm::catalog::Capabilities;
use crate::llm::config::ProviderId;
use crate::llm::route::ModelListing;
use crate::llm::router::{Parts, Router};
use crate::platform::clock::Clock;
use crate::platform::metrics::Metrics;
use crate::platform::text::{visible, visible_prose};

/// The models that a request can name under these settings. Providers that are set are asked for their lists,
/// which costs nothing.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct ModelsArgs {
    /// Those that cannot answer too, with the reason.
    #[arg(long)]
    pub all: bool,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

/// The router of these settings.
pub fn router(config: &Config, clock: &Clock) -> Result<Router, io::Error> {
    let metrics = Metrics::new(&[], &ProviderId::names()).map_err(io::Error::other)?;
    let parts = Parts {
        clock: clock.clone(),
        metrics,
        scripted: config.scripted.clone(),
    };
    Router::new(&config.llm, &parts).map_err(io::Error::other)
}

/// Writes a line for each model, or an object.
pub async fn run(
    args: ModelsArgs,
    config: &Config,
    clock: &Clock,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let router = router(config, clock)?;
    router.ask_all().await;
    let default = router.route(None, None, Capabilities::AGENT);
    let default = default.map(|route| route.effective_model_id);
    let (shown, hidden): (Vec<_>, Vec<_>) = router
        .listing()
        .into_iter()
        .partition(|listing| args.all || listing.routable);
    if args.json {
        let answer = json!({ "default": default.ok(), "models": shown });
        let text = serde_json::to_string_pretty(&answer).map_err(io::Error::from)?;
        writeln!(out, "{text}")?;
        return Ok(ExitCode::SUCCESS);
    }
    for listing in &shown {
        writeln!(out, "{}", visible(&line(listing)))?;
    }
    let modes = router.catalog().modes().iter();
    let modes: Vec<_> = modes.map(|mode| mode.id.as_str()).collect();
    writeln!(out, "modes, which choose a model: {}", modes.join(", "))?;
    match default {
        Ok(chosen) => writeln!(out, "without a name: {}", visible(&chosen))?,
        Err(error) => writeln!(out, "{}", visible_prose(&error.to_string()))?,
    }
    if !hidden.is_empty() {
        let count = hidden.len();
        writeln!(out, "{count} more cannot answer here; --all says why")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn line(listing: &ModelListing) -> String {
    match &listing.reason {
        None => listing.id.clone(),
        Some(reason) => format!("{}: {}", listing.id, reason.replace('_', " ")),
    }
}
