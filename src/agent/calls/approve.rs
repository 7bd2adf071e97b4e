//! Whether a call may run: the policy's verdict, what its user prefers, and what they answer.
//!
//! An answer is bound to the exact action it was asked about, used once, and used in the transaction
//! that starts the action. What a person wants instead is an action of its own, and judged as one.

use serde_json::{Value, json};

use crate::agent::calls::consent::danger;
use crate::agent::calls::execute::{Deed, Done, Planned};
use crate::agent::execution::run_loop::{Halt, Runner};
use crate::approvals::consents;
use crate::approvals::consents::model::{AutoAllowed, Decision};
use crate::auth::principal::Role;
use crate::platform::ids::ConsentId;
use crate::policy::model::REWRITES_TO;
use crate::policy::model::{Action, Danger, Finding, Judgement, Verdict};
use crate::runs::event::Event;
use crate::runs::event_data::ApprovalData;
use crate::runs::log::journal::Entry;

/// How often a person may want something else that has to be asked about again.
const MAX_ALTERNATIVES: u32 = 3;

/// Consenting takes more than a viewer may; nobody is asked what they cannot answer.
const NOT_A_VIEWERS: &str = "this needs consent, which the user's role may not give; nothing was run. \
                             Go on without it";

/// Whether a call may run.
pub(crate) enum Permit {
    /// It may.
    Go {
        /// What runs: what was asked for, or what a person or the policy put in its place.
        deed: Deed,
        /// What it uses up.
        consent: Option<(ConsentId, [u8; 32])>,
        /// What the model is told beside the result.
        note: Option<String>,
    },
    /// It may not; this is its result.
    No(Done),
}

impl Runner {
    pub(crate) fn judge(&self, deed: &Deed) -> Judgement {
        match &self.tools {
            Some(tools) => {
                let root = tools.workspace.root();
                self.policy.judge(deed.tool.name(), deed.request(), root)
            }
            None => Judgement::default(),
        }
    }

    /// Decides about a call, asking its user where the policy says so.
    pub(crate) async fn permit(
        &mut self,
        planned: &Planned,
        mut deed: Deed,
    ) -> Result<Permit, Halt> {
        let mut note = None;
        for _ in 0..=MAX_ALTERNATIVES {
            let judgement = self.judge(&deed);
            if let Some(rewrite) = judgement.rewrite {
                let arguments = rewrite.arguments();
                let Some(tool) = self.services.tools.named(REWRITES_TO).cloned() else {
                    return Ok(Permit::No(forbidden(&deed, &judgement.findings)));
                };
                return Ok(Permit::Go {
                    deed: Deed { tool, arguments },
                    consent: None,
                    note: Some("the scan was replaced by a bounded `search_files`".to_owned()),
                });
            }
            match judgement.verdict {
                Verdict::Allow => {
                    let consent = None;
                    return Ok(Permit::Go {
                        deed,
                        consent,
                        note,
                    });
                }
                Verdict::Forbid => return Ok(Permit::No(forbidden(&deed, &judgement.findings))),
                Verdict::Ask if self.run.role == Role::Viewer => {
                    return Ok(Permit::No(Done::told(NOT_A_VIEWERS)));
                }
                Verdict::Ask => {}
            }
            let action = self.action(&deed);
            if self
                .is_preferred(planned, &action, &judgement.findings)
                .await?
            {
                let consent = None;
                return Ok(Permit::Go {
                    deed,
                    consent,
                    note,
                });
            }
            let (id, decision) = self.consent(planned, &action, judgement.findings).await?;
            match decision {
                Decision::Allowed => {
                    let consent = Some((id, action.hash));
                    return Ok(Permit::Go {
                        deed,
                        consent,
                        note,
                    });
                }
                Decision::Replaced(command) if deed.arguments.contains_key("command") => {
                    note = Some(format!("the user chose another command: {command}"));
                    deed.arguments
                        .insert("command".to_owned(), Value::String(command));
                }
                Decision::Replaced(words) => {
                    let told = format!("the user does not want this, but: {words}");
                    return Ok(Permit::No(Done::told(&told)));
                }
                Decision::Denied | Decision::Expired | Decision::Canceled => {
                    return Ok(Permit::No(refused(&decision)));
                }
            }
        }
        let told = "the user chose one alternative after another; ask them what they want";
        Ok(Permit::No(Done::told(told)))
    }

