//! The schema: there, back, and there again; what its keys and partitions promise.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, TimeZone, Utc};
use navi::cli::doctor;
use navi::cli::migrate::{Args, Error, run};
use navi::cli::serve::Running;
use navi::config::settings::AppEnv;
use navi::config::settings::Config;
use navi::platform::clock::Clock;
use navi::platform::db;
use navi::platform::db::{BEGIN_ANEW, MIGRATOR, UNRELEASED};
use navi::platform::hex::hex;
use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgConnection, PgPool};
use uuid::Uuid;

use crate::support::app::unmigrated;
use crate::support::served::url;

fn moment(year: i32, month: u32, day: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(year, month, day, 12, 0, 0).unwrap()
}

/// Everything in the schema that a query could notice, one line each.
async fn schema(conn: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "select line from (
            select format('column %s.%s %s %s %s %s', attrelid::regclass, attname,
                          format_type(atttypid, atttypmod), attnotnull, attidentity,
                          pg_get_expr(adbin, adrelid)) as line
            from pg_attribute a
            join pg_class c on c.oid = a.attrelid
            left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
            where c.relnamespace = current_schema()::regnamespace and attnum > 0
              and not attisdropped and c.relkind in ('r', 'p')
            union all
            select format('constraint %s %s %s', conrelid::regclass, conname,
                          pg_get_constraintdef(oid))
            from pg_constraint where connamespace = current_schema()::regnamespace
            union all
            select format('index %s', indexdef) from pg_indexes where schemaname = current_schema()
            union all
            select format('function %s', pg_get_functiondef(oid))
            from pg_proc where pronamespace = current_schema()::regnamespace
            union all
            select format('relation %s %s %s', oid::regclass, relkind,
                          pg_get_expr(relpartbound, oid))
            from pg_class where relnamespace = current_schema()::regnamespace
              and relkind <> 'i'
         ) lines order by line",
    )
    .fetch_all(conn)
    .await
    .unwrap()
}

async fn migrate(args: Args, options: &PgConnectOptions) -> (Result<ExitCode, Error>, String) {
    migrate_in(AppEnv::Development, args, options).await
}

async fn migrate_in(
    environment: AppEnv,
    args: Args,
    options: &PgConnectOptions,
) -> (Result<ExitCode, Error>, String) {
    let mut out = Vec::new();
    let clock = Clock::fixed(moment(2026, 11, 23));
    let code = run(&args, environment, &options.into(), &clock, &mut out).await;
    (code, String::from_utf8(out).unwrap())
}

#[sqlx::test(migrations = false)]
async fn going_back_and_forth_gives_the_identical_schema(pool: PgPool) {
    unmigrated(&pool.connect_options()).await;
    let mut conn = pool.acquire().await.unwrap();
    MIGRATOR.run(&mut *conn).await.unwrap();
    let first = schema(&mut conn).await;
    assert!(
        first.len() > 300,
        "the description misses most of the schema"
    );

    db::make_month_partitions(&mut conn, moment(2026, 11, 23), 4)
        .await
        .unwrap();
    MIGRATOR.undo(&mut *conn, 0).await.unwrap();
    let empty = schema(&mut conn).await;
    assert!(
        empty.iter().all(|line| line.contains("_sqlx_migrations")),
        "left behind: {empty:#?}"
    );

    MIGRATOR.run(&mut *conn).await.unwrap();
    pretty_same(&first, &schema(&mut conn).await);
}

#[sqlx::test(migrations = false)]
async fn every_single_step_can_be_undone_and_redone(pool: PgPool) {
    unmigrated(&pool.connect_options()).await;
    let mut conn = pool.acquire().await.unwrap();
    let versions: Vec<i64> = MIGRATOR
        .iter()
        .filter(|one| !one.migration_type.is_down_migration())
        .map(|one| one.version)
        .collect();
    let mut before = 0;
    for version in versions {
        MIGRATOR.run_to(version, &mut *conn).await.unwrap();
        let there = schema(&mut conn).await;
        MIGRATOR.undo(&mut *conn, before).await.unwrap();
        MIGRATOR.run_to(version, &mut *conn).await.unwrap();
        pretty_same(&there, &schema(&mut conn).await);
        before = version;
    }
}

