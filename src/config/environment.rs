//! The process's environment: the one file that reads it, beside clap.

#![expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment, beside clap"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Command;

use crate::audit::settings::Setting;
use crate::exec::environment::for_commands;

/// Facts about the environment of the process that are not settings.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `XDG_DATA_HOME`.
    pub xdg_data_home: Option<PathBuf>,
    /// True when the process runs as root.
    pub root: bool,
    /// Every setting that has a value, as the command was called.
    pub settings: BTreeMap<String, Setting>,
    /// Files that hold secrets of the settings.
    pub secret_files: Vec<PathBuf>,
    /// The folders of `PATH`.
    pub path: Vec<PathBuf>,
    /// The names of all variables that have a value, settings or not.
    pub variables: Vec<String>,
    /// Where systemd wants to hear that the server is ready.
    pub notify_socket: Option<PathBuf>,
    /// All that a command of the agent may know of the server's environment.
    pub command_environment: BTreeMap<String, String>,
    /// The program that supervises the agent's commands: this one, unless it is only a library in
    /// another program, as in tests.
    pub supervisor: Option<PathBuf>,
    /// Settings of the service this one replaces that open a door, as far as they are on.
    pub development_switches: Vec<&'static str>,
    /// Its settings that take a protection away, as far as they do: NAVI has no way to turn these off,
    /// and an operator who sets them expects something else.
    pub protections_off: Vec<&'static str>,
    /// The operator's own tokens, which it lent to tenants that had none.
    pub operator_tokens: Vec<&'static str>,
}

/// Settings of the original that open a door; each is a violation in production when it is on.
/// `DEV_ORG_ID`, `DEV_USER_ID` and `DEV_USER_ROLE` are ours too and always have a value, so that only
/// the environment tells whether they were set.
const DEVELOPMENT_SWITCHES: &[&str] = &[
    "ALLOW_DEV_AUTH",
    "DEV_ORG_ID",
    "DEV_PLAN_TIER",
    "DEV_PROJECTS",
    "DEV_USER_DISPLAY_NAME",
    "DEV_USER_EMAIL",
    "DEV_USER_ID",
    "DEV_USER_ROLE",
    "ENABLE_TEST_ENDPOINTS",
    "OAUTH_DEVICE_AUTO_APPROVE",
    "OAUTH_DEVICE_USE_IN_MEMORY_STORE",
    "PYTEST_CURRENT_TEST",
];

/// Settings of the original that protect something unless they are off.
const PROTECTIONS: &[&str] = &[
    "ENABLE_AUDIT_LOGGING",
    "JWT_ENABLED",
    "VSCODE_AUTH_REQUIRED",
];

/// Tokens that the original used for tenants that had none of their own.
const OPERATOR_TOKENS: &[&str] = &[
    "AEP_JIRA_API_TOKEN",
    "AEP_SLACK_BOT_TOKEN",
    "GH_TOKEN",
    "GITHUB_TOKEN",
];

impl Surroundings {
    /// Looks around, once.
    pub fn capture() -> Self {
        let folder = |name| {
            std::env::var_os(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        Self {
            home: folder("HOME"),
            // The specification says that a relative path there is to be ignored.
            xdg_data_home: folder("XDG_DATA_HOME").filter(|path| path.is_absolute()),
            root: nix::unistd::geteuid().is_root(),
            settings: BTreeMap::new(),
            secret_files: Vec::new(),
            path: std::env::var_os("PATH")
                .map(|path| std::env::split_paths(&path).collect())
                .unwrap_or_default(),
            variables: std::env::vars_os()
                .filter(|(_, value)| !value.is_empty())
                .filter_map(|(name, _)| name.into_string().ok())
                .collect(),
            notify_socket: folder("NOTIFY_SOCKET"),
            command_environment: for_commands(
                // A value that is not text could not be passed to a command either.
                std::env::vars_os().filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                }),
            ),
            supervisor: None,
            development_switches: those(DEVELOPMENT_SWITCHES, is_on),
            protections_off: those(PROTECTIONS, |value| {
                !value.trim().is_empty() && !is_on(value)
            }),
            operator_tokens: those(OPERATOR_TOKENS, |value| !value.trim().is_empty()),
        }
    }
}

/// The variables among these whose value is such.
fn those(names: &[&'static str], such: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let names = names.iter().copied();
    names
        .filter(|name| std::env::var(name).is_ok_and(|value| such(&value)))
        .collect()
}

fn is_on(value: &str) -> bool {
    !matches!(
        value.trim().to_ascii_lowercase().as_str(),
        "" | "0" | "false" | "no" | "off"
    )
}

/// Prepares a command line for reading: an empty variable counts as unset (files with
/// `NAME=` lines are common), and help never shows what a variable holds.
pub fn prepared(command: Command) -> Command {
    command
        .mut_args(|arg| {
            let empty = arg
                .get_env()
                .and_then(std::env::var_os)
                .is_some_and(|value| value.is_empty());
            let arg = arg.hide_env_values(true);
            if empty { arg.env(None::<&str>) } else { arg }
        })
        .mut_subcommands(prepared)
}
