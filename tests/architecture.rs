//! The dependency picture in `docs/architecture.md`, checked.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The floors. A module may import from floors below its own, and itself.
const FLOORS: &[&[&str]] = &[
    &["platform"],
    &["vault", "auth", "llm"],
    &[
        "audit",
        "ledger",
        "telemetry",
        "feedback",
        "connectors",
        "retrieval",
    ],
    AGENT,
    &["app", "config", "lifecycle"],
    &["http"],
    &["cli"],
];

/// The modules that work on runs.
const AGENT: &[&str] = &[
    "workspace",
    "exec",
    "git",
    "policy",
    "tools",
    "verify",
    "conversations",
    "approvals",
    "runs",
    "agent",
    "jobs",
    "review",
];

/// Imports within one floor that are allowed.
const SIDEWAYS: &[(&str, &str)] = &[
    ("auth", "vault"),
    ("ledger", "audit"),
    ("feedback", "audit"),
    ("feedback", "ledger"),
    ("connectors", "audit"),
    ("telemetry", "audit"),
    ("retrieval", "ledger"),
    ("app", "config"),
    ("app", "lifecycle"),
    ("config", "lifecycle"),
];

/// Inside a slice a file may import only files named before it.
const ROLES: &[&str] = &["model", "error", "store", "service", "routes"];

/// The only files that may name something: by the file's name without its ending, by a folder or
/// by the file's whole path below `src`.
const CONFINED: &[(&str, &[&str])] = &[
    (
        "axum::",
        &[
            "routes",
            "layer",
            "stream",
            "principal",
            "extract",
            "problem",
            "sse",
            "http",
            "cli/serve.rs",
        ],
    ),
    (
        "sqlx::query",
        &["store", "runs/log/store.rs", "platform/db.rs"],
    ),
    (
        "sea_query",
        &["store", "runs/log/store.rs", "platform/db.rs"],
    ),
    ("AssertSqlSafe", &["platform/kept/store.rs"]),
    // Others may name its errors and answers, not the ways to send something.
    ("reqwest::Client", &["platform/outbound.rs"]),
    ("reqwest::get", &["platform/outbound.rs"]),
    ("prometheus::", &["platform/metrics.rs", "http", "app.rs"]),
    (
        "std::process::Command",
        &["exec", "platform/embedded_postgres", "embedded_postgres"],
    ),
    (
        "tokio::process",
        &["exec", "platform/embedded_postgres", "embedded_postgres"],
    ),
    ("aws_sdk_kms", &["vault/kms.rs"]),
];

/// What no file may say.
const FORBIDDEN: &[(&str, &str)] = &[("super::super", "name the path from the crate's root")];

/// What no file with routes may say: `routes!` alone registers a route with its description, so
/// that tests which walk the description miss none.
const UNDESCRIBED: &[&str] = &[".route(", ".route_service(", ".nest_service("];

/// The longest a file may be before its tests, in lines.
const MAX_LINES: usize = 400;

/// A source file: its path below `src`, and its text.
struct Source {
    path: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(Source {
                    path: path
                        .strip_prefix(&root)
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_owned(),
                    text: fs::read_to_string(&path).unwrap(),
                });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

impl Source {
    /// Whether the file holds tests and nothing else.
    fn is_test(&self) -> bool {
        self.stem() == "tests" || self.stem().ends_with("_tests") || self.path.contains("/tests/")
    }

    /// The file's name without its ending.
    fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap();
        name.strip_suffix(".rs").unwrap()
    }

    /// The top-level module.
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The code: no comments, and nothing from the test module on.
    fn code(&self) -> String {
        self.before_tests()
            .lines()
            .map(|line| line.split("//").next().unwrap())
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn before_tests(&self) -> &str {
        self.text.split("#[cfg(test)]").next().unwrap()
    }

    fn is_at_home(&self, homes: &[&str]) -> bool {
        homes.iter().any(|home| {
            let folder = self.path.split('/').rev().skip(1).any(|part| part == *home);
            self.path == *home
                || self.path.starts_with(&format!("{home}/"))
                || self.stem() == *home
                || folder
        })
    }
}

/// Every path from the crate's root that the code names, in parts: `use crate::{a::b, c}` too.
fn imports(code: &str) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        expand(rest, &[], &mut found);
    }
    found
}

