//! `navi doctor`: looks at everything, one thing after the other.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;

use crate::audit::note::VerifyingKey;
use crate::audit::witnessing::floors::Floors;
use crate::cli::doctor::check::Check;
use crate::cli::doctor::database::{AuditSight, database};
use crate::cli::doctor::disks::{ANOTHER_DISK, nearest, room, writable};
use crate::cli::doctor::own_database::{cluster, disk_of_cluster, programs};
use crate::cli::failure::{Failure, database_servers};
use crate::cli::models::router;
use crate::config::settings::{AppEnv, Config};
use crate::exec::finding::find_sandbox;
use crate::exec::launch::THIS_PROGRAM;
use crate::exec::sandbox::settings::SandboxMode;
use crate::exec::sandbox::wall::Tier;
use crate::llm::served::findings::findings;
use crate::platform::clock::Clock;
use crate::platform::secret::ExposeSecret;

/// Looks at everything navi needs: settings, data folder, disk, database, migrations.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct DoctorArgs {
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
    /// Ask every model provider that is set for its list of models; it costs nothing.
    #[arg(long)]
    pub online: bool,
}

/// Everything that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// True if nothing is missing.
    pub ok: bool,
    /// The checks, in the order in which they ran.
    pub checks: Vec<Check>,
}

/// Writes the report to `out`; 0 when nothing is missing, else 1.
pub async fn run(
    args: &DoctorArgs,
    config: &Config,
    clock: &Clock,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let report = examine(config, clock, args.online).await;
    if args.json {
        let text = serde_json::to_string_pretty(&report).map_err(std::io::Error::from)?;
        writeln!(out, "{text}")?;
    } else {
        for check in &report.checks {
            let mark = if check.ok { "ok     " } else { "MISSING" };
            writeln!(out, "{mark}  {}: {}", check.name, check.detail)?;
            if let Some(mend) = &check.mend {
                writeln!(out, "         mend it: {mend}")?;
            }
        }
    }
    Ok(ExitCode::from(u8::from(!report.ok)))
}

/// Looks at everything; online also at whether the providers of models answer.
pub async fn examine(config: &Config, clock: &Clock, online: bool) -> Report {
    let mut checks = vec![settings(config), sandbox(config)];
    checks.extend(models(config, clock, online).await);
    match config.data_dir() {
        Ok(data_dir) => {
            let standing = nearest(&data_dir);
            checks.push(writable(&data_dir, &standing));
            checks.push(room("disk", &standing, ANOTHER_DISK));
            // In production nothing takes the place of the database that is missing.
            if config.database.database_url.is_none() && config.app_env != AppEnv::Production {
                checks.push(programs(config, &data_dir));
                checks.push(cluster(&data_dir));
                checks.extend(disk_of_cluster(&data_dir));
            }
        }
        Err(error) => checks.push(Check::bad(
            "data folder",
            error.to_string(),
            "export NAVI_DATA_DIR=/path/to/a/folder",
        )),
    }
    let direct = config.database.direct().map_err(Failure::from);
    let servers = direct.and_then(|direct| {
        direct
            .map(|(setting, url)| database_servers(setting, url.expose_secret()))
            .transpose()
    });
    match servers {
        Ok(None) => {}
        Ok(Some(servers)) => {
            // A key that the server would make for itself is made at its start, and not to look.
            let is_set = config.audit.audit_encryption_key.is_some();
            let keys = is_set.then(|| config.audit_keys());
            // One that cannot be used is among the settings above.
            let sight = keys.and_then(Result::ok).map(|keys| {
                let verifying = keys.all().map(VerifyingKey::of).collect();
                let floors = Floors::new(config.audit_witness(), verifying);
                AuditSight { keys, floors }
            });
            checks.extend(database(&servers, sight.as_ref(), clock).await);
        }
        Err(failure) => checks.push(Check::bad(
            "database",
            failure.to_string(),
            "export DATABASE_URL='postgres://USER:PASSWORD@HOST/NAME'",
        )),
    }
    Report {
        ok: checks.iter().all(|check| check.ok),
        checks,
    }
}

fn settings(config: &Config) -> Check {
    match config.check() {
        Ok(()) => Check::good("settings", format!("fit for {}", config.app_env)),
        Err(refused) => Check::bad("settings", refused.to_string(), "navi config check"),
    }
}

fn sandbox(config: &Config) -> Check {
    const NAME: &str = "sandbox";
    let around = &config.surroundings;
    let program = around.supervisor.clone();
    let program = program.unwrap_or_else(|| PathBuf::from(THIS_PROGRAM));
    let environment = &around.command_environment;
    let demand = config.app_env.demand();
    match find_sandbox(&config.sandbox, &program, environment, demand) {
        Ok(found) if found.tier() == Tier::None && config.sandbox.mode != SandboxMode::Off => {
            Check::bad(
                NAME,
                found.describe(),
                "a kernel from 5.13 on with Landlock among its security modules \
                 (`lsm=landlock,…` on its command line), or NAVI_SANDBOX=off to do without",
            )
        }
        Ok(found) => Check::good(NAME, found.describe()),
        Err(error) => Check::bad(
            NAME,
            error.to_string(),
            "set NAVI_SANDBOX to what this machine can build, or mend what is missing",
        ),
    }
}

async fn models(config: &Config, clock: &Clock, online: bool) -> Vec<Check> {
    let router = match router(config, clock) {
        Ok(router) => router,
        Err(error) => return vec![Check::bad("models", error.to_string(), "navi config check")],
    };
    let found = findings(&router, &config.llm, online).await;
    let checks = found.into_iter().map(|finding| Check {
        name: finding.about,
        ok: finding.mend.is_none(),
        detail: finding.detail,
        mend: finding.mend,
    });
    checks.collect()
}
