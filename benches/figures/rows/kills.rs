//! Servers that are killed under a load, ten for each: everything that was answered as done must be
//! there afterwards, and everything that changed something must have its entry.

use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};

use crate::figure::Kills;
use crate::load::{self, Load, Make};
use crate::provider;
use crate::scene::{Scene, Way};

const KILLS: usize = 10;
const CLIENTS: u64 = 20;
/// A server lives so long under its load, and a little longer each time.
const LIVES: Duration = Duration::from_millis(700);

/// One load: its requests, and how many of those that were done the database holds.
struct Attack {
    name: &'static str,
    make: Make,
    /// Counts the things of the requests with these numbers, or of these answers.
    stored: fn(&Scene, &Load) -> i64,
    /// The route whose entries are counted, when the load changes something.
    route: Option<&'static str>,
}

fn list(values: impl Iterator<Item = String>) -> String {
    let all: Vec<_> = values.map(|value| format!("'{value}'")).collect();
    if all.is_empty() {
        "''".to_owned()
    } else {
        all.join(",")
    }
}

fn field(answer: &str, name: &str) -> Option<String> {
    let (_, rest) = answer.split_once(&format!("\"{name}\":"))?;
    let rest = rest.trim_start_matches('"');
    Some(rest.split(['"', ',', '}']).next()?.to_owned())
}

fn attacks(scene: &Scene) -> Vec<Attack> {
    let token = scene.token("org-0", "ada");
    let people = super::feedback::people(scene);
    let ratings = 60_000;
    let first = super::feedback::answers(scene, ratings);
    vec![
        Attack {
            name: "events, one in a request",
            make: super::telemetry::requests(vec![token.clone()], 2_900, 1),
            stored: |scene, load| {
                let ids = list(
                    load.done
                        .iter()
                        .map(|(number, _)| format!("batch_{number}")),
                );
                scene.count(&format!(
                    "select count(*) from telemetry_events where batch_id in ({ids})"
                ))
            },
            route: None,
        },
        Attack {
            name: "ratings",
            make: super::feedback::requests(people.clone(), first, ratings),
            stored: |scene, load| {
                let ids = list(
                    load.done
                        .iter()
                        .filter_map(|(_, answer)| field(answer, "gen_id")),
                );
                scene.count(&format!(
                    "select count(*) from ai_feedback where gen_id::text in ({ids})"
                ))
            },
            route: Some("/api/feedback/submit"),
        },
        Attack {
            name: "jobs that are asked for, while others are worked on",
            make: {
                let body = r#"{"message":"say something","model":"openai/bench"}"#;
                // Of many people, because one may have only so many jobs waiting.
                let people = people.clone();
                Arc::new(move |number| {
                    let token = &people[usize::try_from(number).unwrap() % people.len()];
                    load::request("POST", "/api/jobs", token, body)
                })
            },
            stored: |scene, load| {
                let ids = list(
                    load.done
                        .iter()
                        .filter_map(|(_, answer)| field(answer, "job_id")),
                );
                scene.count(&format!(
                    "select count(*) from runs where run_id::text in ({ids})"
                ))
            },
            route: Some("/api/jobs"),
        },
        Attack {
            name: "calls of a model",
            make: {
                let body = r#"{"message":"say one word","model":"openai/bench"}"#;
                Arc::new(move |_| load::request("POST", "/api/navi/chat/stream/v2", &token, body))
            },
            // Priced calls have no name that the client knows, so they are counted.
            stored: |scene, load| {
                let all = scene.count("select count(*) from llm_metrics where phase = 'chat'");
                all.min(i64::try_from(load.done.len()).unwrap())
            },
            route: Some("/api/navi/chat/stream/v2"),
        },
    ]
}

pub(crate) fn measure(scene: &Scene) -> Vec<Kills> {
    let provider = provider::serve(|_, reply| {
        reply.text("Done.");
        reply.end("stop");
    });
    let base = format!("http://{provider}/v1");
    attacks(scene)
        .iter()
        .map(|attack| under(scene, &base, attack))
        .collect()
}

fn under(scene: &Scene, base: &str, attack: &Attack) -> Kills {
    let mut all = Load::default();
    scene.execute("truncate llm_metrics");
    let since = scene.count("select count(*) from audit_records");
    let before = entries(scene, attack);
    for round in 0..KILLS {
        let settings = [("OPENAI_BASE_URL", base), ("NAVI_WRITES_PER_MINUTE", "0")];
        let server = scene.serve(Way::Tcp, &settings);
        let lives = LIVES + Duration::from_millis(37) * u32::try_from(round).unwrap();
        let load = scene.runtime.block_on(async {
            let clients = load::closed(server.address, CLIENTS, lives * 4, &attack.make);
            let killer = async {
                tokio::time::sleep(lives).await;
                kill(server.pid, Signal::SIGKILL).unwrap();
            };
            tokio::join!(clients, killer).0
        });
        drop(server);
        all.done.extend(load.done);
    }
    let acknowledged = all.done.len();
    assert!(
        acknowledged > 0,
        "{}: nothing was done, so nothing is proved",
        attack.name
    );
    let stored = usize::try_from((attack.stored)(scene, &all)).unwrap();
    let entries = usize::try_from(entries(scene, attack) - before).unwrap();
    assert!(scene.count("select count(*) from audit_records") >= since);
    let without_entry = attack
        .route
        .map_or(0, |_| acknowledged.saturating_sub(entries));
    println!(
        "{}: {acknowledged} acknowledged, {} lost",
        attack.name,
        acknowledged - stored
    );
    Kills {
        load: attack.name.to_owned(),
        servers: KILLS,
        acknowledged,
        lost: acknowledged - stored,
        without_entry,
    }
}

fn entries(scene: &Scene, attack: &Attack) -> i64 {
    let Some(route) = attack.route else {
        return 0;
    };
    scene.count(&format!(
        "select count(*) from audit_records where phase = 'begun' and route = '{route}'"
    ))
}
