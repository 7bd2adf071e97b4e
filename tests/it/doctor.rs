//! Findings of `navi doctor`, and its advice for each.

use std::path::Path;

use navi::cli::doctor::check::Check;
use navi::cli::doctor::command::{Report, examine};
use navi::config::settings::Config;
use navi::platform::clock::Clock;
use navi::platform::db::MIGRATOR;
use navi::platform::embedded_postgres::server::{EmbeddedPostgres, Settings};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::llm_support::{RawServer, answer};
use crate::support::app::unmigrated;

/// The report for these settings, and a model that is set.
async fn report(flags: &[&str]) -> Report {
    let set = [
        "--ollama-base-url",
        "http://127.0.0.1:9",
        "--ollama-model",
        "llama3.2",
    ];
    report_of(&[flags, &set].concat(), false).await
}

async fn report_of(flags: &[&str], online: bool) -> Report {
    let mut config = Config::from_flags(flags.iter().copied()).unwrap();
    // The program that contains commands is not the one that runs tests.
    config.surroundings.supervisor = Some(env!("CARGO_BIN_EXE_navi").into());
    examine(&config, &Clock::System, online).await
}

fn check<'a>(report: &'a Report, name: &str) -> &'a Check {
    report
        .checks
        .iter()
        .find(|check| check.name == name)
        .unwrap()
}

fn url(options: &PgConnectOptions) -> String {
    let place = options.get_socket().map_or_else(
        || options.get_host().to_owned(),
        |socket| socket.display().to_string(),
    );
    let name = options.get_database().unwrap();
    format!(
        "postgres://{}@localhost/{name}?host={place}",
        options.get_username()
    )
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn a_fresh_machine_with_postgres_installed_needs_nothing() {
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("not/there/yet");
    let report = report(&["--data-dir", text(&folder)]).await;
    assert!(report.ok, "{report:#?}");
    assert!(
        !base.path().join("not").exists(),
        "the doctor made something"
    );
    let names: Vec<_> = report.checks.iter().map(|check| check.name).collect();
    assert_eq!(
        names,
        [
            "settings",
            "sandbox",
            "models",
            "data folder",
            "disk",
            "postgres programs",
            "private database"
        ]
    );
}

#[tokio::test]
async fn missing_programs_are_named_with_the_command_that_installs_them() {
    let base = tempfile::tempdir().unwrap();
    let folder = text(base.path());
    let report = report(&["--data-dir", folder, "--pg-bin", "/nowhere/bin"]).await;
    assert!(!report.ok);
    let programs = check(&report, "postgres programs");
    assert_eq!(
        programs.mend.as_deref(),
        Some("sudo apt-get install postgresql")
    );
    assert!(programs.detail.contains("/nowhere/bin"), "{programs:?}");
}

#[tokio::test]
async fn a_data_folder_that_is_a_file_is_no_data_folder() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("file");
    std::fs::write(&file, "").unwrap();
    let report = report(&["--data-dir", text(&file)]).await;
    let folder = check(&report, "data folder");
    assert!(
        !folder.ok && folder.detail.contains("is not a folder"),
        "{folder:?}"
    );
}

#[tokio::test]
async fn a_running_private_database_is_fine_and_its_process_is_named() {
    let base = tempfile::tempdir().unwrap();
    let settings = Settings {
        data_dir: base.path().to_owned(),
        ..Settings::default()
    };
    let postgres = EmbeddedPostgres::start(settings).await.unwrap();
    let flags = ["--data-dir", text(base.path())];
    let running = report(&flags).await;
    assert!(running.ok, "{running:#?}");
    let holder = format!("in use by process {}", std::process::id());
    assert_eq!(check(&running, "private database").detail, holder);

    postgres.stop().await;
    let stopped = report(&flags).await;
    assert!(stopped.ok, "{stopped:#?}");
    std::fs::remove_file(base.path().join("postgres/password")).unwrap();
    let lost = report(&flags).await;
    assert!(!lost.ok);
    let mend = check(&lost, "private database").mend.clone().unwrap();
    assert!(mend.contains("put it back"), "{mend}");
}

#[sqlx::test(migrations = false)]
async fn pending_migrations_are_mended_by_navi_migrate(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    unmigrated(&options).await;
    let base = tempfile::tempdir().unwrap();
    let url = url(&options);
    let flags = ["--data-dir", text(base.path()), "--database-url", &url];
    let before = report(&flags).await;
    assert!(!before.ok);
    assert_eq!(
        check(&before, "migrations").mend.as_deref(),
        Some("navi migrate")
    );

    let pool = sqlx::PgPool::connect_with(options).await.unwrap();
    MIGRATOR.run(&pool).await.unwrap();
    let after = report(&flags).await;
    assert!(after.ok, "{after:#?}");
}

