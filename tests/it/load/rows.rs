//! Rows are compared with what was acknowledged.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::load::program::LoadDesk;
use crate::runs::stage::{calls, says, script};
use crate::support::served::{Served, url};

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// The line about things of this kind.
fn line<'a>(report: &'a Value, thing: &str) -> &'a Value {
    let mut lines = report["parity"].as_array().unwrap().iter();
    lines.find(|line| line["thing"] == thing).unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_row_that_was_acknowledged_under_a_load_is_stored_and_counted(db: PgPool) {
    let database = url(&db.connect_options());
    let turns = [
        calls(&[("list_directory", json!({"path": "."}))]),
        says("Done."),
    ];
    let served = Served::start(&script(turns), Some(&database)).await;
    let workspace = served.workspace();
    let desk = LoadDesk::new();
    let (outcome, report) = desk
        .measure(
            &[
                &["--server", &served.url, "--database-url", &database][..],
                &["--workspace", workspace.to_str().unwrap()],
                &words("--users 10 --most-users 1 --pace 2 --seconds 2 --warm-up 0 --spacing even"),
                &words("--patience 60"),
            ]
            .concat(),
        )
        .await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    for thing in ["events", "ratings", "answers", "runs", "ends", "entries"] {
        let line = line(&report, thing);
        assert!(line["acknowledged"].as_u64().unwrap() > 0, "{line}");
        assert_eq!(line["stored"], line["acknowledged"], "{line}");
        assert_eq!(
            (&line["unknown"], &line["lost"]),
            (&json!(0), &json!(0)),
            "{line}"
        );
    }
    for thing in ["events", "ratings", "ends"] {
        let line = line(&report, thing);
        assert_eq!(line["counted"], line["stored"], "{line}");
    }
    let stored: i64 = sqlx::query_scalar("select count(*) from telemetry_events")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(json!(stored), line(&report, "events")["stored"]);
    let model = report["models"][0].as_str().unwrap();
    assert!(model.starts_with("scripted/"), "{model}");
    // A job is followed over three connections.
    let stage = &report["stages"][0];
    let job = stage["actions"].as_array().unwrap().iter();
    let job = job
        .into_iter()
        .find(|action| action["action"] == "job")
        .unwrap();
    assert!(
        job["times"]["resume"]["ms"]["p50"].as_f64().unwrap() > 0.0,
        "{job}"
    );
    assert!(
        stage["server"]["memory_mib"].as_f64().unwrap() > 0.0,
        "{stage}"
    );
    assert!(
        stage["database"]["commits"].as_f64().unwrap() >= 0.0,
        "{stage}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_row_that_was_acknowledged_and_is_not_there_makes_a_load_fail(db: PgPool) {
    // A database that forgets what it was told.
    sqlx::raw_sql(
        "create function forget() returns trigger language plpgsql as 'begin return null; end';
         create trigger forget before insert on task_metrics for each row execute function forget()",
    )
    .execute(&db)
    .await
    .unwrap();
    let database = url(&db.connect_options());
    let served = Served::start(&script([says("Done.")]), Some(&database)).await;
    let desk = LoadDesk::new();
    let (outcome, report) = desk
        .measure(
            &[
                &["--server", &served.url, "--database-url", &database][..],
                &words(
                    "--scenario durable --users 10 --most-users 1 --pace 3 --seconds 2 --warm-up 0",
                ),
                &words("--spacing even --patience 20"),
            ]
            .concat(),
        )
        .await;
    assert_eq!(outcome.code, 1, "{outcome:?}");
    let line = line(&report, "ends");
    assert!(line["lost"].as_u64().unwrap() > 0, "{line}");
    assert!(
        outcome.out.contains("BROKEN: ends of runs:"),
        "{}",
        outcome.out
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_call_of_the_model_is_in_the_ledger_with_its_tokens(db: PgPool) {
    let desk = LoadDesk::new();
    let (outcome, report) = desk
        .measure(
            &[
                &["--database-url", &url(&db.connect_options())][..],
                &words("--scenario interactive --users 10 --most-users 1 --pace 2 --seconds 2"),
                &words("--warm-up 0 --spacing even --model-pause-ms 1 --patience 60"),
            ]
            .concat(),
        )
        .await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let (rows, tokens): (i64, i64) =
        sqlx::query_as("select count(*), sum(total_tokens)::bigint from llm_metrics")
            .fetch_one(&db)
            .await
            .unwrap();
    for (thing, stored) in [("calls", rows), ("tokens", tokens)] {
        let line = line(&report, thing);
        assert!(stored > 0, "{line}");
        for side in ["acknowledged", "stored", "counted"] {
            assert_eq!(line[side], json!(stored), "{side}: {line}");
        }
    }
    assert_eq!(report["models"], json!(["self_hosted/load"]));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn servers_that_are_killed_under_a_load_lose_nothing_acknowledged(db: PgPool) {
    let desk = LoadDesk::new();
    let (outcome, report) = desk
        .measure(
            &[
                &["--database-url", &url(&db.connect_options())][..],
                &words("--profile kill --servers 2 --kills 2 --users 10 --seconds 6 --warm-up 0"),
                // Older rows and people who only follow change nothing of the comparison.
                &words("--patience 90 --rows 500 --followers 3"),
            ]
            .concat(),
        )
        .await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let servers = &report["servers"];
    assert_eq!(
        (&servers["count"], &servers["kills"]),
        (&json!(2), &json!(2))
    );
    for line in report["parity"].as_array().unwrap() {
        assert_eq!(line["lost"], 0, "{line}");
        // A server that was started again counts from nothing.
        assert_eq!(line["counted"], Value::Null, "{line}");
    }
    assert!(line(&report, "events")["stored"].as_u64().unwrap() > 0);
}
