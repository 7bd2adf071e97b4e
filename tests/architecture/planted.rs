//! Violations that are found when something is planted in a house that is in order.

use crate::house::{House, MAX_FILES, MAX_LINES, Module, module};
use crate::small_house::{Plants, SMALL, found, owned, small};
use crate::structure;

/// Plants, and the texts of the violations that each causes.
const PLANTED: &[(Plants, &[&str])] = &[
    // Imports are exact.
    (
        &[("platform/a.rs", "use crate::llm::model::Usage;")],
        &["platform may not import llm"],
    ),
    (
        &[("llm/a.rs", "use crate::{platform::ids, exec::process};")],
        &["llm may not import exec"],
    ),
    (
        &[("llm/a.rs", "fn f() { crate::exec::process::go() }")],
        &["llm may not import exec"],
    ),
    (
        &[(
            "llm/a.rs",
            "use crate::exec as e;\nfn f() { e::process::go() }",
        )],
        &["llm/a.rs:2 names exec::process::go"],
    ),
    (
        &[("llm/a.rs", "#[serde(with = \"crate::exec::process\")]")],
        &["llm may not import exec"],
    ),
    (
        &[
            ("ledger/model.rs", "pub enum Kind {}"),
            ("ledger/service.rs", ""),
        ],
        &["ledger does not import llm", "Kind means one thing"],
    ),
    (&[("util/a.rs", "")], &["util has no row"]),
    // No circles between folders, and an order where there is one.
    (
        &[
            ("llm/wire/a.rs", "use crate::llm::cost::b;"),
            ("llm/cost/c.rs", "use crate::llm::wire::d;"),
            ("llm/cost/b.rs", ""),
            ("llm/wire/d.rs", ""),
        ],
        &["circle of 2 folders of llm: cost wire"],
    ),
    (
        &[("agent/runner/a.rs", "use crate::agent::calls::call::f;")],
        &["runner stands below calls"],
    ),
    (
        &[("agent/runner/a.rs", "use crate::agent::routes::serve;")],
        &["folders may import error only"],
    ),
    (
        &[("agent/chat/a.rs", "")],
        &["agent/chat has no place in ORDERS"],
    ),
    // No circles between files, except one with just these members.
    (
        &[
            ("llm/a.rs", "use crate::llm::b;\nfn f() { b::g() }"),
            ("llm/b.rs", "fn g() { super::a::f() }"),
        ],
        &["circle of 2 files: llm/a llm/b"],
    ),
    (
        &[
            ("llm/a.rs", "use crate::llm::b::{self as other, X};"),
            ("llm/b.rs", "use crate::llm::c;"),
            ("llm/c.rs", "mod inner { fn f() { super::super::a::f() } }"),
        ],
        &["llm/c.rs:1: says super::super", "circle of 3 files"],
    ),
    (
        &[
            ("llm/parse/more.rs", "use crate::llm::parse::words::word;"),
            (
                "llm/parse/commands.rs",
                "use crate::llm::parse::{more::f, words::Parser};\nimpl Parser {}",
            ),
        ],
        &["circle of 3 files: llm/parse/commands llm/parse/more llm/parse/words"],
    ),
    (
        &[("llm/parse/commands.rs", "")],
        &[
            "llm/parse/commands is in no circle",
            "llm/parse/words is in no circle",
            "Parser gets no methods in llm/parse besides",
        ],
    ),
    // Methods stand with their type.
    (
        &[(
            "llm/a.rs",
            "use crate::llm::model::Usage;\nimpl<T: Fn() -> X> Usage<T> where T: Y {}",
        )],
        &["llm/a.rs:2: Usage gets methods here"],
    ),
    (
        &[("llm/a.rs", "impl crate::llm::model::Usage<u8> {}")],
        &["Usage gets methods here"],
    ),
    (
        &[(
            "agent/calls/a.rs",
            "use crate::platform::ids::RunId;\nimpl RunId {}",
        )],
        &["RunId gets methods here and is defined in platform/ids.rs"],
    ),
    // Roles.
    (
        &[(
            "ledger/store.rs",
            "use crate::ledger::service::f;\nfn g() { sqlx::query(x) }",
        )],
        &["in ledger, store may not import service"],
    ),
    (
        &[("ledger/store/rows.rs", "use crate::ledger::service;")],
        &["in ledger, store may not import service"],
    ),
    (
        &[
            (
                "ledger/config.rs",
                "use crate::ledger;\nfn f() { ledger::tables::g() }",
            ),
            ("ledger/tables.rs", ""),
        ],
        &["in ledger, config may not import tables"],
    ),
    // Doors, and words.
    (
        &[("agent/calls/a.rs", "use axum::Router;")],
        &["axum:: is confined to routes"],
    ),
    (
        &[(
            "ledger/service.rs",
            "use crate::llm::model::Usage;\nfn f() { sqlx::query!(x) }",
        )],
        &["ledger/service.rs:2: sqlx::query is confined"],
    ),
    (
        &[("llm/a.rs", "use tokio::{fs, process::Command};")],
        &["tokio::process is confined to exec"],
    ),
    (
        &[("llm/a.rs", "use tokio;\nuse tokio::process as p;")],
        &["tokio::process is confined to exec"],
    ),
    (
        &[("llm/a.rs", "fn f() { reqwest::get(x) }")],
        &["reqwest::get is used nowhere"],
    ),
    (
        &[("exec/process.rs", "")],
        &["exec does not use tokio::process"],
    ),
    (
        &[("llm/a.rs", "use super::super::x;")],
        &["says super::super"],
    ),
    (
        &[(
            "ledger/routes.rs",
            "fn f() { OpenApiRouter::new().route(\"/x\", get(f)) }",
        )],
        &["register routes by `routes!`"],
    ),
    (
        &[("llm/mod.rs", "//! Docs.\npub mod model;\npub fn f() {}")],
        &["llm/mod.rs:3: a mod.rs holds docs and modules only"],
    ),
    // Names.
    (
        &[("llm/a.rs", "fn f() { struct Deed; }")],
        &["llm/a.rs:1: struct Deed is a retired name"],
    ),
    (
        &[("agent/calls/a.rs", "impl X { async fn patiently() {} }")],
        &["fn patiently is a retired name"],
    ),
    (
        &[("llm/a.rs", "pub struct Usage;")],
        &["Usage is imported and means 2 things"],
    ),
    (
        &[("llm/a.rs", "crate::id!(RunId);")],
        &["RunId is imported and means 2 things"],
    ),
    (
        &[("llm/a.rs", "enum Kind {}")],
        &["Kind means 3 things, 2 at most"],
    ),
    // Texts in the words of clients.
    (
        &[(
            "llm/error.rs",
            "#[error(\"the model is asked \\\n     anew: {0}\")]\nstruct Failed;",
        )],
        &["llm/error.rs:1: a text says `anew`"],
    ),
    (
        &[("llm/error.rs", "fn f() { say(r#\"Nobody answered\"#) }")],
        &["a text says `nobody`"],
    ),
];

