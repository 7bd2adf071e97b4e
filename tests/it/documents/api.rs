//! `docs/api.md` and `docs/errors.md` against the code, in both directions.

use std::collections::{BTreeMap, BTreeSet};

use navi::http::openapi::walk;
use navi::http::router::document;
use serde_json::Value;
use sqlx::PgPool;

use crate::documents::{code_spans, files, read, table};
use crate::support::app::TestApp;
use crate::support::described::role_needed;

fn first_spans(rows: &[Vec<String>]) -> BTreeSet<String> {
    let first = rows.iter().map(|row| code_spans(&row[0]));
    first.flatten().map(str::to_owned).collect()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_routes_are_those_that_are_listed(db: PgPool) {
    let app = TestApp::new(db).await;
    let served = document(&app.app);
    let served: BTreeSet<_> = walk(&served)
        .iter()
        .map(|route| {
            let role = role_needed(route).unwrap_or_else(|| "public".to_owned());
            (format!("{} {}", route.method, route.path), role)
        })
        .collect();
    let listed = table(&read("docs/api.md"), "| route | needs |");
    let listed = listed
        .iter()
        .map(|row| (code_spans(&row[0])[0].to_owned(), row[1].clone()));
    assert_eq!(listed.collect::<BTreeSet<_>>(), served);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_events_and_their_fields_are_those_that_are_listed(db: PgPool) {
    let app = TestApp::new(db).await;
    let described = serde_json::to_value(document(&app.app)).unwrap();
    let schemas = &described["components"]["schemas"];
    let mut events = BTreeMap::new();
    let known = schemas["RunEvent"]["discriminator"]["mapping"].as_object();
    for (kind, reference) in known.unwrap() {
        if ["heartbeat", "job_terminal"].contains(&kind.as_str()) {
            continue;
        }
        let event = described
            .pointer(reference.as_str().unwrap().trim_start_matches('#'))
            .unwrap();
        let required = event["required"].as_array().unwrap();
        let fields = event["properties"].as_object().unwrap().keys();
        // Fields that only the streams of jobs add to an event have a chapter of their own.
        let fields = fields.filter(|name| {
            let of_jobs = [
                "timestamp",
                "sequence",
                "job_id",
                "job_status",
                "events_url",
            ];
            let may_lack = !required.iter().any(|one| one == *name);
            *name != "type" && !(may_lack && of_jobs.contains(&name.as_str()))
        });
        events.insert(kind.clone(), fields.cloned().collect::<BTreeSet<_>>());
    }
    let text = read("docs/api.md");
    let listed = table(&text, "| `type` | fields |");
    let spans = |cell: &str| code_spans(cell).into_iter().map(str::to_owned).collect();
    let listed = listed
        .iter()
        .map(|row| (code_spans(&row[0])[0].to_owned(), spans(&row[1])));
    assert_eq!(listed.collect::<BTreeMap<_, _>>(), events);

    let fields = |schema: &Value| -> BTreeSet<String> {
        schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    };
    let after = text
        .split("`complete.summary` has these fields")
        .nth(1)
        .unwrap();
    let listed = first_spans(&table(after, "| field | meaning |"));
    assert_eq!(listed, fields(&schemas["Summary"]));
    let after = text
        .split("## The request of a run or a chat")
        .nth(1)
        .unwrap();
    let listed = first_spans(&table(after, "| field | meaning |"));
    assert_eq!(listed, fields(&schemas["TaskRequest"]));
}

#[test]
fn the_reasons_for_a_runs_end_are_those_that_are_listed() {
    let source = read("src/runs/outcome.rs");
    let reasons = source.split("pub fn reason(self)").nth(1).unwrap();
    let reasons = reasons.split("\n    }\n").next().unwrap();
    let said: BTreeSet<_> = reasons
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    let listed = table(&read("docs/api.md"), "| `stopped_reason` | meaning |");
    assert_eq!(first_spans(&listed), said);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_metrics_are_those_that_are_listed_and_few_enough_with_every_provider(db: PgPool) {
    let names = ["anthropic", "openai", "openrouter", "groq", "google"];
    let mut flags: Vec<_> = names
        .iter()
        .flat_map(|name| [format!("--{name}-api-key"), "not-a-key".to_owned()])
        .collect();
    for name in ["ollama", "self-hosted-api"] {
        flags.extend([
            format!("--{name}-base-url"),
            "http://127.0.0.1:9".to_owned(),
        ]);
    }
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let app = TestApp::with(db, navi::platform::clock::Clock::System, &flags).await;
    let (_, text) = app.stranger().get("/metrics").await;
    let text = text.as_str().unwrap();
    let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    // The bound that the interface promises. Every documented status of every route is among these at zero.
    assert!(samples.len() <= 2_000, "{} series", samples.len());

    let mut exported = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, _) = rest.split_once(' ').unwrap();
            if name.starts_with("process_") {
                continue;
            }
            let sample = samples.iter().find(|sample| {
                let rest = sample.strip_prefix(name);
                rest.is_some_and(|rest| rest.starts_with(['{', ' ', '_']))
            });
            let sample = sample.unwrap_or(&"");
            assert!(!sample.is_empty(), "{name} has no series at the start");
            let labels = sample.split_once('{').map_or("", |(_, labels)| labels);
            let labels = labels.split(',').filter_map(|label| label.split_once('='));
            let labels = labels.map(|(label, _)| label.to_owned());
            let labels = labels
                .filter(|label| label != "le")
                .collect::<BTreeSet<_>>();
            exported.insert(name.to_owned(), labels);
        }
    }
    let listed = table(&read("docs/api.md"), "| metric | labels |");
    let listed = listed.iter().map(|row| {
        let labels = code_spans(&row[1]).into_iter().map(str::to_owned);
        (code_spans(&row[0])[0].to_owned(), labels.collect())
    });
    assert_eq!(listed.collect::<BTreeMap<_, _>>(), exported);
}

