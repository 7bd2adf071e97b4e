//! The TypeScript client.

use navi::http::router::document;
use sqlx::PgPool;

use crate::clients::backstage::Backstage;
use crate::clients::{client, node, run};
use crate::support::app::TestApp;

#[tokio::test]
async fn the_typescript_client_passes_its_own_tests() {
    let Some(folder) = client() else {
        return;
    };
    // `npm test` without the build before it, because other tests read what is built.
    let quiet = [("NPM_CONFIG_UPDATE_NOTIFIER", "false")];
    let said = run("npm", &folder, &["test", "--ignore-scripts"], &quiet).await;
    for entry in std::fs::read_dir(folder.join("test")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let named = text
            .lines()
            .find_map(|line| line.strip_prefix("test(\"")?.split('"').next());
        let Some(name) = named else { continue };
        assert!(
            said.contains(name),
            "{} was not run: {said}",
            path.display()
        );
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_types_of_the_typescript_client_are_those_of_the_server(db: PgPool) {
    let Some(folder) = client() else {
        return;
    };
    let app = TestApp::new(db).await;
    let place = tempfile::tempdir().unwrap();
    let described = place.path().join("openapi.json");
    let text = serde_json::to_string(&document(&app.app)).unwrap();
    std::fs::write(&described, text).unwrap();
    let described = described.to_str().unwrap();
    let written = concat!(env!("CARGO_TARGET_TMPDIR"), "/client-api.ts");
    node(&folder, &["scripts/generate.mjs", described, written], &[]).await;
    let is_current = std::fs::read_to_string(written).unwrap()
        == std::fs::read_to_string(folder.join("src/api.ts")).unwrap();
    assert!(
        is_current,
        "the routes have changed: cp {written} clients/typescript/src/api.ts"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_typescript_client_loses_nothing_when_its_server_is_killed(db: PgPool) {
    if client().is_none() {
        return;
    }
    Backstage::open(&db).await.play("client.mjs", &[]).await;
}