/// Plants that look as if they broke a rule.
const INNOCENT: &[Plants] = &[
    &[],
    &[(
        "llm/a.rs",
        "// axum::Router /* \nfn f() -> &'static str { r#\"\"use tokio::process\"# }",
    )],
    &[(
        "llm/a.rs",
        "#[cfg(test)]\nmod tests { use axum::Router; }\nfn f() -> char { '\"' }",
    )],
    &[("llm/a.rs", "#[cfg(test)]\nuse crate::{exec, ledger};\n")],
    &[("llm/tests/a.rs", "use crate::ledger::model::Kind;")],
    &[("llm/a_tests.rs", "use crate::ledger::model::Kind;")],
    &[(
        "ledger/a.rs",
        "use crate::llm::model::Usage;\nimpl<T> X for Usage<T> where T: for<'a> Y<'a> {}\n\
         fn f() -> impl Iterator<Item = Usage<u8>> { g() }",
    )],
    &[(
        "llm/a.rs",
        "impl X for Y { type Usage = u8; const Kind: u8 = 1; }",
    )],
    &[("llm/a.rs", "fn patiently() { x.route(y) }")],
    // The files at the top of a folder are its face: folders and face may know each other.
    &[
        ("llm/face.rs", "use crate::llm::wire::a;"),
        ("llm/wire/b.rs", "use crate::llm::face::f;"),
        ("llm/wire/a.rs", ""),
    ],
];

