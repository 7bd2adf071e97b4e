//! The folder whose rules a command asks for.

use std::io;
use std::path::{Path, PathBuf};

use crate::cli::failure::Failure;
use crate::config::settings::Config;
use crate::policy::service::Policy;

/// The file in which a workspace may make the policy stricter.
const POLICY_FILE: &str = ".navi/policy.toml";

/// A workspace that a command names.
#[derive(Clone, Debug, clap::Args)]
pub struct WorkspaceArgs {
    /// The folder whose `.navi/policy.toml` holds too.
    #[arg(long, value_name = "PATH", default_value = ".")]
    pub workspace: PathBuf,
}

impl WorkspaceArgs {
    /// The folder and the policy of its runs.
    pub fn policy(&self, config: &Config) -> Result<(PathBuf, Policy), Failure> {
        let unusable = |source| Failure::Workspace {
            path: self.workspace.clone(),
            source,
        };
        let root = self.workspace.canonicalize().map_err(unusable)?;
        let closed = config.workspace_rules().closed;
        let home = config.surroundings.command_environment.get("HOME");
        let policy = Policy::built_in()
            .map_err(io::Error::other)?
            .closing(&closed, home.map(AsRef::as_ref));
        let policy = of_workspace(&root, policy).map_err(unusable)?;
        Ok((root, policy))
    }
}

/// The policy with the workspace's own rules.
pub fn of_workspace(root: &Path, policy: Policy) -> Result<Policy, io::Error> {
    let named = |error: &dyn std::fmt::Display| {
        io::Error::other(format!("its {POLICY_FILE} cannot be used: {error}"))
    };
    match std::fs::read_to_string(root.join(POLICY_FILE)) {
        Ok(text) => policy.stricter(&text).map_err(|error| named(&error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(policy),
        Err(error) => Err(named(&error)),
    }
}
