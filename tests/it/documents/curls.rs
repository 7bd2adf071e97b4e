//! The requests that begin the areas of `docs/api.md`, copied as they stand, against a real server.

#![expect(
    clippy::disallowed_methods,
    reason = "a test runs a shell, as the document's reader does"
)]

use std::collections::BTreeSet;
use std::process::Command;

use navi::auth::principal::Role;
use navi::llm::script::Script;
use sqlx::PgPool;

use crate::documents::claims::blocks;
use crate::documents::read;
use crate::runs::stage::says;
use crate::support::served::{Served, token_of, url};

/// Parts of the page that are about no requests of their own.
const NO_AREAS: [&str; 4] = [
    "Limits",
    "Routes",
    "Shapes kept for older clients",
    "What clients may rely on",
];
/// The area whose requests are always refused.
const REFUSED: &str = "Requests for what there is not";

/// Each area, and the block that it begins with.
fn areas(text: &str) -> Vec<(&str, String)> {
    let parts = text.split("\n## ").skip(1);
    let areas = parts.map(|part| part.split_once('\n').unwrap());
    areas
        .filter(|(heading, _)| !NO_AREAS.contains(heading))
        .map(|(heading, part)| {
            let (kind, block) = blocks(part).swap_remove(0);
            assert_eq!(kind, "sh", "{heading} begins with no request");
            assert!(part.starts_with("\n```sh\n"), "{heading} begins with words");
            (heading, block)
        })
        .collect()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_area_begins_with_a_request_that_can_be_copied(db: PgPool) {
    for program in ["curl", "jq"] {
        if Command::new(program).arg("--version").output().is_err() {
            println!("not run: {program} is not installed");
            return;
        }
    }
    let text = read("docs/api.md");
    let (before, _) = text.split_once("\n## ").unwrap();
    let (_, exports) = blocks(before).swap_remove(0);
    let exported: BTreeSet<_> = exports
        .lines()
        .map(|line| line.split('=').next().unwrap())
        .collect();
    assert_eq!(
        exported,
        BTreeSet::from(["export NAVI_TOKEN", "export NAVI_URL"])
    );

    let script = Script {
        plan: Some("Pages are counted from 1.".to_owned()),
        turns: vec![says("Hello.")],
        ..Script::default()
    };
    let server = Served::start(&script, Some(&url(&db.connect_options()))).await;
    let areas = areas(&text);
    assert!(areas.len() > 20, "{} areas", areas.len());
    for (heading, block) in areas {
        // Without the flag curl succeeds at an answer that is an error.
        let all = format!("curl() {{ command curl --fail-with-body \"$@\"; }}\n{block}");
        let mut shell = Command::new("bash");
        shell
            .args(["-euo", "pipefail", "-c", &all])
            .env("NAVI_URL", &server.url)
            .env("NAVI_TOKEN", token_of("acme", "ada", Role::Admin))
            .current_dir(server.workspace());
        let output = tokio::task::spawn_blocking(move || shell.output().unwrap());
        let output = output.await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        let is_refused = heading == REFUSED;
        assert_eq!(
            output.status.success(),
            !is_refused,
            "{heading}\n{block}\n{said}\n{complained}"
        );
        assert_eq!(
            said.contains("\"error_code\""),
            is_refused,
            "{heading}: {said}"
        );
        assert!(!said.trim().is_empty(), "{heading} answers nothing");
    }
}
