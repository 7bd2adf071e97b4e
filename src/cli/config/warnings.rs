//! Settings that are allowed and seldom meant, in words for who set them.

use std::sync::Arc;

use crate::audit::settings::Setting;
use crate::cli::config::setting_names::misspelled;
use crate::cli::doctor::disks::{nearest, writable};
use crate::config::database::names_another_machine;
use crate::config::settings::{AppEnv, Config};
use crate::exec::sandbox::settings::SandboxMode;
use crate::llm;
use crate::llm::catalog::Capabilities;
use crate::workspaces::roots::Roots;

/// The warnings of variables that are nearly a setting.
pub fn slips(config: &Config) -> impl Iterator<Item = String> {
    let slips = misspelled(&config.surroundings.variables);
    slips
        .into_iter()
        .map(|(name, meant)| format!("{name} is no setting; did you mean {meant}?"))
}

/// The warnings about these settings, for `navi config check` and for the log at the start.
pub fn warnings(config: &Config) -> Vec<String> {
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
    let environment = unknown_environment(config);
    let witness = config.audit_witness().obstacle().map(|error| {
        format!(
            "NAVI_AUDIT_WITNESS_FILE cannot be written, so checkpoints are not kept there: {error}"
        )
    });
    slips(config)
        .chain(environment)
        .chain(far_from_development(config))
        .chain(unwritable(config))
        .chain(witness)
        .chain(open)
        .chain(missing)
        .collect()
}

/// The rules of development over a database on another machine, as where `APP_ENV` was forgotten.
fn far_from_development(config: &Config) -> Option<String> {
    let url = config.database.database_url.as_ref()?;
    let is_far = config.app_env == AppEnv::Development && names_another_machine(url);
    is_far.then(|| {
        "APP_ENV is development, and the database is on another machine: for a server that others use, set \
         APP_ENV to staging or production, whose rules are stricter"
            .to_owned()
    })
}

/// A data folder that cannot be written, in which a server keeps checkpoints and notes of commands.
fn unwritable(config: &Config) -> Option<String> {
    let folder = config.data_dir().ok()?;
    let found = writable(&folder, &nearest(&folder));
    (!found.ok).then(|| format!("NAVI_DATA_DIR: {}", found.detail))
}

/// A name of the environment that is none: the strictest rules hold for it, which its user may not mean.
fn unknown_environment(config: &Config) -> Option<String> {
    let Setting::Plain(name) = config.surroundings.settings.get("APP_ENV")? else {
        return None;
    };
    let is_known = AppEnv::names().any(|known| known.eq_ignore_ascii_case(name.trim()));
    (!is_known).then(|| {
        format!(
            "APP_ENV is `{}`, which is no environment, so the rules of {} hold",
            name.trim(),
            config.app_env
        )
    })
}

/// Says at the start when no model can answer, or another than the default, because nothing else shows it: the
/// server is ready all the same. A server of the operator's own is asked which model it serves, where no
/// setting says it.
pub async fn warn_of_models(models: Arc<llm::router::Router>) {
    match models.choose(None, None, Capabilities::CHAT).await {
        Err(error) => tracing::warn!(
            code = error.code(),
            "requests that name no model will be refused: {error}; `navi doctor --online` looks again"
        ),
        Ok(route) => {
            if let Some(obstacle) = models.default_obstacle() {
                tracing::warn!(
                    "NAVI_DEFAULT_MODEL: {obstacle}; requests that name no model get {}",
                    route.effective_model_id
                );
            }
        }
    }
}
