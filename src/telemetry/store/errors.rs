//! The SQL of errors and of their groups' activity.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::telemetry::cardinality::{CardinalityLimiter, hour_of};
use crate::telemetry::model::ErrorOccurrence;
use crate::telemetry::rows::GroupedError;
use crate::telemetry::store::groups;

/// An error and its group.
struct GroupedOccurrence<'a> {
    error: &'a ErrorOccurrence,
    group_id: i64,
}

/// A group's occurrences in this transaction.
struct GroupActivity<'a> {
    group_id: i64,
    occurrences: i64,
    first: DateTime<Utc>,
    /// Latest occurrence.
    last: &'a ErrorOccurrence,
}

/// Inserts errors and updates their groups, in the transaction of the caller.
///
/// A resolved group is reopened if the error happened after its resolution. An error that a client reports
/// late, because it was offline, happened before.
///
/// `names` limits the groups that an organisation may create per hour; errors beyond share a group.
pub async fn record(
    conn: &mut PgConnection,
    errors: &[&GroupedError],
    environment: &str,
    names: &mut CardinalityLimiter,
) -> sqlx::Result<()> {
    let groups = groups::of(conn, errors, names).await?;
    let members: Vec<GroupedOccurrence<'_>> = errors
        .iter()
        .filter_map(|error| {
            Some(GroupedOccurrence {
                error: &error.occurrence,
                group_id: *groups.get(&groups::key_of(error))?,
            })
        })
        .collect();
    let mut sums: BTreeMap<(&str, i64), GroupActivity<'_>> = BTreeMap::new();
    for GroupedOccurrence { error, group_id } in &members {
        sums.entry((&error.org_id, *group_id))
            .and_modify(|sum| {
                sum.occurrences += 1;
                sum.first = sum.first.min(error.occurred_at);
                if error.occurred_at >= sum.last.occurred_at {
                    sum.last = error;
                }
            })
            .or_insert(GroupActivity {
                group_id: *group_id,
                occurrences: 1,
                first: error.occurred_at,
                last: error,
            });
    }
    let sums: Vec<GroupActivity<'_>> = sums.into_values().collect();
    insert_activity(conn, &sums).await?;
    reopen(conn, &sums).await?;
    insert_users(conn, &members).await?;
    insert_hours(conn, &members).await?;
    insert_events(conn, &members, environment).await
}

