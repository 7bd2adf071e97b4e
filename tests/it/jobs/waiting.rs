//! Who is next among the runs that wait, and what it costs to find out.

use navi::platform::ids::{OrgId, RunId};
use navi::runs::lease::model::Shares;
use navi::runs::lease::store;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// The rule as it reads: over all runs that are not over.
const RULE: &str = "
    with unfinished as (
      select r.org_id, r.run_id, r.status, r.available_at,
             r.cancel_requested_at is not null as cancelled,
             coalesce(w.expires_at > clock_timestamp(), false) as held
      from runs r left join workers w using (worker_id)
      where r.finished_at is null
        and (r.available_at <= clock_timestamp() or r.cancel_requested_at is not null)
    ), busy as (
      select org_id, count(*) as runs from unfinished
      where held and status = 'running' group by org_id
    ), queue as (
      select org_id, run_id, available_at, cancelled, coalesce(busy.runs, 0) as busy,
             row_number() over (partition by org_id
                                order by cancelled desc, available_at, run_id) as place
      from unfinished left join busy using (org_id)
      where not held
    )
    select queue.org_id, queue.run_id
    from queue left join run_turns turn using (org_id)
    where queue.cancelled or queue.busy + queue.place <= $2
    order by queue.cancelled desc, queue.busy + queue.place, turn.taken_at nulls first, queue.available_at
    limit greatest(0::bigint, least($1::bigint,
          $3::bigint - (select coalesce(sum(runs), 0)::bigint from busy)))";

/// Six organisations, a living worker and two that are gone, one of them forgotten; runs of all kinds.
const MIXED: &str = "
    insert into runs (org_id, user_id, run_id, kind, status, task, provider, model, options,
                      created_at, updated_at, available_at, worker_id, cancel_requested_at,
                      finished_at)
    select 'org-' || (random() * 5)::integer, 'user', gen_random_uuid(), 'job',
           case when over then 'completed' when of_worker < 0.4 and waits < 0.8 then 'running'
                when of_worker < 0.5 then 'paused_for_approval' else 'queued' end,
           'task', 'openai', 'gpt', '{}', now(), now(),
           case when waits < 0.9 then now() - n * interval '1 second'
                when waits < 0.95 then now() + n * interval '1 hour' end,
           case when of_worker < 0.2 then '00000000-0000-0000-0000-000000000001'::uuid
                when of_worker < 0.3 then '00000000-0000-0000-0000-000000000002'::uuid
                when of_worker < 0.4 then '00000000-0000-0000-0000-000000000003'::uuid end,
           case when random() < 0.1 then now() end, case when over then now() end
    from (select n, random() as of_worker, random() as waits, random() < 0.2 as over
          from generate_series(1, 60) n) drawn";

const WORKERS: &str = "
    insert into workers (worker_id, host, started_at, expires_at) values
      ('00000000-0000-0000-0000-000000000001', 'here', now(), now() + interval '1 hour'),
      ('00000000-0000-0000-0000-000000000002', 'here', now(), now() - interval '1 minute')";

/// Waiting runs of one organisation.
const WAITING: &str = "
    insert into runs (org_id, user_id, run_id, kind, status, task, provider, model, options,
                      created_at, updated_at, available_at)
    select 'org-1', 'user', gen_random_uuid(), 'job', 'queued', 'task', 'openai', 'gpt', '{}',
           now(), now(), now() - n * interval '1 second'
    from generate_series(1, $1) n";

async fn run(conn: &mut PgConnection, statement: &'static str) {
    sqlx::query(statement).execute(conn).await.unwrap();
}

async fn by_the_rule(conn: &mut PgConnection, limit: i64, shares: Shares) -> Vec<(String, Uuid)> {
    sqlx::query_as(RULE)
        .bind(limit)
        .bind(shares.per_org)
        .bind(shares.total)
        .fetch_all(conn)
        .await
        .unwrap()
}