fn pretty_same(one: &[String], other: &[String]) {
    let lost: Vec<_> = one.iter().filter(|line| !other.contains(line)).collect();
    let new: Vec<_> = other.iter().filter(|line| !one.contains(line)).collect();
    assert!(
        lost.is_empty() && new.is_empty(),
        "lost {lost:#?}, new {new:#?}"
    );
}

#[sqlx::test(migrations = false)]
async fn two_migrators_at_once_take_turns(_: PgPoolOptions, options: PgConnectOptions) {
    unmigrated(&options).await;
    let now = moment(2026, 11, 23);
    let (one, other) = tokio::join!(db::migrate(&options, now), db::migrate(&options, now));
    let mut applied = [one.unwrap().len(), other.unwrap().len()];
    applied.sort_unstable();
    let all = MIGRATOR.iter().count() / 2;
    assert_eq!(applied, [0, all]);
}

#[sqlx::test(migrations = false)]
async fn check_changes_nothing_and_tells_by_its_exit_code(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    unmigrated(&options).await;
    let check = Args {
        check: true,
        ..Args::default()
    };
    let (code, out) = migrate(check.clone(), &options).await;
    assert_eq!(code.unwrap(), ExitCode::from(1));
    assert!(out.starts_with("pending 0001 platform\n"), "{out}");
    let mut conn = options.connect().await.unwrap();
    assert!(
        schema(&mut conn).await.is_empty(),
        "a check left something behind"
    );

    let (code, out) = migrate(Args::default(), &options).await;
    assert_eq!(code.unwrap(), ExitCode::SUCCESS);
    assert!(out.starts_with("applied 0001 platform\n"), "{out}");

    let (code, out) = migrate(check, &options).await;
    assert_eq!(code.unwrap(), ExitCode::SUCCESS);
    assert_eq!(out, "nothing pending\n");

    let json = Args {
        json: true,
        ..Args::default()
    };
    let (code, out) = migrate(json, &options).await;
    assert_eq!(code.unwrap(), ExitCode::SUCCESS);
    assert_eq!(out, "{\"applied\":[]}\n");
}

#[sqlx::test(migrations = false)]
async fn print_shows_the_sql_of_either_direction_and_changes_nothing(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    unmigrated(&options).await;
    let (code, out) = migrate(
        Args {
            print: true,
            ..Args::default()
        },
        &options,
    )
    .await;
    assert_eq!(code.unwrap(), ExitCode::SUCCESS);
    assert!(
        out.contains("-- 0003 ledger\n") && out.contains("create table llm_metrics ("),
        "{out}"
    );
    let mut conn = options.connect().await.unwrap();
    assert!(schema(&mut conn).await.is_empty());

    migrate(Args::default(), &options).await.0.unwrap();
    let before = schema(&mut conn).await;
    let back = Args {
        print: true,
        undo_to: Some(4),
        ..Args::default()
    };
    let (_, out) = migrate(back, &options).await;
    assert!(
        out.contains("-- 0005 telemetry\n\ndrop table error_group_hours;\n"),
        "{out}"
    );
    let versions: BTreeSet<i64> = MIGRATOR.iter().map(|one| one.version).collect();
    let undone = versions
        .into_iter()
        .rev()
        .take_while(|version| *version > 4);
    let newest_first: Vec<_> = undone
        .map(|version| out.find(&format!("-- {version:04} ")))
        .collect();
    assert!(
        newest_first.is_sorted() && newest_first[0] == Some(0),
        "{out}"
    );
    assert_eq!(before, schema(&mut conn).await);
}

