//! `navi retention run` and `navi erase`, as they are called.

#![expect(
    clippy::disallowed_methods,
    reason = "the program itself is what is tested, and a test is a server's client"
)]

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use navi::auth::principal::Role;
use navi::llm::script::Script;
use navi::platform::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, PgPool};

use crate::lifecycle::filling::{ADA, BOB, fill, rows};
use crate::support::app::{AUDIT_KEY, ORG, TestApp, USER};
use crate::support::served::{Place, token_at, token_of, url};

/// The program with this database and a data folder of its own.
fn navi(db: &PgPool, data: &std::path::Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_navi"));
    command
        .env_clear()
        .env(
            "DATABASE_URL",
            db.connect_options().to_url_lossy().to_string(),
        )
        .env("AUDIT_ENCRYPTION_KEY", AUDIT_KEY)
        .env("NAVI_DATA_DIR", data)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Exit code, standard output and standard error.
async fn run(db: &PgPool, arguments: &[&str]) -> (i32, String, String) {
    let data = tempfile::tempdir().unwrap();
    let mut command = navi(db, data.path(), arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let Output {
        status,
        stdout,
        stderr,
    } = output.await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_command_makes_a_pass_says_what_went_and_ends_with_4_when_a_table_is_held(db: PgPool) {
    sqlx::query("select make_month_partitions('2023-03-01', 1), make_month_partitions(now(), 4)")
        .execute(&db)
        .await
        .unwrap();
    let data = tempfile::tempdir().unwrap();
    let mut misspelt = navi(&db, data.path(), &["retention", "run", "--dry-run"]);
    misspelt.env("AUDIT_RETENTION_DAY", "30");
    let said = tokio::task::spawn_blocking(move || misspelt.output().unwrap());
    let said = String::from_utf8(said.await.unwrap().stderr).unwrap();
    let slip = "AUDIT_RETENTION_DAY is no setting; did you mean AUDIT_RETENTION_DAYS?";
    assert!(said.contains(slip), "{said}");
    let (code, out, _) = run(&db, &["retention", "run", "--dry-run"]).await;
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("telemetry_events_2023_03"), "{out}");
    assert!(
        out.ends_with("8 months would be dropped, 0 rows forgotten; nothing was changed\n"),
        "{out}"
    );

    let mut reader = db.begin().await.unwrap();
    sqlx::query("select from error_events")
        .execute(&mut *reader)
        .await
        .unwrap();
    let (code, out, said) = run(&db, &["retention", "run", "--json"]).await;
    assert_eq!(code, 4, "{out}{said}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    let tables = answer["pass"]["tables"].as_array().unwrap();
    let failed: Vec<_> = tables
        .iter()
        .filter(|table| table["problem"].is_string())
        .collect();
    assert_eq!(failed.len(), 1, "{answer}");
    assert_eq!(failed[0]["table"], "error_events");
    let telemetry = tables
        .iter()
        .find(|table| table["table"] == "telemetry_events");
    let mut telemetry = telemetry.unwrap().clone();
    telemetry["kept_since"] = json!("DAY");
    insta::assert_json_snapshot!(telemetry, @r#"
    {
      "table": "telemetry_events",
      "setting": "NAVI_TELEMETRY_RETENTION_DAYS",
      "days": 90,
      "kept_since": "DAY",
      "dropped": [
        "telemetry_events_2023_03"
      ],
      "forgotten": 0
    }
    "#);
    reader.rollback().await.unwrap();
    let (code, out, _) = run(&db, &["retention", "run"]).await;
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("error_events_2023_03"), "{out}");
    assert!(
        out.ends_with("0 months made, 1 dropped, 0 rows forgotten, 0 failures\n"),
        "{out}"
    );

    let key = i64::from_str_radix("6e6176690003", 16).unwrap();
    let mut other = db.acquire().await.unwrap();
    sqlx::query("select pg_advisory_lock($1)")
        .bind(key)
        .execute(&mut *other)
        .await
        .unwrap();
    let (code, out, _) = run(&db, &["retention", "run", "--wait", "0"]).await;
    assert_eq!(
        (code, out.as_str()),
        (0, "another process is at it; there is nothing to do\n")
    );
    let (code, out, _) = run(&db, &["retention", "run", "--wait", "0", "--json"]).await;
    assert_eq!(
        (code, out.as_str()),
        (0, "{\"held_elsewhere\":true,\"pass\":null}\n")
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_erasure_that_is_killed_in_the_middle_is_begun_again_and_done(db: PgPool) {
    let app = TestApp::with(db.clone(), Clock::System, &[]).await;
    fill(&db, &BOB).await;
    fill(&db, &ADA).await;
    let client = app.client_of(ADA.org, ADA.user, Role::Planner);
    let title = json!({"title": "mine"});
    client.post("/api/navi-memory/conversations", title).await;
    sqlx::query(
        "insert into telemetry_events (org_id, user_id, event_type, event_name)
         select 'acme', case n % 2 when 0 then 'ada' else 'bob' end, 't', 'n'
         from generate_series(1, 6000) n",
    )
    .execute(&db)
    .await
    .unwrap();
    let hers = async || {
        let sql = "select count(*) from telemetry_events where user_id = 'ada'";
        sqlx::query_scalar::<_, i64>(sql)
            .fetch_one(&db)
            .await
            .unwrap()
    };
    let theirs = async || -> Vec<_> {
        let rows = rows(&db).await.into_iter();
        rows.filter(|(_, row)| row.contains("\"bob\"")).collect()
    };
    let before = theirs().await;
    // One of her rows is locked, so that the command cannot get past it.
    let mut holder = db.begin().await.unwrap();
    let hold = "select from telemetry_events where user_id = 'ada' and event_name = 'n'
                order by id desc limit 1 for update";
    sqlx::query(hold).execute(&mut *holder).await.unwrap();
    let data = tempfile::tempdir().unwrap();
    let arguments = ["erase", "--org", "acme", "--user", "ada"];
    let mut killed = navi(&db, data.path(), &arguments).spawn().unwrap();
    let waits = async {
        while hers().await > 1_500 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waits)
        .await
        .unwrap();
    killed.kill().unwrap();
    killed.wait().unwrap();
    holder.rollback().await.unwrap();
    let left = hers().await;
    assert!((1..=1_500).contains(&left), "{left} left");

    let (code, out, said) = run(&db, &["erase", "--org", "acme", "--user", "ada", "--json"]).await;
    assert_eq!(code, 0, "{out}{said}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["complete"], true);
    assert_eq!(hers().await, 0);
    assert_eq!(theirs().await, before);
    let (code, out, said) = run(&db, &["audit", "verify"]).await;
    assert_eq!(code, 0, "{out}{said}");
    let again = run(&db, &["erase", "--org", "acme", "--user", "ada"]).await;
    let last = again.1.lines().last().unwrap();
    assert_eq!(
        last,
        "`ada` of `acme`: 0 rows erased in 1 passes, 0 runs ended, 0 files removed; nothing is left"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_whole_organisation_is_erased_only_with_a_yes(db: PgPool) {
    let _app = TestApp::with(db.clone(), Clock::System, &[]).await;
    fill(&db, &ADA).await;
    let before = rows(&db).await;
    let (code, _, said) = run(&db, &["erase", "--org", "acme"]).await;
    assert_eq!(code, 2);
    assert!(said.contains("--yes"), "{said}");
    assert_eq!(rows(&db).await, before);
    let (code, out, said) = run(&db, &["erase", "--org", "acme", "--yes"]).await;
    assert_eq!(code, 0, "{out}{said}");
    assert!(rows(&db).await.iter().all(|(_, row)| !row.contains("acme")));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_slip_of_the_pen_is_no_erasure_and_ends_with_5(db: PgPool) {
    let _app = TestApp::with(db.clone(), Clock::System, &[]).await;
    fill(&db, &ADA).await;
    let before = rows(&db).await;
    for (arguments, words) in [
        (
            &["--org", "acme", "--user", "adda"][..],
            "nothing is known of a person `adda` of `acme`",
        ),
        (
            &["--org", "acem", "--user", "ada"],
            "nothing is known of an organisation `acem`",
        ),
        (
            &["--org", "acem", "--yes"],
            "nothing is known of an organisation `acem`",
        ),
    ] {
        let (code, out, said) = run(&db, &[&["erase"], arguments].concat()).await;
        assert_eq!(code, 5, "{out}{said}");
        assert_eq!(out, "", "{arguments:?}");
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(rows(&db).await, before);
    // A name that was there is no slip when it is erased once more.
    for _ in 0..2 {
        let (code, out, said) = run(&db, &["erase", "--org", "acme", "--user", "ada"]).await;
        assert_eq!(code, 0, "{out}{said}");
        assert!(out.contains("may still name them"), "{out}");
        assert!(out.contains("the server's log"), "{out}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_mistyped_person_is_not_blamed_on_an_organisation_whose_people_are_gone(db: PgPool) {
    let app = TestApp::with(db.clone(), Clock::System, &[]).await;
    let client = app.client_of("acme", "ada", Role::Planner);
    let title = json!({"title": "mine"});
    client.post("/api/navi-memory/conversations", title).await;
    app.app.audit.settled().await;
    let (code, out, said) = run(&db, &["erase", "--org", "acme", "--user", "ada"]).await;
    assert_eq!(code, 0, "{out}{said}");

    let (code, out, said) = run(&db, &["erase", "--org", "acme", "--user", "adda", "--json"]).await;
    assert_eq!(code, 5, "{out}{said}");
    assert!(said.contains("the organisation is known"), "{said}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&answer["org"], &answer["user"], &answer["known"]),
        (&json!("acme"), &json!("adda"), &json!(false)),
        "{answer}"
    );
    let detail = answer["detail"].as_str().unwrap();
    assert!(said.contains(detail), "{said}");
    let (code, out, said) = run(&db, &["erase", "--org", "acem", "--yes", "--json"]).await;
    assert_eq!(code, 5, "{out}{said}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["user"], Value::Null);
    assert_eq!(answer["known"], false, "{answer}");
    let (code, out, said) = run(&db, &["erase", "--org", "acme", "--yes"]).await;
    assert_eq!(code, 0, "it was there: {out}{said}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_dry_run_counts_what_would_go_and_changes_nothing(db: PgPool) {
    let _app = TestApp::with(db.clone(), Clock::System, &[]).await;
    fill(&db, &ADA).await;
    let before = rows(&db).await;
    let mine = ["erase", "--org", "acme", "--user", "ada"];
    let (code, out, said) = run(&db, &[&mine[..], &["--dry-run"]].concat()).await;
    assert_eq!(code, 0, "{out}{said}");
    assert!(
        out.ends_with("rows would be erased; nothing was changed\n"),
        "{out}"
    );
    let (code, out, said) = run(&db, &["erase", "--org", "acme", "--dry-run", "--json"]).await;
    assert_eq!(code, 0, "no yes is needed: {out}{said}");
    let whole: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&whole["dry_run"], &whole["complete"]),
        (&json!(true), &json!(false))
    );
    let (_, out, _) = run(&db, &[&mine[..], &["--dry-run", "--json"]].concat()).await;
    let foretold: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(rows(&db).await, before);
    let (code, _, _) = run(&db, &["erase", "--org", "acem", "--dry-run"]).await;
    assert_eq!(code, 5);

    let (code, out, said) = run(&db, &[&mine[..], &["--json"]].concat()).await;
    assert_eq!(code, 0, "{out}{said}");
    let done: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(done["dry_run"], false);
    let found = |report: &Value| -> Vec<(String, u64)> {
        let tables = report["tables"].as_array().unwrap().iter();
        let counts = tables.map(|table| {
            let name = table["table"].as_str().unwrap().to_owned();
            (name, table["found"].as_u64().unwrap())
        });
        counts.filter(|(_, found)| *found > 0).collect()
    };
    let (mut foretold, done) = (found(&foretold), found(&done));
    assert!(done.len() > 10, "{done:?}");
    // Rows that go with those of another table are gone when their own is looked at.
    foretold.retain(|table| table.0 != "error_group_users");
    assert_eq!(foretold, done);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_token_of_before_an_erasure_creates_nothing_and_one_of_after_it_is_good(db: PgPool) {
    const CONVERSATIONS: &str = "/api/navi-memory/conversations";
    let address = url(&db.connect_options());
    let place = Place::new(&Script::default(), Some(&address));
    let mut served = place.serve(&["--audit-encryption-key", AUDIT_KEY]).await;
    let mine = json!({"title": "mine"});
    assert_eq!(served.post(CONVERSATIONS, &mine).await.0, 200);
    let stream = "/api/navi/analyze-changes";
    let (_, ticket) = served
        .post("/api/auth/stream-ticket", &json!({"path": stream}))
        .await;
    let ticket = ticket["ticket"].as_str().unwrap();
    // A neighbour, whose token stays good.
    let neighbours = token_of(ORG, "neighbour", Role::Planner);
    let hers = std::mem::replace(&mut served.token, neighbours.clone());
    assert_eq!(served.post(CONVERSATIONS, &mine).await.0, 200);
    served.token = hers;

    let (code, out, said) = run(&db, &["erase", "--org", ORG, "--user", USER]).await;
    assert_eq!(code, 0, "{out}{said}");
    let began = Instant::now();
    let refused = loop {
        let (status, answer) = served.call(Method::GET, "/api/auth/me", &json!({})).await;
        if status == 401 {
            break answer;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.contains("was erased after it was issued"),
        "{detail}"
    );
    let job = json!({"message": "do it", "workspace_path": served.workspace()});
    assert_eq!(served.post("/api/jobs", &job).await.0, 401);
    let opened = reqwest::Client::new()
        .get(format!("{}{stream}?ticket={ticket}", served.url))
        .send()
        .await
        .unwrap();
    assert_eq!(opened.status(), 401);
    served.token = neighbours;
    assert_eq!(served.post(CONVERSATIONS, &mine).await.0, 200);

    // The clocks of servers may differ by some seconds.
    let later = Clock::fixed(Clock::System.now() + chrono::TimeDelta::seconds(10));
    served.token = token_at(ORG, USER, Role::Planner, later);
    assert_eq!(served.post(CONVERSATIONS, &mine).await.0, 200);
    let left = "select count(*) from conversations where user_id = $1";
    let left: i64 = sqlx::query_scalar(left)
        .bind(USER)
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(left, 1, "that of the new token");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_cannot_be_erased_is_told_and_ends_with_4(db: PgPool) {
    let _app = TestApp::with(db.clone(), Clock::System, &[]).await;
    fill(&db, &ADA).await;
    sqlx::raw_sql(
        "create function refuses() returns trigger language plpgsql as $$ begin
             raise exception 'not this one';
         end $$;
         create trigger refuses before delete on connector_tokens
             for each row execute function refuses();",
    )
    .execute(&db)
    .await
    .unwrap();
    let (code, out, _) = run(&db, &["erase", "--org", "acme", "--user", "ada"]).await;
    assert_eq!(code, 4, "{out}");
    assert!(
        out.contains("not this one") && out.contains("1 rows are LEFT"),
        "{out}"
    );
}
