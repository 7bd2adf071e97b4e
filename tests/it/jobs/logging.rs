//! A server's log lines about a run.

use navi::llm::script::Script;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::app::{ORG, USER};
use crate::support::served::{Place, Served, url};

/// The lines of JSON of a log.
fn lines(served: &Served) -> Vec<Value> {
    let log = served.log();
    log.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// A field of a span around a line.
fn field<'a>(line: &'a Value, span: &str, name: &str) -> Option<&'a str> {
    let spans = line["spans"].as_array()?;
    let span = spans.iter().find(|one| one["name"] == span)?;
    span[name].as_str()
}

fn script(turns: &Value) -> Script {
    serde_json::from_value(json!({"plan": "ok", "turns": turns})).unwrap()
}

/// A job of a server with these flags that is over, and the lines of its run.
async fn job(db: &PgPool, script: &Script, flags: &[&str]) -> (String, Vec<Value>) {
    let place = Place::new(script, Some(&url(&db.connect_options())));
    let flags = [&["--log-format", "json"], flags].concat();
    let served = place.serve(&flags).await;
    let id = served.job(&served.workspace()).await;
    served.follow(&id, 0, false).await.rest().await;
    let all = lines(&served).into_iter();
    let own = all.filter(|line| field(line, "run", "run.id") == Some(&id));
    (id.clone(), own.collect())
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_is_named_when_it_begins_and_when_it_ends_with_its_reason(db: PgPool) {
    let calls = json!([{"name": "write_file", "arguments": {"path": "a", "content": "b"}}]);
    let turns = json!([{"calls": calls}, {"say": ["Done."]}]);
    let (id, own) = job(&db, &script(&turns), &[]).await;
    let begun: Vec<_> = own
        .iter()
        .filter(|line| line["message"] == "a run begins")
        .collect();
    let ended: Vec<_> = own
        .iter()
        .filter(|line| line["message"] == "a run ended")
        .collect();
    let ([begun], [ended]) = (&begun[..], &ended[..]) else {
        panic!("{own:#?}");
    };
    assert_eq!(begun["how"], "taken from the queue");
    assert_eq!(ended["reason"], "completed");
    assert_eq!(ended["tool_calls"], 1);
    for line in own {
        assert_eq!(field(&line, "run", "job.id"), Some(&*id), "{line}");
        assert_eq!(field(&line, "run", "org.id"), Some(ORG), "{line}");
        assert_eq!(field(&line, "run", "user.id"), Some(USER), "{line}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_warning_names_its_run_where_nothing_else_is_logged(db: PgPool) {
    let turns = json!([{"say": ["Done."], "fail": {"kind": "unavailable", "times": 2, "retry_after_ms": 5}}]);
    let (_, own) = job(&db, &script(&turns), &["--log-level", "warn"]).await;
    assert!(!own.is_empty());
    assert!(own.iter().all(|line| line["level"] == "WARN"), "{own:#?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_that_fails_says_why_in_its_last_line(db: PgPool) {
    let turns = json!([{"fail": {"kind": "rejected"}}]);
    let (_, own) = job(&db, &script(&turns), &[]).await;
    let ended = own.iter().find(|line| line["message"] == "a run ended");
    let ended = ended.unwrap();
    assert_eq!(ended["reason"], "model_error");
    assert!(ended["error"].as_str().unwrap().len() > 10, "{ended}");
}
