//! The circumstances of a run of this program.

use std::process::Command;
use std::time::Instant;

use navi::cli::load::watch::process::{describe_machine, load_average};
use navi::platform::clock::Clock;

use crate::figure::Run;

/// A run that began now.
pub(crate) struct Begun {
    run: Run,
    at: Instant,
}

impl Begun {
    pub(crate) fn now() -> Self {
        let run = Run {
            date: Clock::System.now().format("%-d %B %Y").to_string(),
            commit: said("git", &["rev-parse", "--short", "HEAD"]),
            machine: machine(),
            load_before: load_average().to_string(),
            minutes: 0.0,
        };
        Self {
            run,
            at: Instant::now(),
        }
    }

    pub(crate) fn over(mut self) -> Run {
        self.run.minutes = (self.at.elapsed().as_secs_f64() / 6.0).round() / 10.0;
        self.run
    }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn machine() -> String {
    format!(
        "{}, {}",
        describe_machine(),
        said("pgbench", &["--version"]).replace("pgbench (PostgreSQL)", "Postgres"),
    )
}
