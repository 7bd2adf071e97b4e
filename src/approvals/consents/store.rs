//! The SQL of consents and of the audit.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::approvals::consents::model::{
    AuditEntry, AutoAllowed, Choice, Consent, ConsentStatus, Decided, NOBODY_ASKED, NewConsent,
};
use crate::approvals::consents::preferences::model::PreferenceId;
use crate::platform::ids::{ConsentId, OrgId, RunId, ToolCallId, UserId};
use crate::platform::json::{strip_nul, to_jsonb};
use crate::platform::logging::TraceId;
use crate::platform::redact::command::redact_command;
use crate::platform::text::visible;
use crate::policy::model::{Danger, Finding};

/// Writes a question that waits for its answer.
pub async fn insert(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    consent: &NewConsent,
) -> sqlx::Result<()> {
    let (command, cwd) = (strip_nul(&consent.command), strip_nul(&consent.cwd));
    sqlx::query!(
        "insert into consents
           (org_id, user_id, run_id, consent_id, tool_call_id, tool, command, cwd, workspace,
            action_hash, danger_level, findings, shown, status, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'pending', $14, $15)",
        org_id.as_str(),
        user_id.as_str(),
        consent.run_id.0,
        consent.id.0,
        consent.tool_call_id.0,
        consent.tool,
        command.as_ref(),
        cwd.as_ref(),
        consent.workspace,
        &consent.action_hash,
        consent.danger as Danger,
        to_jsonb(&consent.findings),
        to_jsonb(&consent.shown),
        consent.created_at,
        consent.expires_at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The query of consents; of which differs.
macro_rules! consents {
    ($rest:literal, $($arguments:tt)*) => {
        sqlx::query_as!(
            Consent,
            r#"select consent_id as "id: ConsentId", user_id as "user_id: UserId",
                      run_id as "run_id: RunId", tool_call_id as "tool_call_id: ToolCallId", tool,
                      (select r.trace_id from runs r
                       where r.org_id = consents.org_id and r.run_id = consents.run_id)
                          as "trace_id: TraceId",
                      command, cwd, workspace, action_hash, danger_level as "danger: Danger",
                      findings as "findings: Json<Vec<Finding>>", shown as "shown: Value",
                      status as "status: ConsentStatus", choice as "choice: Choice", alternative,
                      created_at, expires_at, answered_at, used_at
               from consents "#
                + $rest,
            $($arguments)*
        )
    };
}

/// The user's own consent.
pub async fn find(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    id: ConsentId,
) -> sqlx::Result<Option<Consent>> {
    consents!(
        "where org_id = $1 and user_id = $2 and consent_id = $3",
        org_id.as_str(),
        user_id.as_str(),
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// The consents of runs that wait for an answer, oldest first.
pub async fn pending_of_runs(
    conn: &mut PgConnection,
    org_id: &OrgId,
    runs: &[RunId],
) -> sqlx::Result<Vec<Consent>> {
    consents!(
        "where org_id = $1 and run_id = any($2) and status = 'pending'
         order by created_at, consent_id",
        org_id.as_str(),
        runs as &[RunId],
    )
    .fetch_all(conn)
    .await
}

/// Answers a pending consent whose time is not over; of two answers the first wins. Returns true when
/// this one did.
pub async fn answer(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    id: ConsentId,
    choice: Choice,
    alternative: Option<&str>,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    sqlx::query!(
        "update consents set status = $4, choice = $5, alternative = $6, answered_at = $7
         where org_id = $1 and user_id = $2 and consent_id = $3 and status = 'pending'
           and expires_at > $7",
        org_id.as_str(),
        user_id.as_str(),
        id.0,
        choice.status() as ConsentStatus,
        choice as Choice,
        alternative,
        now,
    )
    .execute(conn)
    .await
    .map(|done| done.rows_affected() == 1)
}

/// Closes an unanswered consent, and writes why into the audit. Answers whether it was
/// still waiting.
pub async fn close(
    conn: &mut PgConnection,
    org_id: &OrgId,
    consent: &Consent,
    why: Unanswered,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let (status, decided) = match why {
        Unanswered::Expired | Unanswered::Unasked => (ConsentStatus::Expired, Decided::Timeout),
        Unanswered::Canceled => (ConsentStatus::Canceled, Decided::Canceled),
    };
    let done = sqlx::query!(
        "update consents
         set status = $3,
             shown = case when $5 then shown || jsonb_build_object($4::text, true) else shown end
         where org_id = $1 and consent_id = $2 and status = 'pending'",
        org_id.as_str(),
        consent.id.0,
        status as ConsentStatus,
        NOBODY_ASKED,
        why == Unanswered::Unasked,
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    record(conn, org_id, consent, decided, None, now).await?;
    Ok(true)
}

/// Why a consent is closed without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Its time is over.
    Expired,
    /// No person could be asked.
    Unasked,
    /// Its run is.
    Canceled,
}

/// Closes the consents of a run that is over, and answers with those that were still waiting.
pub async fn cancel_pending_of_run(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Consent>> {
    let mut canceled = Vec::new();
    for consent in pending_of_runs(conn, org_id, &[run_id]).await? {
        if close(conn, org_id, &consent, Unanswered::Canceled, now).await? {
            canceled.push(consent);
        }
    }
    Ok(canceled)
}

/// The newest consent that a call asked for this very action, unless it was used.
pub async fn unused_of_call(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
    call: ToolCallId,
    action_hash: &[u8; 32],
) -> sqlx::Result<Option<ConsentId>> {
    sqlx::query_scalar!(
        r#"select consent_id as "id: ConsentId" from consents
           where org_id = $1 and run_id = $2 and tool_call_id = $3 and action_hash = $4
             and used_at is null
           order by created_at desc limit 1"#,
        org_id.as_str(),
        run_id.0,
        call.0,
        action_hash,
    )
    .fetch_optional(conn)
    .await
}

/// Uses a consent for the action with this hash: the one it was asked about, once. Answers whether
/// the action may be done now.
pub async fn use_once(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    id: ConsentId,
    action_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    sqlx::query!(
        "update consents set used_at = $5
         where org_id = $1 and user_id = $2 and consent_id = $3 and status = 'allowed'
           and used_at is null and action_hash = $4",
        org_id.as_str(),
        user_id.as_str(),
        id.0,
        action_hash,
        now,
    )
    .execute(conn)
    .await
    .map(|done| done.rows_affected() == 1)
}

/// Writes into the audit what became of a consent.
pub async fn record(
    conn: &mut PgConnection,
    org_id: &OrgId,
    consent: &Consent,
    decided: Decided,
    alternative: Option<&str>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let command = to_read(&consent.command);
    let (cwd, alternative) = (visible(&consent.cwd), alternative.map(to_read));
    sqlx::query!(
        "insert into consent_audit_log
           (org_id, user_id, consent_id, run_id, tool, command, shell, cwd, danger_level, decision,
            alternative_command, requested_at, responded_at, session_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
                 (select conversation_id::text from runs where org_id = $1 and run_id = $4))",
        org_id.as_str(),
        consent.user_id.as_str(),
        consent.id.0,
        consent.run_id.0,
        consent.tool,
        command,
        consent.shell(),
        cwd.as_ref(),
        consent.danger as Danger,
        decided as Decided,
        alternative,
        consent.created_at,
        now,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Writes into the audit that a preference allowed an action.
pub async fn record_auto_allowed(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    preference: PreferenceId,
    action: &AutoAllowed<'_>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let (command, cwd) = (to_read(action.command), to_read(action.cwd));
    sqlx::query!(
        "insert into consent_audit_log
           (org_id, user_id, preference_id, run_id, tool, command, shell, cwd, danger_level,
            decision, requested_at, responded_at, session_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'auto_allowed', $10, $10,
                 (select conversation_id::text from runs where org_id = $1 and run_id = $4))",
        org_id.as_str(),
        user_id.as_str(),
        preference.0,
        action.run_id.0,
        action.tool,
        command,
        action.shell,
        cwd,
        action.danger as Danger,
        now,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// A text of an action as a person may read it: without secrets, and with nothing in it that looks like
/// something else.
fn to_read(text: &str) -> String {
    let text = strip_nul(text);
    visible(&redact_command(&text)).into_owned()
}

/// The last decisions about the user's actions, newest first.
pub async fn list_audit(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    limit: i64,
) -> sqlx::Result<Vec<AuditEntry>> {
    sqlx::query_as!(
        AuditEntry,
        r#"select id, consent_id as "consent_id: ConsentId", run_id as "run_id: RunId", command,
                  shell, cwd, danger_level as "danger: Danger", decision as "decision: Decided",
                  alternative_command as alternative, requested_at, responded_at, session_id
           from consent_audit_log
           where org_id = $1 and user_id = $2
           order by id desc limit $3"#,
        org_id.as_str(),
        user_id.as_str(),
        limit,
    )
    .fetch_all(conn)
    .await
}
