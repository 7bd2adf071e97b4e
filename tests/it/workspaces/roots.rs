//! Roots of one organisation, and of each by its name, over HTTP.

use navi::config::settings::Config;
use sqlx::PgPool;

use crate::workspaces::town::{ACME, GLOBEX, Town};

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_root_is_for_those_that_the_setting_names(db: PgPool) {
    let roots = "ROOT/each/{org}:acme=ROOT/a:acme=ROOT/b:ROOT/shared";
    let town = Town::with_roots(db, Some(roots)).await;
    town.make(&[
        "each/acme/x",
        "each/globex/x",
        "a/x",
        "b/x",
        "shared/x",
        "shared/y",
    ]);
    for path in ["each/acme/x", "a/x", "b", "shared/x"] {
        town.misses(GLOBEX, "each/acme/x").await;
        town.uses(ACME, path).await;
        town.misses(GLOBEX, path).await;
    }
    for path in ["each/globex/x", "shared/y"] {
        town.uses(GLOBEX, path).await;
        town.misses(ACME, path).await;
    }
    for path in ["", "each", "shared"] {
        town.misses(ACME, path).await;
        town.misses(GLOBEX, path).await;
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_organisation_whose_name_is_no_folder_has_no_root(db: PgPool) {
    let town = Town::with_roots(db, Some("ROOT/{org}")).await;
    town.make(&["acme/x", "x"]);
    for org in [
        "..",
        ".",
        "acme/x",
        "acme/../acme",
        "./acme",
        "ACME",
        ".acme",
        "acme ",
    ] {
        for path in ["acme", "acme/x", "x", ""] {
            town.misses(org, path).await;
        }
    }
    town.uses(ACME, "acme/x").await;
    assert_eq!(town.bound().await, ["acme ROOT/acme/x"]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_binding_from_before_keeps_a_named_root_until_it_is_released(db: PgPool) {
    let town = Town::new(db.clone()).await;
    town.make(&["x"]);
    town.uses(GLOBEX, "x").await;
    let root = town.root().display();
    let text = format!("--workspace-roots=acme={root}/x");
    let config = Config::from_flags([text.as_str()]).unwrap();
    let rules = config.workspace_rules();
    let app = &town.stage.app.app;
    let workspaces =
        navi::workspaces::service::Workspaces::new(db, app.clock.clone(), app.audit.clone(), rules);
    let of = |org: &str| {
        crate::support::app::principal(org, "ada", navi::auth::principal::Role::Planner)
    };
    let x = town.at("x");
    let x = x.to_str().unwrap();
    assert!(
        workspaces.open(&of(GLOBEX), None, x).await.is_err(),
        "the setting"
    );
    assert!(
        workspaces.open(&of(ACME), None, x).await.is_err(),
        "the binding"
    );
    let operator = navi::cli::audit::opened::operator().actor;
    workspaces
        .release(&town.at("x"), operator, true)
        .await
        .unwrap();
    assert!(workspaces.open(&of(ACME), None, x).await.is_ok());
}