async fn insert_activity(conn: &mut PgConnection, sums: &[GroupActivity<'_>]) -> sqlx::Result<()> {
    let text = |of: fn(&ErrorOccurrence) -> &str| {
        sums.iter()
            .map(|sum| of(sum.last).to_owned())
            .collect::<Vec<_>>()
    };
    let optional = |of: fn(&ErrorOccurrence) -> Option<&str>| {
        let of_last = |sum: &GroupActivity<'_>| of(sum.last).map(ToOwned::to_owned);
        sums.iter().map(of_last).collect::<Vec<_>>()
    };
    let groups: Vec<i64> = sums.iter().map(|sum| sum.group_id).collect();
    let occurrences: Vec<i64> = sums.iter().map(|sum| sum.occurrences).collect();
    let first: Vec<DateTime<Utc>> = sums.iter().map(|sum| sum.first).collect();
    let last: Vec<DateTime<Utc>> = sums.iter().map(|sum| sum.last.occurred_at).collect();
    sqlx::query!(
        r#"
        insert into error_group_activity as old (
            org_id, group_id, occurrences, first_seen, last_seen, severity, component,
            last_version, last_message
        )
        select * from unnest(
            $1::text[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::timestamptz[],
            $6::text[], $7::text[], $8::text[], $9::text[]
        )
        on conflict (org_id, group_id) do update set
            occurrences = old.occurrences + excluded.occurrences,
            first_seen = least(old.first_seen, excluded.first_seen),
            last_seen = greatest(old.last_seen, excluded.last_seen),
            severity = excluded.severity,
            component = excluded.component,
            last_version = coalesce(excluded.last_version, old.last_version),
            last_message = excluded.last_message
        "#,
        &text(|last| &last.org_id),
        &groups,
        &occurrences,
        &first,
        &last,
        &text(|last| &last.severity),
        &optional(|last| last.component.as_deref()) as &[Option<String>],
        &optional(|last| last.version.as_deref()) as &[Option<String>],
        &text(|last| &last.message),
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Reopens groups that were resolved before the error happened.
async fn reopen(conn: &mut PgConnection, sums: &[GroupActivity<'_>]) -> sqlx::Result<()> {
    let orgs: Vec<String> = sums.iter().map(|sum| sum.last.org_id.clone()).collect();
    let groups: Vec<i64> = sums.iter().map(|sum| sum.group_id).collect();
    let last: Vec<DateTime<Utc>> = sums.iter().map(|sum| sum.last.occurred_at).collect();
    let heard: Vec<DateTime<Utc>> = sums.iter().map(|sum| sum.last.created_at).collect();
    sqlx::query!(
        r#"
        update error_groups g
        set status = 'regressed', regressed_at = seen.heard_at, regressions = regressions + 1
        from unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::timestamptz[])
            as seen (org_id, group_id, last_at, heard_at)
        where g.org_id = seen.org_id and g.group_id = seen.group_id
          and g.status = 'resolved' and g.resolved_at < seen.last_at
        "#,
        &orgs,
        &groups,
        &last,
        &heard,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Adds affected users, and counts the new ones.
async fn insert_users(
    conn: &mut PgConnection,
    members: &[GroupedOccurrence<'_>],
) -> sqlx::Result<()> {
    let mut affected: Vec<(String, i64, String)> = members
        .iter()
        .filter(|member| !member.error.user_id.is_empty())
        .map(|GroupedOccurrence { error, group_id }| {
            (error.org_id.clone(), *group_id, error.user_id.clone())
        })
        .collect();
    affected.sort_unstable();
    affected.dedup();
    let orgs: Vec<String> = affected
        .iter()
        .map(|(org_id, _, _)| org_id.clone())
        .collect();
    let ids: Vec<i64> = affected.iter().map(|(_, group_id, _)| *group_id).collect();
    let users: Vec<String> = affected
        .into_iter()
        .map(|(_, _, user_id)| user_id)
        .collect();
    sqlx::query!(
        r#"
        with new as (
            insert into error_group_users (org_id, group_id, user_id)
            select * from unnest($1::text[], $2::bigint[], $3::text[])
            on conflict (org_id, group_id, user_id) do nothing
            returning org_id, group_id
        )
        update error_group_activity a
        set affected_users = affected_users + counted.users
        from (select org_id, group_id, count(*) as users from new group by org_id, group_id) counted
        where a.org_id = counted.org_id and a.group_id = counted.group_id
        "#,
        &orgs,
        &ids,
        &users,
    )
    .execute(conn)
    .await
    .map(drop)
}

async fn insert_hours(
    conn: &mut PgConnection,
    members: &[GroupedOccurrence<'_>],
) -> sqlx::Result<()> {
    let mut hours: BTreeMap<(&str, i64, DateTime<Utc>), i64> = BTreeMap::new();
    for GroupedOccurrence { error, group_id } in members {
        let hour = hour_of(error.created_at);
        *hours.entry((&error.org_id, *group_id, hour)).or_default() += 1;
    }
    let orgs: Vec<String> = hours
        .keys()
        .map(|(org_id, _, _)| (*org_id).to_owned())
        .collect();
    let ids: Vec<i64> = hours.keys().map(|(_, group_id, _)| *group_id).collect();
    let times: Vec<DateTime<Utc>> = hours.keys().map(|(_, _, hour)| *hour).collect();
    let counts: Vec<i64> = hours.into_values().collect();
    sqlx::query!(
        r#"
        insert into error_group_hours as old (org_id, group_id, hour, occurrences)
        select * from unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::bigint[])
        on conflict (org_id, group_id, hour)
            do update set occurrences = old.occurrences + excluded.occurrences
        "#,
        &orgs,
        &ids,
        &times,
        &counts,
    )
    .execute(conn)
    .await
    .map(drop)
}

async fn insert_events(
    conn: &mut PgConnection,
    members: &[GroupedOccurrence<'_>],
    environment: &str,
) -> sqlx::Result<()> {
    let text = |of: fn(&ErrorOccurrence) -> &str| {
        members
            .iter()
            .map(|member| of(member.error).to_owned())
            .collect::<Vec<_>>()
    };
    let optional = |of: fn(&ErrorOccurrence) -> Option<&str>| {
        let of_each = |member: &GroupedOccurrence<'_>| of(member.error).map(ToOwned::to_owned);
        members.iter().map(of_each).collect::<Vec<_>>()
    };
    let time = |of: fn(&ErrorOccurrence) -> DateTime<Utc>| {
        members
            .iter()
            .map(|member| of(member.error))
            .collect::<Vec<_>>()
    };
    let flag = |of: fn(&ErrorOccurrence) -> bool| {
        members
            .iter()
            .map(|member| i32::from(of(member.error)))
            .collect::<Vec<_>>()
    };
    let runs: Vec<Option<Uuid>> = members.iter().map(|member| member.error.run_id).collect();
    let extra: Vec<Option<Value>> = members
        .iter()
        .map(|member| member.error.extra.clone())
        .collect();
    let groups: Vec<i64> = members.iter().map(|member| member.group_id).collect();
    sqlx::query!(
        r#"
        insert into error_events (
            org_id, user_id, error_type, error_code, severity, error_message, stack_trace,
            component, operation, session_id, version, user_visible, recovery_attempted,
            extra_metadata, trace_id, run_id, occurred_at, created_at, group_id, source, environment,
            resolved, resolved_at, resolution_notes
        )
        -- What was told late belongs to what was resolved: nothing else is still resolved here.
        select org_id, user_id, e.error_type, error_code, severity, error_message, stack_trace,
               component, operation, session_id, version, user_visible, recovery_attempted,
               extra_metadata, trace_id, run_id, occurred_at, e.created_at, group_id, e.source, $21,
                (g.status = 'resolved')::integer,
               case when g.status = 'resolved' then g.resolved_at end,
               case when g.status = 'resolved' then g.resolution_notes end
        from unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::text[], $9::text[], $10::text[], $11::text[], $12::integer[], $13::integer[],
            $14::jsonb[], $15::text[], $16::uuid[], $17::timestamptz[], $18::timestamptz[],
            $19::bigint[], $20::text[]
        ) as e (
            org_id, user_id, error_type, error_code, severity, error_message, stack_trace,
            component, operation, session_id, version, user_visible, recovery_attempted,
            extra_metadata, trace_id, run_id, occurred_at, created_at, group_id, source
        )
        join error_groups g using (org_id, group_id)
        "#,
        &text(|error| &error.org_id),
        &text(|error| &error.user_id),
        &text(|error| &error.error_type),
        &optional(|error| error.error_code.as_deref()) as &[Option<String>],
        &text(|error| &error.severity),
        &text(|error| &error.message),
        &optional(|error| error.stack.as_deref()) as &[Option<String>],
        &optional(|error| error.component.as_deref()) as &[Option<String>],
        &optional(|error| error.operation.as_deref()) as &[Option<String>],
        &optional(|error| error.session_id.as_deref()) as &[Option<String>],
        &optional(|error| error.version.as_deref()) as &[Option<String>],
        &flag(|error| error.user_visible),
        &flag(|error| error.recovery_attempted),
        &extra as &[Option<Value>],
        &optional(|error| error.trace_id.as_deref()) as &[Option<String>],
        &runs as &[Option<Uuid>],
        &time(|error| error.occurred_at),
        &time(|error| error.created_at),
        &groups,
        &text(|error| error.source.as_str()),
        environment,
    )
    .execute(conn)
    .await
    .map(drop)
}
