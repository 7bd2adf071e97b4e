//! Asking a person about an action, and waiting for their word.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use crate::agent::calls::call::PendingCall;
use crate::agent::runner::primitives::{Halt, Runner};
use crate::approvals::consents::model::{Decision, NewConsent};
use crate::approvals::consents::preferences::model::type_covers;
use crate::platform::ids::ConsentId;
use crate::platform::json::show_json;
use crate::platform::redact::json::redact_command_json;
use crate::platform::text::visible;
use crate::policy::model::{Action, Danger, Finding};
use crate::runs::event::Event;
use crate::runs::event_data::{ApprovalData, ApprovalDecision, RunPhase};
use crate::runs::log::entry::Entry;
use crate::runs::model::{RunKind, RunStatus};
use crate::runs::store::steps::CallProgress;

/// Time limit for an answer; without one it is a no.
const PATIENCE: Duration = Duration::from_mins(5);

/// Asks about an action, or goes on waiting for what was asked before, and says how it ended.
pub(crate) async fn ask(
    runner: &mut Runner,
    pending: &PendingCall,
    action: &Action,
    findings: Vec<Finding>,
) -> Result<(ConsentId, Decision), Halt> {
    let (org_id, user_id) = (runner.run.org_id.clone(), runner.run.user_id.clone());
    let consents = runner.deps.consents.clone();
    let run_id = runner.run.id;
    let asked = || consents.unused_of_call(&org_id, run_id, pending.id, &action.hash);
    let asked = runner.retry_database(asked).await?;
    // It was settled and told, whether as it was asked or as something else that a person chose.
    let was_told = asked.is_some() && was_approved(pending);
    let id = match asked {
        Some(id) if was_told => id,
        Some(id) => {
            let is_open = || consents.is_open(&org_id, &user_id, id);
            if runner.retry_database(is_open).await? {
                runner.journal.write(waiting(runner, id)).await?;
            }
            id
        }
        None => open(runner, pending, action, findings).await?,
    };
    let waiting = Box::pin(consents.wait(&org_id, &user_id, id));
    let decision = match runner.wait_without_slot(waiting).await? {
        Ok(decision) => decision,
        Err(error) => return runner.internal(&error).await,
    };
    if was_told {
        return Ok((id, decision));
    }
    tell_decision(runner, pending, action, id, &decision).await?;
    Ok((id, decision))
}

async fn open(
    runner: &mut Runner,
    pending: &PendingCall,
    action: &Action,
    findings: Vec<Finding>,
) -> Result<ConsentId, Halt> {
    let clock = &runner.deps.clock;
    let (id, created_at) = (ConsentId::new(clock), clock.now());
    let danger = danger(&findings);
    let mut shown = Value::Object(shown(id, &pending.call.id, action, &findings, danger));
    // The person reads this, so nothing in it looks like something else; what they allow is bound to the
    // exact action by its hash.
    redact_command_json(&mut shown);
    show_json(&mut shown, visible);
    let consent = NewConsent {
        id,
        run_id: runner.run.id,
        tool_call_id: pending.id,
        tool: action.tool.clone(),
        command: action.display.clone(),
        cwd: action.directory.clone(),
        workspace: runner.workspace_name(),
        action_hash: action.hash,
        danger,
        findings,
        shown: shown.clone(),
        created_at,
        expires_at: created_at + TimeDelta::from_std(PATIENCE).unwrap_or_default(),
    };
    let timestamp = created_at.timestamp_millis();
    let asks = Event::ConsentRequired {
        data: shown.as_object().cloned().unwrap_or_default(),
        timestamp,
    };
    let mut entries = vec![Entry::ConsentAsked(Box::new(consent)), Entry::Event(asks)];
    entries.extend(waiting(runner, id));
    runner.journal.write(entries).await?;
    runner.journal.commit().await?;
    Ok(id)
}

