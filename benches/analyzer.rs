//! The time of a pass of the analyzer: over a million ratings of a thousand organisations, and over a
//! thousand new ones, beside summing all ratings again.
//!
//! `cargo bench --bench analyzer` starts a Postgres of its own, fills it, which takes some minutes and
//! some gigabytes of disk, and prints a table; `NAVI_BENCH_RATINGS` makes it fewer ratings. It is a
//! program of its own and no criterion benchmark, because a pass changes what the next one finds.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise and prints what it measured"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark's size comes from its environment"
)]

use std::time::{Duration, Instant};

use navi::feedback::learning::service::{Analyzer, PassOptions, PassReport};
use navi::platform::clock::Clock;
use navi::platform::db;
use navi::platform::embedded_postgres::server::{EmbeddedPostgres, Settings};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

/// Ratings, unless the environment says otherwise.
const RATINGS: i64 = 1_000_000;
/// Ratings of an organisation.
const PER_ORG: i64 = 1_000;
/// New ratings, of organisations drawn at random.
const NEW: i64 = 1_000;
/// Incremental passes.
const PASSES: usize = 5;

/// Answers of twenty people per organisation over ninety days, with three traits each. Who rates has a
/// taste: single quotes are accepted more often.
const LOG: &str = "
insert into ai_generation_log (org_key, user_sub, task_type, model, params, prompt_hash, created_at,
                               category, tags)
select 'org-' || case when $3 then floor(random() * $4)::bigint else n % $4 end,
       'user-' || floor(random() * 20)::int, 'codegen', 'm', '{}', 'h',
       now() - case when $3 then interval '0' else interval '88 days' * random() end,
       (array['fix', 'feature', 'test', 'docs', 'general'])[1 + floor(random() * 5)::int],
       array['quotes@python=' || (array['single', 'double'])[1 + floor(random() * 2)::int],
             'length=' || (array['brief', 'detailed'])[1 + floor(random() * 2)::int],
             'tests=' || (array['with_change', 'left_alone'])[1 + floor(random() * 2)::int]]
from generate_series($1::bigint, $2) n";

const SUGGEST: &str = "
insert into learning_suggestions (org_id, user_id, category, suggestion_text, feedback_type, rating,
                                  pattern_tags, gen_id, created_at, updated_at)
select org_key, user_sub, category, 'An answer.', case when good then 'accepted' else 'rejected' end,
       case when good then 1 else -1 end, to_jsonb(tags), id, created_at, created_at
from (
    select *, random() < case when 'quotes@python=single' = any(tags) then 0.8 else 0.5 end as good
    from ai_generation_log where id > $1
) g";

const COUNT: &str = "
insert into learning_counts as c (org_id, subject, value, category, user_id, week, accepted, rejected)
select s.org_id, split_part(tag, '=', 1), split_part(tag, '=', 2),
       case tag when '*=*' then s.category else '' end, s.user_id,
       date_trunc('week', s.created_at at time zone 'UTC')::date,
       2 * count(*) filter (where s.rating = 1), 2 * count(*) filter (where s.rating = -1)
from learning_suggestions s
join ai_generation_log g on g.org_key = s.org_id and g.id = s.gen_id,
     unnest('*=*'::text || g.tags) tag
where s.gen_id > $1
group by 1, 2, 3, 4, 5, 6
on conflict (org_id, subject, value, category, team_id, user_id, week) do update
set accepted = c.accepted + excluded.accepted, rejected = c.rejected + excluded.rejected";

/// The query that a pass would have to begin with if there were no counts.
const ANEW: &str = "
select count(*) from (
    select s.org_id, tag, s.user_id, date_trunc('week', s.created_at) as week,
           count(*) filter (where s.rating = 1), count(*) filter (where s.rating = -1)
    from learning_suggestions s
    join ai_generation_log g on g.org_key = s.org_id and g.id = s.gen_id, unnest(g.tags) tag
    group by 1, 2, 3, 4
) counts";

