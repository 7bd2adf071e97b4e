//! `navi feedback-analyzer` as it is called, and the server's part in it.

use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use navi::config::settings::Config;
use navi::feedback::learner;
use navi::feedback::learning::service::Analyzer;
use navi::platform::clock::Clock;
use navi::platform::db::MIGRATOR;
use navi::platform::tasks::Tasks;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use sqlx::{PgPool, Postgres, Transaction};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::support::app::TestApp;
use crate::support::served::url;

/// The time after which anything here counts as hanging.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program with this environment and no other.
#[expect(
    clippy::disallowed_methods,
    reason = "the program itself is what is tested"
)]
fn navi(environment: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_navi"));
    command
        .env_clear()
        .envs(environment.iter().copied())
        .arg("feedback-analyzer")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Exit code, standard output and standard error of the program with nothing but this environment.
pub(crate) async fn run_in(
    environment: &[(&str, &str)],
    arguments: &[&str],
) -> (i32, String, String) {
    let mut command = navi(environment, arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    told(output.await.unwrap())
}

fn told(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    (code, text(output.stdout), text(output.stderr))
}

/// The same over this database.
async fn run(db: &PgPool, arguments: &[&str]) -> (i32, String, String) {
    run_in(&[("DATABASE_URL", &url(&db.connect_options()))], arguments).await
}

/// A process over this database that goes on beside the test.
fn begin(db: &PgPool, arguments: &[&str]) -> Child {
    let url = url(&db.connect_options());
    navi(&[("DATABASE_URL", &url)], arguments).spawn().unwrap()
}

fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).unwrap();
    kill(Pid::from_raw(pid), signal).unwrap();
}

async fn end(child: Child) -> (i32, String, String) {
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    let output = tokio::time::timeout(PATIENCE, output).await;
    told(output.unwrap().unwrap())
}

/// Waits until a query answers true.
async fn until(db: &PgPool, sql: &'static str) {
    let began = Instant::now();
    while !sqlx::query_scalar::<_, bool>(sql)
        .fetch_one(db)
        .await
        .unwrap()
    {
        assert!(began.elapsed() < PATIENCE, "never: {sql}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Four people of an organisation rate answers: eight each with single quotes, of which they accept what
/// `single` says, and eight with double quotes, of which they say the opposite.
async fn rate(db: &PgPool, org: &str, single: bool) {
    sqlx::query(
        "with answers as (
             insert into ai_generation_log (org_key, user_sub, task_type, model, params, prompt_hash,
                                            created_at, category, language, tags)
             select $1, 'user-' || person, 'codegen', 'm', '{}', 'h', now(), 'feature', 'python',
                    array['quotes@python=' || value]
             from generate_series(1, 4) person, generate_series(1, 8),
                  (values ('single'), ('double')) v (value)
             returning id, user_sub, split_part(tags[1], '=', 2) as value
         ), rated as (
             select *, ((value = 'single') = $2) as accepted from answers
         ), said as (
             insert into ai_feedback (gen_id, org_key, user_sub, rating)
             select id, $1, user_sub, case when accepted then 1 else -1 end from rated
         ), taught as (
             insert into learning_suggestions (org_id, user_id, category, suggestion_text,
                                               feedback_type, rating, gen_id, language)
             select $1, user_sub, 'feature', 'an answer',
                    case when accepted then 'accepted' else 'rejected' end,
                    case when accepted then 1 else -1 end, id, 'python'
             from rated
         )
         insert into learning_counts as c (org_id, subject, value, category, user_id, week, accepted,
                                           rejected)
         select $1, subject, v, case subject when '*' then 'feature' else '' end, user_sub, date_trunc('week', now(), 'UTC')::date,
                2 * count(*) filter (where accepted), 2 * count(*) filter (where not accepted)
         from rated, lateral (values ('*', '*'), ('quotes@python', value)) t (subject, v)
         group by subject, v, user_sub
         on conflict (org_id, subject, value, category, team_id, user_id, week) do update
         set accepted = c.accepted + excluded.accepted, rejected = c.rejected + excluded.rejected",
    )
    .bind(org)
    .bind(single)
    .execute(db)
    .await
    .unwrap();
}

/// The insights of an organisation, apart from numbers and times.
async fn learned(db: &PgPool, org: &str) -> Vec<Value> {
    sqlx::query_scalar(
        "select to_jsonb(i) - '{id,org_id,evidence,first_seen,last_updated,status_since}'::text[]
         from learning_insights i where org_id = $1
         order by insight_type, subject, category, user_id, team_id, language",
    )
    .bind(org)
    .fetch_all(db)
    .await
    .unwrap()
}

async fn outcomes(db: &PgPool) -> Vec<String> {
    let sql = "select outcome from learning_passes order by id";
    sqlx::query_scalar(sql).fetch_all(db).await.unwrap()
}

/// Holds what an organisation was taught, so that a pass cannot get past it.
async fn held(db: &PgPool, org: &str) -> Transaction<'static, Postgres> {
    let mut holder = db.begin().await.unwrap();
    let rows = sqlx::query("select from learning_insights where org_id = $1 for update")
        .bind(org)
        .execute(&mut *holder)
        .await
        .unwrap();
    assert!(rows.rows_affected() > 0, "there is nothing to hold");
    holder
}

/// True if a pass waits for a row that is locked.
const WAITS: &str = "select exists (select from pg_stat_activity
     where datname = current_database() and application_name = 'navi-feedback-analyzer'
       and wait_event_type = 'Lock')";

