//! A small house that is in order.

use crate::RULES;
use crate::house::{House, Order, module};
use crate::tree::Tree;

pub(crate) const SMALL: House = House {
    modules: &[
        module(4, "main", "agent"),
        module(3, "agent", "exec ledger"),
        module(2, "ledger", "llm"),
        module(1, "llm", ""),
        module(1, "exec", ""),
        module(0, "platform", ""),
    ],
    orders: &[Order {
        module: "agent",
        low: &["error"],
        folders: &[&["prompt"], &["runner"], &["calls"]],
    }],
    circles: &[&["llm/parse/commands", "llm/parse/words"]],
    impls: &[("Parser", "llm/parse")],
    ceilings: &[],
    roles: &[
        &["config", "model"],
        &["tables"],
        &["store"],
        &["service"],
        &["routes"],
    ],
    doors: &[
        ("axum::", &["routes"]),
        ("sqlx::query", &["store"]),
        ("tokio::process", &["exec"]),
        ("reqwest::get", &[]),
    ],
    retired: &[("Deed", "Invocation", ""), ("patiently", "retry", "agent")],
    shared: &[("Kind", 2)],
};

const FILES: &[(&str, &str)] = &[
    ("main.rs", "fn main() { navi::agent::routes::serve() }"),
    ("lib.rs", "//! Docs.\n#![warn(x)]\npub mod agent;\nmod llm;"),
    (
        "platform/ids.rs",
        "#[macro_export]
         macro_rules! id { ($name:ident) => { pub struct $name; impl $name { fn f() {} } }; }
         id!(
             /// A run.
             #[derive(Clone)]
             RunId
         );",
    ),
    ("exec/process.rs", "use tokio::process::Command;"),
    (
        "llm/model.rs",
        "pub struct Usage<T>(T);\nimpl<T> Usage<T> {}\npub enum Kind { A }",
    ),
    (
        "llm/parse/words.rs",
        "use crate::llm::parse::commands::go;\npub struct Parser;\nimpl Parser { fn f() {} }",
    ),
    (
        "llm/parse/commands.rs",
        "use crate::llm::parse::words::Parser;\nimpl Parser { fn go() {} }",
    ),
    (
        "ledger/model.rs",
        "use crate::llm::model::Kind as Other;\npub enum Kind {}",
    ),
    ("ledger/store.rs", "fn f() { sqlx::query!(\"select 1\") }"),
    ("ledger/service.rs", "use crate::llm::model::Usage;"),
    ("agent/error.rs", "pub enum Failure {}"),
    (
        "agent/prompt/messages.rs",
        "use crate::agent::error::Failure;",
    ),
    ("agent/runner/runner.rs", "pub struct Runner;"),
    (
        "agent/calls/call.rs",
        "use crate::agent::prompt::messages;\nuse crate::exec::process;\n\
         use crate::platform::ids::RunId;",
    ),
    (
        "agent/routes.rs",
        "use axum::Router;\nuse crate::ledger::service;",
    ),
];

/// Files that replace others or come to them.
pub(crate) type Plants = &'static [(&'static str, &'static str)];

pub(crate) fn small(plants: &[(&str, String)]) -> Tree {
    let stays = |path: &str| !plants.iter().any(|(planted, _)| *planted == path);
    let files = FILES.iter().filter(|(path, _)| stays(path));
    let files = files.map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    let plants = plants.iter().cloned();
    let plants = plants.map(|(path, text)| (path.to_owned(), text));
    Tree::new(&files.chain(plants).collect::<Vec<_>>())
}

pub(crate) fn found(plants: &[(&str, String)], house: &House) -> Vec<String> {
    let tree = small(plants);
    RULES.iter().flat_map(|rule| rule(&tree, house)).collect()
}

pub(crate) fn owned(plants: Plants) -> Vec<(&'static str, String)> {
    let plants = plants.iter();
    plants
        .map(|(path, text)| (*path, (*text).to_owned()))
        .collect()
}
