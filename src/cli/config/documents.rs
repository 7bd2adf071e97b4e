//! `navi config docs`: the documents that list the settings.

use std::fmt::Write as _;

use clap::{Arg, Args as _, Command, ValueEnum};

use crate::config::secret_files::is_secret;
use crate::config::settings::Config;

/// Which document to print.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct DocsArgs {
    /// The document.
    pub file: Document,
}

/// A document that is generated from the settings' own descriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Document {
    /// `docs/configuration.md`.
    Markdown,
    /// `.env.example`.
    Env,
}

/// The document's text.
pub fn generated(document: Document) -> String {
    let command = Config::augment_args(Command::new("navi"));
    let settings: Vec<&Arg> = command
        .get_arguments()
        .filter(|arg| arg.get_env().is_some())
        .collect();
    match document {
        Document::Markdown => markdown(&settings),
        Document::Env => dotenv(&settings),
    }
}

/// Settings by heading, in the order in which they are declared.
fn by_heading<'a>(settings: &[&'a Arg]) -> Vec<(&'a str, Vec<&'a Arg>)> {
    let mut groups: Vec<(&str, Vec<&Arg>)> = Vec::new();
    for arg in settings {
        let heading = arg.get_help_heading().unwrap_or("General");
        match groups.iter_mut().find(|(name, _)| *name == heading) {
            Some((_, members)) => members.push(arg),
            None => groups.push((heading, vec![arg])),
        }
    }
    groups
}

struct Setting {
    variable: String,
    flag: String,
    default: Option<String>,
    help: String,
}

fn setting(arg: &Arg) -> Setting {
    let defaults: Vec<_> = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy().into_owned())
        .collect();
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let mut help = help.map(ToString::to_string).unwrap_or_default();
    let choices: Vec<_> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if choices.len() > 1 && arg.get_action().takes_values() {
        let _ = write!(help, " One of {}.", choices.join(", "));
    }
    let variable = arg.get_env().unwrap_or_default();
    let variable = variable.to_string_lossy().into_owned();
    if is_secret(arg) {
        // The last sentence of what is one line comes without its end.
        let end = if help.ends_with('.') { "" } else { "." };
        let _ = write!(help, "{end} `{variable}_FILE` names a file that holds it.");
    }
    Setting {
        variable,
        flag: format!("--{}", arg.get_long().unwrap_or_default()),
        default: (!defaults.is_empty()).then(|| defaults.join(",")),
        help,
    }
}

fn markdown(settings: &[&Arg]) -> String {
    let mut text = "# Configuration\n\n\
         Every setting is an environment variable and a flag of the commands that use it; the flag\n\
         wins. A variable that is set to nothing counts as unset. `navi config check` says whether\n\
         the settings are fit for production.\n\n\
         Every secret may stand in a file instead, as systemd and Kubernetes hand it over: set its\n\
         name with `_FILE` behind it to the path, and not both. Space around it in the file is left out.\n\n\
         This page is generated: `navi config docs markdown > docs/configuration.md`.\n"
        .to_owned();
    for (heading, members) in by_heading(settings) {
        let _ = write!(text, "\n## {heading}\n\n");
        text.push_str("| variable | flag | default | meaning |\n|---|---|---|---|\n");
        for arg in members {
            let Setting {
                variable,
                flag,
                default,
                help,
            } = setting(arg);
            let default = default.map_or(String::new(), |value| format!("`{value}`"));
            let help = help.replace('\n', " ").replace('|', "\\|");
            let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
            let _ = writeln!(text, "| `{variable}` | `{flag}` | {default} | {help} |");
        }
    }
    text
}

fn dotenv(settings: &[&Arg]) -> String {
    let mut text =
        "# Every setting with its default. Copy this file to .env and fill in what you need.\n\
         # Every secret may stand in a file instead, which its name with _FILE behind it names.\n\
         # Generated: navi config docs env > .env.example\n"
            .to_owned();
    for (heading, members) in by_heading(settings) {
        let _ = write!(text, "\n# --- {heading} ---\n");
        for arg in members {
            let Setting {
                variable,
                default,
                help,
                ..
            } = setting(arg);
            text.push('\n');
            for line in help.lines().map(str::trim).filter(|line| !line.is_empty()) {
                let _ = writeln!(text, "# {line}");
            }
            let _ = writeln!(text, "#{variable}={}", default.unwrap_or_default());
        }
    }
    text
}