#[sqlx::test(migrations = false)]
async fn undo_goes_back_to_the_named_version(_: PgPoolOptions, options: PgConnectOptions) {
    unmigrated(&options).await;
    migrate(Args::default(), &options).await.0.unwrap();
    let (code, out) = migrate(
        Args {
            undo_to: Some(3),
            ..Args::default()
        },
        &options,
    )
    .await;
    assert_eq!(code.unwrap(), ExitCode::SUCCESS);
    let newest = MIGRATOR.iter().map(|one| one.version).max().unwrap();
    assert!(out.starts_with(&format!("undone {newest:04} ")), "{out}");
    assert!(
        out.contains("undone 0011 threads\nundone 0010 approvals\nundone 0009 runs\n"),
        "{out}"
    );
    assert!(
        out.ends_with("undone 0005 telemetry\nundone 0004 retrieval\n"),
        "{out}"
    );

    let (code, _) = migrate(
        Args {
            undo_to: Some(77),
            ..Args::default()
        },
        &options,
    )
    .await;
    assert_eq!(code.unwrap_err().exit_code(), ExitCode::from(2));
}

#[sqlx::test(migrations = false)]
async fn an_unreachable_database_is_exit_code_three(_: PgPoolOptions, options: PgConnectOptions) {
    unmigrated(&options).await;
    let elsewhere = options.clone().socket("/nonexistent/socket/folder");
    let (code, _) = migrate(Args::default(), &elsewhere).await;
    let error = code.unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::from(3));
    assert!(error.to_string().contains("cannot be reached"), "{error}");

    let missing = options.database("a_database_that_is_not_there");
    let (code, _) = migrate(
        Args {
            check: true,
            ..Args::default()
        },
        &missing,
    )
    .await;
    assert_eq!(code.unwrap_err().exit_code(), ExitCode::from(3));
}

#[sqlx::test(migrations = false)]
async fn an_edited_migration_is_refused_and_a_newer_database_is_not(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    unmigrated(&options).await;
    migrate(Args::default(), &options).await.0.unwrap();
    let mut conn = options.connect().await.unwrap();
    sqlx::query(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (9999, 'from the future', true, '\\x00', 0)",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    let check = Args {
        check: true,
        ..Args::default()
    };
    let (code, _) = migrate(check.clone(), &options).await;
    assert_eq!(
        code.unwrap(),
        ExitCode::SUCCESS,
        "the old binary must go on serving"
    );

    sqlx::query("update _sqlx_migrations set checksum = '\\x00' where version = 2")
        .execute(&mut conn)
        .await
        .unwrap();
    let (code, _) = migrate(check, &options).await;
    let error = code.unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::from(1));
    assert!(error.to_string().contains("has been modified"), "{error}");
}

#[sqlx::test(migrations = false)]
async fn a_database_of_a_development_version_is_refused_with_the_way_out(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    unmigrated(&options).await;
    let mut conn = options.connect().await.unwrap();
    sqlx::raw_sql(
        "create table _sqlx_migrations (
            version bigint primary key, description text not null,
            installed_on timestamptz not null default now(), success boolean not null,
            checksum bytea not null, execution_time bigint not null);
         insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         select n, 'month partitions', true, sha256(n::text::bytea), 0
         from generate_series(1, 16) n",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    let before = schema(&mut conn).await;

    let told = |error: String| assert_eq!(error, format!("{UNRELEASED}: {BEGIN_ANEW}"));
    for (check, print, undo_to) in [
        (false, false, None),
        (true, false, None),
        (false, true, None),
        (false, true, Some(0)),
        (false, false, Some(0)),
    ] {
        let args = Args {
            check,
            print,
            undo_to,
            yes: false,
            json: false,
        };
        let error = migrate(args, &options).await.0.unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::from(1));
        told(error.to_string());
    }

    let data = tempfile::tempdir().unwrap();
    let url = url(&options);
    let flags = [
        "--data-dir",
        data.path().to_str().unwrap(),
        "--database-url",
        &url,
        "--bind",
        "127.0.0.1:0",
    ];
    let config = Config::from_flags(flags).unwrap();
    for also_migrate in [false, true] {
        let refused = Running::start(config.clone(), also_migrate).await;
        let refused = refused.err().unwrap();
        assert_eq!(refused.exit_code(), ExitCode::from(1));
        told(refused.to_string());
    }
    let report = doctor::command::examine(&config, &Clock::System, false).await;
    let check = report
        .checks
        .iter()
        .find(|check| check.name == "migrations");
    let check = check.unwrap();
    assert!(!check.ok && check.detail == UNRELEASED, "{check:?}");
    assert_eq!(check.mend.as_deref(), Some(BEGIN_ANEW));
    assert_eq!(before, schema(&mut conn).await, "nothing was changed");
}

