//! `navi policy explain`: how a command is read, the verdict under each setting, and the rules behind
//! it. Nothing runs.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::failure::Failure;
use crate::config::settings::Config;
use crate::platform::text::visible;
use crate::policy::explain::explanation::{Explained, Explanation, Verdicts};
use crate::policy::judge::trace::tree::{ReadStep, StepKind};
use crate::policy::model::Verdict;
use crate::policy::service::Policy;

/// `navi policy`.
#[derive(Debug, clap::Args)]
pub struct PolicyCommand {
    #[command(subcommand)]
    command: PolicyCommands,
}

#[derive(Debug, clap::Subcommand)]
enum PolicyCommands {
    /// Say how a command is read, what becomes of it, and why. Runs nothing.
    Explain(Box<Settled>),
}

#[derive(Debug, clap::Args)]
struct Settled {
    #[command(flatten)]
    args: ExplainArgs,
    #[command(flatten)]
    config: Config,
}

impl PolicyCommand {
    /// What to explain, and the settings.
    pub fn split(self) -> (ExplainArgs, Config) {
        let PolicyCommands::Explain(with) = self.command;
        (with.args, with.config)
    }
}

/// Where a workspace may make the policy stricter.
const POLICY_FILE: &str = ".navi/policy.toml";

/// What to explain.
#[derive(Clone, Debug, clap::Args)]
pub struct ExplainArgs {
    /// The command, as the agent would send it.
    #[arg(allow_hyphen_values = true)]
    pub command: String,
    /// The folder it would run in; its `.navi/policy.toml` holds too.
    #[arg(long, value_name = "PATH", default_value = ".")]
    pub workspace: PathBuf,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

/// Writes the explanation to `out`. It ends well whatever the verdict is.
pub fn run(args: &ExplainArgs, config: &Config, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let explanation = explain(args, config)?;
    if args.json {
        let text = serde_json::to_string_pretty(&explanation).map_err(io::Error::from)?;
        writeln!(out, "{text}")?;
    } else {
        write!(out, "{}", visible(&in_words(&explanation)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn explain(args: &ExplainArgs, config: &Config) -> Result<Explanation, Failure> {
    let unusable = |source| Failure::Workspace {
        path: args.workspace.clone(),
        source,
    };
    let root = args.workspace.canonicalize().map_err(unusable)?;
    let closed = config.workspace_rules().closed;
    let home = config.surroundings.command_environment.get("HOME");
    let policy = Policy::built_in()
        .map_err(io::Error::other)?
        .closing(&closed, home.map(AsRef::as_ref));
    let policy = of_workspace(&root, policy).map_err(unusable)?;
    Ok(policy.explain(&args.command, &root))
}

/// The policy with the workspace's own rules.
fn of_workspace(root: &Path, policy: Policy) -> Result<Policy, io::Error> {
    let named = |error: &dyn std::fmt::Display| {
        io::Error::other(format!("its {POLICY_FILE} cannot be used: {error}"))
    };
    match std::fs::read_to_string(root.join(POLICY_FILE)) {
        Ok(text) => policy.stricter(&text).map_err(|error| named(&error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(policy),
        Err(error) => Err(named(&error)),
    }
}

/// The explanation as people read it.
fn in_words(explanation: &Explanation) -> String {
    let mut text = String::from("how it is read\n");
    if let Some(reason) = &explanation.unread {
        text += &format!("  not at all: {reason}\n");
    } else if explanation.steps.is_empty() {
        text += "  nothing runs; the tools refuse an empty command\n";
    }
    for step in &explanation.steps {
        lines(step, 1, &mut text);
    }
    let Verdicts { strict, sandboxed } = explanation.verdicts;
    text += "\nverdict\n";
    text += &format!("  strict     {}\n", said(strict));
    text += &format!("  sandboxed  {}\n", said(sandboxed));
    text += if explanation.findings.is_empty() {
        "\nno rule speaks against it\n"
    } else {
        "\nrules\n"
    };
    for found in &explanation.findings {
        rule(found, &mut text);
    }
    text
}

fn lines(step: &ReadStep, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let line = step.text.split_whitespace().collect::<Vec<_>>().join(" ");
    *text += &match step.kind {
        StepKind::Program => format!("{indent}{line}\n"),
        StepKind::Command if step.steps.is_empty() => format!("{indent}{line}\n"),
        kind if line.is_empty() => format!("{indent}{}\n", kind.name()),
        kind => format!("{indent}{}: {line}\n", kind.name()),
    };
    if let Some(input) = &step.input {
        *text += &format!("{indent}  (its input: {input})\n");
    }
    for inner in &step.steps {
        lines(inner, depth + 1, text);
    }
}

fn rule(found: &Explained, text: &mut String) {
    let Verdicts { strict, sandboxed } = found.verdicts;
    let verdict = if strict == sandboxed {
        said(strict).to_owned()
    } else {
        format!("strict {}, sandboxed {}", said(strict), said(sandboxed))
    };
    let danger = format!("{:?}", found.danger).to_lowercase();
    *text += &format!("  {}: {verdict} (danger: {danger})\n", found.rule);
    *text += &format!("    about: {}\n", found.segment.replace('\n', " ⏎ "));
    *text += &format!("    why: {}\n", found.why);
    for instead in &found.alternatives {
        *text += &format!("    instead: {instead}\n");
    }
    if let Some(covers) = &found.covers {
        *text += &format!("    \"always allow\" would cover: {covers}\n");
    }
}

fn said(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "runs unasked",
        Verdict::Ask => "asks",
        Verdict::Forbid => "is forbidden",
    }
}
