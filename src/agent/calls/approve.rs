//! Decides if a call may run: by the policy's verdict, its user's preferences, and the user's answer.
//!
//! An answer is bound to the exact action it was asked about, used once, and used in the transaction
//! that starts the action. What a person wants instead is an action of its own, and judged as one.

use std::path::Path;

use serde_json::{Value, json};

use crate::agent::calls::call::{CallResult, Invocation, PendingCall};
use crate::agent::calls::consent;
use crate::agent::calls::consent::danger;
use crate::agent::prompt::facts::{CHOSEN, DENIED, UNANSWERED, UNASKED, UNWANTED};
use crate::agent::runner::primitives::{Halt, Runner};
use crate::approvals::consents;
use crate::approvals::consents::model::{AutoAllowed, Decision};
use crate::auth::principal::Role;
use crate::policy::model::{
    Action, Danger, Finding, Judgement, OUTCOME_UNKNOWN, REWRITES_TO, Verdict,
};
use crate::runs::event::Event;
use crate::runs::event_data::{ApprovalData, ApprovalDecision};
use crate::runs::log::entry::{Entry, UsedConsent};

/// The most alternatives of a user, per call, that have to be asked about again.
const MAX_ALTERNATIVES: u32 = 3;

/// Consenting takes more than a viewer may; no user is asked what they cannot answer.
const NOT_A_VIEWERS: &str = "this needs consent, which the user's role may not give; nothing was \
                             run. Continue without it";

/// The decision on a call.
pub(crate) enum Approval {
    /// It may.
    Run {
        /// The call to run: the model's own, or one that a person or the policy put in its place.
        invocation: Invocation,
        /// The consent that it uses up.
        consent: Option<UsedConsent>,
        /// A note for the model beside the result.
        note: Option<String>,
    },
    /// It may not; this is its result.
    Refuse(CallResult),
}

impl Approval {
    /// A call that runs without a person's answer.
    fn unasked(invocation: Invocation, note: Option<String>) -> Self {
        Self::Run {
            invocation,
            consent: None,
            note,
        }
    }
}

pub(crate) fn judge(runner: &Runner, invocation: &Invocation) -> Judgement {
    match &runner.tools {
        Some(tools) => {
            let root = tools.workspace.root();
            tools
                .policy
                .judge(invocation.tool.name(), invocation.request(), root)
        }
        None => Judgement::default(),
    }
}

/// Decides about a call, asking its user where the policy says so.
pub(crate) async fn approve(
    runner: &mut Runner,
    pending: &PendingCall,
    mut invocation: Invocation,
) -> Result<Approval, Halt> {
    let mut note = None;
    for _ in 0..=MAX_ALTERNATIVES {
        let judgement = judge(runner, &invocation);
        if let Some(rewrite) = judgement.rewrite {
            let arguments = rewrite.arguments();
            let Some(tool) = runner.deps.tools.set.named(REWRITES_TO).cloned() else {
                return Ok(Approval::Refuse(forbidden(
                    &invocation,
                    &judgement.findings,
                )));
            };
            let note = "the scan was replaced by a bounded `search_files`".to_owned();
            return Ok(Approval::unasked(
                Invocation { tool, arguments },
                Some(note),
            ));
        }
        match judgement.verdict {
            Verdict::Allow => {
                return Ok(Approval::unasked(invocation, note));
            }
            Verdict::Forbid => {
                return Ok(Approval::Refuse(forbidden(
                    &invocation,
                    &judgement.findings,
                )));
            }
            Verdict::Ask if runner.run.role == Role::Viewer => {
                return Ok(Approval::Refuse(CallResult::error(NOT_A_VIEWERS)));
            }
            Verdict::Ask => {}
        }
        let action = action(runner, &invocation);
        if is_preferred(runner, pending, &action, &judgement.findings).await? {
            return Ok(Approval::unasked(invocation, note));
        }
        let (id, decision) = consent::ask(runner, pending, &action, judgement.findings).await?;
        match decision {
            Decision::Allowed => {
                let consent = Some(UsedConsent {
                    id,
                    action_hash: action.hash,
                });
                return Ok(Approval::Run {
                    invocation,
                    consent,
                    note,
                });
            }
            Decision::Replaced(command) if invocation.arguments.contains_key("command") => {
                note = Some(format!("{CHOSEN}{command}"));
                invocation
                    .arguments
                    .insert("command".to_owned(), Value::String(command));
            }
            Decision::Replaced(words) => {
                let told = format!("{UNWANTED}{words}");
                return Ok(Approval::Refuse(CallResult::not_allowed(&told)));
            }
            Decision::Denied | Decision::Unasked | Decision::Expired | Decision::Canceled => {
                return Ok(Approval::Refuse(refused(&decision)));
            }
        }
    }
    let told = "the user chose one alternative after another; ask them what they want";
    Ok(Approval::Refuse(CallResult::not_allowed(told)))
}

/// The result of a forbidden action.
pub(crate) fn forbids(runner: &Runner, invocation: &Invocation) -> Option<CallResult> {
    let judgement = judge(runner, invocation);
    let forbids = judgement.verdict == Verdict::Forbid;
    forbids.then(|| forbidden(invocation, &judgement.findings))
}

