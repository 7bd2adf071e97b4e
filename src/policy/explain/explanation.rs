//! A command as the policy reads it, with its verdict under each setting and the rules behind it.

use serde::Serialize;

use crate::policy::judge::trace::tree::ReadStep;
use crate::policy::model::{Danger, Judgement, Verdict};
use crate::policy::shell::commands::parse;

/// The policy's reading and verdict of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The command.
    pub command: String,
    /// Why it cannot be read; none when it can.
    pub unread: Option<String>,
    /// The programs that it runs, as they are understood.
    pub steps: Vec<ReadStep>,
    /// The verdict under each setting.
    pub verdicts: Verdicts,
    /// The findings, the strictest first.
    pub findings: Vec<Explained>,
}

/// A verdict under each setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Verdicts {
    /// Without a sandbox that holds what runs.
    pub strict: Verdict,
    /// With one.
    pub sandboxed: Verdict,
}

/// A rule that has something to say, and about what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The rule's id.
    pub rule: String,
    /// The part of the command.
    pub segment: String,
    /// Why it does not simply run.
    pub why: String,
    /// The harm it can do.
    pub danger: Danger,
    /// The rule's verdict under each setting.
    pub verdicts: Verdicts,
    /// The scope of "always allow this type".
    pub covers: Option<String>,
    /// Other actions that could be done instead.
    pub alternatives: Vec<String>,
}

impl Explanation {
    /// Puts together the judgements under both settings.
    pub(in crate::policy) fn of(
        command: &str,
        steps: Vec<ReadStep>,
        strict: Judgement,
        sandboxed: &Judgement,
    ) -> Self {
        let says = |rule: &str| {
            let mut findings = sandboxed.findings.iter();
            let found = findings.find(|found| found.rule == rule);
            found.map_or(Verdict::Allow, |found| found.verdict)
        };
        let findings = strict.findings.into_iter();
        let findings = findings.map(|found| Explained {
            verdicts: Verdicts {
                strict: found.verdict,
                sandboxed: says(&found.rule),
            },
            covers: found.scope.map(|scope| scope.sentence()),
            rule: found.rule,
            segment: found.segment,
            why: found.why,
            danger: found.danger,
            alternatives: found.alternatives,
        });
        Self {
            command: command.to_owned(),
            unread: parse(command).err().map(|trouble| trouble.to_string()),
            steps,
            verdicts: Verdicts {
                strict: strict.verdict,
                sandboxed: sandboxed.verdict,
            },
            findings: findings.collect(),
        }
    }
}
