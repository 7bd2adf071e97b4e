//! Rows that a pass of retention drops, and rows that it leaves.

use std::collections::BTreeSet;
use std::time::Duration;

use navi::lifecycle::model::Pass;
use navi::lifecycle::{keeper, tables};
use navi::platform::clock::Clock;
use navi::platform::tables::model::Stays;
use sqlx::{AssertSqlSafe, PgPool};

use crate::lifecycle::filling::{ADA, fill, rows};
use crate::support::app::TestApp;

/// The months of every table, those of the last years among them.
async fn with_months(db: &PgPool, flags: &[&str]) -> TestApp {
    sqlx::query(
        "select make_month_partitions('2023-03-01', 1), make_month_partitions(now() - interval '9 months', 13)",
    )
    .execute(db)
    .await
    .unwrap();
    TestApp::with(db.clone(), Clock::System, flags).await
}

async fn pass(app: &TestApp) -> Pass {
    let pass = app.app.retention().run(false, Duration::ZERO).await;
    pass.unwrap().unwrap()
}

/// Every partition that is a month.
async fn months(db: &PgPool) -> BTreeSet<String> {
    let sql = "select relname::text from pg_class
               where relispartition and relkind = 'r' and relname not like '%_default'";
    let names: Vec<String> = sqlx::query_scalar(sql).fetch_all(db).await.unwrap();
    names.into_iter().collect()
}