/// The beginning of the paragraph about older clients.
const RELIED_ON: &str = "\n\n**Older clients may rely on this:** ";
/// Parts of the page that are about no routes of their own, and so need none.
const NO_AREAS: [&str; 4] = [
    "Limits",
    "Routes",
    "Shapes kept for older clients",
    "What clients may rely on",
];

#[test]
fn every_area_says_what_old_clients_may_rely_on() {
    let text = read("docs/api.md");
    let parts = text.split("\n## ").skip(1);
    let parts = parts.map(|part| part.split_once('\n').unwrap());
    let silent = parts.filter(|(_, part)| !part.contains(RELIED_ON));
    let silent: BTreeSet<_> = silent.map(|(heading, _)| heading).collect();
    assert_eq!(silent, BTreeSet::from(NO_AREAS));
}

/// The source files before their tests, by path.
fn sources(folder: &str) -> Vec<(String, String)> {
    let code = |path: String| {
        let text = read(&path);
        let code = text.split("#[cfg(test)]").next().unwrap().to_owned();
        (path, code)
    };
    files(folder, ".rs").into_iter().map(code).collect()
}

#[test]
fn the_problems_are_those_that_are_listed() {
    let mut made = BTreeSet::new();
    for (_, code) in sources("src") {
        // A problem is made of a status and, next, its slug.
        for after in code.split("StatusCode::").skip(1) {
            let mut parts = after.splitn(2, ',');
            let status = parts.next().unwrap_or_default();
            let next = parts.next().unwrap_or_default().trim_start();
            let constant = status.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            let slug = next
                .strip_prefix('"')
                .and_then(|rest| rest.split('"').next());
            if let (true, Some(slug)) = (constant, slug) {
                made.insert(slug.to_owned());
            }
        }
    }
    let listed = table(&read("docs/errors.md"), "| problem | status |");
    assert_eq!(first_spans(&listed), made);
}

#[test]
fn the_codes_of_models_and_streams_are_those_that_are_listed() {
    let mut said = BTreeSet::new();
    let mut code = Vec::new();
    for folder in ["src/agent", "src/jobs", "src/llm", "src/review", "src/runs"] {
        code.extend(sources(folder));
    }
    // Names of variables of the environment look the same.
    let variables = [
        "src/agent/config.rs",
        "src/runs/tables.rs",
        "src/llm/config.rs",
        "src/llm/failure/",
        "src/llm/wire/",
    ];
    for (path, text) in code {
        if variables.iter().any(|other| path.starts_with(other)) {
            continue;
        }
        for literal in text.split('"').skip(1).step_by(2) {
            let capitals = literal.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            if capitals && literal.len() > 3 {
                said.insert(literal.to_owned());
            }
        }
    }
    let text = read("docs/errors.md");
    let mut listed = first_spans(&table(&text, "| code | what it means |"));
    listed.extend(first_spans(&table(&text, "| `error_code` of `no-model` |")));
    listed.extend(first_spans(&table(&text, "| `fallbackReasonCode` |")));
    assert_eq!(listed, said);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_codes_in_the_description_are_those_that_are_listed(db: PgPool) {
    let app = TestApp::new(db).await;
    let described = serde_json::to_value(document(&app.app)).unwrap();
    let words = |name: &str| -> BTreeSet<String> {
        let words = described["components"]["schemas"][name]["enum"].as_array();
        let words = words.unwrap().iter();
        words
            .map(|word| word.as_str().unwrap().to_owned())
            .collect()
    };
    let text = read("docs/errors.md");
    let slugs = first_spans(&table(&text, "| problem | status |"));
    let slugs = slugs
        .iter()
        .map(|slug| slug.replace('-', "_").to_ascii_uppercase());
    let mut listed: BTreeSet<_> = slugs.collect();
    listed.extend(first_spans(&table(&text, "| code | what it means |")));
    listed.extend(first_spans(&table(&text, "| `error_code` of `no-model` |")));
    // `src/http/description/codes.rs` has the list.
    assert_eq!(words("ErrorCode"), listed);
    let listed = first_spans(&table(&text, "| `fallbackReasonCode` |"));
    assert_eq!(words("FallbackReason"), listed);
    let listed = table(&read("docs/api.md"), "| `stopped_reason` | meaning |");
    assert_eq!(words("StoppedReason"), first_spans(&listed));
}