/// Adds so many ratings.
async fn fill(pool: &PgPool, ratings: i64, orgs: i64, new: bool) {
    let mut conn = pool.acquire().await.expect("a connection");
    sqlx::query("set statement_timeout = 0")
        .execute(&mut *conn)
        .await
        .expect("a setting");
    let last: i64 = sqlx::query_scalar("select coalesce(max(id), 0) from ai_generation_log")
        .fetch_one(&mut *conn)
        .await
        .expect("the last answer");
    sqlx::query(LOG)
        .bind(1_i64)
        .bind(ratings)
        .bind(new)
        .bind(orgs)
        .execute(&mut *conn)
        .await
        .expect("answers");
    for statement in [SUGGEST, COUNT] {
        sqlx::query(statement)
            .bind(last)
            .execute(&mut *conn)
            .await
            .expect("ratings");
    }
    if !new {
        for statement in [
            "vacuum analyze ai_generation_log",
            "vacuum analyze learning_suggestions",
            "vacuum analyze learning_counts",
        ] {
            sqlx::query(statement)
                .execute(&mut *conn)
                .await
                .expect("statistics");
        }
    }
}

/// A pass, and what it took.
async fn pass(analyzer: &Analyzer) -> (PassReport, Duration) {
    let start = Instant::now();
    let report = analyzer
        .pass(&PassOptions::default(), &CancellationToken::new(), &|_| {})
        .await
        .expect("a pass")
        .expect("a turn");
    (report, start.elapsed())
}

/// The greatest resident memory of this process so far, in megabytes; Postgres is another one.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kilobytes.unwrap_or(0) / 1_024
}

fn row(name: &str, report: &PassReport, took: Duration) {
    println!(
        "{name:<24} {:>9.1} ms  {:>5} organisations  {:>9} rows  {:>6} made  {:>6} changed  {:>5} retired",
        took.as_secs_f64() * 1e3,
        report.orgs,
        report.rows_read,
        report.insights_made,
        report.insights_changed,
        report.insights_retired,
    );
}

#[tokio::main]
async fn main() {
    let wanted = std::env::var("NAVI_BENCH_RATINGS").ok();
    let ratings = wanted.and_then(|text| text.parse().ok()).unwrap_or(RATINGS);
    let orgs = (ratings / PER_ORG).max(1);
    let folder = tempfile::tempdir().expect("a folder");
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
        .expect("a pool");
    let start = Instant::now();
    fill(&pool, ratings, orgs, false).await;
    println!(
        "{ratings} ratings of {orgs} organisations, filled in {:.0} s; {} MB before the first pass",
        start.elapsed().as_secs_f64(),
        peak()
    );
    let analyzer = Analyzer::new(pool.clone(), Clock::System);
    let (report, took) = pass(&analyzer).await;
    row("everything", &report, took);
    println!("{} MB at most", peak());
    let (report, took) = pass(&analyzer).await;
    row("nothing new", &report, took);
    for (name, among) in [("new, of all", orgs), ("new, of ten", orgs.min(10))] {
        let mut all = Vec::new();
        for _ in 0..PASSES {
            fill(&pool, NEW.min(ratings), among, true).await;
            let (report, took) = pass(&analyzer).await;
            row(name, &report, took);
            all.push(took);
        }
        all.sort_unstable();
        println!(
            "{name}: {:.1} ms in the middle; {} MB at most",
            all[PASSES / 2].as_secs_f64() * 1e3,
            peak()
        );
    }
    let start = Instant::now();
    let rows: i64 = sqlx::query_scalar(ANEW)
        .fetch_one(&pool)
        .await
        .expect("counts");
    println!(
        "counting all ratings anew instead: {:.1} ms for {rows} counts, before anything is concluded",
        start.elapsed().as_secs_f64() * 1e3
    );
    postgres.stop().await;
}
