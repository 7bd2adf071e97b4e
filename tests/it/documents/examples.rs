//! The requests and answers that `docs/api.md` shows.

use std::collections::{BTreeMap, HashMap};

use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt;
use navi::auth::principal::Role;
use navi::http::router::document;
use navi::platform::clock::Clock;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::connectors::ProviderStub;
use crate::documents::read;
use crate::support::app::TestApp;
use crate::vault::DEV_KEY;

/// Stands for what an example leaves out.
const MORE: &str = "…";
/// Members whose values are measured, counted or taken from the clock.
const MEASURED: &[&str] = &[
    "timestamp",
    "latency_ms",
    "elapsed_ms",
    "gen_id",
    "times_applied",
];
/// Routes for administrators alone; all other examples show the answer to other roles.
const OF_ADMINISTRATORS: &[&str] = &[
    " /api/audit",
    " /api/admin/",
    " /api/webhooks",
    " /api/feedback/recent",
    " /api/feedback/learning",
];
/// Members whose values are times.
const TIMES: &[&str] = &[
    "created_at",
    "updated_at",
    "last_updated",
    "verified_at",
    "first_seen",
    "last_seen",
    "received_at",
    "occurred_at",
    "resolved_at",
    "status_since",
    "last_updated",
    "last_applied",
    "cutoff_iso",
    "expires_at",
    "time",
];
/// Reports of the organisation's clients, and an answer that can be rated.
const REPORTED: &str = "
insert into error_groups (org_id, fingerprint, error_type, message, frames, source, first_version,
                          created_at)
values ('acme', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', 'RenderError',
        'render failed after <n> ms', '{render (chat.js)}', 'client', '1.1.0', now());
insert into error_group_activity (org_id, group_id, occurrences, affected_users, first_seen,
                                  last_seen, severity, component, last_version, last_message)
select org_id, group_id, 2, 1, now() - interval '1 day', now(), 'error', 'chat', '1.2.0',
       'render failed after 12 ms'
from error_groups;
insert into error_events (org_id, user_id, group_id, error_type, severity, error_message, stack_trace,
                          session_id, version, trace_id, created_at, occurred_at)
select org_id, 'ada', group_id, 'RenderError', 'error', 'render failed after 12 ms',
       e'RenderError: render failed after 12 ms\n    at render (chat.js:10:4)', 'tab-1', '1.2.0',
       '4bf92f3577b34da6a3ce929d0e0e4736', now() - ago, now() - ago
from error_groups, (values (interval '1 hour'), (interval '1 second')) times (ago);
insert into telemetry_hours (org_id, hour, event_type, source_version, events)
values ('acme', date_trunc('hour', now()), 'navi.error', '1.2.0', 2);
insert into performance_hours (org_id, metric_name, unit, hour, bucket, samples, total, min_value,
                               max_value)
values ('acme', 'chat.render', 'ms', date_trunc('hour', now()), 10095, 4, 400, 100, 100);
insert into ai_generation_log (org_key, user_sub, task_type, model, temperature, params, prompt_hash,
                               answer, category)
values ('acme', 'ada', 'codegen', 'claude-sonnet-4', 0.3,
        '{\"bandit_context\": \"codegen_small_expert\", \"bandit_arm\": \"balanced\"}', '', 'Done.',
        'fix');
";

/// Insights learned from their ratings.
const TAUGHT: &str = r#"
insert into learning_insights (org_id, insight_type, subject, title, description, pattern_data, confidence,
                               sample_size, times_applied, last_applied, language, evidence, effect)
values ('acme', 'style_preference', 'quotes@python', 'Single quotes in Python',
        'Use single quotes for strings.',
        '{"subject": "quotes@python", "value": "single", "accepted": 18.5, "rejected": 1.5, "raters": 3,
          "posterior": {"mean": 0.89, "low": 0.71, "high": 0.97},
          "baseline": {"accepted": 4, "rejected": 9}}',
        0.82, 20, 31, now(), 'python', '{41, 17}',
        '{"exposures": 44,
          "acceptance": {"applied": {"n": 31, "rate": 0.9}, "held_out": {"n": 13, "rate": 0.6},
                         "difference": 0.3, "low": 0.02, "high": 0.55},
          "verification": null}');
"#;

/// A request of the document and the answer shown below it.
struct Example {
    request: String,
    status: u16,
    /// `json` or `text`.
    kind: String,
    answer: String,
}

