//! Two servers over one database: whichever is asked, whichever works, whichever ends.

use std::time::{Duration, Instant};

use navi::llm::script::{Script, Turn};
use nix::sys::signal::Signal;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::durable::person::{events, see_through};
use crate::runs::rules;
use crate::runs::stage::{calls, says, script};
use crate::support::promises::{CANCELLED_WITHIN, HEARD_WITHIN, kept};
use crate::support::served::{Place, Served, url};

const QUICK: [&str; 2] = ["--lease-seconds", "2"];
/// Nothing is found by the end of a lease.
const PATIENT: [&str; 2] = ["--lease-seconds", "600"];
const ASKS_ONLY: [&str; 4] = ["--lease-seconds", "600", "--worker", "false"];

fn pieces() -> Vec<String> {
    (0..20).map(|n| format!("piece {n}, ")).collect()
}

fn chatty() -> Script {
    let command = "for i in $(seq 12); do echo $i; sleep 0.06; done";
    let talk = Turn {
        say: pieces(),
        delay_ms: 40,
        ..Turn::default()
    };
    script([
        calls(&[("run_command", json!({ "command": command }))]),
        talk,
    ])
}

/// Reads a job to its end, leaving and coming back to another server whenever `leaves` says so.
async fn hopping(servers: &[Served], id: &str, mut leaves: impl FnMut() -> bool) -> Vec<Value> {
    let mut seen = Vec::new();
    for hop in 0.. {
        let after = i64::try_from(seen.len()).unwrap();
        let server = &servers[hop % servers.len()];
        let mut stream = server.follow(id, after, hop % 3 == 0).await;
        while let Some(event) = stream.next().await {
            if event["type"] == "job_terminal" {
                return seen;
            }
            seen.push(event);
            if leaves() {
                break;
            }
        }
        if stream.done {
            return seen;
        }
    }
    seen
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn clients_that_come_and_go_between_servers_miss_nothing_and_see_nothing_twice(db: PgPool) {
    let place = Place::new(&chatty(), Some(&url(&db.connect_options())));
    let servers = [place.serve(&PATIENT).await, place.serve(&PATIENT).await];
    let id = servers[0].job(&place.workspace("a")).await;
    let clients = (0..6_u64).map(async |seed| {
        let mut random = StdRng::seed_from_u64(seed);
        // One leaves after every event.
        let chance = if seed == 0 { 1.0 } else { 0.3 };
        hopping(&servers, &id, || random.random_bool(chance)).await
    });
    let all = futures_util::future::join_all(clients).await;
    let log = person_log(&db, &servers[1], &id).await;
    for seen in all {
        assert_eq!(seen, log);
    }
}

/// Everything a job that is over told, without the frame that says so.
async fn person_log(db: &PgPool, served: &Served, id: &str) -> Vec<Value> {
    let nowhere = std::path::Path::new("/nowhere");
    let mut story = see_through(db, served, id, nowhere).await;
    story.events.pop();
    story.events
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_works_on_one_server_is_answered_and_ended_on_the_other(db: PgPool) {
    let turns = [
        calls(&[("ask_user", json!({"question": "Which colour?"}))]),
        calls(&[(
            "run_command",
            json!({"command": "git push origin main; echo pushed >> log"}),
        )]),
        calls(&[("run_command", json!({"command": "echo begun; sleep 60"}))]),
    ];
    let place = Place::new(&script(turns), Some(&url(&db.connect_options())));
    let works = place.serve(&PATIENT).await;
    let other = place.serve(&ASKS_ONLY).await;
    let workspace = place.workspace("a");
    let id = other.job(&workspace).await;
    let mut stream = other.follow(&id, 0, false).await;
    let asked = stream
        .until(|event| event["type"] == "prompt_request")
        .await;
    let prompt = asked["data"]["prompt_id"].as_str().unwrap();
    let path = format!("/api/navi/prompt/{prompt}");
    let began = Instant::now();
    assert_eq!(other.post(&path, &json!({"response": "blue"})).await.0, 200);
    stream
        .until(|event| event["type"] == "job_paused" && !event["consent_id"].is_null())
        .await;
    kept(HEARD_WITHIN, began);
    let path = format!("/api/jobs/{id}/approve");
    let (status, answer) = other.post(&path, &json!({"choice": "allow_once"})).await;
    assert_eq!(status, 200, "{answer}");
    stream.until(|event| event["line"] == "begun").await;
    assert_eq!(
        std::fs::read_to_string(workspace.join("log")).unwrap(),
        "pushed\n"
    );
    let began = Instant::now();
    let path = format!("/api/jobs/{id}/cancel");
    assert_eq!(other.post(&path, &json!({})).await.0, 200);
    stream.rest().await;
    kept(CANCELLED_WITHIN, began);
    assert!(!works.log().contains("panicked"));
    let story = person_log(&db, &other, &id).await;
    assert_eq!(events(&stream)[..story.len()], story);
    rules::nothing_is_left_running(&id);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_that_ends_in_good_order_hands_its_runs_over_at_once(db: PgPool) {
    let place = Place::new(&chatty(), Some(&url(&db.connect_options())));
    let mut first = place.serve(&PATIENT).await;
    let workspace = place.workspace("a");
    let id = first.job(&workspace).await;
    let second = place.serve(&PATIENT).await;
    let mut stream = second.follow(&id, 0, true).await;
    stream.until(|event| event["type"] == "text").await;
    let began = Instant::now();
    first.signal(Signal::SIGTERM);
    let resumed = stream.until(|event| event["type"] == "job_resumed").await;
    kept(HEARD_WITHIN, began);
    assert_eq!(resumed["reason"], "released");
    assert_eq!(first.gone(Duration::from_secs(15)).await, Some(0));
    let story = see_through(&db, &second, &id, &workspace.join("log")).await;
    assert_eq!(story.text(), pieces().concat());
    assert_eq!(story.summary()["success"], true);
    assert_eq!(story.questions, 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_that_waits_for_a_person_waits_on_when_its_server_ends(db: PgPool) {
    let turns = [
        calls(&[("ask_user", json!({"question": "Which colour?"}))]),
        calls(&[(
            "run_command",
            json!({"command": "git push origin main; echo pushed >> log"}),
        )]),
        says("Done."),
    ];
    let place = Place::new(&script(turns), Some(&url(&db.connect_options())));
    let workspace = place.workspace("a");
    let mut first = place.serve(&QUICK).await;
    let id = first.job(&workspace).await;
    let mut stream = first.follow(&id, 0, true).await;
    let asked = stream
        .until(|event| event["type"] == "prompt_request")
        .await;
    stream.until(|event| event["type"] == "job_paused").await;
    first.signal(Signal::SIGTERM);
    assert_eq!(first.gone(Duration::from_secs(15)).await, Some(0));
    let mut second = place.serve(&QUICK).await;
    let mut stream = second.follow(&id, 0, true).await;
    stream.until(|event| event["type"] == "job_resumed").await;
    let paused = stream.until(|event| event["type"] == "job_paused").await;
    assert_eq!(paused["prompt_id"], asked["data"]["prompt_id"]);
    assert_eq!(paused["job_status"], "paused_for_approval");
    let prompt = asked["data"]["prompt_id"].as_str().unwrap();
    let path = format!("/api/navi/prompt/{prompt}");
    assert_eq!(
        second.post(&path, &json!({"response": "blue"})).await.0,
        200
    );
    let is_consent =
        |event: &Value| event["type"] == "job_paused" && !event["consent_id"].is_null();
    let asked = stream.until(is_consent).await;
    // And again, without a word this time.
    second.kill();
    let third = place.serve(&QUICK).await;
    let mut stream = third
        .follow(&id, asked["sequence"].as_i64().unwrap(), true)
        .await;
    let paused = stream.until(is_consent).await;
    assert_eq!(paused["consent_id"], asked["consent_id"]);
    let path = format!("/api/jobs/{id}/approve");
    let (status, answer) = third.post(&path, &json!({"choice": "allow_once"})).await;
    assert_eq!(status, 200, "{answer}");
    stream.rest().await;
    let story = see_through(&db, &third, &id, &workspace.join("log")).await;
    assert_eq!(story.all("prompt_request").len(), 1);
    assert_eq!(story.all("command.consent_required").len(), 1);
    assert_eq!(story.results()[0]["response"], "blue");
    assert_eq!(
        std::fs::read_to_string(workspace.join("log")).unwrap(),
        "pushed\n"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_was_answered_while_no_server_worked_is_not_waited_for_again(db: PgPool) {
    let push = "git push origin main; echo pushed >> log";
    let turns = [
        calls(&[("ask_user", json!({"question": "Which colour?"}))]),
        calls(&[("run_command", json!({ "command": push }))]),
        says("Done."),
    ];
    let place = Place::new(&script(turns), Some(&url(&db.connect_options())));
    let workspace = place.workspace("a");
    let mut first = place.serve(&QUICK).await;
    let id = first.job(&workspace).await;
    let asks = place.serve(&ASKS_ONLY).await;
    let is_paused = |event: &Value| event["type"] == "job_paused";
    let mut stream = first.follow(&id, 0, true).await;
    let paused = stream.until(is_paused).await;
    first.kill();
    let prompt = paused["prompt_id"].as_str().unwrap();
    let path = format!("/api/navi/prompt/{prompt}");
    assert_eq!(asks.post(&path, &json!({"response": "blue"})).await.0, 200);

    let mut second = place.serve(&QUICK).await;
    let seen = paused["sequence"].as_i64().unwrap();
    let mut stream = second.follow(&id, seen, true).await;
    let paused = stream.until(is_paused).await;
    let consent = paused["consent_id"].as_str().unwrap();
    second.kill();
    let path = format!("/api/navi/consent/{consent}");
    let allowed = asks.post(&path, &json!({"choice": "allow_once"})).await;
    assert_eq!(allowed.0, 200);

    let third = place.serve(&QUICK).await;
    let story = see_through(&db, &third, &id, &workspace.join("log")).await;
    assert_eq!(story.all("job_paused").len(), 2);
    assert_eq!(story.all("job_resumed").len(), 2);
    assert_eq!(story.results()[0]["response"], "blue");
    assert_eq!(
        std::fs::read_to_string(workspace.join("log")).unwrap(),
        "pushed\n"
    );
}

/// The moment between the word and the deed, which a kill meets only while the project is checked.
#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_a_person_chose_instead_is_done_by_whoever_goes_on(db: PgPool) {
    let push = "git push origin main; echo rejected >> log";
    let turns = [
        calls(&[("run_command", json!({ "command": push }))]),
        says("Done."),
    ];
    let place = Place::new(&script(turns), Some(&url(&db.connect_options())));
    let workspace = place.workspace("a");
    let mut first = place.serve(&QUICK).await;
    let id = first.job(&workspace).await;
    let mut stream = first.follow(&id, 0, true).await;
    stream.until(|event| event["type"] == "job_paused").await;
    let asks = place.serve(&ASKS_ONLY).await;
    let approve = format!("/api/jobs/{id}/approve");
    let chosen = "git push origin other; echo chosen >> log";
    let instead = json!({"choice": "alternative", "alternative_command": chosen});
    let (status, answer) = asks.post(&approve, &instead).await;
    assert_eq!(status, 200, "{answer}");
    stream.until(|event| event["type"] == "job_paused").await;
    first.kill();
    let (status, answer) = asks.post(&approve, &json!({"choice": "allow_once"})).await;
    assert_eq!(status, 200, "{answer}");
    let told = sqlx::query("update tool_calls set status = 'approved'");
    told.execute(&db).await.unwrap();
    let second = place.serve(&QUICK).await;
    let mut stream = second.follow(&id, 0, true).await;
    stream.rest().await;
    let log = std::fs::read_to_string(workspace.join("log")).unwrap();
    assert_eq!(log, "chosen\n");
    let is_over = |event: &&Value| event["type"] == "job_completed";
    assert_eq!(events(&stream).iter().filter(is_over).count(), 1);
}
