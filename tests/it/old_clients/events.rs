//! Every type of event that there is, on the streams of the real binary.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use navi::http::router::document;
use navi::llm::script::{FailKind, Script};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::runs::rules;
use crate::runs::stage::{calls, plan, says};
use crate::runs::stream::EventStream;
use crate::support::app::AUDIT_KEY;
use crate::support::app::TestApp;
use crate::support::model::Failing as _;
use crate::support::served::{Place, Served, url};

/// Frames that no log holds.
const BESIDE: [&str; 2] = ["heartbeat", "job_terminal"];

/// The types of logged events in the description of the API.
async fn described(db: &PgPool) -> BTreeSet<String> {
    let app = TestApp::new(db.clone()).await;
    let described = serde_json::to_value(document(&app.app)).unwrap();
    let union = &described["components"]["schemas"]["RunEvent"];
    let kinds = union["discriminator"]["mapping"]
        .as_object()
        .unwrap()
        .keys();
    let logged = kinds.filter(|kind| !BESIDE.contains(&kind.as_str()));
    logged.cloned().collect()
}

/// Answers a question and two consents, as the extension does, on the way to an end.
async fn answering(server: &Served, stream: &mut EventStream) {
    let mut consents = 0;
    while let Some(event) = stream.next().await {
        let data = &event["data"];
        if event["type"] == "prompt_request" {
            let path = format!("/api/navi/prompt/{}", data["prompt_id"].as_str().unwrap());
            let answer = json!({"response": "my", "cancelled": false});
            assert_eq!(server.post(&path, &answer).await.0, 200);
        } else if event["type"] == "command.consent_required" {
            let path = format!("/api/navi/consent/{}", data["consent_id"].as_str().unwrap());
            let command = data["command"].as_str().unwrap();
            let choice = ["allow_once", "deny"][consents];
            let answer = json!({"choice": choice, "command": command});
            assert_eq!(server.post(&path, &answer).await.0, 200);
            consents += 1;
        }
    }
    assert_eq!(consents, 2);
}

fn script() -> Script {
    let write =
        |content: &str| calls(&[("write_file", json!({"path": "value", "content": content}))]);
    let run = |command: &str| calls(&[("run_command", json!({"command": command}))]);
    let turns = [
        calls(&[("ask_user", json!({"question": "Whose value?"}))]),
        run("rm -r old"),
        run("git clean -fd"),
        write("4\n"),
        says("Done."),
        write("5\n"),
        run("cat value; until [ -f go ]; do sleep 0.05; done"),
        says("Done, and right."),
    ];
    Script {
        plan: Some(plan(&["Ask", "Write"])),
        turns: turns.into(),
        ..Script::default()
    }
}

fn project(server: &Served) {
    let folder = server.workspace();
    std::fs::create_dir_all(folder.join("old")).unwrap();
    std::fs::write(folder.join("Makefile"), "test:\n\t@sh ./check.sh\n").unwrap();
    let check = "echo checking\n[ ! -f value ] || [ \"$(cat value)\" = 5 ]\n";
    std::fs::write(folder.join("check.sh"), check).unwrap();
}

/// Servers of one database seal with one key; those here have data folders of their own.
const KEY: [&str; 2] = ["--audit-encryption-key", AUDIT_KEY];

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_type_of_event_reaches_a_client_in_its_shape(db: PgPool) {
    let database = url(&db.connect_options());
    let place = Place::new(&script(), Some(&database));
    let mut server = place.serve(&KEY).await;
    project(&server);
    let mut seen = Vec::new();

    // A job that asks, is refused, fails its checks, moves to another process, and ends well.
    let id = server.job(&server.workspace()).await;
    let mut stream = server.follow(&id, 0, true).await;
    let reach = async {
        let mut first = server.follow(&id, 0, true).await;
        first
            .until(|event| event["type"] == "command_output" && event["line"] == "5")
            .await;
    };
    tokio::select! {
        () = answering(&server, &mut stream) => panic!("it waits for a file"),
        () = reach => {}
    }
    server.signal(Signal::SIGTERM);
    stream.rest().await;
    std::fs::write(server.workspace().join("go"), "").unwrap();
    assert_eq!(server.gone(Duration::from_mins(1)).await, Some(0));
    let server = place.serve(&KEY).await;
    seen.extend(whole(&server, &id).await);
    // Any server of this database takes a job that waits, and each has a script of its own.
    drop(server);

    // One that asks for a connection and that its user ends, and one whose model fails.
    let command = "make --silent ask; echo begun; sleep 60";
    let waits = calls(&[("run_command", json!({"command": command}))]);
    for (script, cancels) in [
        (
            Script {
                turns: vec![waits],
                ..Script::default()
            },
            true,
        ),
        (Script::default().fails(FailKind::Unauthorized), false),
    ] {
        let place: Arc<Place> = Place::new(&script, Some(&database));
        let server = place.serve(&KEY).await;
        let asking = "ask:\n\t-curl --silent http://nowhere.example/\n";
        std::fs::write(server.workspace().join("Makefile"), asking).unwrap();
        let id = server.job(&server.workspace()).await;
        if cancels {
            let mut stream = server.follow(&id, 0, true).await;
            stream
                .until(|event| event["type"] == "command_output")
                .await;
            let path = format!("/api/jobs/{id}/cancel");
            assert_eq!(server.post(&path, &Value::Null).await.0, 200);
        }
        seen.extend(whole(&server, &id).await);
    }
    for event in &seen {
        rules::old_clients_parse(event);
    }
    let kinds = seen
        .iter()
        .map(|event| event["type"].as_str().unwrap().to_owned());
    let mut expected = described(&db).await;
    let is_full = |event: &Value| event["router_info"]["sandbox"]["tier"] == "full";
    if !seen.iter().any(is_full) {
        // Without a network of its own no run asks for a connection.
        expected.remove("network_connection");
    }
    assert_eq!(kinds.collect::<BTreeSet<_>>(), expected);
}

/// Everything that a job told, once it is over.
async fn whole(server: &Served, id: &str) -> Vec<Value> {
    let mut stream = server.follow(id, 0, false).await;
    stream.rest().await;
    assert!(stream.done);
    let frames = stream.frames.into_iter().filter(|frame| frame.id.is_some());
    frames.map(|frame| frame.data).collect()
}