/// Reads a path, or a group of paths in braces, that stands at the beginning of `text`. Answers
/// with what follows.
fn expand<'a>(text: &'a str, before: &[String], found: &mut BTreeSet<Vec<String>>) -> &'a str {
    let mut path = before.to_vec();
    let mut rest = text.trim_start();
    loop {
        if let Some(group) = rest.strip_prefix('{') {
            rest = group.trim_start();
            loop {
                if let Some(after) = rest.strip_prefix('}') {
                    return after;
                }
                let left = rest.len();
                rest = expand(rest, &path, found).trim_start();
                rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
                if rest.len() == left {
                    return rest; // Not a list of paths after all.
                }
            }
        }
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        if end > 0 {
            path.push(rest[..end].to_owned());
        }
        rest = &rest[end..];
        match rest.strip_prefix("::") {
            Some(after) => rest = after,
            None => break,
        }
    }
    found.insert(path);
    // `as name` belongs to this path.
    rest.trim_start()
        .strip_prefix("as ")
        .map_or(rest, |renamed| {
            let end = renamed.find([',', '}', ';']).unwrap_or(renamed.len());
            &renamed[end..]
        })
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// Whether `module` may name `target`.
fn may_import(module: &str, target: &str) -> bool {
    match (floor(module), floor(target)) {
        _ if module == target => true,
        _ if AGENT.contains(&module) && AGENT.contains(&target) => true,
        (Some(own), Some(other)) if own == other => SIDEWAYS.contains(&(module, target)),
        (Some(own), Some(other)) => other < own,
        // `crate::id!` and other macros live at the root; main.rs and lib.rs see everything.
        _ => true,
    }
}

/// All that is wrong with these files.
fn violations(sources: &[Source]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        let (path, module, stem) = (&source.path, source.module(), source.stem());
        let code = source.code();
        let known = floor(module).is_some() || ["main", "lib"].contains(&module);
        if !known {
            wrong.push(format!("{path}: {module} stands on no floor"));
        }
        for import in imports(&code) {
            let target = import.first().map_or("", String::as_str);
            if !may_import(module, target) {
                wrong.push(format!("{path}: {module} may not import {target}"));
            }
            let rank = |name: &str| ROLES.iter().position(|role| *role == name);
            // The file of the same slice, or of the same part of a slice, that is named.
            let folder: Vec<_> = path.split('/').rev().skip(1).collect();
            let folder: Vec<_> = folder.into_iter().rev().collect();
            let same = import.len() > folder.len()
                && folder
                    .iter()
                    .zip(&import)
                    .all(|(ours, theirs)| ours == theirs);
            if same
                && let Some(own) = rank(stem)
                && let Some(other) = rank(&import[folder.len()])
                && other > own
            {
                wrong.push(format!("{path}: {stem} may not import {}", ROLES[other]));
            }
        }
        for (name, homes) in CONFINED {
            if code.contains(name) && !source.is_at_home(homes) {
                wrong.push(format!("{path}: {name} is confined to {homes:?}"));
            }
        }
        for (text, instead) in FORBIDDEN {
            if code.contains(text) {
                wrong.push(format!("{path}: says {text}; {instead}"));
            }
        }
        if stem == "routes" || module == "http" {
            for text in UNDESCRIBED.iter().filter(|text| code.contains(**text)) {
                wrong.push(format!("{path}: says {text}; register routes by `routes!`"));
            }
        }
        let lines = source.before_tests().lines().count();
        if lines > MAX_LINES {
            wrong.push(format!(
                "{path}: {lines} lines before its tests, {MAX_LINES} at most"
            ));
        }
        if stem == "mod" {
            let logic = code.lines().map(str::trim).find(|line| {
                let plain = line.is_empty()
                    || line.starts_with("#!")
                    || line.starts_with("pub mod ")
                    || line.starts_with("mod ");
                !plain
            });
            if let Some(line) = logic {
                wrong.push(format!(
                    "{path}: a mod.rs holds only docs and modules, not `{line}`"
                ));
            }
        }
    }
    wrong
}

