//! Storing batches of plain events: such as report no errors and no measurements.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::telemetry::cardinality::{CardinalityLimiter, hour_of};
use crate::telemetry::rows::{BatchRows, fields};
use crate::telemetry::store::batches::array;

/// The first and the last column of a line that differ between events of a batch.
const FIRST: usize = 3;
const LAST: usize = 19;

/// The columns of events, without those of their batches.
#[derive(Default)]
struct PlainColumns<'a> {
    places: Vec<i64>,
    columns: [Vec<Option<Cow<'a, str>>>; LAST - FIRST + 1],
}

impl<'a> PlainColumns<'a> {
    fn of(batches: &[&'a BatchRows]) -> Self {
        let mut all = Self::default();
        for (batch, place) in batches.iter().zip(1..) {
            for at in 0..batch.events.len() {
                all.places.push(place);
                let fields = fields(batch.line(at)).skip(FIRST);
                for (column, field) in all.columns.iter_mut().zip(fields) {
                    column.push(field);
                }
            }
        }
        all
    }
}

/// The hourly counts of each batch.
#[derive(Default)]
struct CountColumns {
    places: Vec<i64>,
    hours: Vec<DateTime<Utc>>,
    types: Vec<String>,
    versions: Vec<String>,
    events: Vec<i64>,
}

impl CountColumns {
    fn of(batches: &[&BatchRows], names: &mut CardinalityLimiter) -> Self {
        let mut all = Self::default();
        for (batch, place) in batches.iter().zip(1..) {
            let mut counts = BTreeMap::<_, i64>::new();
            for event in &batch.events {
                let name = names.event_type(&batch.org_id, &event.kind, &event.version);
                *counts.entry(name).or_default() += 1;
            }
            for ((event_type, version), events) in counts {
                all.places.push(place);
                all.hours.push(hour_of(batch.created_at));
                all.types.push(event_type);
                all.versions.push(version);
                all.events.push(events);
            }
        }
        all
    }
}

/// Stores those batches that are not stored yet, with their events and hourly counts, as one statement that
/// commits by itself: one round trip instead of six. Returns for each whether it was stored.
#[expect(
    clippy::too_many_lines,
    reason = "batches wait for every statement, so this is one"
)]
pub async fn store(
    conn: &mut PgConnection,
    batches: &[&BatchRows],
    names: &mut CardinalityLimiter,
) -> sqlx::Result<Vec<bool>> {
    let text =
        |of: fn(&BatchRows) -> &str| -> Vec<&str> { batches.iter().map(|b| of(b)).collect() };
    let received: Vec<i32> = batches.iter().map(|batch| batch.received).collect();
    let rejected: Vec<String> = batches.iter().map(|batch| array(&batch.rejected)).collect();
    let times: Vec<DateTime<Utc>> = batches.iter().map(|batch| batch.created_at).collect();
    let PlainColumns { places, columns } = PlainColumns::of(batches);
    let [
        indices,
        kinds,
        categories,
        event_names,
        data,
        sessions,
        agents,
        sources,
        versions,
        durations,
        messages,
        stacks,
        codes,
        extra,
        traces,
        runs,
        occurred,
    ] = &columns;
    let counts = CountColumns::of(batches, names);
    let stored = sqlx::query_scalar!(
        r#"
        with sent as materialized (
            select *
            from unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::text[],
                        $6::timestamptz[])
                with ordinality
                as sent (org_id, user_id, batch_id, received, rejected, created_at, place)
        ), claimed as (
            insert into telemetry_batches (org_id, user_id, batch_id, received, rejected, created_at)
            select org_id, user_id, batch_id, received, rejected::integer[], created_at
            from sent
            -- In the same order as by `claim`.
            order by org_id, user_id, batch_id
            on conflict (org_id, user_id, batch_id) do nothing
            returning org_id, user_id, batch_id
        ), fresh as materialized (
            select min(place) as place
            from claimed join sent using (org_id, user_id, batch_id)
            group by org_id, user_id, batch_id
        ), stored as (
            insert into telemetry_events (
                org_id, user_id, batch_id, batch_index, event_type, event_category, event_name,
                event_data, session_id, user_agent, source, source_version, duration_ms,
                error_message, error_stack, error_code, extra_metadata, trace_id, run_id,
                occurred_at, created_at
            )
            select s.org_id, s.user_id, s.batch_id, e.batch_index::integer, e.event_type,
                   e.event_category, e.event_name, e.event_data::jsonb, e.session_id, e.user_agent,
                   e.source, e.source_version, e.duration_ms::bigint, e.error_message,
                   e.error_stack, e.error_code, e.extra_metadata::jsonb, e.trace_id,
                   e.run_id::uuid, e.occurred_at::timestamptz, s.created_at
            from unnest($7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[],
                        $12::text[], $13::text[], $14::text[], $15::text[], $16::text[],
                        $17::text[], $18::text[], $19::text[], $20::text[], $21::text[],
                        $22::text[], $23::text[], $24::text[])
                with ordinality
                as e (place, batch_index, event_type, event_category, event_name, event_data,
                      session_id, user_agent, source, source_version, duration_ms, error_message,
                      error_stack, error_code, extra_metadata, trace_id, run_id, occurred_at, number)
            join fresh using (place)
            join sent s using (place)
            -- Their ids tell in which order they came.
            order by e.number
            returning 1
        ), counted as (
            insert into telemetry_hours (org_id, hour, event_type, source_version, events)
            select s.org_id, c.hour, c.event_type, c.source_version, sum(c.events)
            from unnest($25::bigint[], $26::timestamptz[], $27::text[], $28::text[], $29::bigint[])
                as c (place, hour, event_type, source_version, events)
            join fresh using (place)
            join sent s using (place)
            -- Rows that other writers wait for are locked last.
            where (select count(*) from stored) > 0
            group by 1, 2, 3, 4
            order by 1, 2, 3, 4
            on conflict (org_id, hour, event_type, source_version)
                do update set events = telemetry_hours.events + excluded.events
        )
        select place as "place!" from fresh
        "#,
        &text(|batch| &batch.org_id) as &[&str],
        &text(|batch| &batch.user_id) as &[&str],
        &text(|batch| &batch.batch_id) as &[&str],
        &received,
        &rejected,
        &times,
        &places,
        indices as &[Option<Cow<'_, str>>],
        kinds as &[Option<Cow<'_, str>>],
        categories as &[Option<Cow<'_, str>>],
        event_names as &[Option<Cow<'_, str>>],
        data as &[Option<Cow<'_, str>>],
        sessions as &[Option<Cow<'_, str>>],
        agents as &[Option<Cow<'_, str>>],
        sources as &[Option<Cow<'_, str>>],
        versions as &[Option<Cow<'_, str>>],
        durations as &[Option<Cow<'_, str>>],
        messages as &[Option<Cow<'_, str>>],
        stacks as &[Option<Cow<'_, str>>],
        codes as &[Option<Cow<'_, str>>],
        extra as &[Option<Cow<'_, str>>],
        traces as &[Option<Cow<'_, str>>],
        runs as &[Option<Cow<'_, str>>],
        occurred as &[Option<Cow<'_, str>>],
        &counts.places,
        &counts.hours,
        &counts.types,
        &counts.versions,
        &counts.events,
    )
    // To the end: the commit is behind the last row.
    .fetch_all(conn)
    .await?;
    let mut fresh = vec![false; batches.len()];
    for place in stored {
        let at = usize::try_from(place - 1).ok();
        if let Some(fresh) = at.and_then(|at| fresh.get_mut(at)) {
            *fresh = true;
        }
    }
    Ok(fresh)
}
