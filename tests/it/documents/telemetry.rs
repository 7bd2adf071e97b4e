//! The limits, reasons and queries of `docs/telemetry.md`.

use std::collections::BTreeSet;

use navi::platform::db::MIGRATOR;
use navi::telemetry::model::{
    EventChange, MAX_BATCH_ID_BYTES, MAX_BODY_BYTES, MAX_DEPTH, MAX_EVENT_BYTES, MAX_EVENTS,
    MAX_STRING_CHARS, MAX_TYPE_CHARS, RejectReason,
};
use sqlx::{AssertSqlSafe, PgPool};
use utoipa::PartialSchema;

use crate::documents::claims::blocks;
use crate::documents::{code_spans, read, table};

/// The names that a type has on the wire.
fn names<T: PartialSchema>() -> BTreeSet<String> {
    let schema = serde_json::to_value(T::schema()).unwrap();
    let names = schema["oneOf"].as_array().or(schema["enum"].as_array());
    let name = |one: &serde_json::Value| {
        let one = one["enum"].get(0).or(one.get("const")).unwrap_or(one);
        one.as_str().unwrap().to_owned()
    };
    names.unwrap().iter().map(name).collect()
}

#[test]
fn the_limits_and_reasons_of_telemetry_are_those_that_are_listed() {
    let text = read("docs/telemetry.md");
    let limits: Vec<String> = table(&text, "| limit |")
        .into_iter()
        .map(|row| row[1].clone())
        .collect();
    let expected = [
        format!("{} MiB", MAX_BODY_BYTES / 1024 / 1024),
        format!("{MAX_EVENTS}"),
        format!("{MAX_BATCH_ID_BYTES} bytes"),
        "10 s".to_owned(),
        format!("{MAX_TYPE_CHARS} characters"),
        format!("{MAX_DEPTH}"),
        format!("{MAX_STRING_CHARS} characters"),
        format!("{MAX_EVENT_BYTES} bytes of names and values"),
    ];
    assert_eq!(limits[..expected.len()], expected);
    let reasons: BTreeSet<String> = table(&text, "| reason |")
        .iter()
        .flat_map(|row| code_spans(&row[0]))
        .map(ToOwned::to_owned)
        .collect();
    assert_eq!(reasons, names::<RejectReason>());
    let spans = text.lines().flat_map(code_spans);
    let spans: BTreeSet<String> = spans.map(ToOwned::to_owned).collect();
    assert!(
        spans.is_superset(&names::<EventChange>()),
        "{:?}",
        names::<EventChange>()
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_queries_of_the_document_on_telemetry_run(db: PgPool) {
    let text = read("docs/telemetry.md");
    let queries: Vec<String> = blocks(&text)
        .into_iter()
        .filter(|(kind, _)| *kind == "sql")
        .map(|(_, query)| query)
        .collect();
    assert_eq!(queries.len(), 2);
    for query in queries {
        let ran = sqlx::raw_sql(AssertSqlSafe(query)).execute(&db).await;
        ran.unwrap();
    }
}
