//! Settings that are allowed and seldom meant, in words for who set them.

use crate::cli::config::setting_names::misspelled;
use crate::config::settings::{AppEnv, Config};
use crate::exec::sandbox::settings::SandboxMode;
use crate::workspaces::roots::Roots;

/// The warnings about these settings, for `navi config check` and for the log at the start.
pub fn warnings(config: &Config) -> Vec<String> {
    let slips = misspelled(&config.surroundings.our_variables);
    let slips = slips
        .into_iter()
        .map(|(name, meant)| format!("{name} is no setting; did you mean {meant}?"));
    let is_open = config.sandbox.mode == SandboxMode::Off && config.app_env != AppEnv::Development;
    let open = is_open.then(|| {
        "NAVI_SANDBOX=off: the agent's commands can do all that this server's user can".to_owned()
    });
    let roots = config.agent.workspace_roots.iter();
    let missing = roots.flat_map(Roots::missing).map(|folder| {
        format!(
            "NAVI_WORKSPACE_ROOTS names {}, which is no folder here",
            folder.display()
        )
    });
    slips.chain(open).chain(missing).collect()
}
