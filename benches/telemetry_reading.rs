//! The time of reading errors by group: lists, searches, filters and single groups over ten million
//! occurrences of five thousand groups.
//!
//! `cargo bench --bench telemetry_reading` starts a Postgres of its own, fills it, which takes some
//! minutes and some 6 GB of disk, and prints a table; a number behind `--` makes it fewer occurrences.
//! It is a program of its own and no criterion benchmark, because what counts are the percentiles of
//! requests that differ.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise and prints what it measured"
)]

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use navi::auth::principal::{Principal, Proof, Role};
use navi::platform::clock::Clock;
use navi::platform::db;
use navi::platform::embedded_postgres::server::{EmbeddedPostgres, Settings};
use navi::platform::tasks::Tasks;
use navi::telemetry::errors::model::{ErrorFilter, ErrorSearch, GroupId, Sort, StatusFilter};
use navi::telemetry::errors::service::Errors;
use navi::telemetry::model::ErrorSource;
use sqlx::PgPool;

/// Occurrences, unless an argument says otherwise.
const OCCURRENCES: i64 = 10_000_000;
/// Groups of an organisation.
const GROUPS: i64 = 5_000;
/// Requests of each kind.
const REQUESTS: i64 = 200;
/// Groups of a page: the default, and the most.
const PAGES: [i64; 2] = [20, 100];

/// Groups of twenty organisations, so that words are looked up among those of others too.
const FILL_GROUPS: &str = "
insert into error_groups (org_id, fingerprint, error_type, message, frames, source, first_version,
                          created_at, status, resolved_at)
select 'org-' || org, encode(sha256((org || '/' || n)::text::bytea), 'hex'),
       (array['TypeError', 'RangeError', 'TimeoutError', 'NetworkError', 'RenderError'])[1 + n % 5],
       'module' || n % 97 || ' could not read property' || n % 211 || ' of <value> while '
           || (array['rendering', 'loading', 'saving', 'streaming', 'parsing'])[1 + n % 5],
       array['frame' || n, 'main'], (array['client', 'client', 'client', 'client', 'run', 'server'])[1 + n % 6],
       '1.' || n % 20, now() - interval '90 days',
       case when n % 10 = 0 then 'resolved' when n % 33 = 0 then 'regressed' else 'open' end,
       case when n % 10 = 0 then now() end
from generate_series(0, 19) org, generate_series(1, $1) n";

/// Occurrences over ninety days, most of them of few groups.
const FILL_EVENTS: &str = "
insert into error_events (org_id, user_id, error_type, severity, error_message, stack_trace, component,
                          session_id, version, group_id, trace_id, created_at, occurred_at)
select 'org-0', 'user-' || n % 4999, 'TypeError',
       (array['info', 'warning', 'error', 'error', 'fatal'])[1 + place % 5],
       'module' || place % 97 || ' could not read property' || place % 211 || ' of ' || n,
       repeat('    at render (app.js:' || n % 1000 || ':4)' || chr(10), 8), 'part-' || place % 30,
       'tab-' || n % 100000, '1.' || place % 20, first.id + place,
       case when n % 4 = 0 then md5(n::text) end, at, at
from generate_series($2::bigint, $3) n,
     lateral (select floor(power(random(), 3) * $1)::bigint as place where n > 0) chosen,
     lateral (select now() - interval '90 days' * (1 - n::float8 / $4) as at) times,
     (select min(group_id) as id from error_groups where org_id = 'org-0') first";

const COUNT: &str = "
insert into error_group_activity (org_id, group_id, occurrences, affected_users, first_seen, last_seen,
                                  severity, component, last_version, last_message)
select org_id, group_id, count(*), least(count(*), 4999), min(created_at), max(created_at),
       max(severity), max(component), max(version), max(error_message)
from error_events group by org_id, group_id;
insert into error_group_activity (org_id, group_id, occurrences, first_seen, last_seen, severity,
                                  last_message)
select org_id, group_id, 1, created_at, now() - group_id * interval '1 second', 'error', message
from error_groups
on conflict do nothing;
insert into error_group_hours (org_id, group_id, hour, occurrences)
select org_id, group_id, date_trunc('hour', created_at), count(*)
from error_events group by 1, 2, 3;
vacuum analyze error_groups;
vacuum analyze error_group_activity;
vacuum analyze error_group_hours;
vacuum analyze error_events";

async fn fill(pool: &PgPool, occurrences: i64) -> i64 {
    let mut conn = pool.acquire().await.expect("a connection");
    let first = Clock::System.now() - TimeDelta::days(95);
    db::make_month_partitions(&mut conn, first, 8)
        .await
        .expect("months");
    sqlx::query("set statement_timeout = 0")
        .execute(&mut *conn)
        .await
        .expect("setting");
    sqlx::query(FILL_GROUPS)
        .bind(GROUPS)
        .execute(&mut *conn)
        .await
        .expect("groups");
    let step = 500_000;
    for from in (1..=occurrences).step_by(step) {
        let until = occurrences.min(from + i64::try_from(step).unwrap_or_default() - 1);
        sqlx::query(FILL_EVENTS)
            .bind(GROUPS)
            .bind(from)
            .bind(until)
            .bind(occurrences)
            .execute(&mut *conn)
            .await
            .expect("occurrences");
    }
    for statement in COUNT.split(';') {
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&mut *conn)
            .await
            .expect("counts");
    }
    sqlx::query_scalar("select min(group_id) from error_groups where org_id = 'org-0'")
        .fetch_one(&mut *conn)
        .await
        .expect("the first group")
}

