//! The SQL of error groups: finds them, and creates new ones.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::telemetry::cardinality::{CardinalityLimiter, OTHER};
use crate::telemetry::fingerprint::ErrorFingerprint;
use crate::telemetry::model::ErrorOccurrence;
use crate::telemetry::rows::GroupedError;

/// The key of a group: organisation and hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct GroupKey {
    org_id: String,
    hash: String,
}

/// Returns the key of an error's group.
pub(super) fn key_of(error: &GroupedError) -> GroupKey {
    GroupKey {
        org_id: error.occurrence.org_id.clone(),
        hash: error.fingerprint.hash(),
    }
}

/// Returns the group of every error, by the error's key. Creates missing groups.
pub(super) async fn of(
    conn: &mut PgConnection,
    errors: &[&GroupedError],
    names: &mut CardinalityLimiter,
) -> sqlx::Result<HashMap<GroupKey, i64>> {
    let wanted: BTreeMap<GroupKey, &GroupedError> =
        errors.iter().map(|error| (key_of(error), *error)).collect();
    let mut found = find_groups(conn, wanted.keys()).await?;
    if found.len() == wanted.len() {
        return Ok(found);
    }
    // The groups to create, and the keys of errors that share a group.
    let mut missing: BTreeMap<GroupKey, (ErrorFingerprint, &ErrorOccurrence)> = BTreeMap::new();
    let mut shared: Vec<(GroupKey, GroupKey)> = Vec::new();
    for (key, error) in wanted {
        if found.contains_key(&key) {
            continue;
        }
        if names.groups_left(&key.org_id) > 0 {
            names.add_group(&key.org_id);
            missing.insert(key, (error.fingerprint.clone(), &error.occurrence));
        } else {
            let other = other();
            let shared_key = GroupKey {
                org_id: key.org_id.clone(),
                hash: other.hash(),
            };
            missing.insert(shared_key.clone(), (other, &error.occurrence));
            shared.push((key, shared_key));
        }
    }
    insert_groups(conn, &missing).await?;
    // Read again: another server may have created some of them at the same time.
    found.extend(find_groups(conn, missing.keys()).await?);
    for (key, shared_key) in shared {
        if let Some(group_id) = found.get(&shared_key).copied() {
            found.insert(key, group_id);
        }
    }
    Ok(found)
}

/// The fingerprint of the overflow group.
fn other() -> ErrorFingerprint {
    ErrorFingerprint {
        error_type: OTHER.to_owned(),
        message: "more kinds of errors than an organisation may begin in an hour".to_owned(),
        frames: Vec::new(),
    }
}

fn columns(key: &GroupKey) -> (String, String) {
    (key.org_id.clone(), key.hash.clone())
}

async fn find_groups(
    conn: &mut PgConnection,
    keys: impl Iterator<Item = &GroupKey>,
) -> sqlx::Result<HashMap<GroupKey, i64>> {
    let (orgs, prints): (Vec<String>, Vec<String>) = keys.map(columns).unzip();
    let rows = sqlx::query!(
        r#"
        select g.org_id, g.fingerprint, g.group_id
        from unnest($1::text[], $2::text[]) as wanted (org_id, fingerprint)
        join error_groups g using (org_id, fingerprint)
        "#,
        &orgs,
        &prints,
    )
    .fetch_all(conn)
    .await?;
    let found = rows.into_iter().map(|row| {
        let key = GroupKey {
            org_id: row.org_id,
            hash: row.fingerprint,
        };
        (key, row.group_id)
    });
    Ok(found.collect())
}

async fn insert_groups(
    conn: &mut PgConnection,
    groups: &BTreeMap<GroupKey, (ErrorFingerprint, &ErrorOccurrence)>,
) -> sqlx::Result<()> {
    let (orgs, prints): (Vec<String>, Vec<String>) = groups.keys().map(columns).unzip();
    let text = |of: fn(&ErrorFingerprint) -> &str| {
        groups
            .values()
            .map(|(print, _)| of(print).to_owned())
            .collect::<Vec<_>>()
    };
    let frames: Vec<Value> = groups
        .values()
        .map(|(print, _)| json!(print.frames))
        .collect();
    let sources: Vec<String> = groups
        .values()
        .map(|(_, first)| first.source.as_str().to_owned())
        .collect();
    let versions: Vec<Option<String>> = groups
        .values()
        .map(|(_, first)| first.version.clone())
        .collect();
    let times: Vec<DateTime<Utc>> = groups.values().map(|(_, first)| first.created_at).collect();
    sqlx::query!(
        r#"
        insert into error_groups (
            org_id, fingerprint, error_type, message, frames, source, first_version, created_at
        )
        select org_id, fingerprint, error_type, message,
               array(select jsonb_array_elements_text(frames)), source, first_version, created_at
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::text[],
                    $7::text[], $8::timestamptz[])
            as new (org_id, fingerprint, error_type, message, frames, source, first_version,
                    created_at)
        on conflict (org_id, fingerprint) do nothing
        "#,
        &orgs,
        &prints,
        &text(|print| &print.error_type),
        &text(|print| &print.message),
        &frames,
        &sources,
        &versions as &[Option<String>],
        &times,
    )
    .execute(conn)
    .await
    .map(drop)
}