    /// The result of something that nobody may allow.
    pub(crate) fn forbids(&self, deed: &Deed) -> Option<Done> {
        let judgement = self.judge(deed);
        let forbids = judgement.verdict == Verdict::Forbid;
        forbids.then(|| forbidden(deed, &judgement.findings))
    }

    /// Asks whether a call whose outcome was lost may run again.
    pub(crate) async fn ask_to_repeat(
        &mut self,
        planned: &Planned,
        deed: Deed,
    ) -> Result<Permit, Halt> {
        let judgement = self.judge(&deed);
        let action = self.action(&deed);
        let mut finding = Finding {
            rule: "outcome-unknown".to_owned(),
            kind: deed.tool.name().to_owned(),
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
        let (id, decision) = self.consent(planned, &action, findings).await?;
        Ok(match decision {
            Decision::Allowed => Permit::Go {
                deed,
                consent: Some((id, action.hash)),
                note: Some("this was run again after the server was lost while it ran".to_owned()),
            },
            Decision::Replaced(words) => Permit::No(Done::told(&format!(
                "it is not known whether this was done; the user says: {words}"
            ))),
            Decision::Denied | Decision::Expired | Decision::Canceled => Permit::No(Done::told(
                "the server was lost while this ran, so it is not known whether it was done; it \
                 was not run again. Look at what is there before you go on.",
            )),
        })
    }

    fn action(&self, deed: &Deed) -> Action {
        let root = self.tools.as_ref().map(|tools| tools.workspace.root());
        let root = root.unwrap_or(std::path::Path::new("/"));
        self.policy
            .action(deed.tool.name(), deed.request(), &deed.arguments, root)
    }

    pub(crate) fn workspace_name(&self) -> String {
        let tools = self.tools.as_ref();
        let root = tools.map(|tools| tools.workspace.root().to_string_lossy().into_owned());
        root.unwrap_or_default()
    }

    /// Whether its user has said before that they do not want to be asked about this.
    async fn is_preferred(
        &mut self,
        planned: &Planned,
        action: &Action,
        findings: &[Finding],
    ) -> Result<bool, Halt> {
        let (org_id, user_id) = (self.run.org_id.clone(), self.run.user_id.clone());
        let workspace = self.workspace_name();
        let found = async {
            let mut tx = self.services.db.begin().await?;
            let consents = &self.services.consents;
            let hash = &action.hash;
            let preferred = consents
                .preferred(&mut tx, &org_id, &user_id, &workspace, hash, findings)
                .await?;
            let Some(preferences) = preferred else {
                return Ok(false);
            };
            let allowed = AutoAllowed {
                run_id: self.run.id,
                trace_id: self.run.trace_id.as_ref(),
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
                    tool_call_id: planned.call.id.clone(),
                    decision: "auto_allowed".to_owned(),
                    command: action.display.clone(),
                    alternative_command: None,
                };
                let event = Event::ApprovalRecorded { approval };
                self.journal
                    .write(vec![Entry::Event(event), Entry::ToolApproved(planned.id)])
                    .await?;
                Ok(true)
            }
            Err(error) => {
                let error: consents::error::Error = error;
                // Whoever is in doubt asks.
                tracing::warn!(run.id = %self.run.id, %error, "preferences cannot be read");
                Ok(false)
            }
        }
    }
}

/// What the model is told of an action that nobody may allow.
fn forbidden(deed: &Deed, findings: &[Finding]) -> Done {
    let forbids = |finding: &&Finding| finding.verdict == Verdict::Forbid;
    let mut reasons = findings.iter().filter(forbids);
    let Some(first) = reasons.next() else {
        return Done::told("this is not allowed");
    };
    let mut result = json!({
        "success": false,
        "error": first.why,
        "rule": first.rule,
        "alternatives": first.alternatives,
    });
    if let Some(command) = deed.arguments.get("command") {
        result["blocked_command"] = command.clone();
    }
    Done::of(result)
}

fn refused(decision: &Decision) -> Done {
    Done::told(match decision {
        Decision::Expired => {
            "nobody consented in time, which is a no; nothing was run. Go on without it, or \
             answer what is missing"
        }
        Decision::Allowed | Decision::Denied | Decision::Replaced(_) | Decision::Canceled => {
            "the user denied this; nothing was run. Do not try it in another way"
        }
    })
}
