//! Commands of a task: those that complete its folder, and those that look at what came out.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use tokio::io::AsyncReadExt;

use crate::cli::failure::Failure;
use crate::config::settings::Config;
use crate::exec::launch::{Launch, ShellCommand};
use crate::exec::process::Processes;
use crate::exec::sandbox::enclosure::{Grant, Widening};
use crate::exec::sandbox::settings::SandboxMode;
use crate::platform::metrics::Metrics;
use crate::platform::tasks::Tasks;

/// The longest that one may take.
const TIME: Duration = Duration::from_mins(2);
/// Git has an author, and looks at no settings of this machine. Python compiles everything again: what it kept
/// of a file fits another version of the same second and size.
const VARIABLES: [(&str, &str); 8] = [
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_AUTHOR_NAME", "Ada"),
    ("GIT_AUTHOR_EMAIL", "ada@example.com"),
    ("GIT_COMMITTER_NAME", "Ada"),
    ("GIT_COMMITTER_EMAIL", "ada@example.com"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
    ("PYTHONPYCACHEPREFIX", "/nonexistent"),
];

/// Runs commands that the tasks themselves name, without a wall.
#[derive(Debug)]
pub struct Commands {
    launch: Launch,
    tasks: Tasks,
}

/// The end of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandSeen {
    /// Its exit code; none when it was ended.
    pub exit: Option<i32>,
    /// Both of its outputs.
    pub output: String,
}

impl Commands {
    /// With the programs that the agent's own commands find.
    pub fn new(config: &Config) -> Result<Self, Failure> {
        let mut sandbox = config.sandbox.clone();
        sandbox.mode = SandboxMode::Off;
        let metrics = Metrics::new(&[], &[]).map_err(std::io::Error::other)?;
        let around = &config.surroundings;
        let launch = Launch::prepare(
            &sandbox,
            around.supervisor.clone(),
            &around.command_environment,
            config.app_env.demand(),
            metrics,
        );
        Ok(Self {
            launch: launch.map_err(std::io::Error::other)?,
            tasks: Tasks::new(),
        })
    }

    /// True if a program is found.
    pub fn has(&self, program: &str) -> bool {
        let path = self.launch.environment.get("PATH");
        let mut folders = path.map(std::env::split_paths).into_iter().flatten();
        folders.any(|folder| folder.join(program).is_file())
    }

    /// Runs a command for bash to its end.
    pub async fn run(&self, text: &str, folder: &Path) -> Result<CommandSeen, Failure> {
        let directory: OwnedFd = std::fs::File::open(folder)?.into();
        let processes = Processes::new(self.launch.clone(), "e2e", Grant::default(), None);
        let widening = Widening::default();
        let command = ShellCommand {
            text,
            record: None,
            widening: &widening,
        };
        let extra: Vec<_> = VARIABLES
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        let started = processes
            .start(command, &directory, &extra, &self.tasks)
            .await;
        let (mut running, mut outputs) = started.map_err(std::io::Error::other)?;
        let guard = running.guard();
        let work = async {
            let (mut said, mut complained) = (Vec::new(), Vec::new());
            let (_said, _complained) = tokio::join!(
                outputs.stdout.read_to_end(&mut said),
                outputs.stderr.read_to_end(&mut complained),
            );
            said.extend(complained);
            (running.ended().await, said)
        };
        let Ok((state, output)) = tokio::time::timeout(TIME, work).await else {
            return Ok(CommandSeen {
                exit: None,
                output: format!("it took longer than {} s", TIME.as_secs()),
            });
        };
        guard.disarm();
        Ok(CommandSeen {
            exit: state.code,
            output: String::from_utf8_lossy(&output).into_owned(),
        })
    }

    /// Runs the commands that complete a folder; one that fails is a mistake of the task.
    pub async fn set_up(&self, commands: &[String], folder: &Path) -> Result<(), Failure> {
        for text in commands {
            let seen = self.run(text, folder).await?;
            if seen.exit != Some(0) {
                return Err(Failure::Usage(format!(
                    "`{text}` completes a workspace and failed: {}",
                    seen.output.trim_end()
                )));
            }
        }
        Ok(())
    }
}
