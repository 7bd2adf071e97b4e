//! Addresses that older clients call and that do not exist.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use navi::auth::principal::Role;
use navi::http::openapi::walk;
use navi::http::router::document;
use sqlx::PgPool;

use crate::support::app::TestApp;
use crate::support::client::Client;

const NOTHING: &str = "there is nothing at this address; /openapi.json lists what there is";

async fn detail(client: &Client, method: &str, path: &str) -> String {
    let method: Method = method.parse().unwrap();
    let request = Request::builder().method(method).uri(path);
    let answer = client.answer(request.body(Body::empty()).unwrap()).await;
    let start: String = path.chars().take(80).collect();
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{start}");
    assert_eq!(answer.body["error_code"], "NOT_FOUND", "{start}");
    answer.body["detail"].as_str().unwrap().to_owned()
}

/// The route that a sentence names, without its method.
fn named(detail: &str) -> Option<&str> {
    let route = detail.split("the nearest is ").nth(1)?;
    let route = route.split(',').next()?;
    Some(route.rsplit(' ').next().unwrap())
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_address_of_an_older_client_leads_to_what_took_its_place(db: PgPool) {
    let app = TestApp::new(db).await;
    for (method, path, expected) in [
        (
            "GET",
            "/api/navi/memory/recent?user_id=default_user&limit=50",
            "GET /api/navi-memory/conversations",
        ),
        ("POST", "/api/events/ingest", "POST /api/telemetry"),
        ("GET", "/api/tasks", "GET /api/jobs"),
        ("GET", "/api/governance/audit", "GET /api/audit"),
        (
            "GET",
            "/api/governance/insights",
            "GET /api/feedback/insights",
        ),
        ("DELETE", "/api/navi/checkpoint", "GET /api/jobs/{job_id}"),
        (
            "POST",
            "/api/navi/checkpoint/sync",
            "GET /api/jobs/{job_id}",
        ),
        (
            "GET",
            "/api/navi/checkpoint/interrupted/list",
            "GET /api/jobs",
        ),
        (
            "POST",
            "/api/navi/process/stream",
            "POST /api/navi/chat/stream/v2",
        ),
        ("POST", "/api/users/sync", "GET /api/auth/me"),
        ("GET", "/api/advanced/health", "GET /health/ready"),
        // A misspelled address leads to the one that was probably meant.
        ("GET", "/api/job", "/api/jobs"),
        (
            "GET",
            "/api/navi/job/17/event",
            "/api/navi/jobs/{job_id}/events",
        ),
        (
            "GET",
            "/api/conversations",
            "/api/navi-memory/conversations",
        ),
        ("POST", "/api/feedback/sumbit", "/api/feedback/submit"),
    ] {
        let expected = format!(
            "there is nothing at this address; the nearest is {expected}, and /openapi.json lists all"
        );
        for client in [app.stranger(), app.client(Role::Admin)] {
            assert_eq!(detail(&client, method, path).await, expected, "{path}");
        }
    }
}

/// The addresses of features that are neither here nor planned.
const CALLED: &[(&str, &str)] = &[
    ("POST", "/api/advanced/db/apply-migration"),
    ("POST", "/api/advanced/db/generate-migration"),
    ("GET", "/api/advanced/db/migration-history"),
    ("POST", "/api/advanced/db/rollback"),
    ("POST", "/api/advanced/db/schema-diff"),
    ("POST", "/api/advanced/db/seed"),
    ("POST", "/api/advanced/debug/analyze-error"),
    ("POST", "/api/advanced/debug/auto-fix"),
    ("POST", "/api/advanced/debug/circular-deps"),
    ("POST", "/api/advanced/debug/code-smells"),
    ("POST", "/api/advanced/debug/dead-code"),
    ("POST", "/api/advanced/debug/performance"),
    ("POST", "/api/advanced/git/bisect"),
    ("POST", "/api/advanced/git/cherry-pick"),
    ("POST", "/api/advanced/git/cleanup-branches"),
    ("POST", "/api/advanced/git/rebase"),
    ("POST", "/api/advanced/git/reflog"),
    ("POST", "/api/advanced/git/squash"),
    ("POST", "/api/advanced/git/stash"),
    ("GET", "/api/advanced/health"),
    ("POST", "/api/agent/intent/preview"),
    ("POST", "/api/ai/apply-patch"),
    ("POST", "/api/ai/generate-diff"),
    ("POST", "/api/autonomous/concierge/wallpaper/preferences"),
    ("GET", "/api/autonomous/concierge/wallpaper/themes"),
    ("POST", "/api/autonomous/execute-step"),
    ("GET", "/api/autonomous/tasks/7/steps"),
    ("POST", "/api/chat/respond"),
    ("POST", "/api/connectors/confluence/subscribe"),
    ("POST", "/api/connectors/confluence/sync"),
    ("POST", "/api/connectors/github/index"),
    ("GET", "/api/connectors/github/repos"),
    ("POST", "/api/connectors/meet/subscribe"),
    ("POST", "/api/connectors/meet/sync"),
    ("POST", "/api/connectors/oauth/config"),
    ("GET", "/api/connectors/oauth/config/7"),
    ("POST", "/api/connectors/slack/sync"),
    ("GET", "/api/connectors/teams/channels"),
    ("POST", "/api/connectors/teams/subscribe"),
    ("GET", "/api/connectors/teams/teams"),
    ("GET", "/api/connectors/ui/config"),
    ("POST", "/api/connectors/zoom/sync"),
    ("POST", "/api/context/pack"),
    ("GET", "/api/context/task/7"),
    ("POST", "/api/deliver/github/draft-pr"),
    ("POST", "/api/deliver/jira/comment"),
    ("POST", "/api/events/ingest"),
    ("POST", "/api/extensions/install"),
    ("GET", "/api/extensions/installed"),
    ("GET", "/api/extensions/marketplace/featured"),
    ("POST", "/api/extensions/marketplace/search"),
    ("GET", "/api/extensions/marketplace/7"),
    ("POST", "/api/extensions/validate"),
    ("POST", "/api/github/ci/dispatch"),
    ("POST", "/api/github/ci/status"),
    ("POST", "/api/github/pr/create"),
    ("GET", "/api/governance/approvals"),
    ("GET", "/api/governance/audit"),
    ("GET", "/api/governance/insights"),
    ("GET", "/api/governance/policy"),
    ("POST", "/api/governance/rollback/7"),
    ("GET", "/api/media/video/capabilities"),
    ("POST", "/api/media/video/process-for-chat"),
    ("POST", "/api/navi/auto-fix"),
    ("DELETE", "/api/navi/checkpoint"),
    ("POST", "/api/navi/checkpoint/complete"),
    ("POST", "/api/navi/checkpoint/interrupt"),
    ("GET", "/api/navi/checkpoint/interrupted/list"),
    ("POST", "/api/navi/checkpoint/sync"),
    ("GET", "/api/navi/enterprise/gates/pending"),
    ("GET", "/api/navi/enterprise/projects"),
    ("GET", "/api/navi/enterprise/projects/7"),
    ("GET", "/api/navi/enterprise/projects/7/gates"),
    ("POST", "/api/navi/enterprise/projects/7/gates/7/decide"),
    ("POST", "/api/navi/enterprise/projects/7/pause"),
    ("POST", "/api/navi/enterprise/projects/7/start"),
    ("GET", "/api/navi/jira-tasks"),
    ("GET", "/api/navi/memory/recent"),
    ("POST", "/api/navi/plan/7/approve"),
    ("POST", "/api/navi/process/stream"),
    ("POST", "/api/navi/repo/fix/7"),
    ("GET", "/api/navi/repo/review/stream"),
    ("POST", "/api/navi/search"),
    ("GET", "/api/navi/search/stats"),
    ("POST", "/api/navi/task-brief"),
    ("POST", "/api/org/sync/jira"),
    ("GET", "/api/plan/metrics"),
    ("POST", "/api/plan/step"),
    ("GET", "/api/plan/7"),
    ("GET", "/api/plan/7/stream"),
    ("GET", "/api/policy"),
    ("POST", "/api/repo/fix/7"),
    ("POST", "/api/review/stream"),
    ("POST", "/api/search"),
    ("GET", "/api/tasks"),
    ("POST", "/api/users/sync"),
    ("POST", "/api/v1/navi/execute-task"),
];

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_address_of_older_clients_leads_to_something_that_is_served(db: PgPool) {
    let app = TestApp::new(db).await;
    let document = document(&app.app);
    let served: BTreeSet<_> = walk(&document)
        .iter()
        .filter(|route| !route.statuses().any(|status| status == "501"))
        .map(|route| route.path)
        .collect();
    let mut lines = Vec::new();
    for (method, path) in CALLED {
        let detail = detail(&app.stranger(), method, path).await;
        let route = named(&detail).unwrap_or("nothing");
        assert_eq!(route == "nothing", detail == NOTHING, "{path}: {detail}");
        if route != "nothing" {
            assert!(served.contains(route), "{path}: {detail}");
        }
        lines.push(format!("{path} → {route}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    /api/advanced/db/apply-migration → /api/navi/chat/autonomous
    /api/advanced/db/generate-migration → /api/navi/chat/autonomous
    /api/advanced/db/migration-history → /api/navi/chat/autonomous
    /api/advanced/db/rollback → /api/navi/chat/autonomous
    /api/advanced/db/schema-diff → /api/navi/chat/autonomous
    /api/advanced/db/seed → /api/navi/chat/autonomous
    /api/advanced/debug/analyze-error → /api/navi/chat/autonomous
    /api/advanced/debug/auto-fix → /api/navi/chat/autonomous
    /api/advanced/debug/circular-deps → /api/navi/chat/autonomous
    /api/advanced/debug/code-smells → /api/navi/chat/autonomous
    /api/advanced/debug/dead-code → /api/navi/chat/autonomous
    /api/advanced/debug/performance → /api/navi/chat/autonomous
    /api/advanced/git/bisect → /api/navi/chat/autonomous
    /api/advanced/git/cherry-pick → /api/navi/chat/autonomous
    /api/advanced/git/cleanup-branches → /api/navi/chat/autonomous
    /api/advanced/git/rebase → /api/navi/chat/autonomous
    /api/advanced/git/reflog → /api/navi/chat/autonomous
    /api/advanced/git/squash → /api/navi/chat/autonomous
    /api/advanced/git/stash → /api/navi/chat/autonomous
    /api/advanced/health → /health/ready
    /api/agent/intent/preview → /api/navi/plan
    /api/ai/apply-patch → /api/navi/chat/autonomous
    /api/ai/generate-diff → /api/navi/chat/autonomous
    /api/autonomous/concierge/wallpaper/preferences → nothing
    /api/autonomous/concierge/wallpaper/themes → nothing
    /api/autonomous/execute-step → /api/jobs
    /api/autonomous/tasks/7/steps → /api/jobs/{job_id}/events
    /api/chat/respond → /api/navi/chat
    /api/connectors/confluence/subscribe → /api/connectors
    /api/connectors/confluence/sync → /api/connectors
    /api/connectors/github/index → /api/connectors
    /api/connectors/github/repos → /api/connectors
    /api/connectors/meet/subscribe → /api/connectors
    /api/connectors/meet/sync → /api/connectors
    /api/connectors/oauth/config → /api/connectors/{provider}
    /api/connectors/oauth/config/7 → /api/connectors/{provider}
    /api/connectors/slack/sync → /api/connectors
    /api/connectors/teams/channels → /api/connectors
    /api/connectors/teams/subscribe → /api/connectors
    /api/connectors/teams/teams → /api/connectors
    /api/connectors/ui/config → /api/connectors
    /api/connectors/zoom/sync → /api/connectors
    /api/context/pack → /api/navi/chat
    /api/context/task/7 → /api/navi/chat
    /api/deliver/github/draft-pr → /api/navi/chat/autonomous
    /api/deliver/jira/comment → /api/navi/chat/autonomous
    /api/events/ingest → /api/telemetry
    /api/extensions/install → nothing
    /api/extensions/installed → nothing
    /api/extensions/marketplace/featured → nothing
    /api/extensions/marketplace/search → nothing
    /api/extensions/marketplace/7 → nothing
    /api/extensions/validate → nothing
    /api/github/ci/dispatch → /api/navi/chat/autonomous
    /api/github/ci/status → /api/navi/chat/autonomous
    /api/github/pr/create → /api/navi/chat/autonomous
    /api/governance/approvals → /api/jobs
    /api/governance/audit → /api/audit
    /api/governance/insights → /api/feedback/insights
    /api/governance/policy → nothing
    /api/governance/rollback/7 → nothing
    /api/media/video/capabilities → nothing
    /api/media/video/process-for-chat → nothing
    /api/navi/auto-fix → /api/jobs
    /api/navi/checkpoint → /api/jobs/{job_id}
    /api/navi/checkpoint/complete → /api/jobs/{job_id}
    /api/navi/checkpoint/interrupt → /api/jobs/{job_id}
    /api/navi/checkpoint/interrupted/list → /api/jobs
    /api/navi/checkpoint/sync → /api/jobs/{job_id}
    /api/navi/enterprise/gates/pending → /api/jobs
    /api/navi/enterprise/projects → /api/jobs
    /api/navi/enterprise/projects/7 → /api/jobs/{job_id}
    /api/navi/enterprise/projects/7/gates → /api/jobs/{job_id}
    /api/navi/enterprise/projects/7/gates/7/decide → /api/jobs/{job_id}/approve
    /api/navi/enterprise/projects/7/pause → /api/jobs/{job_id}
    /api/navi/enterprise/projects/7/start → /api/jobs/{job_id}/start
    /api/navi/jira-tasks → /api/connectors
    /api/navi/memory/recent → /api/navi-memory/conversations
    /api/navi/plan/7/approve → /api/jobs/{job_id}/approve
    /api/navi/process/stream → /api/navi/chat/stream/v2
    /api/navi/repo/fix/7 → /api/jobs
    /api/navi/repo/review/stream → /api/navi/analyze-changes
    /api/navi/search → /api/navi/chat
    /api/navi/search/stats → /api/navi/chat
    /api/navi/task-brief → /api/navi/plan
    /api/org/sync/jira → /api/connectors
    /api/plan/metrics → /api/navi/plan
    /api/plan/step → /api/navi/plan
    /api/plan/7 → /api/navi/plan
    /api/plan/7/stream → /api/jobs/{job_id}/events
    /api/policy → nothing
    /api/repo/fix/7 → /api/jobs
    /api/review/stream → /api/navi/analyze-changes
    /api/search → /api/navi/chat
    /api/tasks → /api/jobs
    /api/users/sync → /api/auth/me
    /api/v1/navi/execute-task → /api/navi/chat/autonomous
    ");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_answer_repeats_nothing_of_the_address_and_knows_no_ids(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Viewer);
    let begun = serde_json::json!({"title": "mine"});
    let (_, begun) = client.post("/api/navi-memory/conversations", begun).await;
    let id = begun["id"].as_str().unwrap();
    let of = async |id: &str| {
        let path = format!("/api/navi-memory/conversations/{id}/secrets");
        detail(&app.stranger(), "GET", &path).await
    };
    let known = of(id).await;
    assert_eq!(known, of("01890a5d-ac96-774b-bcce-b302099a8057").await);
    assert!(!known.contains(id));
    let marked = "owl-1729";
    let long = format!("/api/jobs/7/{}", marked.repeat(2_000));
    let deep = format!("/api{}", format!("/{marked}").repeat(500));
    for path in [
        "/api/owl-1729",
        "/api/jobs/7/owl-1729",
        "/api/jobs/%3Cscript%3Eowl-1729/x/y",
        "/nowhere/owl-1729",
        "/api",
        "/api/",
        "//api//jobs",
        &long,
        &deep,
    ] {
        let detail = detail(&app.stranger(), "GET", path).await;
        assert!(!detail.contains("owl"), "{detail}");
        assert!(detail.len() < 200, "{detail}");
    }
    assert_eq!(detail(&client, "GET", &long).await, NOTHING);
    assert_eq!(detail(&client, "GET", "/nowhere/jobs").await, NOTHING);
}
