//! `navi workspaces release`.

use std::io::Write;
use std::path::{self, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use crate::cli::audit::opened::operator;
use crate::cli::failure::Failure;
use crate::cli::workspaces::opened::open;
use crate::config::settings::Config;
use crate::platform::database::servers::Servers;
use crate::platform::text::visible;

/// Takes a folder from the organisation that has it.
///
/// Refused while runs of the organisation are under way there. The log of the organisation says that it
/// was done.
#[derive(Clone, Debug, clap::Args)]
pub struct ReleaseArgs {
    /// The folder, as `navi workspaces list` names it.
    ///
    /// It then belongs to the first that uses it, with what lies in it: move or empty it before, when
    /// others may not see that.
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Also while runs are under way there. They go on until they have to open the folder again.
    #[arg(long)]
    pub force: bool,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub async fn run(
    args: &ReleaseArgs,
    config: &Config,
    database: &Servers,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let folder = path::absolute(&args.folder)?;
    let (workspaces, log) = open(config, database).await?;
    let actor = operator().actor;
    let released = workspaces.release(&folder, actor, args.force).await;
    log.close().await;
    let released = released?;
    let (path, org) = (&released.path, &released.org_id);
    if args.json {
        let answer = json!({ "path": path, "org_id": org, "released": true });
        writeln!(out, "{answer}")?;
    } else {
        let (path, org) = (visible(path), visible(org.as_str()));
        writeln!(out, "`{path}` belonged to `{org}` and is free now")?;
    }
    Ok(ExitCode::SUCCESS)
}
