//! `navi policy explain`: how a command is read, the verdict under each setting, and the rules behind
//! it. Nothing runs.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::cli::failure::Failure;
use crate::cli::policy::place::WorkspaceArgs;
use crate::config::settings::Config;
use crate::platform::text::visible;
use crate::policy::explain::explanation::{Explained, Explanation, Verdicts};
use crate::policy::judge::trace::tree::{ReadStep, StepKind};
use crate::policy::model::Verdict;

/// The command to explain.
#[derive(Clone, Debug, clap::Args)]
pub struct ExplainArgs {
    /// The command, as the agent would send it.
    #[arg(allow_hyphen_values = true)]
    pub command: String,
    /// The folder it would run in.
    #[command(flatten)]
    pub place: WorkspaceArgs,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

/// Writes the explanation to `out`. It ends well whatever the verdict is.
pub fn run(args: &ExplainArgs, config: &Config, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let (root, policy) = args.place.policy(config)?;
    let explanation = policy.explain(&args.command, &root);
    if args.json {
        let text = serde_json::to_string_pretty(&explanation).map_err(io::Error::from)?;
        writeln!(out, "{text}")?;
    } else {
        write!(out, "{}", visible(&in_words(&explanation)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The explanation as people read it.
fn in_words(explanation: &Explanation) -> String {
    let mut lines = vec!["how it is read".to_owned()];
    if let Some(reason) = &explanation.unread {
        lines.push(format!("  not at all: {reason}"));
    } else if explanation.steps.is_empty() {
        lines.push("  nothing runs; the tools refuse an empty command".to_owned());
    }
    for step in &explanation.steps {
        read(step, 1, &mut lines);
    }
    let Verdicts { strict, sandboxed } = explanation.verdicts;
    lines.extend([
        String::new(),
        "verdict".to_owned(),
        format!("  strict     {}", said(strict)),
        format!("  sandboxed  {}", said(sandboxed)),
        String::new(),
    ]);
    let is_free = explanation.findings.is_empty();
    let heading = if is_free {
        "no rule speaks against it"
    } else {
        "rules"
    };
    lines.push(heading.to_owned());
    lines.extend(explanation.findings.iter().flat_map(rule));
    lines.push(String::new());
    lines.join("\n")
}

fn read(step: &ReadStep, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let text = step.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_itself =
        step.kind == StepKind::Program || (step.kind == StepKind::Command && step.steps.is_empty());
    lines.push(if is_itself {
        format!("{indent}{text}")
    } else if text.is_empty() {
        format!("{indent}{}", step.kind.name())
    } else {
        format!("{indent}{}: {text}", step.kind.name())
    });
    if let Some(input) = &step.input {
        lines.push(format!("{indent}  (its input: {input})"));
    }
    for inner in &step.steps {
        read(inner, depth + 1, lines);
    }
}

fn rule(found: &Explained) -> Vec<String> {
    let Verdicts { strict, sandboxed } = found.verdicts;
    let verdict = if strict == sandboxed {
        said(strict).to_owned()
    } else {
        format!("strict {}, sandboxed {}", said(strict), said(sandboxed))
    };
    let danger = format!("{:?}", found.danger).to_lowercase();
    let mut lines = vec![
        format!("  {}: {verdict} (danger: {danger})", found.rule),
        format!("    about: {}", found.segment.replace('\n', " ⏎ ")),
        format!("    why: {}", found.why),
    ];
    let instead = found.alternatives.iter();
    lines.extend(instead.map(|instead| format!("    instead: {instead}")));
    let covers = found.covers.iter();
    lines.extend(covers.map(|covers| format!("    \"always allow\" would cover: {covers}")));
    lines
}

/// The verdict in words.
pub fn said(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "runs unasked",
        Verdict::Ask => "asks",
        Verdict::Forbid => "is forbidden",
    }
}
