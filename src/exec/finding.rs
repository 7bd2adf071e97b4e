//! Finding the strongest wall that a machine can build.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::exec::sandbox::control_groups::{command, find};
use crate::exec::sandbox::enclosure::{self, Enclosure, Grant, Widening};
use crate::exec::sandbox::error::WallError;
use crate::exec::sandbox::git_identity;
use crate::exec::sandbox::machine::{CannotContain, Sandbox, SandboxParts, with_real};
use crate::exec::sandbox::order::{self, Handles, Order, Preparation};
use crate::exec::sandbox::settings::{Demand, SandboxConfig, SandboxMode};
use crate::exec::sandbox::toolchains;
use crate::exec::sandbox::wall::Tier;
use crate::exec::supervision::supervisor;

/// The longest that a command that does nothing may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Finds the strongest wall that this machine can build, by building it around a command that
/// does nothing. `program` is the supervisor, `environment` that of commands. To find none is an
/// error where one is required. Blocks.
pub fn find_sandbox(
    config: &SandboxConfig,
    program: &Path,
    environment: &BTreeMap<String, String>,
    demand: Demand,
) -> Result<Sandbox, CannotContain> {
    let mut found = SandboxParts {
        program: program.to_owned(),
        readable: with_real([toolchains::readable(environment), config.read.clone()].concat()),
        writable: with_real([toolchains::writable(environment), config.write.clone()].concat()),
        hidden: toolchains::hidden(),
        variables: toolchains::variables(environment),
        limits: config.limits(),
        group_places: find::places(),
        run_folders: std::env::temp_dir(),
        git_settings: git_identity::settings(environment),
        missing: Vec::new(),
        ..Sandbox::off().parts()
    };
    enclosure::remove_left_behind(&found.run_folders);
    command::remove_left_behind(&found.group_places);
    let mut missing = Vec::new();
    for tier in config.mode.tiers() {
        found.tier = *tier;
        match try_out_with_groups(&mut found) {
            Ok(()) => {
                found.missing = missing;
                return Ok(Sandbox::of(found));
            }
            Err(error) => missing.push(format!("{tier}: {error}")),
        }
    }
    match config.mode {
        SandboxMode::Off => Ok(Sandbox::off()),
        SandboxMode::Auto if demand == Demand::Required => Err(CannotContain::Nothing {
            missing: missing.join("; "),
        }),
        SandboxMode::Auto => {
            found.tier = Tier::None;
            found.missing = missing;
            Ok(Sandbox::of(found))
        }
        SandboxMode::Exactly(_) => Err(CannotContain::Wanted {
            wanted: config.mode,
            missing: missing.join("; "),
        }),
    }
}

/// Runs a command that does nothing within the wall; without control groups if they are in its way.
fn try_out_with_groups(found: &mut SandboxParts) -> Result<(), WallError> {
    let tried = try_out(&Sandbox::of(found.clone()));
    if tried.is_ok() || found.group_places.is_empty() {
        return tried;
    }
    let places = std::mem::take(&mut found.group_places);
    let tried = try_out(&Sandbox::of(found.clone()));
    if tried.is_err() {
        found.group_places = places;
    }
    tried
}

/// Runs a command that does nothing within the wall.
fn try_out(sandbox: &Sandbox) -> Result<(), WallError> {
    let grant = Grant {
        network: true,
        ..Grant::default()
    };
    let (enclosure, _listener) = Enclosure::open(sandbox, grant, "trial")?;
    let wall = enclosure.wall(PathBuf::from("/"), &Widening::default());
    let order = Order {
        program: "/bin/sh".to_owned(),
        arguments: vec!["-c".to_owned(), ":".to_owned()],
        environment: Vec::new(),
        record: None,
        presence: None,
        wall: Some(wall),
    };
    let failed = "trying it out";
    let (ours, theirs) = UnixStream::pair().map_err(WallError::at(failed))?;
    ours.set_read_timeout(Some(PATIENCE))
        .map_err(WallError::at(failed))?;
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where the sandbox is tried out"
    )]
    let mut command = Command::new(sandbox.program());
    let mut supervisor = command
        .arg(supervisor::ARGUMENT)
        .arg(serde_json::to_string(&Preparation::of(sandbox)).map_err(WallError::at(failed))?)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(WallError::at(failed))?;
    drop(command);
    let told = ask(&ours, &order);
    drop(ours);
    supervisor.wait().map_err(WallError::at(failed))?;
    match told.map_err(WallError::at(failed))?.trim() {
        "ended 0" => Ok(()),
        other => Err(WallError::new(
            failed,
            other.strip_prefix("failed ").unwrap_or(other),
        )),
    }
}

fn ask(line: &UnixStream, order: &Order) -> std::io::Result<String> {
    let nothing = || std::fs::File::options().write(true).open("/dev/null");
    let handles = Handles {
        directory: std::fs::File::open("/")?.into(),
        stdout: nothing()?.into(),
        stderr: nothing()?.into(),
    };
    order::hand_over(line, &serde_json::to_vec(order)?, &handles)?;
    let mut answer = String::new();
    BufReader::new(line).read_line(&mut answer)?;
    Ok(answer)
}
