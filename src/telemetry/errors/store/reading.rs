//! The SQL of lists of groups, occurrences and trends.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::platform::ids::{OrgId, UserId};
use crate::telemetry::errors::model::{
    ErrorFilter, ErrorGroup, ErrorStatus, GroupId, Rank, StatusFilter, StoredOccurrence, Trend,
    TrendWindow,
};
use crate::telemetry::model::ErrorSource;

/// Forces custom plans without parallel workers for the rest of this transaction.
///
/// After five executions Postgres plans a prepared statement for any values. A list with few filters would
/// then read every group of the organisation instead of walking the index until the page is full, which is
/// twenty times the work. A parallel worker takes longer to start than the whole page.
pub async fn force_custom_plans(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(
        "select set_config('plan_cache_mode', 'force_custom_plan', true) as plan,
                set_config('max_parallel_workers_per_gather', '0', true) as workers",
    )
    .fetch_one(conn)
    .await
    .map(drop)
}

/// The query of groups; what follows their columns differs, and comes in parts.
macro_rules! groups {
    ([$($rest:literal)+], $($arguments:tt)*) => {
        sqlx::query_as!(
            ErrorGroup,
            r#"select g.group_id as "id: GroupId", g.fingerprint, g.error_type, g.message, g.frames,
                      g.source as "source: ErrorSource", g.first_version, g.status as "status: ErrorStatus",
                      g.resolved_at, g.resolved_by, g.resolution_notes, g.regressed_at,
                      g.regressions, a.occurrences, a.affected_users, a.first_seen, a.last_seen,
                      a.severity, a.component, a.last_version, a.last_message
               from error_group_activity a join error_groups g using (org_id, group_id) "#
                $(+ $rest)+,
            $($arguments)*
        )
    };
}

/// Groups of an organisation that match a filter, from a place on. The two orders, with and without
/// words, are four statements, so that each has the index that is made for it; what they have in
/// common stands here once.
macro_rules! page {
    ($after:literal, $words:literal, $order:literal,
     $conn:expr, $org:expr, $filter:expr, $place:expr, $id:expr, $limit:expr $(, $more:expr)*) => {
        groups!(
            [
                "where org_id = $1 and g.status = any($2)
                   and ($3::text is null or a.severity = $3)
                   and ($4::text is null or g.source = $4)
                   and ($5::text is null or a.component = $5)
                   and ($6::text is null or $6 in (g.first_version, a.last_version))
                   and ($7::timestamptz is null or a.last_seen >= $7) and "
                $after $words $order
            ],
            $org as &OrgId,
            &$filter.status.names(),
            $filter.severity,
            $filter.source as Option<ErrorSource>,
            $filter.component,
            $filter.version,
            $filter.since,
            $place,
            $id as GroupId,
            $limit
            $(, $more)*
        )
        .fetch_all($conn)
        .await
    };
}

/// Returns a page of the groups with a status that happened last.
///
/// This is the list that is read most. Without further filters one plan suits any values: it walks the index
/// of the last occurrences until the page is full.
pub async fn latest_page(
    conn: &mut PgConnection,
    org_id: &OrgId,
    status: StatusFilter,
    (at, id): (DateTime<Utc>, GroupId),
    limit: i64,
) -> sqlx::Result<Vec<ErrorGroup>> {
    groups!(
        [
            "where org_id = $1 and g.status = any($2) and (a.last_seen, group_id) < ($3, $4)
          order by a.last_seen desc, group_id desc limit $5"
        ],
        org_id as &OrgId,
        &status.names(),
        at,
        id as GroupId,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Returns a page of groups.
pub async fn page(
    conn: &mut PgConnection,
    org_id: &OrgId,
    filter: &ErrorFilter,
    limit: i64,
) -> sqlx::Result<Vec<ErrorGroup>> {
    let after = filter.after.unwrap_or(filter.sort.beginning());
    let id = after.id;
    match (after.at, &filter.search) {
        (Rank::LastSeen(at), None) => page!(
            "(a.last_seen, group_id) < ($8, $9) ",
            "",
            "order by a.last_seen desc, group_id desc limit $10",
            conn,
            org_id,
            filter,
            at,
            id,
            limit
        ),
        (Rank::Occurrences(count), None) => page!(
            "(a.occurrences, group_id) < ($8, $9) ",
            "",
            "order by a.occurrences desc, group_id desc limit $10",
            conn,
            org_id,
            filter,
            count,
            id,
            limit
        ),
        (Rank::LastSeen(at), Some(search)) => page!(
            "(a.last_seen, group_id) < ($8, $9) ",
            "and g.words @@ (websearch_to_tsquery('simple', $11)::text
                || case when $12 and websearch_to_tsquery('simple', $11)::text like '%'''
                   then ':*' else '' end)::tsquery ",
            "order by a.last_seen desc, group_id desc limit $10",
            conn,
            org_id,
            filter,
            at,
            id,
            limit,
            search.text,
            search.is_prefix
        ),
        (Rank::Occurrences(count), Some(search)) => page!(
            "(a.occurrences, group_id) < ($8, $9) ",
            "and g.words @@ (websearch_to_tsquery('simple', $11)::text
                || case when $12 and websearch_to_tsquery('simple', $11)::text like '%'''
                   then ':*' else '' end)::tsquery ",
            "order by a.occurrences desc, group_id desc limit $10",
            conn,
            org_id,
            filter,
            count,
            id,
            limit,
            search.text,
            search.is_prefix
        ),
    }
}

/// Returns a group.
pub async fn find(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: GroupId,
) -> sqlx::Result<Option<ErrorGroup>> {
    groups!(
        ["where org_id = $1 and group_id = $2"],
        org_id as &OrgId,
        id as GroupId,
    )
    .fetch_optional(conn)
    .await
}

/// Returns the last occurrences of a group, newest first.
pub async fn latest(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: GroupId,
    limit: i64,
) -> sqlx::Result<Vec<StoredOccurrence>> {
    sqlx::query_as!(
        StoredOccurrence,
        r#"select id, created_at, occurred_at, error_message as message, stack_trace as stack,
                  user_id as "user_id: UserId", session_id, version, trace_id, run_id
           from error_events
           where org_id = $1 and group_id = $2
           order by created_at desc, id desc limit $3"#,
        org_id as &OrgId,
        id.0,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Returns the trends of groups.
pub async fn trends(
    conn: &mut PgConnection,
    org_id: &OrgId,
    groups: &[GroupId],
    window: TrendWindow,
) -> sqlx::Result<HashMap<GroupId, Trend>> {
    let ids: Vec<i64> = groups.iter().map(|id| id.0).collect();
    let mut trends: HashMap<GroupId, Trend> = HashMap::new();
    // One scan for both parts: the last hours by themselves, and the days that they belong to.
    let rows = sqlx::query!(
        r#"select group_id as "id: GroupId", date_bin('1 day', hour, $4) as "day!",
                  case when hour >= $3 then hour end as hour, sum(occurrences)::bigint as "occurrences!"
           from error_group_hours
           where org_id = $1 and group_id = any($2) and hour >= $4
           group by 1, 2, 3"#,
        org_id as &OrgId,
        &ids,
        window.hours_from,
        window.days_from,
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        let trend = trends.entry(row.id).or_default();
        trend.add_day(window, row.day, row.occurrences);
        if let Some(hour) = row.hour {
            trend.add_hour(window, hour, row.occurrences);
        }
    }
    Ok(trends)
}