/// The checksum of each released file of the migrations, as `sha256sum` writes it.
const RELEASED: &str = include_str!("../../migrations/CHECKSUMS");

#[test]
fn released_migrations_stay_as_they_are() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let sums: BTreeSet<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "sql"))
        .map(|path| {
            let sum = hex(&Sha256::digest(std::fs::read(&path).unwrap()));
            format!("{sum}  {}", path.file_name().unwrap().display())
        })
        .collect();
    let released: BTreeSet<_> = RELEASED.lines().map(str::to_owned).collect();
    let changed: Vec<_> = released.difference(&sums).collect();
    assert!(
        changed.is_empty(),
        "migrations are frozen, and these are not what they were: {changed:#?}\n\
         databases have applied them; put them back, and write a new migration (migrations/README.md)"
    );
    let new: Vec<_> = sums.difference(&released).collect();
    assert!(
        new.is_empty(),
        "add these lines to migrations/CHECKSUMS, which freezes them: {new:#?}"
    );
}

#[sqlx::test(migrations = false)]
async fn a_failed_migration_leaves_no_lock_behind(_: PgPoolOptions, options: PgConnectOptions) {
    unmigrated(&options).await;
    let mut conn = options.connect().await.unwrap();
    sqlx::query("create table runs (in_the_way int)")
        .execute(&mut conn)
        .await
        .unwrap();
    let (code, _) = migrate(Args::default(), &options).await;
    assert!(code.unwrap_err().to_string().contains("migration 9"));
    sqlx::query("drop table runs")
        .execute(&mut conn)
        .await
        .unwrap();
    let (code, out) = migrate(Args::default(), &options).await;
    assert_eq!(code.unwrap(), ExitCode::SUCCESS);
    assert!(out.starts_with("applied 0009 runs\n"), "{out}");
}