#[test]
fn planted_violations_are_found() {
    for (plants, expected) in PLANTED {
        let mut found = found(&owned(plants), &SMALL);
        for said in *expected {
            let at = found.iter().position(|violation| violation.contains(said));
            assert!(at.is_some(), "{plants:?}: no {said:?} in {found:#?}");
            found.remove(at.unwrap());
        }
        assert_eq!(found, Vec::<String>::new(), "{plants:?}");
    }
    for plants in INNOCENT {
        assert_eq!(
            found(&owned(plants), &SMALL),
            Vec::<String>::new(),
            "{plants:?}"
        );
    }
}

#[test]
fn only_what_is_no_test_counts_as_length() {
    let lines = "const X: u8 = 1;\n".repeat(MAX_LINES);
    let tested = format!("{lines}#[cfg(test)]\nmod tests {{\n{lines}}}\n");
    assert_eq!(found(&[("llm/a.rs", tested)], &SMALL), Vec::<String>::new());
    let found = found(
        &[("llm/a.rs", format!("{lines}const Y: u8 = 1;\n"))],
        &SMALL,
    );
    assert!(
        found[0].contains("401 lines without its tests"),
        "{found:?}"
    );
}

#[test]
fn a_full_folder_needs_a_ceiling_of_its_own_size() {
    let paths: Vec<_> = (0..=MAX_FILES)
        .map(|n| format!("llm/many/a{n}.rs"))
        .collect();
    let files = |count: usize| {
        let paths = paths.iter().take(count);
        let files: Vec<_> = paths.map(|path| (path.as_str(), String::new())).collect();
        files
    };
    let of = |ceilings| House { ceilings, ..SMALL };
    let none = of(&[]);
    let right = of(&[("llm/many", MAX_FILES + 1)]);
    let high = of(&[("llm/many", MAX_FILES + 2)]);
    assert_eq!(found(&files(MAX_FILES), &none), Vec::<String>::new());
    assert_eq!(found(&files(MAX_FILES + 1), &right), Vec::<String>::new());
    for (count, house, said) in [
        (MAX_FILES + 1, none, "13 files at its top, 12 at most"),
        (MAX_FILES + 1, high, "lower the ceiling in CEILINGS from 14"),
        (MAX_FILES, right, "lower the ceiling in CEILINGS from 13"),
        (MAX_FILES, of(&[("llm/many", MAX_FILES)]), "need no ceiling"),
    ] {
        let found = found(&files(count), &house);
        assert!(found.len() == 1 && found[0].contains(said), "{found:?}");
    }
}

#[test]
fn modules_that_import_each_other_are_found_whatever_their_rows_say() {
    let tree = small(&[("llm/a.rs", "use crate::ledger::store::f;".to_owned())]);
    let found = structure::folder_circles(&tree, &SMALL);
    assert!(found.len() == 1, "{found:?}");
    assert!(
        found[0].contains("circle of 2 modules: ledger llm"),
        "{found:?}"
    );
}

/// Tables that contradict themselves, and what is said of them.
const CONTRADICTIONS: &[(&[Module], &str)] = &[
    (
        &[module(1, "llm", "ledger"), module(2, "ledger", "")],
        "imports point downwards",
    ),
    (
        &[module(1, "llm", "util"), module(2, "ledger", "llm")],
        "util, which has no row",
    ),
    (
        &[module(1, "llm", ""), module(2, "ledger", "llm  llm")],
        "write its imports as `llm`",
    ),
];

#[test]
fn a_table_that_contradicts_itself_or_the_document_is_found() {
    let row = |module: &Module| format!("{}\n", module.row());
    let rows: String = SMALL.modules.iter().map(row).collect();
    let document = format!("# Floors\n\n| floor | module | may import |\n|---|---|---|\n{rows}\n");
    assert_eq!(structure::table(&document, &SMALL), Vec::<String>::new());
    for (modules, said) in CONTRADICTIONS {
        let found = structure::table(&document, &House { modules, ..SMALL });
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains(said), "{found:?}");
        assert!(found[1].contains("shows another table"), "{found:?}");
    }
}