/// Says that the run waits. A run that goes on in another process while it waits says it again,
/// because it was told to be running meanwhile.
fn waiting(runner: &Runner, id: ConsentId) -> Vec<Entry> {
    let waits = Event::Status {
        status: RunPhase::AwaitingHumanDecision,
        task_id: None,
        reason: None,
        prompt_id: None,
    };
    let mut entries = vec![
        Entry::Status(RunStatus::PausedForApproval),
        Entry::Event(waits),
    ];
    if runner.run.kind == RunKind::Job {
        entries.push(Entry::Event(Event::JobPaused {
            consent_id: Some(id.to_string()),
            prompt_id: None,
            reason: None,
            message: "The job waits for your consent".to_owned(),
        }));
    }
    entries
}

async fn tell_decision(
    runner: &mut Runner,
    pending: &PendingCall,
    action: &Action,
    id: ConsentId,
    decision: &Decision,
) -> Result<(), Halt> {
    let (told, alternative) = match decision {
        Decision::Allowed => (ApprovalDecision::Allowed, None),
        Decision::Denied => (ApprovalDecision::Denied, None),
        Decision::Unasked => (ApprovalDecision::Unasked, None),
        Decision::Replaced(command) => (ApprovalDecision::Alternative, Some(command.clone())),
        Decision::Expired => (ApprovalDecision::Timeout, None),
        Decision::Canceled => (ApprovalDecision::Canceled, None),
    };
    let obstacles = &mut runner.state.usage.obstacles;
    match decision {
        Decision::Denied => obstacles.note_denied(),
        Decision::Expired => obstacles.note_unanswered(),
        Decision::Unasked => obstacles.note_unasked(),
        Decision::Allowed | Decision::Replaced(_) | Decision::Canceled => {}
    }
    let approval = ApprovalData {
        consent_id: Some(id.to_string()),
        tool_call_id: pending.call.id.clone(),
        decision: told,
        command: action.display.clone(),
        alternative_command: alternative,
    };
    let mut entries = vec![Entry::Status(RunStatus::Running)];
    entries.push(Entry::Event(match decision {
        Decision::Allowed | Decision::Replaced(_) => Event::ApprovalRecorded { approval },
        Decision::Denied | Decision::Unasked | Decision::Expired | Decision::Canceled => {
            Event::ApprovalDenied { approval }
        }
    }));
    if *decision == Decision::Allowed {
        entries.push(Entry::ToolApproved(pending.id));
    }
    entries.push(Entry::Event(Event::status(RunPhase::Executing)));
    Ok(runner.journal.write(entries).await?)
}

/// True if a call was allowed, and that was told, in the process that left it behind.
fn was_approved(pending: &PendingCall) -> bool {
    let past = pending.past.as_ref();
    past.is_some_and(|past| past.progress == CallProgress::Approved)
}

/// The most harm that any finding names.
pub(crate) fn danger(findings: &[Finding]) -> Danger {
    let dangers = findings.iter().map(|finding| finding.danger);
    dangers.max().unwrap_or(Danger::Low)
}

/// `data` of the event that asks, in the shape that the old clients show.
fn shown(
    id: ConsentId,
    call_id: &str,
    action: &Action,
    findings: &[Finding],
    danger: Danger,
) -> Map<String, Value> {
    let all = |of: fn(&Finding) -> &Vec<String>| {
        let mut texts: Vec<&String> = findings.iter().flat_map(of).collect();
        texts.dedup();
        json!(texts)
    };
    let mut why: Vec<&str> = findings
        .iter()
        .map(|finding| finding.why.as_str())
        .collect();
    why.dedup();
    let fields = [
        ("consent_id", json!(id)),
        ("command", json!(action.display)),
        ("shell", json!(action.shell)),
        ("cwd", json!(action.directory)),
        ("danger_level", json!(danger)),
        ("warning", json!(why.join(" "))),
        ("consequences", all(|finding| &finding.consequences)),
        ("alternatives", all(|finding| &finding.alternatives)),
        (
            "rollback_possible",
            json!(findings.iter().all(|finding| finding.reversible)),
        ),
        ("tool", json!(action.tool)),
        ("tool_call_id", json!(call_id)),
        ("timeout_seconds", json!(PATIENCE.as_secs())),
        ("reasons", json!(findings)),
        (
            "always_type_covers",
            json!(type_covers(findings, action.shell)),
        ),
    ];
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
