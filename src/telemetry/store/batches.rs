//! The SQL of batches, events, and hourly counts.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::telemetry::rows::{BatchRows, COLUMNS, fields};

/// The place of `event_data` among the columns.
const DATA: usize = 7;

/// Inserts batches that are not stored yet. Returns for each whether it was inserted.
pub async fn claim(conn: &mut PgConnection, batches: &[&BatchRows]) -> sqlx::Result<Vec<bool>> {
    let column = |of: fn(&BatchRows) -> String| batches.iter().map(|b| of(b)).collect::<Vec<_>>();
    let received: Vec<i32> = batches.iter().map(|batch| batch.received).collect();
    let times: Vec<DateTime<Utc>> = batches.iter().map(|batch| batch.created_at).collect();
    let places: Vec<i32> = (0..).take(batches.len()).collect();
    let claimed = sqlx::query_scalar!(
        r#"
        with sent as (
            select *
            from unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::text[],
                        $6::timestamptz[], $7::integer[])
                as sent (org_id, user_id, batch_id, received, rejected, created_at, place)
        ), claimed as (
            insert into telemetry_batches (org_id, user_id, batch_id, received, rejected, created_at)
            select org_id, user_id, batch_id, received, rejected::integer[], created_at
            from sent
            -- Always in the same order, so that two servers which are sent the same batches wait for
            -- each other in turn.
            order by org_id, user_id, batch_id
            on conflict (org_id, user_id, batch_id) do nothing
            returning org_id, user_id, batch_id
        )
        select min(place) as "place!"
        from claimed join sent using (org_id, user_id, batch_id)
        group by org_id, user_id, batch_id
        "#,
        &column(|batch| batch.org_id.clone()),
        &column(|batch| batch.user_id.clone()),
        &column(|batch| batch.batch_id.clone()),
        &received,
        &column(|batch| array(&batch.rejected)),
        &times,
        &places,
    )
    .fetch_all(conn)
    .await?;
    let mut fresh = vec![false; batches.len()];
    for place in claimed {
        if let Some(fresh) = usize::try_from(place).ok().and_then(|at| fresh.get_mut(at)) {
            *fresh = true;
        }
    }
    Ok(fresh)
}

/// Formats numbers as a Postgres array.
pub(super) fn array(numbers: &[i32]) -> String {
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    format!("{{{}}}", numbers.join(","))
}

/// A stored batch.
#[derive(Debug)]
pub struct StoredBatch {
    /// Number of events received.
    pub received: i32,
    /// Indices of rejected events.
    pub rejected: Vec<i32>,
    /// Time of its first receipt.
    pub created_at: DateTime<Utc>,
}

/// Finds a batch, and locks it until the end of the transaction.
pub async fn find_for_update(
    conn: &mut PgConnection,
    batch: &BatchRows,
) -> sqlx::Result<StoredBatch> {
    sqlx::query_as!(
        StoredBatch,
        "select received, rejected, created_at from telemetry_batches
         where org_id = $1 and user_id = $2 and batch_id = $3
         for update",
        batch.org_id,
        batch.user_id,
        batch.batch_id,
    )
    .fetch_one(conn)
    .await
}

/// The places of a repeated batch in which an event of another type or with other data stands since the first
/// receipt, whose time finds its events by their key.
pub async fn other_events(
    conn: &mut PgConnection,
    batch: &BatchRows,
    stored: &StoredBatch,
) -> sqlx::Result<Vec<i32>> {
    let (mut indices, mut kinds, mut data) = (Vec::new(), Vec::new(), Vec::new());
    for (at, event) in batch.events.iter().enumerate() {
        indices.push(event.index);
        kinds.push(event.kind.clone());
        data.push(fields(batch.line(at)).nth(DATA).flatten());
    }
    sqlx::query_scalar!(
        r#"select sent.index as "index!"
           from unnest($5::integer[], $6::text[], $7::text[]) as sent (index, kind, data)
           join telemetry_events event on event.batch_index = sent.index
           where event.org_id = $1 and event.created_at = $4
             and event.user_id = $2 and event.batch_id = $3
             and (event.event_type <> sent.kind
                  or event.event_data is distinct from sent.data::jsonb)"#,
        batch.org_id,
        batch.user_id,
        batch.batch_id,
        stored.created_at,
        &indices,
        &kinds,
        &data as &[Option<Cow<'_, str>>],
    )
    .fetch_all(conn)
    .await
}

/// Updates the counts of a batch.
pub async fn update(
    conn: &mut PgConnection,
    batch: &BatchRows,
    stored: &StoredBatch,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update telemetry_batches set received = $4, rejected = $5
         where org_id = $1 and user_id = $2 and batch_id = $3",
        batch.org_id,
        batch.user_id,
        batch.batch_id,
        stored.received,
        &stored.rejected,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Inserts events by `COPY`, the fastest way.
pub async fn copy(conn: &mut PgConnection, lines: &[u8]) -> sqlx::Result<()> {
    let statement = format!("copy telemetry_events ({COLUMNS}) from stdin");
    let mut copy = conn.copy_in_raw(&statement).await?;
    match copy.send(lines).await {
        Ok(_) => copy.finish().await.map(drop),
        Err(error) => {
            copy.abort("the lines could not be sent").await?;
            Err(error)
        }
    }
}

/// The row of an hourly count. Rows are locked in the order of their keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventCountKey {
    /// Organisation.
    pub org_id: String,
    /// Start of the hour.
    pub hour: DateTime<Utc>,
    /// Event type.
    pub event_type: String,
    /// Version of the client; empty if unknown.
    pub version: String,
}

/// Counts of events by hour, type and version.
pub type HourlyCounts = BTreeMap<EventCountKey, i64>;

/// Adds to the hourly counts.
pub async fn add_counts(conn: &mut PgConnection, counts: &HourlyCounts) -> sqlx::Result<()> {
    let text = |of: fn(&EventCountKey) -> &str| {
        counts
            .keys()
            .map(|key| of(key).to_owned())
            .collect::<Vec<_>>()
    };
    let hours: Vec<DateTime<Utc>> = counts.keys().map(|key| key.hour).collect();
    let events: Vec<i64> = counts.values().copied().collect();
    sqlx::query!(
        r#"
        insert into telemetry_hours (org_id, hour, event_type, source_version, events)
        select * from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::bigint[])
        on conflict (org_id, hour, event_type, source_version)
            do update set events = telemetry_hours.events + excluded.events
        "#,
        &text(|key| &key.org_id),
        &hours,
        &text(|key| &key.event_type),
        &text(|key| &key.version),
        &events,
    )
    .execute(conn)
    .await
    .map(drop)
}
