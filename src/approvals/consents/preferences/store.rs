//! The SQL of preferences.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::approvals::consents::model::Consent;
use crate::approvals::consents::preferences::model::{
    NewPreference, Preference, PreferenceId, PreferenceType,
};
use crate::platform::ids::{OrgId, RunId, UserId};
use crate::policy::model::Danger;

/// Remembers a preference that a consent led to; remembering it again changes only what it covers.
pub async fn insert(
    conn: &mut PgConnection,
    org_id: &OrgId,
    consent: &Consent,
    preference: &NewPreference,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into consent_preferences
           (org_id, user_id, workspace, preference_type, command_pattern, subject, created_at,
            created_by_run, danger_level, covers)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict on constraint consent_preferences_one_of_a_kind
         do update set danger_level = excluded.danger_level, covers = excluded.covers",
        org_id.as_str(),
        consent.user_id.as_str(),
        consent.workspace,
        preference.kind as PreferenceType,
        preference.pattern,
        preference.subject,
        at,
        consent.run_id.0,
        preference.danger as Option<Danger>,
        preference.covers,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The user's preferences for a workspace that name this action, or one of these subjects of types.
/// Oldest first.
pub async fn matching(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    workspace: &str,
    action: &str,
    subjects: &[String],
) -> sqlx::Result<Vec<Preference>> {
    sqlx::query_as!(
        Preference,
        r#"select id as "id: PreferenceId", preference_type as "kind: PreferenceType", subject,
                  command_pattern as pattern, danger_level as "danger: Danger", covers, workspace,
                  created_at, created_by_run as "created_by_run: RunId"
           from consent_preferences
           where org_id = $1 and user_id = $2 and workspace = $3
             and (preference_type = 'exact_command' and subject = $4
                  or preference_type = 'command_type' and subject = any($5))
           order by id"#,
        org_id.as_str(),
        user_id.as_str(),
        workspace,
        action,
        subjects,
    )
    .fetch_all(conn)
    .await
}

/// The user's preferences, newest first.
pub async fn list(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    limit: i64,
) -> sqlx::Result<Vec<Preference>> {
    sqlx::query_as!(
        Preference,
        r#"select id as "id: PreferenceId", preference_type as "kind: PreferenceType", subject,
                  command_pattern as pattern, danger_level as "danger: Danger", covers, workspace,
                  created_at, created_by_run as "created_by_run: RunId"
           from consent_preferences
           where org_id = $1 and user_id = $2
           order by id desc limit $3"#,
        org_id.as_str(),
        user_id.as_str(),
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Forgets a preference of the user. Answers whether there was one.
pub async fn delete(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    id: PreferenceId,
) -> sqlx::Result<bool> {
    sqlx::query!(
        "delete from consent_preferences where org_id = $1 and user_id = $2 and id = $3",
        org_id.as_str(),
        user_id.as_str(),
        id.0,
    )
    .execute(conn)
    .await
    .map(|done| done.rows_affected() == 1)
}
