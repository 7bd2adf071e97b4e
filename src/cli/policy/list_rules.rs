//! `navi policy rules`: the names of the rules, by which settings and flags know them.

use std::io;
use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::policy::explain::said;
use crate::cli::policy::place::WorkspaceArgs;
use crate::config::settings::Config;
use crate::platform::text::visible;
use crate::policy::rule::Rule;
use crate::policy::wall::setting::PolicySetting;

/// The rules of a folder.
#[derive(Clone, Debug, clap::Args)]
pub struct ListRulesArgs {
    /// The folder.
    #[command(flatten)]
    pub place: WorkspaceArgs,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

/// Writes a line for each rule, or an array.
pub fn run(
    args: &ListRulesArgs,
    config: &Config,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let (_, policy) = args.place.policy(config)?;
    if args.json {
        let rules: Vec<_> = policy.rules().iter().map(in_json).collect();
        let text = serde_json::to_string_pretty(&rules).map_err(io::Error::from)?;
        writeln!(out, "{text}")?;
        return Ok(ExitCode::SUCCESS);
    }
    for rule in policy.rules() {
        let (strict, sandboxed) = verdicts(rule);
        let verdict = if strict == sandboxed {
            strict.to_owned()
        } else {
            format!("{strict}, sandboxed {sandboxed}")
        };
        let line = format!("{}: {verdict}\n    {}", rule.id, rule.why);
        writeln!(out, "{}", visible(&line))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn verdicts(rule: &Rule) -> (&'static str, &'static str) {
    let under = |setting| said(rule.verdict_under(setting));
    (
        under(PolicySetting::Strict),
        under(PolicySetting::Sandboxed),
    )
}

fn in_json(rule: &Rule) -> serde_json::Value {
    json!({
        "rule": rule.id,
        "verdicts": {
            "strict": rule.verdict_under(PolicySetting::Strict),
            "sandboxed": rule.verdict_under(PolicySetting::Sandboxed),
        },
        "danger": rule.danger,
        "why": rule.why,
    })
}