/// Makes the analyzer fail in the organisation `zeta`.
async fn refuse(db: &PgPool) {
    sqlx::raw_sql(
        "create function refuses() returns trigger language plpgsql as $$ begin
             if new.org_id = 'zeta' then raise exception 'not this one'; end if;
             return new;
         end $$;
         create trigger refuses before insert or update on learning_insights
             for each row execute function refuses();",
    )
    .execute(db)
    .await
    .unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_pass_learns_and_reports_what_it_did(db: PgPool) {
    rate(&db, "acme", true).await;
    let (code, out, said) = run(&db, &["--json"]).await;
    assert_eq!(code, 0, "{out}{said}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    insta::assert_json_snapshot!(answer, {
        ".report.started_at" => "TIME", ".report.ended_at" => "TIME", ".report.watermark" => "NUMBER",
    }, @r#"
    {
      "held_elsewhere": false,
      "report": {
        "started_at": "TIME",
        "ended_at": "TIME",
        "outcome": "done",
        "orgs": 1,
        "orgs_failed": [],
        "rows_read": 108,
        "rows_skipped": 0,
        "insights_made": 1,
        "insights_changed": 0,
        "insights_retired": 0,
        "watermark": "NUMBER"
      }
    }
    "#);
    assert!(!learned(&db, "acme").await.is_empty());
    let (code, out, _) = run(&db, &[]).await;
    assert_eq!(code, 0);
    let lines: Vec<_> = out.lines().collect();
    assert!(lines[0].contains("organisations"), "{out}");
    assert!(lines[1].trim_start().starts_with("done"), "{out}");
    assert_eq!(outcomes(&db).await, ["done", "done"]);
}

#[tokio::test]
async fn what_cannot_be_meant_ends_with_2() {
    for arguments in [
        &["--interval", "0"][..],
        &["--interval", "-15"],
        &["--interval", "often"],
        &["--mode", "hourly"],
        &["--lookback", "0"],
        &["--lookback", "3651"],
        &["--log-level", "LOUD"],
        &["--wait", "-1"],
        &["--unknown"],
    ] {
        let (code, out, said) = run_in(&[], arguments).await;
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {said}");
        assert!(said.contains(arguments[0]), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn an_unreachable_database_ends_a_pass_and_a_new_daemon_with_3() {
    let nowhere = [("DATABASE_URL", "postgres://navi@127.0.0.1:1/navi")];
    for mode in ["once", "daemon"] {
        let (code, out, said) = run_in(&nowhere, &["--mode", mode]).await;
        assert_eq!((code, out.as_str()), (3, ""), "{mode}: {said}");
        assert!(said.contains("cannot be reached"), "{said}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn production_needs_the_database_and_nothing_else_and_takes_it_from_a_file(db: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("database-url");
    let address = url(&db.connect_options());
    std::fs::write(&file, format!("{address}\n")).unwrap();
    let file = file.to_str().unwrap();
    let levels = ["DEBUG", "INFO", "warning", "Error"];
    for (environment, level) in [
        [("APP_ENV", "production"), ("DATABASE_URL", &*address)],
        [("APP_ENV", "production"), ("DATABASE_URL_FILE", file)],
        [("APP_ENV", "staging"), ("DATABASE_URL_FILE", file)],
        [("APP_ENV", "development"), ("DATABASE_URL", &*address)],
    ]
    .iter()
    .zip(levels)
    {
        let arguments = ["--mode", "once", "--log-level", level];
        let (code, out, said) = run_in(environment, &arguments).await;
        assert_eq!(code, 0, "{environment:?}: {out}{said}");
    }
    let (code, _, said) = run_in(&[("APP_ENV", "production")], &[]).await;
    assert_eq!(code, 1, "no private Postgres is started: {said}");
    assert!(
        said.contains("DATABASE_URL is required in production"),
        "{said}"
    );
    let elsewhere = "postgres://navi:planted-password@db.example/navi";
    let plain = [("APP_ENV", "production"), ("DATABASE_URL", elsewhere)];
    let (code, _, said) = run_in(&plain, &[]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("TLS") && !said.contains("planted"), "{said}");
    let both = [("DATABASE_URL", &*address), ("DATABASE_URL_FILE", file)];
    assert_eq!(run_in(&both, &[]).await.0, 2);
    let missing = [("DATABASE_URL_FILE", "/nowhere/database-url")];
    let (code, _, said) = run_in(&missing, &[]).await;
    assert_eq!(code, 1);
    assert!(said.contains("/nowhere/database-url"), "{said}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_organisation_that_fails_is_named_and_the_others_learn(db: PgPool) {
    rate(&db, "acme", true).await;
    rate(&db, "zeta", true).await;
    refuse(&db).await;
    let (code, out, said) = run(&db, &["--json"]).await;
    assert_eq!(code, 4, "{out}{said}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    let failed = &answer["report"]["orgs_failed"];
    assert_eq!(failed[0]["org_id"], "zeta", "{answer}");
    assert_eq!(failed.as_array().unwrap().len(), 1);
    assert!(!learned(&db, "acme").await.is_empty());
    // So that it is not the only one that is due, which is no part but a failure.
    rate(&db, "acme", true).await;
    let (code, out, _) = run(&db, &[]).await;
    assert_eq!(code, 4, "it is tried again: {out}");
    assert!(out.contains("zeta"), "{out}");
    sqlx::query("drop trigger refuses on learning_insights")
        .execute(&db)
        .await
        .unwrap();
    assert_eq!(run(&db, &[]).await.0, 0);
    assert!(!learned(&db, "zeta").await.is_empty());
    assert_eq!(outcomes(&db).await, ["partly", "partly", "done"]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn of_two_at_once_one_works_and_the_other_says_so(db: PgPool) {
    rate(&db, "acme", true).await;
    assert_eq!(run(&db, &[]).await.0, 0);
    rate(&db, "acme", false).await;
    let holder = held(&db, "acme").await;
    let first = begin(&db, &[]);
    until(&db, WAITS).await;
    let (code, out, _) = run(&db, &["--wait", "0"]).await;
    let nothing = "another process is at it; there is nothing to do\n";
    assert_eq!((code, out.as_str()), (0, nothing));
    let (code, out, _) = run(&db, &["--wait", "0", "--json"]).await;
    let nothing = "{\"held_elsewhere\":true,\"report\":null}\n";
    assert_eq!((code, out.as_str()), (0, nothing));
    holder.rollback().await.unwrap();
    let (code, out, said) = end(first).await;
    assert_eq!(code, 0, "{out}{said}");
    assert_eq!(outcomes(&db).await, ["done", "done"]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_pass_that_is_killed_leaves_its_work_to_the_next_one(db: PgPool) {
    for org in ["acme", "zeta"] {
        rate(&db, org, true).await;
    }
    assert_eq!(run(&db, &[]).await.0, 0);
    let before = learned(&db, "zeta").await;
    // They change their minds, three times over.
    for org in ["acme", "zeta"] {
        for _ in 0..3 {
            rate(&db, org, false).await;
        }
    }
    let holder = held(&db, "zeta").await;
    let mut killed = begin(&db, &[]);
    until(&db, WAITS).await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    holder.rollback().await.unwrap();
    assert_eq!(learned(&db, "zeta").await, before);
    assert_eq!(outcomes(&db).await, ["done"], "it noted nothing");
    let (code, out, said) = run(&db, &[]).await;
    assert_eq!(code, 0, "{out}{said}");
    let after = learned(&db, "zeta").await;
    assert_ne!(after, before);
    assert_eq!(learned(&db, "acme").await, after);
    // An undisturbed pass over everything changes nothing any more.
    let (code, out, said) = run(&db, &["--rebuild"]).await;
    assert_eq!(code, 0, "{out}{said}");
    for org in ["acme", "zeta"] {
        assert_eq!(learned(&db, org).await, after, "{org}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_interrupted_pass_finishes_the_organisations_at_hand_and_ends_with_130(db: PgPool) {
    for org in ["acme", "zeta"] {
        rate(&db, org, true).await;
    }
    assert_eq!(run(&db, &[]).await.0, 0);
    let before = learned(&db, "zeta").await;
    for org in ["acme", "zeta"] {
        for _ in 0..3 {
            rate(&db, org, false).await;
        }
    }
    // More than are looked at together, between the two.
    sqlx::query(
        "insert into learning_suggestions (org_id, user_id, category, suggestion_text, feedback_type)
         select 'many-' || n, 'ada', 'fix', 'an answer', 'accepted' from generate_series(1, 150) n",
    )
    .execute(&db)
    .await
    .unwrap();
    let holder = held(&db, "acme").await;
    let interrupted = begin(&db, &[]);
    until(&db, WAITS).await;
    signal(&interrupted, Signal::SIGINT);
    // The signal must have been taken before the pass goes on.
    tokio::time::sleep(Duration::from_millis(300)).await;
    holder.rollback().await.unwrap();
    let (code, out, said) = end(interrupted).await;
    assert_eq!(code, 130, "{out}{said}");
    assert!(out.contains("interrupted"), "{out}");
    assert_ne!(learned(&db, "acme").await, before);
    assert_eq!(learned(&db, "zeta").await, before);
    assert_eq!(run(&db, &[]).await.0, 0);
    assert_eq!(learned(&db, "zeta").await, learned(&db, "acme").await);
    assert_eq!(outcomes(&db).await, ["done", "interrupted", "done"]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_daemon_makes_a_pass_at_once_and_ends_with_0_when_it_is_told_to(db: PgPool) {
    rate(&db, "acme", true).await;
    for way in [Signal::SIGTERM, Signal::SIGINT] {
        let daemon = begin(&db, &["--mode", "daemon", "--interval", "60", "--json"]);
        until(&db, "select count(*) > 0 from learning_passes").await;
        signal(&daemon, way);
        let (code, out, said) = end(daemon).await;
        assert_eq!(code, 0, "{way}: {out}{said}");
        let lines: Vec<Value> = out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 1, "{out}");
        assert_eq!(lines[0]["held_elsewhere"], false);
        sqlx::query("delete from learning_passes")
            .execute(&db)
            .await
            .unwrap();
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_pass_of_another_process_shows_in_the_metrics_of_every_server(db: PgPool) {
    assert_eq!(run(&db, &[]).await.0, 0, "one before the server's start");
    let app = TestApp::with(db.clone(), Clock::System, &[]).await;
    let mut counted = None;
    let metrics = &app.app.metrics;
    learner::export_new_passes(&app.app.db, metrics, &mut counted)
        .await
        .unwrap();
    rate(&db, "acme", true).await;
    rate(&db, "zeta", true).await;
    refuse(&db).await;
    assert_eq!(run(&db, &[]).await.0, 4);
    for _ in 0..2 {
        learner::export_new_passes(&app.app.db, metrics, &mut counted)
            .await
            .unwrap();
    }
    let (_, text) = app.stranger().get("/metrics").await;
    let text = text.as_str().unwrap();
    let value = |series: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        line.unwrap().trim().parse().unwrap()
    };
    let passes = ["done", "partly", "failed", "interrupted"].map(|outcome| {
        value(&format!(
            "navi_analyzer_passes_total{{outcome=\"{outcome}\"}}"
        ))
    });
    assert_eq!(passes, [0, 1, 0, 0]);
    assert_eq!(value("navi_analyzer_pass_seconds_count"), 1);
    assert!(value("navi_analyzer_rows_total") > 0);
    assert!(value("navi_analyzer_insights_total{change=\"made\"}") > 0);
    assert!(value("navi_analyzer_last_success_timestamp_seconds") > 1_700_000_000);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_server_learns_from_a_rating_without_waiting_for_the_interval(db: PgPool) {
    let off = ["--feedback-analyzer-interval-minutes", "0"];
    let config = Config::from_flags(off).unwrap().learning;
    let (rated, stopping) = (Arc::new(Notify::new()), CancellationToken::new());
    let analyzer = Analyzer::new(db.clone(), Clock::System);
    let learning = learner::run(analyzer, config, rated.clone(), stopping.clone());
    let tasks = Tasks::new();
    let learning = tasks.spawn(learning);
    rate(&db, "acme", true).await;
    rated.notify_one();
    until(&db, "select count(*) = 1 from learning_passes").await;
    assert!(!learned(&db, "acme").await.is_empty());
    // Told twice while it works or waits, it looks once more, and it ends when it is told to.
    rated.notify_one();
    rated.notify_one();
    until(&db, "select count(*) >= 2 from learning_passes").await;
    stopping.cancel();
    tokio::time::timeout(PATIENCE, learning)
        .await
        .unwrap()
        .unwrap();
}
