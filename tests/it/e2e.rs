//! `navi e2e`: its tasks, its report and its exit code.

#![expect(
    clippy::disallowed_methods,
    reason = "the program itself is tested, with the programs that its tasks need"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use navi::cli::e2e::measuring::figures::{Percentiles, totals};
use navi::cli::e2e::measuring::model::{E2eData, ProviderKind, TaskData};
use navi::cli::e2e::reporting::{budget, data, page};
use navi::cli::e2e::tasks::load::load;
use navi::cli::e2e::tasks::model::TaskKind;
use sqlx::PgPool;
use tempfile::TempDir;

use crate::documents::{read, root};
use crate::support::served::url;

/// The outcome of a session of tasks.
struct Session {
    code: Option<i32>,
    out: String,
    error: String,
    folder: TempDir,
}

impl Session {
    /// Runs the program with these flags.
    fn run(db: Option<&PgPool>, flags: &[&str]) -> Self {
        Self::run_in(tempfile::tempdir().unwrap(), db, flags)
    }

    /// The same with a report in a folder that may hold tasks and budgets.
    fn run_in(folder: TempDir, db: Option<&PgPool>, flags: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_navi"));
        command
            .env_clear()
            .envs(["PATH", "HOME"].map(|name| (name, std::env::var(name).unwrap())))
            .current_dir(root())
            .env("NAVI_DATA_DIR", folder.path().join("data"))
            .args(["e2e", "--report"])
            .arg(folder.path().join("report"))
            .args(flags);
        if let Some(db) = db {
            command.args(["--database-url", &url(&db.connect_options())]);
        }
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            code: output.status.code(),
            out: text(&output.stdout),
            error: text(&output.stderr),
            folder,
        }
    }

    fn data(&self) -> E2eData {
        let folder = self.folder.path().join("report");
        let mut sessions = data::read_all(&folder).unwrap();
        assert_eq!(sessions.len(), 1, "{} {}", self.out, self.error);
        sessions.remove(0)
    }

    fn page(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("report/README.md")).unwrap()
    }
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn there_are_tasks_of_every_kind_in_many_languages_and_each_looks_at_what_came_out() {
    let tasks = load(&root().join("e2e/tasks")).unwrap();
    assert!(tasks.len() >= 120, "{}", tasks.len());
    let mut kinds: BTreeMap<TaskKind, usize> = BTreeMap::new();
    let mut languages = BTreeSet::new();
    for task in &tasks {
        *kinds.entry(task.kind).or_default() += 1;
        languages.insert(task.written.language.as_str());
        assert!(task.written.check.looks_at_content(), "{}", task.written.id);
    }
    for kind in TaskKind::ALL {
        assert!(kinds.get(&kind).copied().unwrap_or(0) >= 5, "{kind}");
    }
    assert!(languages.len() >= 8, "{languages:?}");
    let jobs = tasks.iter().filter(|task| !task.written.interactive);
    assert!(jobs.count() >= 8);
    let messages: BTreeSet<&str> = tasks.iter().map(|task| &*task.written.message).collect();
    assert_eq!(messages.len(), tasks.len(), "two tasks ask for the same");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn tasks_are_done_over_http_and_told_with_who_answered(db: PgPool) {
    let tasks = [
        "explain-tax",
        "edit-constant",
        "approve-delete-folder",
        "deny-script",
        "ask-name",
        "create-shell-tool",
        "unsafe-root",
        "provider-rate-limit",
        "edit-after-a-miss",
        "leave-before-an-edit",
        "explain-as-a-job",
    ];
    let session = Session::run(Some(&db), &["--only", &tasks.join(",")]);
    let data = session.data();
    let failed: Vec<_> = data.tasks.iter().filter(|task| !task.passed()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(data.tasks.len(), tasks.len());
    assert_eq!(data.session.provider, ProviderKind::Scripted);
    assert!(!data.session.whole);
    for task in data
        .tasks
        .iter()
        .filter(|task| task.kind != TaskKind::Leave)
    {
        let shares = task.shares.unwrap();
        assert!(
            shares.own_ms > 0.0 && shares.own_ms <= task.total_ms,
            "{task:?}"
        );
        assert!(task.tokens.output > 0, "{task:?}");
    }
    let page = session.page();
    assert!(page.contains("| a script, no model | 11 | 11 |"), "{page}");
    assert!(page.contains("| a large model | **not run** |"), "{page}");
    assert!(!page.contains("inferred"), "{page}");
    let runs: i64 = sqlx::query_scalar("select count(*) from runs where org_id = 'e2e'")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(runs, 11);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn checks_and_the_time_for_copies_are_no_share_of_our_own(db: PgPool) {
    let session = Session::run(Some(&db), &["--only", "fix-test-verified"]);
    let data = session.data();
    let task = &data.tasks[0];
    assert!(task.passed(), "{task:?}");
    let shares = task.shares.unwrap();
    assert_eq!((shares.copies_ms,), (250.0,));
    // The checks ran twice, and the first time before the change.
    let begun = "select created_at from run_events where payload ->> 'message' \
                 like 'Running the project''s checks before the first change%'";
    let begun: Vec<chrono::DateTime<chrono::Utc>> =
        sqlx::query_scalar(begun).fetch_all(&db).await.unwrap();
    assert_eq!(begun.len(), 1);
    let alone = "select extract(epoch from max(created_at) filter (where kind = 'verification') \
                 - max(created_at) filter (where payload ->> 'status' = 'verifying'))::float8 * 1000 \
                 from run_events";
    let second: f64 = sqlx::query_scalar(alone).fetch_one(&db).await.unwrap();
    assert!(shares.checks_ms > second, "{shares:?}, {second}");
}

/// Two tasks, of which the slower one looks for a file that it does not make.
const TASKS: &str = r#"
kind = "explain"

[[task]]
id = "good"
language = "text"
message = "Say yes."
turns = [{ say = ["yes"] }]
[task.check]
answer = ["yes"]

[[task]]
id = "bad"
language = "text"
message = "Make a file."
turns = [{ say = ["made", " it"], delay_ms = 300 }]
[task.check]
files."made.txt".holds = ["x"]
"#;

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_failing_check_is_a_failure_in_the_report_and_in_the_percentiles(db: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "tasks/explain.toml", TASKS);
    let tasks = folder.path().join("tasks");
    let budgets = write(
        folder.path(),
        "budgets.toml",
        "[scripted]\nsuccess_at_least = 0.9\n",
    );
    let flags = ["--tasks", tasks.to_str().unwrap(), "--budgets", &budgets];
    let session = Session::run_in(folder, Some(&db), &flags);
    assert_eq!(session.code, Some(1), "{} {}", session.out, session.error);
    assert!(
        session
            .out
            .contains("BROKEN at least 90 % of the tasks succeed: 50 %"),
        "{}",
        session.out
    );
    let data = session.data();
    let failures = |id: &str| {
        let mut tasks = data.tasks.iter();
        tasks.find(|task| task.id == id).unwrap().failures.clone()
    };
    assert!(failures("good").is_empty());
    assert_eq!(failures("bad").len(), 1);
    assert!(
        failures("bad")[0].contains("made.txt"),
        "{:?}",
        failures("bad")
    );
    let all: Vec<&TaskData> = data.tasks.iter().collect();
    let found = Percentiles::of(&totals(&all)).unwrap();
    let slowest = data.tasks.iter().find(|task| task.id == "bad").unwrap();
    assert_eq!((found.count, found.p99), (2, slowest.total_ms));
    let page = session.page();
    let row = format!("| total | 2 | {} |", page::time(found.p50));
    assert!(page.contains(&row), "{page}");
    assert!(page.contains("- `bad`: 'made.txt'"), "{page}");
}

/// A job whose model takes longer than the task has.
const SLOW: &str = r#"
kind = "explain"

[[task]]
id = "slow"
language = "text"
message = "Say yes, at your leisure."
interactive = false
seconds = 1
turns = [{ say = ["yes"], delay_ms = 60000 }]
[task.check]
answer = ["yes"]
"#;

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_that_takes_too_long_is_a_failure_and_is_ended(db: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "tasks/explain.toml", SLOW);
    let tasks = folder.path().join("tasks");
    let flags = ["--tasks", tasks.to_str().unwrap()];
    let session = Session::run_in(folder, Some(&db), &flags);
    assert_eq!(session.code, Some(1), "{} {}", session.out, session.error);
    let data = session.data();
    let task = &data.tasks[0];
    assert_eq!(
        task.failures[0],
        "the stream did not end in the time that it had"
    );
    assert_eq!(task.stopped.as_deref(), Some("canceled"));
    assert!(task.total_ms >= 1_000.0 && !task.protocol, "{task:?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_broken_budget_ends_with_1_and_one_that_holds_with_0(db: PgPool) {
    // One database has one data folder, whose keys seal what it holds.
    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    for (most, code, word) in [("0.000001", 1, "BROKEN"), ("60000", 0, "holds ")] {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("[scripted]\nsuccess_at_least = 1.0\nown_p95_ms = {most}\n");
        let budgets = write(folder.path(), "budgets.toml", &text);
        let flags = [
            "--only",
            "explain-regex",
            "--budgets",
            &budgets,
            "--data-dir",
            data,
        ];
        let session = Session::run_in(folder, Some(&db), &flags);
        let wanted = format!("{word} p95 of NAVI's own share under {most} ms");
        assert_eq!(session.code, Some(code), "{}", session.out);
        assert!(session.out.contains(&wanted), "{}", session.out);
    }
}

#[test]
fn mistakes_end_with_2_before_anything_is_started() {
    let cases = [
        (
            &["--only", "no-such-task"][..],
            "task `no-such-task` not found",
        ),
        (&["--budget", "no-such"], "has no budget `no-such`"),
        (&["--tasks", "docs/runbooks"], "holds no tasks"),
        (
            &["--server", "http://127.0.0.1:9", "--token", "t"],
            "name a model with --player",
        ),
        (&["--player", "anthropic/claude"], "no model is configured"),
    ];
    for (flags, said) in cases {
        let session = Session::run(None, flags);
        assert_eq!(session.code, Some(2), "{flags:?}: {}", session.error);
        assert!(session.error.contains(said), "{}", session.error);
    }
}

#[test]
fn the_page_of_benchmarks_is_made_from_its_raw_data() {
    let sessions = data::read_all(&root().join("docs/e2e")).unwrap();
    let budgets = budget::read(&root().join("e2e/budgets.toml")).unwrap();
    assert_eq!(
        page::render(&sessions, &budgets, "e2e/"),
        read("docs/PERFORMANCE_BENCHMARKS.md"),
        "write it with navi e2e --page-only --report docs/e2e --page docs/PERFORMANCE_BENCHMARKS.md"
    );
    for session in &sessions {
        let real = session.session.provider == ProviderKind::Real;
        assert_eq!(real, session.session.model != "scripted");
    }
}