#[test]
fn the_code_keeps_to_the_picture() {
    let wrong = violations(&sources());
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Files that break one rule each, and what is said of them.
const PLANTED: &[(&str, &str, &str)] = &[
    (
        "platform/a.rs",
        "use crate::llm::model::Usage;",
        "platform may not import llm",
    ),
    (
        "feedback/a.rs",
        "use crate::http::router;",
        "feedback may not import http",
    ),
    (
        "ledger/a.rs",
        "use crate::feedback::model::X;",
        "ledger may not import feedback",
    ),
    (
        "llm/a.rs",
        "use crate::{platform::clock, auth::token};",
        "llm may not import auth",
    ),
    (
        "auth/a.rs",
        "fn f() { crate::agent::execution::run_loop::go() }",
        "auth may not import agent",
    ),
    (
        "agent/service.rs",
        "use crate::agent::routes::f;",
        "service may not import routes",
    ),
    (
        "agent/conversations/store.rs",
        "use crate::conversations::{error::E, service::S};",
        "store may not import service",
    ),
    ("agent/run.rs", "use axum::Router;", "axum:: is confined"),
    (
        "agent/service.rs",
        "sqlx::query!(\"select 1\");",
        "sqlx::query is confined",
    ),
    ("llm/a.rs", "reqwest::get(x)", "reqwest::get is confined"),
    (
        "agent/run.rs",
        "tokio::process::Command::new(x)",
        "tokio::process is confined",
    ),
    (
        "agent/run.rs",
        "use prometheus::Counter;",
        "prometheus:: is confined",
    ),
    (
        "agent/store/runs.rs",
        "sqlx::query(AssertSqlSafe(sql))",
        "AssertSqlSafe is confined",
    ),
    (
        "lifecycle/a.rs",
        "use crate::app::App;",
        "lifecycle may not import app",
    ),
    ("agent/run.rs", "use super::super::x;", "super::super"),
    (
        "agent/routes.rs",
        "OpenApiRouter::new().route(\"/x\", get(f))",
        "register routes by `routes!`",
    ),
    (
        "agent/mod.rs",
        "//! Docs.\npub mod a;\npub fn f() {}",
        "`pub fn f() {}`",
    ),
    ("util/a.rs", "", "util stands on no floor"),
];

/// Files that look as if they broke a rule.
const INNOCENT: &[(&str, &str)] = &[
    (
        "feedback/store.rs",
        "use crate::ledger::model::X; sqlx::query!(\"select 1\");",
    ),
    (
        "agent/run.rs",
        "// axum::Router is not for here\nuse crate::id;",
    ),
    (
        "agent/tools/run_command.rs",
        "tokio::process::Command::new(x)",
    ),
    (
        "agent/conversations/service.rs",
        "use crate::conversations::store;",
    ),
    (
        "agent/run.rs",
        "fn f() {}\n#[cfg(test)]\nmod tests { use axum::Router; }",
    ),
];

fn found_in(path: &str, text: &str) -> Vec<String> {
    let source = Source {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    violations(&[source])
}

#[test]
fn planted_violations_are_found() {
    for (path, text, expected) in PLANTED {
        let found = found_in(path, text);
        assert_eq!(found.len(), 1, "{path}: {found:?}");
        assert!(found[0].contains(expected), "{path}: {found:?}");
    }
    for (path, text) in INNOCENT {
        assert_eq!(found_in(path, text), Vec::<String>::new(), "{path}");
    }
}

#[test]
fn only_what_stands_before_the_tests_counts_as_length() {
    let lines = "let x = 1;\n".repeat(MAX_LINES);
    let tested = format!("{lines}#[cfg(test)]\nmod tests {{}}\n{lines}");
    assert_eq!(found_in("agent/run.rs", &tested), Vec::<String>::new());
    let found = found_in("agent/run.rs", &format!("{lines}let y = 1;\n"));
    assert!(found[0].contains("401 lines before its tests"), "{found:?}");
}