fn examples(text: &str) -> Vec<Example> {
    let mut found = Vec::new();
    let mut request = None;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```").filter(|kind| !kind.is_empty()) else {
            continue;
        };
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        let block = block.join("\n");
        match kind.split_once(' ') {
            None if kind == "http" => {
                assert!(request.replace(block).is_none(), "no answer before {line}");
            }
            Some((kind @ ("json" | "text"), status)) => found.push(Example {
                request: request.take().unwrap(),
                kind: kind.to_owned(),
                status: status.parse().unwrap(),
                answer: block,
            }),
            _ => {}
        }
    }
    assert!(request.is_none(), "the last request has no answer");
    found
}

/// The ids of the document and those that this run was given instead.
#[derive(Default)]
struct Ids(HashMap<String, String>);

impl Ids {
    /// Fails unless `real` is what `shown` shows; learns the ids on the way.
    fn hold(&mut self, at: &str, shown: &Value, real: &Value) {
        match (shown, real) {
            (Value::Object(shown), Value::Object(real)) => {
                let partly = shown.contains_key(MORE);
                for (name, value) in shown.iter().filter(|(name, _)| *name != MORE) {
                    let found = real.get(name);
                    let found = found.unwrap_or_else(|| &Value::Null);
                    assert!(real.contains_key(name), "{at}: no `{name}`");
                    let at = format!("{at}.{name}");
                    if MEASURED.contains(&name.as_str()) {
                        assert!(value.is_number() && found.is_number(), "{at}");
                    } else if TIMES.contains(&name.as_str()) && value.is_number() {
                        assert!(found.is_number(), "{at}");
                    } else if TIMES.contains(&name.as_str()) && !value.is_null() {
                        let time = found.as_str().unwrap();
                        assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{at}");
                    } else {
                        self.hold(&at, value, found);
                    }
                }
                let unshown = real.keys().find(|name| !shown.contains_key(*name));
                assert!(
                    partly || unshown.is_none(),
                    "{at}: {unshown:?} is not shown"
                );
            }
            (Value::Array(shown), Value::Array(real)) => {
                let partly = shown.last().is_some_and(|last| last == MORE);
                let whole = shown.len() - usize::from(partly);
                let enough = if partly {
                    real.len() >= whole
                } else {
                    real.len() == whole
                };
                assert!(enough, "{at}: {} items, not {whole}", real.len());
                for (n, (shown, real)) in shown.iter().take(whole).zip(real).enumerate() {
                    self.hold(&format!("{at}[{n}]"), shown, real);
                }
            }
            (Value::String(shown), Value::String(real)) => self.hold_text(at, shown, real),
            _ => assert_eq!(shown, real, "{at}"),
        }
    }

    fn hold_text(&mut self, at: &str, shown: &str, real: &str) {
        let id = |text: &str| uuid::Uuid::parse_str(text).is_ok();
        if shown == MORE {
            return;
        }
        // The request's own id is another one in every answer.
        if at.ends_with(".request_id") {
            assert!(id(real), "{at}: {real}");
        } else if id(shown) {
            assert!(id(real), "{at}: {real}");
            let known = self.0.entry(shown.to_owned()).or_insert(real.to_owned());
            assert_eq!(known, real, "{at}");
        } else {
            assert_eq!(self.real(shown), real, "{at}");
        }
    }

    /// A text of the document with this run's ids.
    fn real(&self, shown: &str) -> String {
        let ids = self.0.iter();
        ids.fold(shown.to_owned(), |text, (shown, real)| {
            text.replace(shown, real)
        })
    }
}

fn parsed(request: &str) -> Request<Body> {
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let mut lines = head.lines();
    let (method, path) = lines.next().unwrap().split_once(' ').unwrap();
    let mut built = Request::builder().method(method).uri(path);
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        built = built.header(name, value);
    }
    built.body(Body::from(body.to_owned())).unwrap()
}

/// The frames of a stream as values: their numbers and what they hold.
fn frames(text: &str) -> Vec<Value> {
    let blocks = text.split("\n\n").filter(|block| block.contains("data: "));
    let frame = |block: &str| {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        let data = field("data: ").unwrap();
        let data = serde_json::from_str(data).unwrap_or_else(|_| Value::from(data));
        json!({"id": field("id: "), "data": data})
    };
    blocks.map(frame).collect()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_examples_of_the_interface_are_answered_as_they_show(db: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let workspace = folder.path().join("notes");
    std::fs::create_dir(&workspace).unwrap();
    let workspace = workspace.to_str().unwrap();
    let script = json!({
        "plan": "Pages are counted from 1.",
        "turns": [{"say": ["Hello."]}],
    });
    let github = ProviderStub::start(200, json!({"login": "ada"})).await;
    let flags = ["--dev-encryption-key", DEV_KEY];
    let mut config = TestApp::config(&flags);
    config.connectors.github_api_base_url = github.url.parse().unwrap();
    let script = serde_json::from_value(script).unwrap();
    config.play(script);
    for stock in [REPORTED, TAUGHT] {
        sqlx::raw_sql(stock).execute(&db).await.unwrap();
    }
    let app = TestApp::of(db, Clock::System, config).await;
    let client = app.client_of("acme", "ada", Role::Planner);
    let admin = app.client_of("acme", "grace", Role::Admin);
    let mut ids = Ids::default();
    let examples = examples(&read("docs/api.md"));
    assert!(examples.len() >= 15, "{} examples", examples.len());
    for example in examples {
        let at = example.request.lines().next().unwrap().to_owned();
        let request = ids.real(&example.request);
        let request = request
            .replace("/home/ada/notes", workspace)
            .replace("https://api.github.com", &github.url);
        let changes_insight =
            request.contains(" /api/feedback/insights/") && !request.starts_with("GET");
        let is_for_them = OF_ADMINISTRATORS.iter().any(|path| request.contains(path));
        let client = if is_for_them || changes_insight {
            &admin
        } else {
            &client
        };
        let response = client.send(parsed(&request)).await;
        let status = response.status().as_u16();
        let kind = response.headers().get(header::CONTENT_TYPE).cloned();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let real = String::from_utf8_lossy(&bytes)
            .replace(workspace, "/home/ada/notes")
            .replace(&github.url, "https://api.github.com");
        assert_eq!(status, example.status, "{at}: {real}");
        if kind.is_some_and(|kind| kind == "text/event-stream") {
            let (shown, mut real) = (frames(&example.answer), frames(&real));
            if example.answer.ends_with(MORE) {
                assert_eq!(real.last().unwrap()["data"], "[DONE]");
                real.truncate(shown.len());
            }
            ids.hold(&at, &shown.into(), &real.into());
        } else {
            let shown = serde_json::from_str(&example.answer).unwrap();
            let real = serde_json::from_str(&real).unwrap();
            ids.hold(&at, &shown, &real);
        }
    }
}

/// True if nothing is left out.
fn is_whole(value: &Value) -> bool {
    match value {
        Value::Object(members) => members
            .iter()
            .all(|(name, one)| name != MORE && is_whole(one)),
        Value::Array(items) => items.iter().all(is_whole),
        Value::String(text) => text != MORE,
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// The template of an address; one without parameters before others.
fn template<'a>(paths: &'a [String], address: &str) -> Option<&'a String> {
    let address = address.split('?').next().unwrap();
    let fits = |template: &str| {
        let (mut parts, mut given) = (template.split('/'), address.split('/'));
        loop {
            match (parts.next(), given.next()) {
                (None, None) => return true,
                (Some(part), Some(one)) if part == one || part.starts_with('{') => {}
                _ => return false,
            }
        }
    };
    let is_plain = |template: &&String| template.as_str() == address;
    let plain = paths.iter().find(is_plain);
    plain.or_else(|| paths.iter().find(|template| fits(template)))
}

/// The first request of each route, unless it shows how one is refused, and the first answer of each status and
/// kind: of the page, what leaves nothing out.
fn shown_whole(paths: &[String]) -> BTreeMap<String, Value> {
    let mut all: BTreeMap<String, (Value, Vec<(String, Value)>)> = BTreeMap::new();
    for example in examples(&read("docs/api.md")) {
        let (head, body) = example
            .request
            .split_once("\n\n")
            .unwrap_or((&example.request, ""));
        let (method, address) = head.lines().next().unwrap().split_once(' ').unwrap();
        let Some(template) = template(paths, address) else {
            continue;
        };
        let (request, answers) = all.entry(format!("{method} {template}")).or_default();
        let is_refused = [400, 415, 422].contains(&example.status);
        if request.is_null() && !body.is_empty() && !is_refused {
            let body: Value = serde_json::from_str(body).unwrap();
            *request = if is_whole(&body) { body } else { Value::Null };
        }
        let answer = if example.kind == "text" {
            Value::from(example.answer)
        } else {
            serde_json::from_str(&example.answer).unwrap()
        };
        let leaves_out = |text: &str| text.ends_with(MORE) || text.contains("\"…\"");
        let is_whole = answer
            .as_str()
            .map_or_else(|| is_whole(&answer), |text| !leaves_out(text));
        let status = example.status.to_string();
        let is_new = |(one, other): &(String, Value)| {
            *one != status || other.is_string() != answer.is_string()
        };
        if is_whole && answers.iter().all(is_new) {
            answers.push((status, answer));
        }
    }
    all.into_iter()
        .filter(|(_, (request, answers))| !request.is_null() || !answers.is_empty())
        .map(|(route, (request, answers))| (route, json!({"request": request, "answers": answers})))
        .collect()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_description_shows_the_examples_of_the_page(db: PgPool) {
    let app = TestApp::new(db).await;
    let described = serde_json::to_value(document(&app.app)).unwrap();
    let paths = described["paths"].as_object().unwrap();
    let paths: Vec<_> = paths.keys().cloned().collect();
    let shown = shown_whole(&paths);
    let kept: BTreeMap<String, Value> =
        serde_json::from_str(&read("src/http/description/examples.json")).unwrap();
    let is_current = kept == shown;
    let written = concat!(env!("CARGO_TARGET_TMPDIR"), "/examples.json");
    let text = serde_json::to_string_pretty(&shown).unwrap();
    std::fs::write(written, text + "\n").unwrap();
    assert!(
        is_current,
        "the page has changed: cp {written} src/http/description/examples.json"
    );
    let job = &described["paths"]["/api/jobs"]["post"];
    let request = &job["requestBody"]["content"]["application/json"]["example"];
    assert!(request["message"].is_string(), "{job}");
}
