//! The reason not to run a check of a repository.

use crate::policy::model::{Finding, Verdict, WORKSPACE_CODE};
use crate::policy::request::Request;
use crate::tools::context::ToolContext;
use crate::verify::detect::Check;

/// Rules that a check may be the subject of although it runs without a question: it is made of the
/// project's own tools, which the policy does not know.
const TOOLS_OF_PROJECTS: &[&str] = &[
    "unknown-program",
    "package-not-local",
    "pagers",
    "lock-file",
    // To run the project's code is what a check is for.
    WORKSPACE_CODE,
];

/// The reason not to run a check, which runs without a question: its command needs none, and neither
/// does the text of the repository that it runs, but for tools of the project.
pub(crate) fn objection(tools: &ToolContext, check: &Check) -> Option<String> {
    let judge = |text: &str| {
        let request = Request::Command {
            text,
            directory: &check.directory,
            in_background: false,
            needs: None,
        };
        tools
            .policy
            .judge("run_command", request, tools.workspace.root())
    };
    let command = judge(&check.command);
    let objects =
        |found: &Finding| found.verdict == Verdict::Forbid || found.rule != WORKSPACE_CODE;
    if let Some(found) = command.findings.into_iter().find(objects) {
        return Some(found.why);
    }
    let script = judge(check.script.as_deref()?);
    let counts = |found: &Finding| {
        found.verdict == Verdict::Forbid || !TOOLS_OF_PROJECTS.contains(&found.rule.as_str())
    };
    script
        .findings
        .into_iter()
        .find(counts)
        .map(|found| found.why)
}