/// The filter of the request with this number.
type Filters = Box<dyn Fn(i64) -> ErrorFilter>;

/// The kinds of lists, each with a filter that differs from request to request.
fn kinds(now: DateTime<Utc>) -> Vec<(&'static str, Filters)> {
    let searching = |text: String| ErrorFilter {
        search: ErrorSearch::new(&text),
        ..ErrorFilter::default()
    };
    vec![
        ("list", Box::new(|_| ErrorFilter::default())),
        (
            "list by occurrences",
            Box::new(|_| ErrorFilter {
                sort: Sort::Occurrences,
                ..ErrorFilter::default()
            }),
        ),
        (
            "search, one word",
            Box::new(move |n| searching(format!("module{}", n % 97))),
        ),
        (
            "search, two words, the last begun",
            Box::new(move |n| searching(format!("rendering property{}", n % 21))),
        ),
        (
            "search, a beginning that is everywhere",
            Box::new(move |_| searching("mod".to_owned())),
        ),
        (
            "resolved ones",
            Box::new(|_| ErrorFilter {
                status: StatusFilter::Resolved,
                ..ErrorFilter::default()
            }),
        ),
        (
            "by component and version",
            Box::new(|n| ErrorFilter {
                component: Some(format!("part-{}", n % 30)),
                version: Some(format!("1.{}", n % 20)),
                ..ErrorFilter::default()
            }),
        ),
        (
            "fatal ones of clients, of the last days",
            Box::new(move |n| ErrorFilter {
                severity: Some("fatal".to_owned()),
                source: Some(ErrorSource::Client),
                since: Some(now - TimeDelta::days(1 + n % 7)),
                ..ErrorFilter::default()
            }),
        ),
    ]
}

fn row(name: &str, mut took: Vec<Duration>, found: usize) {
    took.sort_unstable();
    let at = |share: usize| {
        let rank = (took.len() * share / 1_000).min(took.len() - 1);
        took[rank].as_secs_f64() * 1e3
    };
    println!(
        "{name:<40} p50 {:>7.2} ms  p95 {:>7.2} ms  max {:>7.2} ms  {found} rows",
        at(500),
        at(950),
        at(1_000)
    );
}

async fn measure(errors: &Errors, first: i64, page_of: i64) {
    let reader = Principal {
        org_id: "org-0".parse().expect("an id"),
        user_id: "reader".parse().expect("an id"),
        team_id: None,
        role: Role::Viewer,
        proof: Proof::Token,
    };
    for (name, filter) in kinds(Clock::System.now()) {
        let (mut took, mut found) = (Vec::new(), 0);
        for n in 0..REQUESTS {
            let filter = filter(n);
            let start = Instant::now();
            let page = errors
                .list(&reader, &filter, page_of)
                .await
                .expect("a page");
            took.push(start.elapsed());
            found += page.len();
        }
        row(name, took, found);
    }
    let (mut took, mut found, mut after) = (Vec::new(), 0, None);
    for _ in 0..REQUESTS {
        let filter = ErrorFilter {
            after,
            status: StatusFilter::All,
            ..ErrorFilter::default()
        };
        let start = Instant::now();
        let page = errors
            .list(&reader, &filter, page_of)
            .await
            .expect("a page");
        took.push(start.elapsed());
        found += page.len();
        after = page.last().map(|last| last.group.cursor(Sort::LastSeen));
    }
    row("all of them, page after page", took, found);
    let (mut took, mut found) = (Vec::new(), 0);
    for n in 0..REQUESTS {
        let id = GroupId(first + n * n % GROUPS);
        let start = Instant::now();
        let detail = errors.find(&reader, id).await.expect("a group");
        took.push(start.elapsed());
        found += detail.latest.len();
    }
    row("one with its last occurrences", took, found);
}

#[tokio::main]
async fn main() {
    let wanted = std::env::args().find_map(|argument| argument.parse().ok());
    let occurrences = wanted.unwrap_or(OCCURRENCES);
    let folder = tempfile::tempdir().expect("folder");
    let settings = Settings {
        data_dir: folder.path().to_owned(),
        pg_bin: None,
        path: Vec::new(),
    };
    let postgres = EmbeddedPostgres::start(settings).await.expect("postgres");
    let options = postgres.connect_options();
    db::migrate(&options, Clock::System.now())
        .await
        .expect("migrations");
    let pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(16)
        .connect_with(options)
        .await
        .expect("pool");
    let began = Instant::now();
    let first = fill(&pool, occurrences).await;
    let hours: i64 = sqlx::query_scalar("select count(*) from error_group_hours")
        .fetch_one(&pool)
        .await
        .expect("hours");
    println!(
        "{occurrences} occurrences of {GROUPS} groups, {hours} hours, filled in {:.0} s",
        began.elapsed().as_secs_f64()
    );
    let errors = Errors::new(pool, Clock::System, Tasks::new());
    for page in PAGES {
        println!("\npages of {page}");
        measure(&errors, first, page).await;
    }
    postgres.stop().await;
}
