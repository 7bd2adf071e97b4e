//! Secrets that must not be kept, wherever a client puts them.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::redaction::corpus;
use crate::telemetry::desk::{Desk, NOW, event};

/// The tables that a batch is written to.
const TABLES: &[&str] = &[
    "telemetry_batches",
    "telemetry_events",
    "telemetry_hours",
    "performance_metrics",
    "performance_hours",
    "error_events",
    "error_groups",
    "error_group_activity",
    "error_group_users",
];
/// A piece of a secret that is this long gives it away.
const PIECE: usize = 10;

/// Every string in a value, names included.
fn strings(value: &Value, found: &mut String) {
    match value {
        Value::String(text) => {
            found.push_str(text);
            found.push('\n');
        }
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                found.push_str(name);
                found.push('\n');
                strings(value, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// All that is kept, as text.
async fn kept(desk: &Desk) -> String {
    let mut text = String::new();
    for table in TABLES {
        for row in desk.rows(&format!("select * from {table}")).await {
            strings(&row, &mut text);
        }
    }
    text
}

/// A piece from the beginning, the middle or the end of a secret that is kept.
fn piece_of<'a>(kept: &str, secret: &'a str) -> Option<&'a str> {
    let ends: Vec<usize> = secret
        .char_indices()
        .map(|(at, _)| at)
        .chain([secret.len()])
        .collect();
    let last = ends.len() - 1;
    let size = PIECE.min(last);
    let starts = [0, (last - size) / 2, last - size];
    let mut pieces = starts
        .map(|start| &secret[ends[start]..ends[start + size]])
        .into_iter();
    pieces.find(|piece| kept.contains(piece))
}

/// An event for every place in which a text can stand.
fn everywhere(text: &str) -> Vec<Value> {
    let mut data = json!({"note": text, "list": [[{"deep": [text]}]]});
    data[text] = json!(1);
    let mut beside = json!({"type": "t", "sessionId": text, "source": text, "version": text,
        "workspaceRoot": text, "userId": text, "traceId": text, "runId": text, "colour": text});
    beside[text] = json!(text);
    let stack = format!("Error: x\n    at f (a.ts:1:2)\n{text}");
    vec![
        event("note", data),
        event("navi.error", json!({"error": text, "stack": stack})),
        event(
            "navi.error",
            json!({"error": {"message": text, "code": 7}, "errorType": text, "errorCode": text,
                "severity": text, "component": text, "operation": text, "version": text}),
        ),
        event(
            "web.performance",
            json!({"metric": text, "value": 1, "unit": text}),
        ),
        beside,
        json!({"type": text}),
    ]
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn no_secret_of_the_corpus_is_kept_wherever_it_stands(db: PgPool) {
    let desk = Desk::new(db).await;
    let corpus = corpus::secrets();
    assert!(corpus.len() >= 300, "{} lines", corpus.len());
    for (number, lines) in corpus.chunks(80).enumerate() {
        let events: Vec<Value> = lines
            .iter()
            .flat_map(|(text, _)| everywhere(text))
            .collect();
        let answer = desk.send(&format!("b-{number}"), &events).await;
        let rejected = answer.body["eventsRejected"].as_array().unwrap();
        let too_long = rejected.iter().all(|one| one["reason"] == "type_too_long");
        assert!(too_long, "{:#}", answer.body["eventsRejected"]);
    }
    let kept = kept(&desk).await;
    let mut wrong = Vec::new();
    for (text, secrets) in &corpus {
        for secret in secrets {
            if let Some(piece) = piece_of(&kept, secret) {
                wrong.push(format!("{piece} of {text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} are kept: {wrong:#?}", wrong.len());
    assert!(desk.count("telemetry_events").await > 2_000);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_stands_under_the_name_of_a_secret_is_not_kept_and_numbers_are(db: PgPool) {
    let desk = Desk::new(db).await;
    let names = [
        "apiKey",
        "openAIApiKey",
        "API-KEY",
        "accessKey",
        "privateKey",
        "password",
        "passwd",
        "authorization",
        "cookie",
        "session_token",
        "jwt",
        "bearer",
        "client_secret",
        "refreshToken",
        "connectionString",
        "DATABASE_URL",
        "x-api-key",
        "credentials",
        "mnemonic",
        "ssh_private_key",
    ];
    let mut data = serde_json::Map::new();
    for name in names {
        data.insert(name.to_owned(), json!(format!("plain words {name}")));
        data.insert(
            format!("{name}_object"),
            json!({name: ["plain words", {"a": "plain words"}]}),
        );
    }
    for counted in [
        "tokens",
        "total_tokens",
        "tokens_per_second",
        "time_to_first_token_ms",
        "token",
    ] {
        data.insert(counted.to_owned(), json!(41));
    }
    desk.keep("b", &[event("t", Value::Object(data))]).await;
    let kept = kept(&desk).await;
    assert!(!kept.contains("plain words"), "{kept}");
    let counted = desk
        .rows("select count(*) from telemetry_events, jsonb_each(event_data) where value = '41'")
        .await;
    assert_eq!(counted[0]["count"], 5);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_is_harmless_is_kept_as_it_was(db: PgPool) {
    let desk = Desk::new(db).await;
    let harmless = corpus::harmless();
    let of = |text: &str| {
        let value = serde_json::from_str::<Value>(text).unwrap_or_else(|_| json!(text));
        event("note", json!({"value": value, "text": text, "error": text}))
    };
    let mut changed = 0;
    for (number, lines) in harmless.chunks(300).enumerate() {
        let events: Vec<Value> = lines.iter().map(|text| of(text)).collect();
        let told = desk.keep(&format!("b-{number}"), &events).await;
        changed += told["eventsChanged"].as_array().unwrap().len();
    }
    let rows = desk
        .rows("select event_data->>'text' as text from telemetry_events order by batch_id, batch_index")
        .await;
    let differ = rows
        .iter()
        .zip(&harmless)
        .filter(|(row, text)| row["text"] != **text)
        .count();
    let most = harmless.len() / 100;
    assert_eq!(rows.len(), harmless.len());
    assert!(
        differ <= most && changed <= most,
        "{differ} differ, {changed} were changed"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_batch_whose_name_is_a_secret_is_still_known_again(db: PgPool) {
    let desk = Desk::new(db).await;
    let secret = ["ghp", "_0123456789abcdefABCDEF0123456789abcd"].concat();
    let first = desk
        .keep(&secret, &[json!({"type": "t", "timestamp": NOW})])
        .await;
    let again = desk
        .keep(&secret, &[json!({"type": "t", "timestamp": NOW})])
        .await;
    assert_eq!(first["batchId"], secret);
    assert_eq!(
        again["message"],
        "1 of 1 events are stored; 1 of them had been stored before"
    );
    let kept = kept(&desk).await;
    assert!(!kept.contains(&secret[4..]), "{kept}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn nobodys_home_folder_and_address_are_kept(db: PgPool) {
    let desk = Desk::new(db).await;
    let stack = "Error: no file /Users/grace/x\n    at f (C:\\Users\\grace\\a.ts:1:2)";
    let sent = json!({"type": "navi.error", "workspaceRoot": "/home/grace/work",
        "data": {"error": "no file /home/grace/x", "stack": stack, "message": "/home/grace"}});
    desk.keep("b", &[sent]).await;
    let kept = kept(&desk).await;
    assert!(!kept.contains("grace"), "{kept}");
    let addresses = desk.rows("select ip_address from telemetry_events").await;
    assert_eq!(addresses[0]["ip_address"], Value::Null);
}
