//! Client events: one in a request and a hundred, of one organisation and of many, over each way to
//! Postgres.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use navi::platform::clock::Clock;
use serde_json::json;

use crate::figure::Figure;
use crate::load::{self, Make};
use crate::memory;
use crate::plain;
use crate::scene::{Scene, Way};
use crate::sheet::Sheet;

/// Bytes of the event that the editor's extension sends most.
pub(crate) const EVENT: usize = 2_900;
const ORGANISATIONS: usize = 50;
/// Events a second, one in a request.
const RATE: f64 = 8_000.0;

const WORDS: [&str; 12] = [
    "panel",
    "render",
    "stream",
    "token",
    "workspace",
    "editor",
    "request",
    "cursor",
    "buffer",
    "handler",
    "module",
    "prompt",
];

fn event(size: usize, n: usize) -> serde_json::Value {
    let mut notes = String::new();
    let mut seed = n as u64 * 2_654_435_761 + 1;
    let mut data = json!({"action": "accept", "model": "claude-sonnet-4", "latencyMs": n % 900,
        "tokens": n % 5_000, "success": true, "view": "chat"});
    let bare = data.to_string().len() + 80;
    while notes.len() + bare < size {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        notes.push_str(WORDS[(seed >> 33) as usize % WORDS.len()]);
        let _written = write!(notes, " {:x} ", seed >> 48);
    }
    data["notes"] = notes.into();
    json!({"type": "navi.user.interaction", "timestamp": Clock::System.millis(),
        "sessionId": "session_1764000000000_abcdefg", "data": data})
}

/// Requests with so many events of so many bytes, by the people in turn. The number of a request is
/// that of its batch.
pub(crate) fn requests(people: Vec<String>, size: usize, events: usize) -> Make {
    let events: Vec<_> = (0..events).map(|n| event(size, n)).collect();
    let events = serde_json::to_string(&events).unwrap();
    let now = Clock::System.millis();
    Arc::new(move |number| {
        let token = &people[usize::try_from(number).unwrap() % people.len()];
        let body = format!(r#"{{"events":{events},"batchId":"batch_{number}","timestamp":{now}}}"#);
        load::request("POST", "/api/telemetry", token, &body)
    })
}

pub(crate) fn measure(scene: &Scene, sheet: &mut Sheet) {
    let one = vec![scene.token("org-0", "ada")];
    for way in scene.ways() {
        let server = scene.serve(way, &[]);
        let make = requests(one.clone(), EVENT, 1);
        scene.runtime.block_on(load::closed(
            server.address,
            8,
            Duration::from_secs(1),
            &make,
        ));
        let all = &[1, 10, 50, 100];
        let clients = if way == Way::Veth {
            way.clients(all)
        } else {
            all
        };
        for &clients in clients {
            let plain = plain::inserts(scene, way, clients, EVENT);
            let load = load::closed(server.address, clients, scene.lasts, &make);
            let load = scene.runtime.block_on(load);
            let what = format!(
                "one event of 2.9 KB a request {}, {clients} clients",
                way.words()
            );
            let id = format!("telemetry.one.{}.{clients}", way.name());
            sheet.rate(
                &id,
                &what,
                &load,
                Some(("plain inserts by pgbench", plain.rate)),
            );
        }
    }
    let server = scene.serve(Way::Tcp, &[]);
    let many: Vec<_> = (0..ORGANISATIONS)
        .map(|n| scene.token(&format!("org-{n}"), "ada"))
        .collect();
    for (name, words, people) in [
        ("one", "one organisation", one.clone()),
        ("many", "50 organisations", many),
    ] {
        let plain = plain::inserts(scene, Way::Tcp, 100, EVENT);
        let make = requests(people, EVENT, 1);
        let load = load::open(server.address, 128, RATE, scene.lasts, &make);
        let load = scene.runtime.block_on(load);
        let what = format!("8,000 such requests a second asked, {words}");
        let id = format!("telemetry.asked.{name}");
        sheet.rate(
            &id,
            &what,
            &load,
            Some(("plain inserts by pgbench, 100 clients", plain.rate)),
        );
    }
    batches(scene, &one, sheet);
    overload(scene, one, sheet);
}

/// Ten times the clients that keep the server busy: what is stored, and what it weighs then.
fn overload(scene: &Scene, people: Vec<String>, sheet: &mut Sheet) {
    let server = scene.serve(Way::Tcp, &[]);
    let make = requests(people, 400, 100);
    let peak = load::closed(server.address, 32, scene.lasts, &make);
    let peak = scene.runtime.block_on(peak).rate();
    let load = load::closed(server.address, 320, scene.lasts, &make);
    let load = scene.runtime.block_on(load);
    let what = "batches of 100 events of 400 bytes, 320 clients";
    sheet.rate(
        "telemetry.overload",
        what,
        &load,
        Some(("the same, 32 clients", peak)),
    );
    let (resident, _) = memory::of(server.pid);
    sheet.value(
        "telemetry.overload.memory",
        "resident after these",
        resident,
        "MiB",
        None,
    );
}

/// A hundred events in a request, beside one `COPY` of as many bytes into a table of the same columns'
/// number without index or trigger.
fn batches(scene: &Scene, people: &[String], sheet: &mut Sheet) {
    let server = scene.serve(Way::Tcp, &[]);
    let make = requests(people.to_vec(), EVENT, 100);
    let copy = copied(scene);
    let load = load::closed(server.address, 8, scene.lasts, &make);
    let load = scene.runtime.block_on(load);
    sheet.add(Figure {
        id: "telemetry.batches".to_owned(),
        what: "events in batches of 100, 8 clients".to_owned(),
        value: load.rate() * 100.0,
        unit: "/s".to_owned(),
        p50_ms: Some(load.millis(500)),
        p99_ms: Some(load.millis(990)),
        failed: Some(load.failed),
        baseline: Some(Sheet::baseline(
            "one COPY of the same rows",
            copied(scene).midpoint(copy),
            "/s",
        )),
    });
}

/// Rows a second by one `COPY` of the rows that the batches stored, or stored before, into an empty
/// table of the same shape with its indexes.
fn copied(scene: &Scene) -> f64 {
    scene.execute(
        "drop table if exists copied;
         create table copied (like telemetry_events including all);
         copy (select * from telemetry_events limit 20000) to '/dev/null'",
    );
    let file = scene.shared.join("rows.copy");
    let file = file.display();
    scene.execute(&format!(
        "copy (select * from telemetry_events limit 20000) to '{file}'"
    ));
    let began = Instant::now();
    scene.execute(&format!("copy copied from '{file}'"));
    let seconds = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "20,000 at most")]
    let rows = scene.count("select count(*) from copied") as f64;
    scene.execute("drop table copied");
    rows / seconds
}
