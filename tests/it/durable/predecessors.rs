//! A server that is killed, and the next one on the same machine: it does not wait for the lease, and takes
//! nothing from those that live. The leases of these servers outlast every test.

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::runs::stage::{calls, says, script};
use crate::support::served::{Place, Served, url};

const OUTLASTS: [&str; 2] = ["--lease-seconds", "600"];

/// A run that waits for a file in its workspace, and is done then.
fn waits() -> navi::llm::script::Script {
    let command = "until test -e go; do sleep 0.05; done; cat go";
    script([
        calls(&[("read_file", json!({"path": "notes"}))]),
        calls(&[("run_command", json!({ "command": command }))]),
        says("Done."),
    ])
}

async fn until_it_waits(served: &Served, id: &str) {
    let mut stream = served.follow(id, 0, false).await;
    let waits = |event: &Value| event["type"] == "tool_call" && event.to_string().contains("until");
    stream.until(waits).await;
}

/// All that a job tells, to its end.
async fn told(served: &Served, id: &str) -> Vec<Value> {
    let mut stream = served.follow(id, 0, false).await;
    let mut seen = Vec::new();
    while let Some(event) = stream.next().await {
        seen.push(event);
    }
    seen
}

async fn takeovers(db: &PgPool) -> i64 {
    sqlx::query_scalar("select sum(takeovers)::bigint from runs")
        .fetch_one(db)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_goes_on_when_the_next_server_starts_and_not_when_a_lease_ends(db: PgPool) {
    let turns = [
        calls(&[("ask_user", json!({"question": "Which colour?"}))]),
        says("Done."),
    ];
    let place = Place::new(&script(turns), Some(&url(&db.connect_options())));
    let mut first = place.serve(&OUTLASTS).await;
    let id = first.job(&place.workspace("a")).await;
    let mut stream = first.follow(&id, 0, false).await;
    let asked = stream
        .until(|event| event["type"] == "prompt_request")
        .await;
    first.kill();

    let next = place.serve(&OUTLASTS).await;
    let prompt = asked["data"]["prompt_id"].as_str().unwrap();
    let answer = json!({"response": "blue"});
    let (status, said) = next
        .post(&format!("/api/navi/prompt/{prompt}"), &answer)
        .await;
    assert_eq!(status, 200, "{said}");
    let rest = told(&next, &id).await;
    let count = |kind: &str| rest.iter().filter(|event| event["type"] == kind).count();
    assert_eq!(
        (count("job_resumed"), count("job_terminal")),
        (1, 1),
        "{rest:?}"
    );
    assert_eq!(takeovers(&db).await, 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_of_the_same_folder_that_lives_keeps_its_runs(db: PgPool) {
    let place = Place::new(&waits(), Some(&url(&db.connect_options())));
    let one = place.serve(&OUTLASTS).await;
    let (kept, other) = (place.workspace("kept"), place.workspace("other"));
    let first = one.job(&kept).await;
    until_it_waits(&one, &first).await;

    let mut gone = place.serve(&OUTLASTS).await;
    let two = place.serve(&OUTLASTS).await;
    // One that is stopped lives, and does nothing: so it is the other who finds the one that is gone.
    one.signal(Signal::SIGSTOP);
    gone.kill();
    while !two.log().contains("a process is gone") {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    one.signal(Signal::SIGCONT);
    std::fs::write(other.join("go"), "on").unwrap();
    std::fs::write(kept.join("go"), "on").unwrap();
    let second = two.job(&other).await;
    for (server, id) in [(&two, &second), (&one, &first)] {
        let rest = told(server, id).await;
        assert!(
            rest.iter().all(|event| event["type"] != "job_resumed"),
            "{rest:?}"
        );
    }
    assert_eq!(takeovers(&db).await, 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_of_another_folder_waits_for_the_lease(db: PgPool) {
    let database = url(&db.connect_options());
    let place = Place::new(&waits(), Some(&database));
    let mut first = place.serve(&OUTLASTS).await;
    let workspace = place.workspace("a");
    let id = first.job(&workspace).await;
    until_it_waits(&first, &id).await;
    first.kill();

    let elsewhere = Place::new(&script([says("Done.")]), Some(&database));
    let second = elsewhere.serve(&OUTLASTS).await;
    // It works on what is its own, and so would have taken what was free.
    let own = second.job(&elsewhere.workspace("b")).await;
    told(&second, &own).await;
    assert_eq!(takeovers(&db).await, 0);

    // One of the same folder does not wait.
    let next = place.serve(&OUTLASTS).await;
    let mut stream = next.follow(&id, 0, false).await;
    stream.until(|event| event["type"] == "job_resumed").await;
}