/// The months of a table that are wholly older than so many days.
async fn older(db: &PgPool, table: &str, days: i32) -> BTreeSet<String> {
    let sql = "select $1 || to_char(m, '_YYYY_MM')
               from generate_series(timestamp '2023-01-01', now() at time zone 'UTC', '1 month') m
               where (m + interval '1 month') at time zone 'UTC' <= now() - make_interval(days => $2)";
    let all: Vec<String> = sqlx::query_scalar(sql)
        .bind(table)
        .bind(days)
        .fetch_all(db)
        .await
        .unwrap();
    let there = months(db).await;
    all.into_iter()
        .filter(|name| there.contains(name))
        .collect()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn of_every_table_the_months_that_are_too_old_go_and_no_others(db: PgPool) {
    let flags = [
        "--telemetry-retention-days=31",
        "--errors-retention-days=62",
        "--metrics-retention-days=93",
        "--events-retention-days=124",
        "--audit-retention-days=155",
    ];
    let app = with_months(&db, &flags).await;
    let periods = app.app.config.periods();
    let before = months(&db).await;
    let mut expected = BTreeSet::new();
    for kept in tables::all() {
        if let Stays::Months { setting, .. } | Stays::SignedMonths { setting } = kept.stays
            && let Some(days) = periods.days(setting)
        {
            let old = older(&db, kept.table, days).await;
            assert!(old.len() >= 3, "{}: {old:?}", kept.table);
            expected.extend(old);
        }
    }
    fill(&db, &ADA).await;
    let held = rows(&db).await;

    let looked = app.app.retention().run(true, Duration::ZERO).await;
    let looked = looked.unwrap().unwrap();
    assert_eq!(months(&db).await, before, "looking changes nothing");

    let done = pass(&app).await;
    assert_eq!(done.failures(), 0, "{done:#?}");
    let after = months(&db).await;
    let gone: BTreeSet<String> = before.difference(&after).cloned().collect();
    assert_eq!(gone, expected);
    let told = |pass: &Pass| -> BTreeSet<String> {
        let tables = pass.tables.iter();
        tables.flat_map(|kept| kept.dropped.clone()).collect()
    };
    assert_eq!(told(&done), expected);
    assert_eq!(told(&looked), expected);
    assert_eq!(rows(&db).await, held, "what is young stays, sums too");
    assert!(after.contains("llm_days_2023_03") && after.contains("telemetry_hours_2023_03"));
    assert_eq!(told(&pass(&app).await), BTreeSet::new());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn zero_keeps_for_ever_in_every_table(db: PgPool) {
    let flags = [
        "--telemetry-retention-days=0",
        "--errors-retention-days=0",
        "--metrics-retention-days=0",
        "--events-retention-days=0",
        "--audit-retention-days=0",
    ];
    let app = with_months(&db, &flags).await;
    let before = months(&db).await;
    let done = pass(&app).await;
    assert_eq!(done.failures(), 0, "{done:#?}");
    assert_eq!(months(&db).await, before);
    // And sums go when a setting says so.
    let app = with_months(&db, &["--rollups-retention-days=365"]).await;
    let done = pass(&app).await;
    let dropped = |table: &str| {
        let kept = done.tables.iter().find(|kept| kept.table == table);
        kept.unwrap().dropped.clone()
    };
    assert_eq!(dropped("llm_days"), ["llm_days_2023_03"]);
    assert_eq!(dropped("error_group_hours"), ["error_group_hours_2023_03"]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn rows_that_came_when_there_was_no_month_go_too(db: PgPool) {
    let app = TestApp::with(db.clone(), Clock::System, &[]).await;
    sqlx::query(
        "insert into telemetry_events (org_id, user_id, event_type, event_name, created_at)
         values ('acme', 'ada', 't', 'n', now() - interval '200 days'),
                ('acme', 'ada', 't', 'n', now() - interval '1 day')",
    )
    .execute(&db)
    .await
    .unwrap();
    let done = pass(&app).await;
    assert_eq!(done.failures(), 0, "{done:#?}");
    let left: Vec<String> =
        sqlx::query_scalar("select tableoid::regclass::text from telemetry_events")
            .fetch_all(&db)
            .await
            .unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_ne!(left[0], "telemetry_events_default");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn batches_are_forgotten_after_two_weeks_and_keys_after_a_day(db: PgPool) {
    let app = TestApp::with(db.clone(), Clock::System, &[]).await;
    sqlx::raw_sql(
        "insert into telemetry_batches (org_id, user_id, batch_id, received, created_at)
         select 'acme', 'ada', 'b' || n, 1, now() - make_interval(hours => n)
         from generate_series(1, 3000) n;
         insert into idempotency_keys (org_id, user_id, key, fingerprint, status, answer, created_at)
         select 'acme', 'ada', 'k' || n, decode(repeat('00', 32), 'hex'), 200, '{}',
                now() - make_interval(hours => n) from generate_series(1, 48) n;",
    )
    .execute(&db)
    .await
    .unwrap();
    let done = pass(&app).await;
    let forgotten = |table: &str| {
        let kept = done.tables.iter().find(|kept| kept.table == table);
        kept.unwrap().forgotten
    };
    assert_eq!(forgotten("telemetry_batches"), 3_000 - 14 * 24 + 1);
    assert_eq!(forgotten("idempotency_keys"), 25);
    for (sql, left) in [
        ("select count(*) from telemetry_batches", 14 * 24 - 1),
        ("select count(*) from idempotency_keys", 23),
    ] {
        let count: i64 = sqlx::query_scalar(sql).fetch_one(&db).await.unwrap();
        assert_eq!(count, left, "{sql}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn of_two_at_once_one_works_and_a_table_that_is_held_stops_no_other(db: PgPool) {
    let app = with_months(&db, &[]).await;
    // A long report over the events: nothing of them can be dropped meanwhile.
    let mut reader = db.begin().await.unwrap();
    sqlx::query("select from run_events")
        .execute(&mut *reader)
        .await
        .unwrap();
    let retention = app.app.retention();
    let first = app.app.tasks.spawn({
        let retention = retention.clone();
        async move { retention.run(false, Duration::ZERO).await.unwrap() }
    });
    let held = async {
        let waits = "select count(*) from pg_stat_activity
                     where wait_event_type = 'Lock' and datname = current_database()";
        while sqlx::query_scalar::<_, i64>(waits)
            .fetch_one(&db)
            .await
            .unwrap()
            == 0
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), held)
        .await
        .unwrap();
    assert_eq!(retention.run(false, Duration::ZERO).await.unwrap(), None);
    // Looking needs no turn.
    assert!(retention.run(true, Duration::ZERO).await.unwrap().is_some());
    let done = first.await.unwrap().unwrap();
    let failed: Vec<&str> = done
        .tables
        .iter()
        .filter(|kept| kept.problem.is_some())
        .map(|kept| kept.table)
        .collect();
    assert_eq!(failed, ["run_events"], "{done:#?}");
    assert!(!months(&db).await.contains("llm_metrics_2023_03"));
    assert!(months(&db).await.contains("run_events_2023_03"));

    let metrics = &app.app.metrics;
    let counts = || {
        let last = metrics.navi_retention_last_success_timestamp_seconds.get();
        (last, metrics.navi_retention_failures_total.get())
    };
    keeper::once(&retention, &app.app.clock, metrics).await;
    assert_eq!(counts(), (0, 1));
    reader.rollback().await.unwrap();
    keeper::once(&retention, &app.app.clock, metrics).await;
    let now = app.app.clock.now().timestamp();
    assert!((now - 60..=now).contains(&counts().0) && counts().1 == 1);
    assert!(!months(&db).await.contains("run_events_2023_03"));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn whoever_waits_for_a_turn_gets_it(db: PgPool) {
    let app = TestApp::with(db.clone(), Clock::System, &[]).await;
    let mut other = db.acquire().await.unwrap();
    let lock = "select pg_advisory_lock(121413130383363)";
    let key = i64::from_str_radix("6e6176690003", 16).unwrap();
    let lock = lock.replace("121413130383363", &key.to_string());
    sqlx::query(AssertSqlSafe(lock))
        .execute(&mut *other)
        .await
        .unwrap();
    let retention = app.app.retention();
    assert_eq!(retention.run(false, Duration::ZERO).await.unwrap(), None);
    let waiting = retention.run(false, Duration::from_secs(20));
    let freeing = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        sqlx::query("select pg_advisory_unlock_all()")
            .execute(&mut *other)
            .await
            .unwrap();
    };
    let (done, ()) = tokio::join!(waiting, freeing);
    assert!(done.unwrap().is_some());
}
