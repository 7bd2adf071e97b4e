//! The chapters for operators: everything in them that can be run is run, and each is found from the index.

use std::collections::BTreeSet;

use navi::platform::db::MIGRATOR;
use serde_json::json;
use sqlx::PgPool;

use crate::documents::claims::blocks;
use crate::documents::operators::{address, commands_fail, long_run, queries_run, settings, steps};
use crate::documents::{files, read};
use crate::support::app::AUDIT_KEY;
use crate::support::served::{Place, Served};

const INDEX: &str = "docs/README.md";
const CHAPTERS: [&str; 6] = [
    "docs/database-full.md",
    "docs/logs.md",
    "docs/model-down.md",
    "docs/restoring.md",
    "docs/troubleshooting.md",
    "docs/upgrading.md",
];
/// The most words of a chapter: read in a few minutes.
const MOST_WORDS: usize = 900;

/// A server with a run that is over and one that takes long, and the id of the first.
async fn world(address: &str) -> (Served, String) {
    let place = Place::new(&long_run(), Some(address));
    let flags = ["--log-format", "json", "--audit-encryption-key", AUDIT_KEY];
    let served = place.serve(&flags).await;
    let run = served.job(&place.workspace("one")).await;
    let (status, answer) = served
        .post(&format!("/api/jobs/{run}/cancel"), &json!({}))
        .await;
    assert_eq!(status, 200, "{answer}");
    served.follow(&run, 0, false).await.rest().await;
    served.job(&place.workspace("two")).await;
    (served, run)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_commands_of_every_chapter_do_what_they_should(db: PgPool) {
    let address = address(&db.connect_options());
    let (served, run) = world(&address).await;
    let folder = tempfile::tempdir().unwrap();
    settings(folder.path(), &served, &address);
    let backups = folder.path().join("backups");
    std::fs::create_dir(&backups).unwrap();
    let restored = format!("restored_{}", std::process::id());
    let places = [
        ("/etc/navi", folder.path().to_str().unwrap()),
        ("/var/backups/navi", backups.to_str().unwrap()),
        ("/var/lib/navi/log", served.log.to_str().unwrap()),
        ("http://127.0.0.1:8787", served.url.as_str()),
        ("navi_restored", restored.as_str()),
        ("01980d3a-0000-7000-8000-000000000001", run.as_str()),
    ];
    let chapters = CHAPTERS.map(str::to_owned);
    let failed = commands_fail(&chapters, &places, folder.path()).await;
    assert!(failed.is_empty(), "{}\n{}", failed.join("\n"), served.log());
    let blocks = chapters.map(|path| steps(&path, "sh").len());
    assert!(!blocks.contains(&0), "{blocks:?}");
    assert!(blocks.iter().sum::<usize>() > 15, "{blocks:?}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_query_of_a_chapter_runs(db: PgPool) {
    let seen = queries_run(&db, &CHAPTERS.map(str::to_owned)).await;
    assert!(seen >= 4, "{seen} queries");
}

#[test]
fn what_a_chapter_does_not_run_says_why_and_each_is_short() {
    for path in CHAPTERS {
        let text = read(path);
        for (kind, block) in blocks(&text) {
            match kind {
                "bash" => assert!(block.starts_with("# not run here: "), "{path}: {block}"),
                "sh" | "sql" | "text" => {}
                _ => panic!("{path}: a block of {kind}"),
            }
        }
        let words = text.split_whitespace().count();
        assert!(words <= MOST_WORDS, "{path}: {words} words");
    }
}

/// The pages for people, by their names.
fn pages() -> BTreeSet<String> {
    let all = files("docs", ".md").into_iter();
    let pages = all.filter_map(|path| path.strip_prefix("docs/").map(str::to_owned));
    pages
        .filter(|page| !page.contains('/') && page != "README.md")
        .collect()
}

#[test]
fn the_index_leads_to_every_page_and_to_headings_that_are_there() {
    let index = read(INDEX);
    let links: Vec<&str> = index
        .split("](")
        .skip(1)
        .map(|link| link.split(')').next().unwrap())
        .collect();
    let linked: BTreeSet<String> = links
        .iter()
        .map(|link| link.split('#').next().unwrap().to_owned())
        .collect();
    let missing: Vec<_> = pages().difference(&linked).cloned().collect();
    assert!(missing.is_empty(), "no question leads to {missing:?}");
    for link in links {
        let Some((page, anchor)) = link.split_once('#') else {
            continue;
        };
        let text = read(&format!("docs/{page}"));
        let headings = text.lines().filter(|line| line.starts_with('#'));
        let there = headings.map(slug).any(|slug| slug == anchor);
        assert!(there, "there is no {link}");
    }
    assert!(read("README.md").contains("(docs/README.md)"));
}

/// A heading as links name it.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    });
    kept.collect()
}