/// Asks whether a call whose outcome was lost may run again.
pub(crate) async fn ask_to_repeat(
    runner: &mut Runner,
    pending: &PendingCall,
    invocation: Invocation,
) -> Result<Approval, Halt> {
    let judgement = judge(runner, &invocation);
    let action = action(runner, &invocation);
    let mut finding = Finding {
        rule: OUTCOME_UNKNOWN.to_owned(),
        kind: invocation.tool.name().to_owned(),
        // The question is about this one call, so no answer to it can be kept.
        scope: None,
        verdict: Verdict::Ask,
        danger: Danger::Medium,
        segment: action.display.clone(),
        why: "The server was lost while this ran; it may have been done, in part or in whole."
            .to_owned(),
        consequences: vec!["What it does may happen twice.".to_owned()],
        alternatives: vec!["Look at what it has changed before you decide.".to_owned()],
        reversible: false,
    };
    if let Some(worst) = judgement.findings.iter().map(|one| one.danger).max() {
        finding.danger = finding.danger.max(worst);
    }
    let findings = [finding].into_iter().chain(judgement.findings).collect();
    let (id, decision) = consent::ask(runner, pending, &action, findings).await?;
    Ok(match decision {
        Decision::Allowed => Approval::Run {
            invocation,
            consent: Some(UsedConsent {
                id,
                action_hash: action.hash,
            }),
            note: Some("this was run again after the server was lost while it ran".to_owned()),
        },
        Decision::Replaced(words) => Approval::Refuse(CallResult::not_allowed(&format!(
            "it is not known whether this was done; the user says: {words}"
        ))),
        Decision::Denied | Decision::Unasked | Decision::Expired | Decision::Canceled => {
            Approval::Refuse(CallResult::not_allowed(
                "the server was lost while this ran, so it is not known whether it was done; it \
             was not run again. Look at what is there before you go on.",
            ))
        }
    })
}

fn action(runner: &Runner, invocation: &Invocation) -> Action {
    let (request, arguments) = (invocation.request(), &invocation.arguments);
    let name = invocation.tool.name();
    if let Some(tools) = &runner.tools {
        let root = tools.workspace.root();
        return tools.policy.action(name, request, arguments, root);
    }
    // Without a workspace no tool is offered, so nothing is asked about.
    let policy = &runner.deps.tools.policy;
    policy.action(name, request, arguments, Path::new("/"))
}

/// True if its user has said before that they do not want to be asked about this.
async fn is_preferred(
    runner: &mut Runner,
    pending: &PendingCall,
    action: &Action,
    findings: &[Finding],
) -> Result<bool, Halt> {
    let (org_id, user_id) = (runner.run.org_id.clone(), runner.run.user_id.clone());
    let workspace = runner.workspace_name();
    let found = async {
        let mut tx = runner.deps.db.begin().await?;
        let consents = &runner.deps.consents;
        let hash = &action.hash;
        let preferred = consents
            .preferred(&mut tx, &org_id, &user_id, &workspace, hash, findings)
            .await?;
        let Some(preferences) = preferred else {
            return Ok(false);
        };
        let allowed = AutoAllowed {
            run_id: runner.run.id,
            trace_id: runner.run.trace_id.as_ref(),
            tool: &action.tool,
            shell: action.shell,
            command: &action.display,
            cwd: &action.directory,
            danger: danger(findings),
        };
        consents
            .record_auto_allowed(&mut tx, &org_id, &user_id, &preferences, &allowed)
            .await?;
        tx.commit().await?;
        Ok(true)
    };
    match found.await {
        Ok(false) => Ok(false),
        Ok(true) => {
            let approval = ApprovalData {
                consent_id: None,
                tool_call_id: pending.call.id.clone(),
                decision: ApprovalDecision::AutoAllowed,
                command: action.display.clone(),
                alternative_command: None,
            };
            let event = Event::ApprovalRecorded { approval };
            runner
                .journal
                .write(vec![Entry::Event(event), Entry::ToolApproved(pending.id)])
                .await?;
            Ok(true)
        }
        Err(error) => {
            let error: consents::error::Error = error;
            // In doubt, the user is asked.
            tracing::warn!(run.id = %runner.run.id, %error, "preferences cannot be read");
            Ok(false)
        }
    }
}

/// The text for the model about a forbidden action.
fn forbidden(invocation: &Invocation, findings: &[Finding]) -> CallResult {
    let forbids = |finding: &&Finding| finding.verdict == Verdict::Forbid;
    let mut reasons = findings.iter().filter(forbids);
    let Some(first) = reasons.next() else {
        return CallResult::error("this is not allowed");
    };
    let mut result = json!({
        "success": false,
        "error": first.why,
        "rule": first.rule,
        "alternatives": first.alternatives,
    });
    if let Some(command) = invocation.arguments.get("command") {
        result["blocked_command"] = command.clone();
    }
    CallResult::of(result)
}

fn refused(decision: &Decision) -> CallResult {
    CallResult::not_allowed(match decision {
        Decision::Expired => UNANSWERED,
        Decision::Unasked => UNASKED,
        Decision::Allowed | Decision::Denied | Decision::Replaced(_) | Decision::Canceled => DENIED,
    })
}
