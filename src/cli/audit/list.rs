//! `navi audit list`.

use std::io::Write;
use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::audit::entry::Entry;
use crate::audit::model::{ActorKind, Filter, Outcome};
use crate::audit::service::Audit;
use crate::audit::view::EntryView;
use crate::cli::audit::opened::Which;
use crate::cli::failure::Failure;
use crate::platform::text::visible;

/// Which entries.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Whose log.
    #[command(flatten)]
    pub which: Which,
    /// Only those of this person.
    #[arg(long, value_name = "USER")]
    pub actor: Option<String>,
    /// Not before, RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub since: Option<DateTime<Utc>>,
    /// Before, RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub until: Option<DateTime<Utc>>,
    /// At most this many.
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=100_000))]
    pub limit: i64,
    /// Answer in JSON, one entry a line.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub async fn run(
    args: &Args,
    audit: &Audit,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let filter = Filter {
        actor: args.actor.clone(),
        since: args.since,
        until: args.until,
        ..Filter::default()
    };
    let log = args.which.one()?;
    let entries = audit.entries(&log, &filter, None, args.limit).await?;
    for entry in entries {
        if args.json {
            let line = serde_json::to_string(&EntryView::from(entry));
            writeln!(out, "{}", line.unwrap_or_default())?;
        } else {
            writeln!(out, "{}", line(&entry))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(entry: &Entry) -> String {
    let at = entry
        .created_at
        .to_rfc3339_opts(SecondsFormat::Millis, true);
    let who = match (&entry.actor, entry.erased_by) {
        (Some(actor), _) if entry.actor_kind == ActorKind::Development => {
            format!("{} (development)", shown(actor))
        }
        (Some(actor), _) => shown(actor),
        (None, Some(_)) => "(erased)".to_owned(),
        (None, None) => entry.actor_kind.as_str().to_owned(),
    };
    let what = match (&entry.method, &entry.route) {
        (Some(method), Some(route)) => format!("{method} {route}"),
        _ => entry.event.as_str().to_owned(),
    };
    let outcome = entry.outcome.map_or("unknown", Outcome::as_str);
    let status = entry
        .status
        .map(|status| format!(" {status}"))
        .unwrap_or_default();
    let resource = entry.resource.as_deref().map(shown).unwrap_or_default();
    format!(
        "{at}  {outcome}{status}  {who}  {what}  {resource}  {}",
        entry.entry_id
    )
}

/// A text in one line, without what controls a terminal or looks like another text.
fn shown(text: &str) -> String {
    visible(&text.replace(['\n', '\t'], " ")).into_owned()
}