async fn chosen(conn: &mut PgConnection, limit: i64, shares: Shares) -> Vec<(String, Uuid)> {
    let chosen = store::choose(conn, limit, shares).await.unwrap();
    let named = |(org, run): (OrgId, RunId)| (org.to_string(), run.0);
    chosen.into_iter().map(named).collect()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_is_chosen_is_what_the_rule_says_of_all_runs(db: PgPool) {
    let mut conn = db.acquire().await.unwrap();
    run(&mut conn, WORKERS).await;
    let mut some = 0;
    for seed in 0..25_i32 {
        run(&mut conn, "delete from runs").await;
        run(&mut conn, "delete from run_turns").await;
        sqlx::query("select setseed($1)")
            .bind(f64::from(seed) / 25.0)
            .execute(&mut *conn)
            .await
            .unwrap();
        run(&mut conn, MIXED).await;
        let turns = "insert into run_turns select 'org-' || n, now() - random() * interval '1 hour'
                     from generate_series(0, 3) n";
        run(&mut conn, turns).await;
        for (limit, per_org, total) in
            [(1, 3, 20), (4, 2, 8), (32, 5, 40), (32, 50, 200), (5, 0, 9)]
        {
            let shares = Shares { per_org, total };
            let expected = by_the_rule(&mut conn, limit, shares).await;
            let chosen = chosen(&mut conn, limit, shares).await;
            assert_eq!(chosen, expected, "seed {seed}, limit {limit}, {shares:?}");
            some += chosen.len();
        }
    }
    assert!(some > 500, "{some} were chosen in all");
}

/// The rows of runs that choosing reads.
async fn rows_read(db: &PgPool) -> i64 {
    let mut tx = db.begin().await.unwrap();
    let shares = Shares {
        per_org: 100,
        total: 100,
    };
    assert_eq!(chosen(&mut tx, 20, shares).await.len(), 20);
    let read = "select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables
                where relname = 'runs'";
    sqlx::query_scalar(read).fetch_one(&mut *tx).await.unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn choosing_reads_no_more_runs_however_many_wait(db: PgPool) {
    let wait = async |count: i32| {
        let insert = sqlx::query(WAITING).bind(count);
        insert.execute(&db).await.unwrap();
        sqlx::query("analyze runs").execute(&db).await.unwrap();
    };
    // A table of a few pages is read as it is, whatever its indexes.
    wait(2_000).await;
    let few = rows_read(&db).await;
    wait(18_000).await;
    let many = rows_read(&db).await;
    assert!(few <= 50, "{few} rows to choose 20 of 2,000");
    assert!(many <= 50, "{many} rows to choose 20 of 20,000");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn runs_of_one_organisation_begin_one_by_one_and_those_of_others_beside_them(db: PgPool) {
    let (ours, theirs): (OrgId, OrgId) = ("org-1".parse().unwrap(), "org-2".parse().unwrap());
    // The lock goes with what is read under it.
    let count = async |tx: &mut PgConnection, org: &OrgId| {
        store::begin_alone(tx, org).await?;
        store::under_way(tx, org).await
    };
    let taking = async |tx: &mut PgConnection| {
        store::take_alone(tx).await?;
        store::under_way(tx, &ours).await
    };
    let mut first = db.begin().await.unwrap();
    count(&mut first, &ours).await.unwrap();
    let mut beside = db.begin().await.unwrap();
    count(&mut beside, &theirs).await.unwrap();
    let impatient = async || {
        let mut tx = db.begin().await.unwrap();
        run(&mut tx, "set local lock_timeout = '200ms'").await;
        tx
    };
    let again = count(&mut *impatient().await, &ours).await;
    assert!(again.is_err(), "two of one organisation counted at once");
    let taken = taking(&mut *impatient().await).await;
    assert!(taken.is_err(), "runs were taken while others were counted");
    first.commit().await.unwrap();
    beside.commit().await.unwrap();
    taking(&mut *impatient().await).await.unwrap();
}