/// Inserts a call at a time and says which partition took it.
async fn insert_call(conn: &mut PgConnection, at: DateTime<Utc>) -> String {
    sqlx::query_scalar(
        "insert into llm_metrics (org_id, user_id, call_id, model, provider, phase, created_at)
         values ('acme', 'ann', gen_random_uuid(), 'm', 'p', 'chat', $1)
         returning tableoid::regclass::text",
    )
    .bind(at)
    .fetch_one(conn)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_row_for_which_there_is_no_month_is_kept_and_moves_when_there_is(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let at = moment(2031, 5, 31);
    assert_eq!(insert_call(&mut conn, at).await, "llm_metrics_default");
    assert_eq!(
        db::make_month_partitions(&mut conn, at, 1).await.unwrap(),
        14
    );
    let now: Vec<String> = sqlx::query_scalar("select tableoid::regclass::text from llm_metrics")
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    assert_eq!(now, ["llm_metrics_2031_05"]);
    assert_eq!(insert_call(&mut conn, at).await, "llm_metrics_2031_05");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn months_are_months_in_utc_whatever_the_session_thinks(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    // Twelve hours later it is already December there.
    sqlx::query("set timezone = 'Pacific/Auckland'")
        .execute(&mut *conn)
        .await
        .unwrap();
    let last = Utc.with_ymd_and_hms(2026, 11, 30, 23, 59, 59).unwrap();
    db::make_month_partitions(&mut conn, last, 2).await.unwrap();
    assert_eq!(insert_call(&mut conn, last).await, "llm_metrics_2026_11");
    let next = Utc.with_ymd_and_hms(2026, 12, 1, 0, 0, 0).unwrap();
    assert_eq!(insert_call(&mut conn, next).await, "llm_metrics_2026_12");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn making_months_again_and_at_once_makes_each_one_once(pool: PgPool) {
    let now = moment(2026, 11, 23);
    let make = async || {
        let mut conn = pool.acquire().await.unwrap();
        db::make_month_partitions(&mut conn, now, 4).await.unwrap()
    };
    let (a, b, c) = tokio::join!(make(), make(), make());
    assert_eq!(a + b + c, 14 * 4);
    assert_eq!(make().await, 0);
    // The next month asks for one more month of each.
    let mut conn = pool.acquire().await.unwrap();
    let made = db::make_month_partitions(&mut conn, moment(2026, 12, 1), 4).await;
    assert_eq!(made.unwrap(), 14);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn making_months_gives_way_to_whoever_holds_the_default_partition(pool: PgPool) {
    let mut reader = pool.begin().await.unwrap();
    sqlx::query("select * from llm_metrics")
        .fetch_all(&mut *reader)
        .await
        .unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let failed = db::make_month_partitions(&mut conn, moment(2026, 11, 1), 1).await;
    let code = failed.unwrap_err().into_database_error().unwrap();
    assert_eq!(code.code().as_deref(), Some("55P03"), "lock_not_available");
    reader.rollback().await.unwrap();
    let made = db::make_month_partitions(&mut conn, moment(2026, 11, 1), 1).await;
    assert_eq!(made.unwrap(), 14);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn months_that_are_old_go_as_a_whole_and_no_others(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    db::make_month_partitions(&mut conn, moment(2020, 1, 1), 2)
        .await
        .unwrap();
    db::make_month_partitions(&mut conn, Clock::System.now(), 1)
        .await
        .unwrap();
    let dropped = db::drop_old_months(&mut conn, "run_events", 400).await;
    let both = ["run_events_2020_01", "run_events_2020_02"];
    assert_eq!(dropped.unwrap(), both);
    let again = db::drop_old_months(&mut conn, "run_events", 400).await;
    assert!(again.unwrap().is_empty());
    // Other tables keep theirs, and the present month and the default stay.
    assert_eq!(
        insert_call(&mut conn, moment(2020, 1, 9)).await,
        "llm_metrics_2020_01"
    );
    let left: i64 = sqlx::query_scalar(
        "select count(*) from pg_inherits where inhparent = 'run_events'::regclass",
    )
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    assert_eq!(left, 2);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_two_queries_operators_know_run_as_they_are(pool: PgPool) {
    sqlx::raw_sql(
        "insert into llm_metrics
            (org_id, user_id, call_id, model, provider, phase, total_tokens, input_cost,
             output_cost, total_cost)
         values ('acme', 'ann', gen_random_uuid(), 'm', 'p', 'chat', 30, 0.1, 0.2, 0.3),
                ('acme', 'ann', gen_random_uuid(), 'm', 'p', 'chat', 12, 0.0, 0.000000001,
                 0.000000001);
         insert into error_events (org_id, user_id, error_type, severity, error_message)
         values ('acme', 'ann', 'network', 'error', 'gone'),
                ('acme', 'bob', 'network', 'error', 'gone')",
    )
    .execute(&pool)
    .await
    .unwrap();
    let costs: (String, rust_decimal::Decimal, rust_decimal::Decimal) = sqlx::query_as(
        "SELECT model, SUM(total_cost) AS total_cost, SUM(total_tokens) AS total_tokens
         FROM llm_metrics WHERE created_at >= NOW() - INTERVAL '30 days' GROUP BY model;",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(
        (costs.1.to_string(), costs.2.to_string()),
        ("0.300000001".to_owned(), "42".to_owned())
    );
    let errors: (String, String, i64) = sqlx::query_as(
        "SELECT error_type, severity, COUNT(*) AS occurrences
         FROM error_events WHERE created_at >= NOW() - INTERVAL '24 hours'
         GROUP BY error_type, severity ORDER BY occurrences DESC;",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(errors, ("network".to_owned(), "error".to_owned(), 2));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_call_that_is_written_twice_is_stored_once(pool: PgPool) {
    let call = Uuid::from_u128(7);
    for _ in 0..2 {
        sqlx::query(
            "insert into llm_metrics (org_id, user_id, call_id, model, provider, phase, created_at)
             values ('acme', 'ann', $1, 'm', 'p', 'chat', $2) on conflict do nothing",
        )
        .bind(call)
        .bind(moment(2026, 11, 23))
        .execute(&pool)
        .await
        .unwrap();
    }
    let count: i64 = sqlx::query_scalar("select count(*) from llm_metrics")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(count, 1);
}

/// The name of the constraint that refuses the statement.
async fn refused_by(pool: &PgPool, sql: &'static str) -> String {
    let error = sqlx::raw_sql(sql).execute(pool).await.unwrap_err();
    let error = error.into_database_error().unwrap();
    error.constraint().unwrap_or_default().to_owned()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn half_a_price_is_refused(pool: PgPool) {
    let name = refused_by(
        &pool,
        "insert into llm_metrics (org_id, user_id, call_id, model, provider, phase, total_cost)
         values ('acme', 'ann', gen_random_uuid(), 'm', 'p', 'chat', 1)",
    )
    .await;
    assert_eq!(name, "llm_metrics_priced_wholly_or_not");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_message_cannot_belong_to_another_organisations_conversation(pool: PgPool) {
    let name = refused_by(
        &pool,
        "insert into conversations values
            ('acme', 'ann', '00000000-0000-0000-0000-000000000001', 't', 'active', false, false,
             null, null, now(), now());
         insert into conversation_messages values
            ('evil', '00000000-0000-0000-0000-000000000001', gen_random_uuid(), 'user', 'hi', '{}',
             null, now())",
    )
    .await;
    assert_eq!(name, "conversation_messages_org_id_conversation_id_fkey");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_has_an_end_exactly_when_it_is_over(pool: PgPool) {
    for sql in [
        "insert into runs (org_id, user_id, run_id, kind, status, task, workspace_path, provider,
                           model, options, created_at, updated_at)
         values ('acme', 'ann', gen_random_uuid(), 'autonomous', 'completed', 't', '/w', 'p', 'm',
                 '{}', now(), now())",
        "insert into runs (org_id, user_id, run_id, kind, status, task, workspace_path, provider,
                           model, options, created_at, updated_at, finished_at)
         values ('acme', 'ann', gen_random_uuid(), 'autonomous', 'running', 't', '/w', 'p', 'm',
                 '{}', now(), now(), now())",
    ] {
        assert_eq!(refused_by(&pool, sql).await, "runs_finished_iff_terminal");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_organisation_leads_every_primary_key_but_those_of_what_is_nobodys(pool: PgPool) {
    let others: Vec<String> = sqlx::query_scalar(
        "select conrelid::regclass::text
         from pg_constraint c
         join pg_class t on t.oid = c.conrelid and not t.relispartition
         join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
         where contype = 'p' and connamespace = current_schema()::regnamespace
           and attname not in ('org_id', 'org_key')
         order by 1",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(
        others,
        [
            "_sqlx_migrations",
            "erased_names",
            "learning_passes",
            "learning_progress",
            "model_prices",
            "workers"
        ]
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn tables_of_a_real_server_are_not_lost_without_a_yes(pool: PgPool) {
    let options = pool.connect_options();
    let back = |yes| Args {
        undo_to: Some(0),
        yes,
        ..Args::default()
    };
    for environment in [AppEnv::Staging, AppEnv::Production] {
        let error = migrate_in(environment, back(false), &options).await.0;
        let error = error.unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::from(2));
        assert!(error.to_string().contains("say `--yes`"), "{error}");
    }
    let (code, out) = migrate_in(AppEnv::Production, back(true), &options).await;
    assert_eq!(code.unwrap(), ExitCode::SUCCESS);
    assert!(out.contains("undone 0001"), "{out}");
}
