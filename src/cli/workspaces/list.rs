//! `navi workspaces list`.

use std::io::{self, Write};
use std::process::ExitCode;

use chrono::SecondsFormat;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::workspaces::opened::open;
use crate::config::settings::Config;
use crate::platform::database::servers::Servers;
use crate::platform::ids::{OrgId, UserId};
use crate::platform::text::visible;
use crate::workspaces::model::Binding;

/// Lists the folders that belong to organisations, by path.
///
/// A folder belongs to the first organisation that used it, with all that it holds. It does so when the
/// folder is removed, too: `gone` are those that this machine does not have.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ListArgs {
    /// Only those of this organisation.
    #[arg(long, value_name = "ORG")]
    pub org: Option<OrgId>,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub async fn run(
    args: &ListArgs,
    config: &Config,
    database: &Servers,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let (workspaces, log) = open(config, database).await?;
    let bindings = workspaces.list(args.org.as_ref()).await;
    log.close().await;
    let bindings = bindings?;
    if args.json {
        let rows: Vec<Value> = bindings.iter().map(row).collect();
        writeln!(out, "{}", json!({ "workspaces": rows }))?;
    } else {
        tell(&bindings, args.org.as_ref(), out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn row(binding: &Binding) -> Value {
    json!({
        "path": binding.path,
        "org_id": binding.org_id,
        "user_id": binding.user_id,
        "bound_at": binding.bound_at,
        "exists": binding.folder().is_dir(),
    })
}

fn tell(bindings: &[Binding], org: Option<&OrgId>, out: &mut (dyn Write + Send)) -> io::Result<()> {
    if bindings.is_empty() {
        return match org {
            Some(org) => writeln!(out, "no folder belongs to the organisation {org} yet"),
            None => writeln!(out, "no folder belongs to an organisation yet"),
        };
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([
        "folder",
        "organisation",
        "since",
        "first used by",
        "on the disk",
    ]);
    for binding in bindings {
        let exists = binding.folder().is_dir();
        let user = binding.user_id.as_ref().map(UserId::as_str);
        table.add_row([
            visible(&binding.path).into_owned(),
            visible(binding.org_id.as_str()).into_owned(),
            binding.bound_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            visible(user.unwrap_or("an erased user")).into_owned(),
            if exists { "there" } else { "gone" }.to_owned(),
        ]);
    }
    writeln!(out, "{}", table.trim_fmt())
}
