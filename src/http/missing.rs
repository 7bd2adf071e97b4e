//! Addresses that do not exist: the 404, which names what there is instead.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use utoipa::openapi::OpenApi;

use crate::http::nearest::Templates;
use crate::http::{openapi, unbuilt};
use crate::platform::problem::Problem;

/// The prefix of addresses for clients; no other address has a nearest.
const API: &str = "/api/";

/// Addresses of older clients, and the route that has taken their place. `{}` stands for any one
/// segment, `*` at the end for any that follow.
const MOVED: &[(&str, &str)] = &[
    ("/api/advanced/health", "GET /health/ready"),
    ("/api/advanced/*", "POST /api/navi/chat/autonomous"),
    ("/api/agent/intent/preview", "POST /api/navi/plan"),
    ("/api/ai/*", "POST /api/navi/chat/autonomous"),
    ("/api/autonomous/execute-step", "POST /api/jobs"),
    (
        "/api/autonomous/tasks/{}/steps",
        "GET /api/jobs/{job_id}/events",
    ),
    ("/api/chat/respond", "POST /api/navi/chat"),
    (
        "/api/connectors/oauth/config/*",
        "PUT /api/connectors/{provider}",
    ),
    ("/api/connectors/{}/{}", "GET /api/connectors"),
    ("/api/context/*", "POST /api/navi/chat"),
    ("/api/deliver/*", "POST /api/navi/chat/autonomous"),
    ("/api/events/ingest", "POST /api/telemetry"),
    ("/api/github/*", "POST /api/navi/chat/autonomous"),
    ("/api/governance/approvals", "GET /api/jobs"),
    ("/api/governance/audit", "GET /api/audit"),
    ("/api/governance/insights", "GET /api/feedback/insights"),
    ("/api/navi/auto-fix", "POST /api/jobs"),
    ("/api/navi/checkpoint/interrupted/list", "GET /api/jobs"),
    ("/api/navi/checkpoint/*", "GET /api/jobs/{job_id}"),
    ("/api/navi/enterprise/gates/pending", "GET /api/jobs"),
    ("/api/navi/enterprise/projects", "GET /api/jobs"),
    (
        "/api/navi/enterprise/projects/{}/gates/{}/decide",
        "POST /api/jobs/{job_id}/approve",
    ),
    (
        "/api/navi/enterprise/projects/{}/start",
        "POST /api/jobs/{job_id}/start",
    ),
    ("/api/navi/enterprise/projects/*", "GET /api/jobs/{job_id}"),
    ("/api/navi/jira-tasks", "GET /api/connectors"),
    (
        "/api/navi/memory/recent",
        "GET /api/navi-memory/conversations",
    ),
    (
        "/api/navi/plan/{}/approve",
        "POST /api/jobs/{job_id}/approve",
    ),
    ("/api/navi/process/stream", "POST /api/navi/chat/stream/v2"),
    ("/api/navi/repo/fix/{}", "POST /api/jobs"),
    (
        "/api/navi/repo/review/stream",
        "POST /api/navi/analyze-changes",
    ),
    ("/api/navi/search/*", "POST /api/navi/chat"),
    ("/api/navi/task-brief", "POST /api/navi/plan"),
    ("/api/org/sync/{}", "GET /api/connectors"),
    ("/api/plan/{}/stream", "GET /api/jobs/{job_id}/events"),
    ("/api/plan/*", "POST /api/navi/plan"),
    ("/api/repo/fix/{}", "POST /api/jobs"),
    ("/api/review/stream", "POST /api/navi/analyze-changes"),
    ("/api/search", "POST /api/navi/chat"),
    ("/api/tasks/*", "GET /api/jobs"),
    ("/api/users/sync", "GET /api/auth/me"),
    (
        "/api/v1/navi/execute-task",
        "POST /api/navi/chat/autonomous",
    ),
];

/// The routes that are served, for answers to requests for other ones.
#[derive(Debug)]
pub struct Served {
    /// Method and template of every route.
    routes: BTreeSet<String>,
    templates: Templates,
}

impl Served {
    /// The routes of a description.
    pub fn new(document: &OpenApi) -> Self {
        let routes = openapi::walk(document).into_iter();
        let routes = routes.map(|route| format!("{} {}", route.method, route.path));
        let paths = document.paths.paths.keys().map(String::as_str);
        Self {
            routes: routes.collect(),
            templates: Templates::new(
                paths.filter(|path| path.starts_with(API) && !unbuilt::is_unbuilt(path)),
            ),
        }
    }

    /// The problem of an address that does not exist. It repeats nothing of the address.
    pub fn not_found(&self, address: &str) -> Problem {
        let detail = match self.instead(address) {
            Some(route) => format!(
                "there is nothing at this address; the nearest is {route}, and /openapi.json lists all"
            ),
            None => {
                "there is nothing at this address; /openapi.json lists what there is".to_owned()
            }
        };
        Problem::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    fn instead(&self, address: &str) -> Option<&str> {
        if !address.starts_with(API) {
            return None;
        }
        let moved = MOVED.iter().find(|(old, _)| matches(old, address));
        let moved = moved.map(|(_, new)| *new);
        moved
            .filter(|new| self.routes.contains(*new))
            .or_else(|| self.templates.nearest(address))
    }
}

/// True when an address matches a pattern of the table.
fn matches(pattern: &str, address: &str) -> bool {
    let mut address = address.trim_end_matches('/').split('/');
    for expected in pattern.split('/') {
        if expected == "*" {
            return true;
        }
        match address.next() {
            Some(segment) if expected == "{}" || expected == segment => {}
            _ => return false,
        }
    }
    address.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_by_segments() {
        for (pattern, address, expected) in [
            ("/api/tasks", "/api/tasks", true),
            ("/api/tasks", "/api/tasks/", true),
            ("/api/tasks", "/api/tasks/1", false),
            ("/api/tasks", "/api/task", false),
            ("/api/fix/{}", "/api/fix/17", true),
            ("/api/fix/{}", "/api/fix", false),
            ("/api/fix/{}/x", "/api/fix/17/y", false),
            ("/api/checkpoint/*", "/api/checkpoint", true),
            ("/api/checkpoint/*", "/api/checkpoint/a/b", true),
            ("/api/checkpoint/*", "/api/checkpoints", false),
        ] {
            assert_eq!(matches(pattern, address), expected, "{pattern} {address}");
        }
    }

    #[test]
    fn the_first_pattern_that_matches_is_the_closest() {
        for (n, (pattern, _)) in MOVED.iter().enumerate() {
            let address = pattern.replace("{}", "x").replace("/*", "/x");
            let first = MOVED.iter().position(|(old, _)| matches(old, &address));
            assert_eq!(first, Some(n), "{pattern} is never reached");
        }
    }
}
