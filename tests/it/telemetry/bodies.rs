//! Bodies: packed, declared, damaged, too large.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::packing::{gzip, zstd};
use crate::telemetry::desk::{Desk, NOW};

fn batch(id: &str, events: usize) -> Vec<u8> {
    let events: Vec<Value> = (0..events).map(|_| json!({"type": "t"})).collect();
    serde_json::to_vec(&json!({"events": events, "batchId": id, "timestamp": NOW})).unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn packed_bodies_and_those_of_a_beacon_are_taken(db: PgPool) {
    let desk = Desk::new(db).await;
    for (body, headers) in [
        (gzip(&batch("gzip", 2)), vec![("content-encoding", "gzip")]),
        (zstd(&batch("zstd", 2)), vec![("content-encoding", "zstd")]),
        (
            batch("beacon", 2),
            vec![("content-type", "text/plain;charset=UTF-8")],
        ),
        (
            batch("plus", 2),
            vec![("content-type", "application/vnd.navi+json")],
        ),
        (batch("same", 2), vec![("content-encoding", "identity")]),
    ] {
        let answer = desk.post(body, &headers).await;
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "{headers:?} {:#}",
            answer.body
        );
        assert_eq!(answer.body["eventsPersisted"], 2);
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_body_that_is_none_is_refused_and_says_why(db: PgPool) {
    let desk = Desk::new(db).await;
    let bomb = gzip(&vec![b' '; 100 * 1024 * 1024]);
    assert!(bomb.len() < 1024 * 1024);
    let large = [&batch("b", 1)[..], &vec![b' '; 1024 * 1024]].concat();
    let invalid_id = |id: Value| {
        json!({"events": [], "batchId": id})
            .to_string()
            .into_bytes()
    };
    let none: &[(&str, &str)] = &[];
    let packed: &[(&str, &str)] = &[("content-encoding", "gzip")];
    let cases = [
        (b"{".to_vec(), none),
        (b"".to_vec(), none),
        (b"[]".to_vec(), none),
        (b"null".to_vec(), none),
        (br#"{"events": 5, "batchId": "b"}"#.to_vec(), none),
        (br#"{"events": []}"#.to_vec(), none),
        (br#"{"batchId": "b"}"#.to_vec(), none),
        (
            br#"{"events": [], "batchId": "a", "batchId": "b"}"#.to_vec(),
            none,
        ),
        (invalid_id(json!("")), none),
        (invalid_id(json!("x".repeat(129))), none),
        (invalid_id(json!("a\u{0}b")), none),
        (invalid_id(json!(5)), none),
        (batch("b", 1_001), none),
        (large, none),
        (bomb, packed),
        (b"no gzip".to_vec(), packed),
        (batch("b", 1), &[("content-encoding", "br")]),
        (batch("b", 1), &[("content-type", "text/html")]),
    ];
    let mut told = Vec::new();
    for (body, headers) in cases {
        let answer = desk.post(body, headers).await;
        let problem = &answer.body;
        told.push(format!(
            "{} {} {}",
            answer.status.as_u16(),
            problem["error_code"].as_str().unwrap(),
            problem["detail"].as_str().unwrap()
        ));
    }
    insta::assert_debug_snapshot!(told, @r#"
    [
        "400 INVALID_REQUEST the body is not valid JSON: it ends in the middle; see line 1, column 1",
        "400 INVALID_REQUEST the body is empty; send a JSON object",
        "422 VALIDATION_ERROR a batch must be a JSON object",
        "422 VALIDATION_ERROR the body must be a batch, which is a JSON object, not null",
        "422 VALIDATION_ERROR `events` must be a list, not a whole number",
        "422 VALIDATION_ERROR `batchId` is missing",
        "422 VALIDATION_ERROR `events` is missing",
        "422 VALIDATION_ERROR `batchId` is there twice",
        "422 VALIDATION_ERROR `batchId` must be 1 to 128 bytes without control characters",
        "422 VALIDATION_ERROR `batchId` must be 1 to 128 bytes without control characters",
        "422 VALIDATION_ERROR `batchId` must be 1 to 128 bytes without control characters",
        "422 VALIDATION_ERROR `batchId` must be a text, not a whole number",
        "413 TOO_MANY_EVENTS the batch has 1001 events; the limit is 1000",
        "413 PAYLOAD_TOO_LARGE the body is larger than 1048576 bytes; send fewer events at a time",
        "413 PAYLOAD_TOO_LARGE the body is larger than 1048576 bytes; send fewer events at a time",
        "400 INVALID_REQUEST the body cannot be decompressed; it is damaged, or not compressed with gzip",
        "415 UNSUPPORTED_MEDIA_TYPE the encoding of the body is not supported; use `gzip`, `zstd` or none",
        "415 UNSUPPORTED_MEDIA_TYPE send the batch as JSON, declared as `application/json` or `text/plain`",
    ]
    "#);
    for table in ["telemetry_events", "telemetry_batches"] {
        assert_eq!(desk.count(table).await, 0, "{table}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn bytes_that_are_no_text_lose_no_event(db: PgPool) {
    let desk = Desk::new(db).await;
    let mut body = batch("b", 1);
    let bad = b"{\"type\": \"t\", \"data\": {\"x\": \"a\xff\xfeb\"}}, ";
    let at = body.iter().position(|byte| *byte == b'[').unwrap() + 1;
    body.splice(at..at, bad.iter().copied());
    let answer = desk.post(body, &[]).await;
    assert_eq!(
        answer.body["message"],
        "2 of 2 events are stored; invalid Unicode was replaced"
    );
    let rows = desk
        .rows("select event_data from telemetry_events order by batch_index")
        .await;
    assert_eq!(rows[0]["event_data"], json!({"x": "a\u{fffd}\u{fffd}b"}));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_body_of_unknown_length_is_bounded_too(db: PgPool) {
    let desk = Desk::new(db).await;
    let endless = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 65_536]));
    let answer = desk.post(Body::from_stream(endless), &[]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let cut = futures_util::stream::iter([
        Ok(b"{\"events\":".to_vec()),
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
    ]);
    let answer = desk.post(Body::from_stream(cut), &[]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_byte_order_mark_and_half_a_character_lose_no_event(db: PgPool) {
    let desk = Desk::new(db).await;
    let events = r#"[{"type": "half", "data": {"\ud83d": "cut \ud83d"}}, {"type": "whole"}]"#;
    let body = format!("\u{feff}{{\"events\": {events}, \"batchId\": \"b\"}}");
    let answer = desk.post(body, &[]).await;
    assert_eq!(
        answer.body["message"],
        "2 of 2 events are stored; invalid Unicode was replaced"
    );
    let rows = desk
        .rows("select event_data from telemetry_events order by batch_index")
        .await;
    assert_eq!(rows[0]["event_data"], json!({"\u{fffd}": "cut \u{fffd}"}));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_number_that_json_does_not_have_loses_its_event_alone(db: PgPool) {
    let desk = Desk::new(db).await;
    // As Python's json.dumps writes them.
    let events = r#"{"type": "a"}, {"type": "b", "data": {"ms": NaN}}, {"type": "c", "data": [-Infinity]},
        Infinity, {"type": "said", "data": {"NaN": "NaN, \"Infinity"}}, {"type": "e", "sessionId": NaN}"#;
    let batch = |events: &str, more: &str| {
        let timestamp = format!("\"timestamp\": {NOW}");
        format!(r#"{{"events": [{events}], "batchId": "b", {timestamp}{more}}}"#)
    };
    let answer = desk.post(batch(events, ""), &[]).await;
    assert_eq!(answer.status, StatusCode::OK, "{:#}", answer.body);
    assert_eq!(answer.body["eventsPersisted"], 2);
    let rejected = answer.body["eventsRejected"].as_array().unwrap();
    let indexes: Vec<_> = rejected.iter().map(|event| &event["index"]).collect();
    assert_eq!(indexes, [1, 2, 3, 5]);
    for event in rejected {
        assert_eq!(event["reason"], "number_out_of_range");
        let detail = event["detail"].as_str().unwrap();
        assert!(detail.contains("`NaN`"), "{detail}");
    }
    let rows = desk
        .rows("select event_data from telemetry_events order by batch_index")
        .await;
    assert_eq!(rows[1]["event_data"], json!({"NaN": "NaN, \"Infinity"}));
    // Elsewhere a batch is strict JSON.
    for body in [
        batch(r#"{"type": "a"}"#, r#", "version": NaN"#),
        batch(r#"{"type": "a"}"#, r#", "extra": Infinity"#),
        batch(r#"{"type": "a", "data": {"ms": NaN}} nonsense"#, ""),
        batch(r#"{"type": "a", "data": {NaN: 1}}"#, ""),
        batch(r#"{"type": "a", "data": {"ms": 1NaN}}"#, ""),
        batch(r#"{"type": "a", "data": {"ms": nan}}"#, ""),
    ] {
        let answer = desk.post(body.clone(), &[]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.body["error_code"], "INVALID_REQUEST", "{body}");
    }
}