#[tokio::test]
async fn an_unreachable_database_is_a_finding_and_no_crash() {
    let base = tempfile::tempdir().unwrap();
    let flags = [
        "--data-dir",
        text(base.path()),
        "--database-url",
        "postgres://navi:hunter2@localhost/x?host=/nowhere",
    ];
    let report = report(&flags).await;
    assert!(!check(&report, "database").ok);
    let everything = serde_json::to_string(&report).unwrap();
    assert!(!everything.contains("hunter2"), "{everything}");
}

#[tokio::test]
async fn the_placeholder_of_an_example_is_no_model() {
    let base = tempfile::tempdir().unwrap();
    let folder = ["--data-dir", text(base.path())];
    for key in ["sk-...", "changeme", "your-key-here"] {
        let flags = [&folder[..], &["--openai-api-key", key]].concat();
        let report = report_of(&flags, false).await;
        let models = check(&report, "models");
        assert!(!models.ok, "{key}: {models:?}");
        let named = "a placeholder and no key: OPENAI_API_KEY";
        assert!(models.detail.contains(named), "{models:?}");
        let mend = models.mend.as_deref().unwrap();
        assert!(mend.contains("into OPENAI_API_KEY"), "{mend}");
    }
    let own = [
        "--openai-api-key",
        "changeme",
        "--openai-base-url",
        "http://127.0.0.1:9",
    ];
    let report = report_of(&[&folder[..], &own].concat(), false).await;
    assert!(
        check(&report, "models").ok,
        "a server of one's own may want any word"
    );
}

#[tokio::test]
async fn production_is_not_offered_a_private_database() {
    let base = tempfile::tempdir().unwrap();
    let flags = ["--data-dir", text(base.path()), "--app-env", "production"];
    let report = report(&flags).await;
    let settings = check(&report, "settings");
    assert!(
        settings
            .detail
            .contains("DATABASE_URL is required in production"),
        "{settings:?}"
    );
    let offered = report
        .checks
        .iter()
        .find(|check| check.name == "private database");
    assert!(offered.is_none(), "{report:#?}");
}

#[tokio::test]
async fn a_machine_without_a_model_is_told_what_to_set() {
    let base = tempfile::tempdir().unwrap();
    let report = report_of(&["--data-dir", text(base.path())], false).await;
    assert!(!report.ok);
    let models = check(&report, "models");
    assert!(models.detail.contains("NO_MODELS_AVAILABLE"), "{models:?}");
    let mend = models.mend.as_deref().unwrap();
    assert!(
        mend.contains("ANTHROPIC_API_KEY") && mend.contains("docs/models.md"),
        "{mend}"
    );
}

#[tokio::test]
async fn providers_are_asked_online_and_only_then() {
    let base = tempfile::tempdir().unwrap();
    let server = RawServer::with(answer(401, "", "{}")).await;
    server.serve_models(&["qwen3:8b"]);
    let (folder, own) = (text(base.path()), server.v1());
    let flags = ["--data-dir", folder, "--self-hosted-api-base-url", &own];
    let offline = report_of(&flags, false).await;
    assert!(offline.ok, "{offline:#?}");
    let about = |report: &Report| {
        report
            .checks
            .iter()
            .any(|check| check.name == "self_hosted")
    };
    assert!(!about(&offline));
    let online = report_of(&flags, true).await;
    assert!(online.ok && about(&online), "{online:#?}");
    let models = &check(&online, "models").detail;
    assert!(models.contains("`self_hosted/qwen3:8b`"), "{models}");

    let dead = [
        "--data-dir",
        folder,
        "--openai-base-url",
        "http://127.0.0.1:9/v1",
    ];
    let report = report_of(&dead, true).await;
    let openai = check(&report, "openai");
    let refused = "http://127.0.0.1:9/v1 (OPENAI_BASE_URL) refused the connection";
    assert_eq!((openai.ok, openai.detail.as_str()), (false, refused));
}

#[tokio::test]
async fn a_default_model_that_is_not_there_is_a_finding() {
    let set = [
        "--openai-api-key=sk-test-0123456789",
        "--default-model=openai/gtp-5-mini",
        "--data-dir=/nonexistent",
    ];
    let report = report_of(&set, false).await;
    let models = check(&report, "models");
    assert!(!models.ok, "{models:?}");
    for word in [
        "NAVI_DEFAULT_MODEL: `openai/gtp-5-mini` is not in the model registry",
        "did you mean `openai/gpt-5-mini`",
        "requests that name no model get",
    ] {
        assert!(models.detail.contains(word), "{word}: {models:?}");
    }
}
