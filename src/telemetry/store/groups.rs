//! Groups of errors: finding them, and making those that are new.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::telemetry::cardinality::{Cardinality, OTHER};
use crate::telemetry::fingerprint::Fingerprint;
use crate::telemetry::model::Occurrence;
use crate::telemetry::rows::Grouped;

/// Where a group is found: its organisation and its hash.
pub(super) type Key = (String, String);

/// Where the group of an error is found.
pub(super) fn key_of(error: &Grouped) -> Key {
    (error.occurrence.org_id.clone(), error.fingerprint.hash())
}

/// The group of every error, by the error's own key; makes those that do not exist.
pub(super) async fn of(
    conn: &mut PgConnection,
    errors: &[&Grouped],
    names: &mut Cardinality,
) -> sqlx::Result<HashMap<Key, i64>> {
    let wanted: BTreeMap<Key, &Grouped> =
        errors.iter().map(|error| (key_of(error), *error)).collect();
    let mut found = find_groups(conn, wanted.keys()).await?;
    if found.len() == wanted.len() {
        return Ok(found);
    }
    // The groups to be made, and under which keys the errors of each were looked for.
    let mut missing: BTreeMap<Key, (Fingerprint, &Occurrence)> = BTreeMap::new();
    let mut shared: Vec<(Key, Key)> = Vec::new();
    for (key, error) in wanted {
        if found.contains_key(&key) {
            continue;
        }
        if names.groups_left(&key.0) > 0 {
            names.new_group(&key.0);
            missing.insert(key, (error.fingerprint.clone(), &error.occurrence));
        } else {
            let other = other();
            let home = (key.0.clone(), other.hash());
            missing.insert(home.clone(), (other, &error.occurrence));
            shared.push((key, home));
        }
    }
    insert_groups(conn, &missing).await?;
    // Asked for anew: another server may have made some of them at the same time.
    found.extend(find_groups(conn, missing.keys()).await?);
    for (key, home) in shared {
        if let Some(group_id) = found.get(&home).copied() {
            found.insert(key, group_id);
        }
    }
    Ok(found)
}

/// The group of what finds no place in one of its own.
fn other() -> Fingerprint {
    Fingerprint {
        error_type: OTHER.to_owned(),
        message: "more kinds of errors than an organisation may begin in an hour".to_owned(),
        frames: Vec::new(),
    }
}

async fn find_groups(
    conn: &mut PgConnection,
    keys: impl Iterator<Item = &Key>,
) -> sqlx::Result<HashMap<Key, i64>> {
    let (orgs, prints): (Vec<String>, Vec<String>) = keys.cloned().unzip();
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
    let found = rows
        .into_iter()
        .map(|row| ((row.org_id, row.fingerprint), row.group_id));
    Ok(found.collect())
}

async fn insert_groups(
    conn: &mut PgConnection,
    groups: &BTreeMap<Key, (Fingerprint, &Occurrence)>,
) -> sqlx::Result<()> {
    let (orgs, prints): (Vec<String>, Vec<String>) = groups.keys().cloned().unzip();
    let text = |of: fn(&Fingerprint) -> &str| {
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
