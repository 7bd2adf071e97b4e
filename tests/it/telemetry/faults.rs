//! Servers that are killed and databases that go away, while clients report.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use navi::auth::principal::Role;
use navi::llm::script::Script;
use navi::platform::clock::Clock;
use navi::platform::embedded_postgres::server::{EmbeddedPostgres, Settings};
use navi::telemetry::model::ErrorOccurrence;
use navi::telemetry::writer::RECONNECT_INTERVAL;
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::runs::stage::script;
use crate::support::app::TestApp;
use crate::support::served::{Place, Served, url};
use crate::telemetry::desk::{Desk, event, report};

const NO_LIMITS: [&str; 4] = [
    "--telemetry-batches-per-minute",
    "0",
    "--telemetry-events-per-minute",
    "0",
];

fn nothing() -> Script {
    script([])
}

/// A batch that says of each event which it is.
fn batch(id: &str, events: usize) -> Value {
    let events: Vec<Value> = (0..events)
        .map(|n| json!({"type": "navi.error", "data": {"error": format!("broke {n}"), "n": n}}))
        .collect();
    json!({"events": events, "batchId": id})
}

/// Sends batches until the server is gone, with word of each that was acknowledged; answers with those
/// and with the ones whose fate is unknown.
async fn send_until_gone(
    served: &Served,
    client: usize,
    stored: &tokio::sync::Semaphore,
) -> (Vec<String>, Vec<String>) {
    let (mut acknowledged, mut unknown) = (Vec::new(), Vec::new());
    for n in 0.. {
        let id = format!("{client}-{n}");
        let sent = served.send(reqwest::Method::POST, "/api/telemetry", &batch(&id, 7));
        let Ok(answer) = sent.await else {
            unknown.push(id);
            break;
        };
        assert_eq!(answer.status(), 200);
        acknowledged.push(id);
        stored.add_permits(1);
    }
    (acknowledged, unknown)
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_was_acknowledged_before_a_kill_is_there_exactly_once(db: PgPool) {
    let place = Place::new(&nothing(), Some(&url(&db.connect_options())));
    let mut acknowledged = BTreeSet::new();
    for round in 0..3 {
        let mut served = place.serve(&NO_LIMITS).await;
        let stored = tokio::sync::Semaphore::new(0);
        let sending = (0..8).map(|n| send_until_gone(&served, round * 100 + n, &stored));
        let sending = futures_util::future::join_all(sending);
        // In the middle of the work, however fast the machine is.
        let killing = async {
            let enough = stored.acquire_many(20).await;
            served.signal(nix::sys::signal::Signal::SIGKILL);
            drop(enough);
        };
        let (sent, ()) = tokio::join!(sending, killing);
        served.kill();
        let again = place.serve(&NO_LIMITS).await;
        for (known, unknown) in sent {
            acknowledged.extend(known);
            // Whose answer was lost is sent again, as clients do.
            for id in unknown {
                let (status, answer) = again.post("/api/telemetry", &batch(&id, 7)).await;
                assert_eq!((status, &answer["eventsPersisted"]), (200, &json!(7)));
                acknowledged.insert(id);
            }
        }
    }
    let stored: Vec<(String, i64, i64)> = sqlx::query_as(
        "select batch_id, count(*), count(distinct batch_index) from telemetry_events group by 1",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    let ids: BTreeSet<String> = stored.iter().map(|(id, _, _)| id.clone()).collect();
    assert_eq!(ids, acknowledged);
    assert!(ids.len() > 50, "{} batches", ids.len());
    assert!(
        stored
            .iter()
            .all(|(_, rows, indexes)| (*rows, *indexes) == (7, 7))
    );
    let count = |query: &'static str| sqlx::query_scalar::<_, i64>(query).fetch_one(&db);
    let events = i64::try_from(ids.len() * 7).unwrap();
    for query in [
        "select count(*) from error_events where source = 'client'",
        "select sum(occurrences)::bigint from error_group_hours",
        "select sum(events)::bigint from telemetry_hours",
    ] {
        assert_eq!(count(query).await.unwrap(), events, "{query}");
    }
}

/// Postgres, gone for a while.
#[tokio::test]
async fn while_the_database_is_away_batches_are_refused_and_memory_does_not_grow() {
    let data = tempfile::tempdir().unwrap();
    let settings = || Settings {
        data_dir: data.path().to_owned(),
        ..Settings::default()
    };
    let postgres = EmbeddedPostgres::start(settings()).await.unwrap();
    let options = postgres.connect_options();
    let now = Clock::System.now();
    navi::platform::db::migrate(&options, now).await.unwrap();
    let place = Place::new(&nothing(), Some(&url(&options)));
    let served = place.serve(&NO_LIMITS).await;
    let (status, _) = served.post("/api/telemetry", &batch("before", 1)).await;
    assert_eq!(status, 200);
    let before = served.resident_kib();
    postgres.stop().await;
    let began = Instant::now();
    let mut refused = 0;
    while began.elapsed() < Duration::from_secs(30) {
        let big = (0..4).map(|n| {
            let id = format!("away-{n}-{refused}");
            served.send(reqwest::Method::POST, "/api/telemetry", &batch(&id, 900))
        });
        for answer in futures_util::future::join_all(big).await {
            let answer = answer.unwrap();
            assert_eq!(answer.status(), 503);
            assert!(answer.headers().contains_key("retry-after"));
            refused += 1;
        }
    }
    assert!(refused > 100, "{refused} were refused in 30 s");
    let grown = served.resident_kib().saturating_sub(before);
    assert!(
        grown < 64 * 1024,
        "{grown} KiB more for {refused} refused batches"
    );
    let postgres = EmbeddedPostgres::start(settings()).await.unwrap();
    let began = Instant::now();
    let recovered = loop {
        let (status, answer) = served.post("/api/telemetry", &batch("after", 3)).await;
        if status == 200 {
            break answer;
        }
        assert_eq!(status, 503, "{answer}");
        assert!(
            began.elapsed() < Duration::from_secs(15),
            "{}",
            served.log()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(recovered["eventsPersisted"], 3);
    let db = PgPoolOptions::new()
        .connect_with(postgres.connect_options())
        .await
        .unwrap();
    let batches: Vec<String> =
        sqlx::query_scalar("select distinct batch_id from telemetry_events order by 1")
            .fetch_all(&db)
            .await
            .unwrap();
    assert_eq!(batches, ["after", "before"]);
    assert!(!served.log().contains("panicked"), "{}", served.log());
    db.close().await;
    drop(served);
    postgres.stop().await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn more_than_can_be_stored_is_refused_and_what_was_accepted_is_there(db: PgPool) {
    let desk = Arc::new(Desk::new(db.clone()).await);
    // The entry that covers what follows is there before the machine is busy.
    desk.keep("first", &[event("t", json!({}))]).await;
    // No batch can be written until this is over.
    let mut tx = db.begin().await.unwrap();
    sqlx::query("lock table telemetry_batches in exclusive mode")
        .execute(&mut *tx)
        .await
        .unwrap();
    let events: Vec<Value> = (0..40)
        .map(|_| event("t", json!({"text": "x".repeat(9_000)})))
        .collect();
    let sending = (0..70).map(|n| {
        let (desk, events) = (desk.clone(), events.clone());
        async move { desk.send(&format!("b-{n}"), &events).await }
    });
    let releasing = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        tx.rollback().await.unwrap();
    };
    let (answers, ()) = tokio::join!(futures_util::future::join_all(sending), releasing);
    let mut accepted = 0;
    for answer in &answers {
        match answer.status {
            StatusCode::OK => accepted += 1,
            StatusCode::TOO_MANY_REQUESTS => {
                assert_eq!(answer.body["error_code"], "TELEMETRY_OVERLOADED");
                assert_eq!(answer.headers["retry-after"], "1");
            }
            other => panic!("{other}: {:#}", answer.body),
        }
    }
    assert!(
        accepted > 10 && accepted < 70,
        "{accepted} of 70 were accepted"
    );
    assert_eq!(desk.count("telemetry_events").await, accepted * 40 + 1);
    desk.keep("later", &events).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn one_batch_that_the_database_refuses_loses_no_other(db: PgPool) {
    let desk = Arc::new(Desk::new(db.clone()).await);
    sqlx::query("alter table telemetry_events add check (event_type <> 'refused')")
        .execute(&db)
        .await
        .unwrap();
    let sending = (0..20).map(|n| {
        let desk = desk.clone();
        async move {
            let kind = if n == 7 { "refused" } else { "taken" };
            let events = [event("taken", json!({})), event(kind, json!({}))];
            desk.send(&format!("b-{n}"), &events).await.body
        }
    });
    let told = futures_util::future::join_all(sending).await;
    for (n, told) in told.iter().enumerate() {
        assert_eq!(told["success"], n != 7, "{told:#}");
    }
    insta::assert_json_snapshot!(told[7], @r#"
        {
          "success": false,
          "batchId": "b-7",
          "eventsReceived": 2,
          "eventsPersisted": 1,
          "eventsRejected": [
            {
              "index": 1,
              "reason": "unstorable",
              "detail": "the database cannot store it"
            }
          ],
          "eventsChanged": [],
          "message": "1 of 2 events are stored"
        }
        "#);
    assert_eq!(desk.count("telemetry_events").await, 39);
    let mended = [event("taken", json!({})), event("taken", json!({}))];
    let again = desk.send("b-7", &mended).await;
    assert_eq!(again.body["eventsPersisted"], 2);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_cannot_be_audited_is_not_taken(db: PgPool) {
    let app = TestApp::with(db.clone(), Clock::System, &NO_LIMITS).await;
    sqlx::query("alter table audit_records rename to gone")
        .execute(&db)
        .await
        .unwrap();
    let client = app.client(Role::Viewer);
    let answer = report(&client, &batch("b", 1)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body["error_code"], "AUDIT_UNAVAILABLE");
    let stored: i64 = sqlx::query_scalar("select count(*) from telemetry_events")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(stored, 0);
}

/// A connection that is spoken on by hand, so that it is known to be the same one.
async fn ask(socket: &mut tokio::net::TcpStream, token: &str, body: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let request = format!(
        "POST /api/telemetry HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let mut packet = [0; 4096];
    loop {
        let read = socket.read(&mut packet).await.unwrap();
        assert!(read > 0, "the connection was closed");
        answer.extend_from_slice(&packet[..read]);
        let text = String::from_utf8_lossy(&answer).into_owned();
        if let Some((head, rest)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            if rest.len() >= length.unwrap().parse().unwrap() {
                return text;
            }
        }
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn who_is_refused_with_a_large_body_is_told_and_keeps_the_connection(db: PgPool) {
    let place = Place::new(&nothing(), Some(&url(&db.connect_options())));
    let served = place.serve(&["--telemetry-batches-per-minute", "1"]).await;
    let address = served.url.strip_prefix("http://").unwrap();
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let text = "x".repeat(900_000);
    let body =
        json!({"events": [{"type": "t", "data": {"text": text}}], "batchId": "b"}).to_string();
    let first = ask(&mut socket, &served.token, &body).await;
    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    for _ in 0..2 {
        let refused = ask(&mut socket, &served.token, &body).await;
        assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    }
}

/// The sessions that the database has had.
async fn sessions(db: &PgPool) -> i64 {
    let sql = "select sessions from pg_stat_database where datname = current_database()";
    sqlx::query_scalar(sql).fetch_one(db).await.unwrap()
}

/// Reports an error of the server itself.
fn report_failure(desk: &Desk) {
    let failure = ErrorOccurrence {
        message: "it broke".to_owned(),
        ..ErrorOccurrence::of_this_server(desk.app.app.clock.now())
    };
    desk.app.app.telemetry.report(failure);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_database_that_takes_nothing_is_asked_with_pauses_until_it_does(db: PgPool) {
    let desk = Desk::new(db.clone()).await;
    let rename = async |from: &str, to: &str| {
        let sql = format!("alter table {from} rename to {to}");
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(&db)
            .await
            .unwrap();
    };
    rename("error_groups", "gone").await;
    let before = sessions(&db).await;
    let began = Instant::now();
    report_failure(&desk);
    let mut asked = 0;
    while asked < 6 {
        assert!(began.elapsed() < Duration::from_secs(30), "{asked} times");
        tokio::time::sleep(Duration::from_millis(50)).await;
        asked = sessions(&db).await - before;
    }
    // A pause before each, but for the first; and this test has a session of its own.
    let pauses = began.elapsed().as_millis() / RECONNECT_INTERVAL.as_millis();
    let allowed = i64::try_from(pauses).unwrap() + 3;
    assert!(asked <= allowed, "{asked} times in {pauses} pauses");
    rename("gone", "error_groups").await;
    let began = Instant::now();
    while desk.count("error_events").await == 0 {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "it is not recorded"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    desk.keep("after", &[event("t", json!({}))]).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_process_that_ends_asks_a_database_that_takes_nothing_with_pauses(db: PgPool) {
    let desk = Desk::new(db.clone()).await;
    sqlx::query("alter table error_groups rename to gone")
        .execute(&db)
        .await
        .unwrap();
    let tasks = desk.app.app.tasks.clone();
    tasks.stopping().cancel();
    let before = sessions(&db).await;
    let began = Instant::now();
    report_failure(&desk);
    tasks.shutdown(Duration::from_secs(20)).await;
    let pauses = began.elapsed().as_millis() / RECONNECT_INTERVAL.as_millis();
    // Tasks that end beside it have sessions, too.
    let allowed = i64::try_from(pauses).unwrap() + 10;
    let asked = sessions(&db).await - before;
    assert!(asked <= allowed, "{asked} times in {pauses} pauses");
}
