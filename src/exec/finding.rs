//! Finding the strongest wall that a machine can build.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::exec::sandbox::enclosure::{Enclosure, Grant, Widening, remove_left_behind};
use crate::exec::sandbox::error::WallError;
use crate::exec::sandbox::machine::{CannotContain, Sandbox, SandboxParts, with_real};
use crate::exec::sandbox::settings::{Demand, SandboxConfig, SandboxMode};
use crate::exec::sandbox::toolchains;
use crate::exec::sandbox::wall::Tier;
use crate::exec::supervision::supervisor::{self, Order};

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
        run_folders: std::env::temp_dir(),
        missing: Vec::new(),
        ..Sandbox::off().parts()
    };
    remove_left_behind(&found.run_folders);
    let mut missing = Vec::new();
    for tier in config.mode.tiers() {
        found.tier = *tier;
        let sandbox = Sandbox::of(found.clone());
        match try_out(&sandbox) {
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

fn ask(mut line: &UnixStream, order: &Order) -> std::io::Result<String> {
    let order = serde_json::to_string(order)?;
    line.write_all(format!("{order}\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(line).read_line(&mut answer)?;
    Ok(answer)
}
