//! The first use of a folder, and what comes after it.

use std::os::unix::fs::symlink;
use std::path::Path;

use futures_util::future::join_all;
use navi::audit::model::{Actor, ActorKind};
use navi::auth::principal::Role;
use navi::platform::clock::Clock;
use navi::workspace::error::WorkspaceError;
use navi::workspace::paths::Workspace;
use navi::workspaces::error::Error;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::jobs::desk::{Desk, nothing};
use crate::runs::stage::{says, script};
use crate::support::app::TestApp;
use crate::workspaces::town::{ACME, GLOBEX, Town};

fn operator() -> Actor {
    Actor::nameless(ActorKind::Operator)
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_first_use_of_a_folder_binds_it_for_all_of_the_organisation(db: PgPool) {
    let town = Town::new(db).await;
    town.make(&["x/sub"]);
    town.uses(ACME, "x").await;
    let colleague = town.stage.app.client_of(ACME, "grace", Role::Viewer);
    for path in ["x", "x/sub", "x/../x/", "x/sub"] {
        let (status, answer) = town.job_by(&colleague, path).await;
        assert_eq!(status, 200, "{path}: {answer}");
    }
    assert_eq!(town.bound().await, ["acme ROOT/x"]);
    let sql = "select concat_ws(' ', user_id, bound_at at time zone 'UTC') from workspace_bindings";
    let by: String = sqlx::query_scalar(sql).fetch_one(&town.db).await.unwrap();
    assert_eq!(by, "ada 2026-01-02 03:04:05");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn without_any_roots_a_folder_is_bound_too(db: PgPool) {
    let town = Town::with_roots(db, None).await;
    town.make(&["x", "y"]);
    town.uses(ACME, "x").await;
    town.misses(GLOBEX, "x").await;
    town.uses(GLOBEX, "y").await;
    town.misses(ACME, "y").await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_lies_in_a_folder_or_around_it_belongs_with_it(db: PgPool) {
    let town = Town::new(db).await;
    town.make(&["a/b/c", "ab", "a.b"]);
    town.uses(ACME, "a/b").await;
    for path in ["a/b", "a/b/c", "a", ""] {
        town.misses(GLOBEX, path).await;
    }
    // Names that only begin alike are others.
    for path in ["ab", "a.b"] {
        town.uses(GLOBEX, path).await;
    }
    // The organisation itself may have the folder around it, and then has it once.
    town.uses(ACME, "a").await;
    let bound = ["acme ROOT/a", "globex ROOT/a.b", "globex ROOT/ab"];
    assert_eq!(town.bound().await, bound);
    town.misses(ACME, "").await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn of_first_uses_at_once_exactly_one_organisation_wins(db: PgPool) {
    let town = Town::new(db.clone()).await;
    let flags = format!("--workspace-roots={}", town.root().display());
    let mut config = TestApp::config(&[&flags]);
    config.play(script([says("Done.")]));
    let second = TestApp::of(db, Clock::System, config).await;
    let mut winners = Vec::new();
    for round in 0..8 {
        let (outer, inner) = (format!("{round}"), format!("{round}/sub"));
        town.make(&[&inner]);
        // Two servers, two organisations, the folder and one in it.
        let clients = [
            (ACME, town.client(ACME), &outer),
            (
                GLOBEX,
                second.client_of(GLOBEX, "ada", Role::Planner),
                &outer,
            ),
            (ACME, second.client_of(ACME, "grace", Role::Planner), &inner),
            (GLOBEX, town.client(GLOBEX), &inner),
        ];
        let asked = clients.iter().map(async |(org, client, path)| {
            let (status, answer) = town.job_by(client, path).await;
            assert!([200, 404].contains(&status), "{answer}");
            (*org, status == 200)
        });
        let answers = join_all(asked).await;
        let won: Vec<_> = answers.iter().filter(|(_, won)| *won).collect();
        assert!(!won.is_empty(), "nobody has it: {answers:?}");
        let org = won[0].0;
        for (other, won) in &answers {
            assert_eq!(*won, *other == org, "{answers:?}");
        }
        winners.push(org);
    }
    let bound = town.bound().await;
    for (round, org) in winners.iter().enumerate() {
        let of_round = |row: &&String| {
            let path = row.split_once("ROOT/").unwrap().1;
            path.split('/').next() == Some(&round.to_string())
        };
        let rows: Vec<_> = bound.iter().filter(of_round).collect();
        assert_eq!(rows.len(), 1, "{bound:?}");
        assert!(rows[0].starts_with(org), "{bound:?}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_folder_that_is_made_anew_is_the_same_organisations(db: PgPool) {
    let town = Town::new(db).await;
    town.make(&["x"]);
    town.uses(ACME, "x").await;
    std::fs::remove_dir(town.at("x")).unwrap();
    town.misses(GLOBEX, "x").await;
    town.misses(ACME, "x").await;
    town.make(&["x/new"]);
    town.misses(GLOBEX, "x").await;
    town.misses(GLOBEX, "x/new").await;
    town.uses(ACME, "x").await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_link_leads_to_nobody_elses_folder_however_it_is_turned(db: PgPool) {
    let town = Town::new(db).await;
    town.make(&["theirs", "mine/real"]);
    town.uses(ACME, "theirs").await;
    let link = town.at("mine/link");
    symlink(town.at("mine/real"), &link).unwrap();
    town.uses(GLOBEX, "mine/link").await;
    assert_eq!(
        town.bound().await,
        ["globex ROOT/mine/real", "acme ROOT/theirs"]
    );
    std::fs::remove_file(&link).unwrap();
    symlink(town.at("theirs"), &link).unwrap();
    town.misses(GLOBEX, "mine/link").await;
    // Their link to what is not theirs is no way for the owner to lose it.
    town.uses(ACME, "mine/link").await;
    assert_eq!(
        town.bound().await,
        ["globex ROOT/mine/real", "acme ROOT/theirs"]
    );
}

#[test]
fn a_folder_that_becomes_a_link_while_it_is_opened_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (other, turning) = (folder.path().join("other"), folder.path().join("turning"));
    std::fs::create_dir(&other).unwrap();
    std::fs::create_dir(&turning).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    let opened = std::thread::scope(|threads| {
        threads.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let aside = folder.path().join("aside");
                std::fs::rename(&turning, &aside).unwrap();
                symlink(&other, &turning).unwrap();
                std::fs::remove_file(&turning).unwrap();
                std::fs::rename(&aside, &turning).unwrap();
            }
        });
        let mut opened = 0;
        for _ in 0..20_000 {
            let workspace = match Workspace::open(turning.to_str().unwrap()) {
                Ok(workspace) => workspace,
                Err(WorkspaceError::Missing(_)) => continue,
                Err(error) => panic!("{error}"),
            };
            let (directory, _) = workspace.open_directory(".").unwrap();
            let real = std::fs::read_link(navi::platform::process::descriptors::descriptor_path(
                &directory,
            ));
            let real = real.unwrap();
            // It may have been moved aside since.
            let is_other = real.file_name() == other.file_name();
            assert_eq!(is_other, workspace.root().ends_with("other"), "{real:?}");
            opened += 1;
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        opened
    });
    assert!(opened > 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_log_of_the_organisation_says_who_bound_and_that_it_was_released(db: PgPool) {
    let town = Town::new(db).await;
    town.make(&["x"]);
    town.uses(ACME, "x").await;
    town.uses(ACME, "x").await;
    let workspaces = &town.stage.app.app.agent.deps().workspaces;
    // Its job is not over.
    let refused = workspaces.release(&town.at("x"), operator(), false).await;
    assert!(matches!(refused, Err(Error::AtWork { .. })), "{refused:?}");
    workspaces
        .release(&town.at("x"), operator(), true)
        .await
        .unwrap();
    let admin = town.stage.app.client_of(ACME, "grace", Role::Admin);
    let (_, page) = admin.get("/api/audit").await;
    let entries = page["entries"].as_array().unwrap().iter().rev();
    let told = entries.filter(|entry| entry["event_type"] != "http.request");
    let told: Vec<Value> = told
        .map(|entry| {
            json!([
                entry["event_type"],
                entry["actor_kind"],
                entry["actor_sub"],
                entry["outcome"],
                entry["resource_id"].as_str().unwrap().rsplit('/').next(),
            ])
        })
        .collect();
    let expected = json!([
        ["workspace.bound", "user", "ada", "success", "x"],
        ["workspace.released", "operator", null, "refused", "x"],
        ["workspace.released", "operator", null, "success", "x"],
    ]);
    assert_eq!(json!(told), expected);
    let other = town.stage.app.client_of(GLOBEX, "grace", Role::Admin);
    let (_, page) = other.get("/api/audit").await;
    assert_eq!(page["entries"], json!([]));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn nothing_is_bound_that_the_log_cannot_say(db: PgPool) {
    let town = Town::new(db.clone()).await;
    town.make(&["x"]);
    // The log of requests would refuse before.
    let principal = crate::support::app::principal(ACME, "ada", Role::Planner);
    sqlx::raw_sql(
        "create function refuses() returns trigger language plpgsql as $$ begin
             raise exception 'no';
         end $$;
         create trigger refuses before insert on audit_records
             for each row execute function refuses();",
    )
    .execute(&db)
    .await
    .unwrap();
    let workspaces = &town.stage.app.app.agent.deps().workspaces;
    let x = town.at("x");
    let opened = workspaces.open(&principal, None, x.to_str().unwrap()).await;
    assert!(matches!(opened, Err(Error::Audit(_))), "{opened:?}");
    assert!(town.bound().await.is_empty());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_folder_that_is_released_is_the_next_ones(db: PgPool) {
    let town = Town::new(db).await;
    town.make(&["x/sub"]);
    town.uses(ACME, "x").await;
    let workspaces = &town.stage.app.app.agent.deps().workspaces;
    let release = async |path: &Path| workspaces.release(path, operator(), true).await;
    let within = release(&town.at("x/sub")).await;
    assert!(matches!(within, Err(Error::Within { .. })), "{within:?}");
    let around = release(town.root()).await;
    assert!(matches!(around, Err(Error::Unbound(_))), "{around:?}");
    let released = release(&town.at("x/sub/..")).await.unwrap();
    assert_eq!(released.org_id.as_str(), ACME);
    let again = release(&town.at("x")).await;
    assert!(matches!(again, Err(Error::Unbound(_))), "{again:?}");
    town.uses(GLOBEX, "x").await;
    town.misses(ACME, "x").await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_whose_folder_went_to_another_organisation_does_not_go_on(db: PgPool) {
    let desk = Desk::new(db, script([says("Done.")])).await;
    let lost = desk.create(json!({"auto_start": false})).await;
    let folder = desk.stage.path("");
    let workspaces = &desk.stage.app.app.agent.deps().workspaces;
    workspaces.release(&folder, operator(), true).await.unwrap();
    let other = desk.stage.app.client_of(GLOBEX, "ada", Role::Planner);
    let theirs = desk.create_as(&other, json!({"auto_start": false})).await;
    assert_eq!(desk.ask(&lost, "start", nothing()).await.0, 200);
    let job = desk.until_status(&lost, "failed").await;
    let error = job["error"].as_str().unwrap();
    assert!(error.contains("not found"), "{job}");
    let (status, _) = other
        .post(&format!("/api/jobs/{theirs}/cancel"), nothing())
        .await;
    assert_eq!(status, 200);
}
