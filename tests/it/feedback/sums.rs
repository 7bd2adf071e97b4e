//! Sums equal what the rows add up to, after every writer, change and erasure.

use std::time::Duration;

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use navi::auth::principal::Role;
use navi::cli::audit::opened::operator;
use navi::feedback::bandit::service::add_waiting;
use navi::feedback::model::{Category, Generation};
use navi::feedback::store::sums::fold;
use navi::lifecycle::erasure::Eraser;
use navi::lifecycle::model::Subject;
use navi::platform::db::MIGRATOR;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::feedback::desk::{Desk, SIGNALS, SUBMIT, answer, now};
use crate::feedback::rated;
use crate::feedback::rated::{Answer, rate, rate_often};
use crate::support::app::{ORG, USER};

/// The sums, with what is still to be added to them, beside those that the rows make; what differs.
const DIFFERENCES: &str = "
    with told (org_key, at, kind, name, answers, up, down, withdrawn, accepted, rejected) as (
        select g.org_key, g.created_at, 'category', g.category, 1,
               coalesce((f.rating = 1)::int, 0), coalesce((f.rating = -1)::int, 0),
               coalesce((f.rating = 0)::int, 0),
               coalesce((s.feedback_type in ('accepted', 'modified'))::int, 0),
               coalesce((s.feedback_type = 'rejected')::int, 0)
        from ai_generation_log g
        left join ai_feedback f
          on f.org_key = g.org_key and f.gen_id = g.id and f.user_sub = g.user_sub
        left join learning_suggestions s on s.org_id = g.org_key and s.gen_id = g.id
        union all
        select org_key, g.created_at, 'reason', f.reason, 1, 0, 0, 0, 0, 0
        from ai_feedback f join ai_generation_log g using (org_key, user_sub)
        where g.id = f.gen_id and f.reason is not null and f.rating <> 0
        union all
        select g.org_key, g.created_at, 'signal', s.signal, 1, 0, 0, 0, 0, 0
        from ai_feedback_signals s
        join ai_generation_log g on g.org_key = s.org_key and g.id = s.gen_id
    ), rows_say as (
        select org_key, m.minutes, kind,
               date_bin(make_interval(mins => m.minutes), at, '2000-01-01Z') as starts_at, name,
               sum(answers) as answers, sum(up) as up, sum(down) as down, sum(withdrawn) as withdrawn,
               sum(accepted) as accepted, sum(rejected) as rejected
        from told cross join (values (15), (1440)) m (minutes) group by 1, 2, 3, 4, 5
    ), kept as (
        select org_key, minutes, kind, starts_at, name, answers, up, down, withdrawn, accepted,
               rejected
        from feedback_sums
        union all
        select org_key, m.minutes, kind,
               date_bin(make_interval(mins => m.minutes), answered_at, '2000-01-01Z'), name,
               answers, up, down, withdrawn, accepted, rejected
        from feedback_sum_changes cross join (values (15), (1440)) m (minutes)
    ), sums_say as (
        select org_key, minutes, kind, starts_at, name, sum(answers) as answers, sum(up) as up,
               sum(down) as down, sum(withdrawn) as withdrawn, sum(accepted) as accepted,
               sum(rejected) as rejected
        from kept group by 1, 2, 3, 4, 5
        having (sum(answers), sum(up), sum(down), sum(withdrawn), sum(accepted), sum(rejected))
            <> (0, 0, 0, 0, 0, 0)
    )
    select coalesce(jsonb_agg(jsonb_build_array(to_jsonb(r), to_jsonb(s))), '[]')
    from rows_say r full join sums_say s on to_jsonb(r) = to_jsonb(s)
    where r.org_key is null or s.org_key is null";

/// The statistics of [`ORG`] since a moment, counted by hand from the rows.
const BY_HAND: &str = "
    with told as (
        select g.id, g.category, f.rating, f.reason, s.feedback_type
        from ai_generation_log g
        left join ai_feedback f
          on f.org_key = g.org_key and f.gen_id = g.id and f.user_sub = g.user_sub
        left join learning_suggestions s on s.org_id = g.org_key and s.gen_id = g.id
        where g.org_key = $1 and g.created_at >= $2
    )
    select jsonb_build_object(
        'generations', count(*),
        'ratings', jsonb_build_object(
            '-1', count(*) filter (where rating = -1), '0', count(*) filter (where rating = 0),
            '1', count(*) filter (where rating = 1)
        ),
        'reasons', (
            select coalesce(jsonb_object_agg(reason, many), '{}')
            from (select reason, count(*) as many from told where reason is not null and rating <> 0
                  group by 1) r
        ),
        'signals', (
            select coalesce(jsonb_object_agg(signal, many), '{}')
            from (select x.signal, count(*) as many from told t
                  join ai_feedback_signals x on x.org_key = $1 and x.gen_id = t.id group by 1) s
        ),
        'categories', (
            select coalesce(jsonb_agg(c order by c.category), '[]')
            from (select category, count(*) as generations,
                         count(*) filter (where rating <> 0) as feedback,
                         count(*) filter (where feedback_type in ('accepted', 'modified'))
                             as accepted,
                         count(*) filter (where feedback_type = 'rejected') as rejected
                  from told group by 1) c
        )
    ) from told";

/// Asserts that the sums of everybody are what the rows add up to.
pub(crate) async fn assert_summed(db: &PgPool) {
    let differ: Value = sqlx::query_scalar(DIFFERENCES).fetch_one(db).await.unwrap();
    assert_eq!(differ, json!([]));
}

/// Adds all changes to the sums, which servers do every few seconds.
pub(crate) async fn add_changes(db: &PgPool) {
    fold(&db.clone().into()).await.unwrap();
}

async fn told(desk: &Desk, days: i64) -> Value {
    let path = format!("/api/feedback/stats?days={days}");
    let (status, mut told) = desk.app.client(Role::Viewer).get(&path).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    for category in told["by_category"].as_array_mut().unwrap() {
        category.as_object_mut().unwrap().remove("acceptance_rate");
    }
    json!({
        "generations": told["total_generations"], "ratings": told["rating_distribution"],
        "reasons": told["reason_distribution"], "signals": told["signals"],
        "categories": told["by_category"],
    })
}

async fn by_hand(desk: &Desk, since: DateTime<Utc>) -> Value {
    let counted = sqlx::query_scalar(BY_HAND).bind(ORG).bind(since);
    counted.fetch_one(&desk.db).await.unwrap()
}

async fn erase(desk: &Desk, user: &str) {
    let eraser = Eraser {
        db: desk.app.app.db.clone(),
        clock: desk.app.app.clock.clone(),
        audit: desk.app.app.audit.clone(),
        data: None,
        runs_end_within: Duration::from_secs(10),
    };
    let subject = Subject {
        org: ORG.parse().unwrap(),
        user: Some(user.parse().unwrap()),
    };
    let report = eraser.erase(&subject, &operator(), &mut |_| {}).await;
    assert!(report.unwrap().complete);
}

/// Does something that changes statistics, or adds what was changed before.
async fn act(desk: &Desk, rng: &mut StdRng, answers: &mut Vec<(i64, &'static str)>) {
    let user = [USER, "user-2"][rng.random_range(0..2)];
    if answers.is_empty() || rng.random_bool(0.3) {
        // Also at the very moments at which parts of a period meet.
        let quarters = TimeDelta::minutes(15 * rng.random_range(0..6_000));
        let beside = [0, 0, 1, -1, 400_000_000][rng.random_range(0..5)];
        let midnight: DateTime<Utc> = "2026-11-25T00:00:00Z".parse().unwrap();
        let made = Generation {
            user_id: user.parse().unwrap(),
            category: [Category::Fix, Category::Docs][rng.random_range(0..2)],
            created_at: midnight - quarters + TimeDelta::microseconds(beside),
            ..answer()
        };
        answers.push((desk.log(&made).await, user));
        return;
    }
    let (id, owner) = answers[rng.random_range(0..answers.len())];
    let client = desk.app.client_of(ORG, owner, Role::Viewer);
    match rng.random_range(0..10) {
        0 => add_changes(&desk.db).await,
        1 => {
            let signal = ["kept", "edited", "reverted"][rng.random_range(0..3)];
            let body = json!({"gen_id": id, "signal": signal});
            assert_eq!(client.post(SIGNALS, body).await.0, StatusCode::OK);
        }
        // By hand, with all that hangs on it.
        2 if rng.random_bool(0.3) => {
            for table in [
                "ai_generation_log where id",
                "learning_suggestions where gen_id",
            ] {
                let sql = format!("delete from {table} = $1");
                let gone = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id);
                gone.execute(&desk.db).await.unwrap();
            }
            answers.retain(|(other, _)| *other != id);
        }
        _ => {
            let reason = [None, Some("style"), Some("wrong")][rng.random_range(0..3)];
            let rating = rng.random_range(-1..=1);
            let body = json!({"gen_id": id, "rating": rating, "reason": reason});
            assert_eq!(client.post(SUBMIT, body).await.0, StatusCode::OK);
        }
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn statistics_are_a_count_by_hand_after_any_ratings_and_an_erasure(db: PgPool) {
    let desk = Desk::new(db).await;
    let compare = async |what: &str| {
        for days in [1, 2, 30, 62, 365] {
            let since = desk.app.app.clock.now() - TimeDelta::days(days);
            let (told, counted) = (told(&desk, days).await, by_hand(&desk, since).await);
            assert_eq!(told, counted, "{what}, {days} days");
        }
        assert_summed(&desk.db).await;
        let admin = desk.app.client(Role::Admin);
        let (_, page) = admin.get("/api/feedback/recent?limit=1").await;
        assert_eq!(page["total_count"], json!(desk.rows("ai_feedback").await));
    };
    for seed in 0..3 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut answers = Vec::new();
        for step in 0..120 {
            act(&desk, &mut rng, &mut answers).await;
            if step % 30 == 29 {
                let minutes = [1, 15, 380, 1_440][rng.random_range(0..4)];
                desk.app.app.clock.advance(TimeDelta::minutes(minutes));
                compare(&format!("seed {seed}, step {step}")).await;
            }
        }
        erase(&desk, "user-2").await;
        assert_eq!(desk.rows("feedback_sum_changes").await, 0);
        compare(&format!("seed {seed}, erased")).await;
    }
    erase(&desk, USER).await;
    assert_eq!(desk.rows("feedback_sums").await, 0, "a sum of nothing");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_word_of_an_erased_person_is_in_no_sum(db: PgPool) {
    let desk = Desk::new(db).await;
    for (user, reason) in [
        (USER, "shared"),
        ("user-2", "shared"),
        ("user-2", "hers alone"),
    ] {
        let made = Generation {
            user_id: user.parse().unwrap(),
            ..answer()
        };
        let body = json!({"gen_id": desk.log(&made).await, "rating": -1, "reason": reason});
        desk.app
            .client_of(ORG, user, Role::Viewer)
            .post(SUBMIT, body)
            .await;
    }
    add_changes(&desk.db).await;
    erase(&desk, "user-2").await;
    let reasons = "select distinct name, answers from feedback_sums where kind = 'reason'";
    assert_eq!(
        desk.value(reasons).await,
        json!([{"name": "shared", "answers": 1}])
    );
    assert_eq!(desk.rows("feedback_sum_changes").await, 0);
}

/// A rating as the version before this one stores it.
const PUT_BEFORE: &str = "
    insert into ai_feedback as f
        (org_key, gen_id, user_sub, rating, reason, comment, created_at, updated_at)
    values ($1, $2, $3, $4, $5, null, $6, $6)
    on conflict (org_key, gen_id, user_sub) do update set
        rating = excluded.rating, reason = excluded.reason, comment = excluded.comment,
        updated_at = excluded.updated_at
    where (f.rating, f.reason, f.comment)
          is distinct from (excluded.rating, excluded.reason, excluded.comment)";
/// Its row for the analyzer.
const LEARN_BEFORE: &str = "
    insert into learning_suggestions (
        org_id, user_id, category, suggestion_text, feedback_type, rating, reason, gen_id, created_at,
        updated_at
    )
    select g.org_key, g.user_sub, g.category, 'words', $3, $4, $5, g.id, $6, $6
    from ai_generation_log g where g.org_key = $1 and g.id = $2
    on conflict (org_id, gen_id) do update set
        feedback_type = excluded.feedback_type, rating = excluded.rating, reason = excluded.reason,
        updated_at = excluded.updated_at, changed_xid = pg_current_xact_id()";

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_the_version_before_writes_is_summed_and_rated_again_by_this_one(db: PgPool) {
    let desk = Desk::new(db).await;
    let id = desk.log(&answer()).await;
    let since = now() - TimeDelta::days(30);
    for (rating, verdict, reason) in [
        (1_i16, "accepted", None),
        (-1, "rejected", Some("style")),
        (-1, "rejected", Some("wrong")),
        (0, "ignored", None),
        (-1, "rejected", Some("style")),
    ] {
        let put = sqlx::query(PUT_BEFORE).bind(ORG).bind(id).bind(USER);
        let put = put.bind(rating).bind(reason).bind(now());
        put.execute(&desk.db).await.unwrap();
        let learn = sqlx::query(LEARN_BEFORE).bind(ORG).bind(id).bind(verdict);
        let learn = learn.bind(rating).bind(reason).bind(now());
        learn.execute(&desk.db).await.unwrap();
        assert_eq!(told(&desk, 30).await, by_hand(&desk, since).await);
    }
    desk.rate(id, 1).await;
    add_changes(&desk.db).await;
    let stats = told(&desk, 30).await;
    assert_eq!(stats, by_hand(&desk, since).await);
    assert_eq!(stats["ratings"], json!({"-1": 0, "0": 0, "1": 1}));
    assert_summed(&desk.db).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_was_said_before_there_were_sums_is_summed(db: PgPool) {
    let mut conn = db.acquire().await.unwrap();
    MIGRATOR.undo(&mut *conn, 16).await.unwrap();
    let rejected = Answer {
        accepted: false,
        comment: Some("too long"),
        days_ago: 3,
        ..Answer::default()
    };
    rate_often(&db, 3, Answer::default()).await;
    let id = rate(&db, rejected).await;
    let signal = "insert into ai_feedback_signals (org_key, gen_id, user_sub, signal, source)
                  select org_key, id, user_sub, 'kept', 'run' from ai_generation_log where id = $1";
    sqlx::query(signal).bind(id).execute(&db).await.unwrap();
    let reason = "update ai_feedback set reason = 'style' where gen_id = $1";
    sqlx::query(reason).bind(id).execute(&db).await.unwrap();
    MIGRATOR.run(&mut *conn).await.unwrap();
    let kinds: Vec<(String, i64)> = sqlx::query_as(
        "select kind, sum(answers)::int8 from feedback_sums where minutes = 15 group by 1 order by 1",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    let expected = [("category", 4), ("reason", 1), ("signal", 1)];
    assert_eq!(kinds, expected.map(|(kind, many)| (kind.to_owned(), many)));
    assert_summed(&db).await;
    rate(&db, rejected).await;
    assert_summed(&db).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn changes_are_added_once_by_whoever_adds_them_while_more_are_made(db: PgPool) {
    let desk = Desk::new(db.clone()).await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(desk.log(&answer()).await);
    }
    let ratings = (0..100).map(|n: usize| desk.rate(ids[n % 20], [1, -1, 0][n % 3]));
    let adding = (0..20).map(|_| add_changes(&db));
    tokio::join!(join_all(ratings), join_all(adding));
    assert_summed(&db).await;
    add_changes(&db).await;
    assert_eq!(desk.rows("feedback_sum_changes").await, 0);
    assert_summed(&db).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_rating_left_for_the_arms_is_added_by_whoever_comes_next_and_in_its_order(
    db: PgPool,
) {
    let desk = Desk::new(db.clone()).await;
    let id = desk.log(&answer()).await;
    desk.rate(id, 1).await;
    assert_eq!(desk.rows("learning_arm_changes").await, 0);
    // A process that ended right after the commits of two ratings left these.
    let leave = "insert into learning_arm_changes
                     (org_id, gen_id, context, arm, rated_at, up, down, old_at, old_up, old_down)
                 values ($1, $2, 'codegen_small_expert', 'balanced', $3, $4, $5, $3, $5, $4)";
    for (up, down) in [(0_i16, 1_i16), (1, 0), (0, 1)] {
        let left = sqlx::query(leave).bind(ORG).bind(id).bind(now());
        left.bind(up).bind(down).execute(&db).await.unwrap();
    }
    let mut conn = db.acquire().await.unwrap();
    add_waiting(&mut conn).await.unwrap();
    assert_eq!(desk.arm().await, (0.0, 1.0));
    add_waiting(&mut conn).await.unwrap();
    assert_eq!(desk.arm().await, (0.0, 1.0), "added once");
    assert_eq!(desk.rows("learning_arm_changes").await, 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_rejection_that_joins_a_large_group_changes_no_row_of_the_others(db: PgPool) {
    let says = async |comment: &str| {
        let said = Answer {
            accepted: false,
            comment: Some(comment),
            ..Answer::default()
        };
        rate(&db, said).await
    };
    let sizes = async || -> (i64, i32, i32) {
        sqlx::query_as(
            "select p.occurrences, min(s.similar_count), max(s.similar_count)
             from learning_patterns p join learning_suggestions s on s.pattern_id = p.id
             where p.pattern_type = 'anti_pattern' group by 1",
        )
        .fetch_one(&db)
        .await
        .unwrap()
    };
    for n in 0..21 {
        says("too long, get to the point").await;
        // One at a time and several at once come to the same.
        if n % 4 == 0 {
            rated::pass(&db).await;
            let others = i64::from(n);
            assert_eq!(sizes().await, (others + 1, n, n));
        }
    }
    let versions =
        "select jsonb_object_agg(id, xmin::text) from learning_suggestions where id <> $1";
    let last = says("too long, get to the point!").await;
    let row: i64 = sqlx::query_scalar("select id from learning_suggestions where gen_id = $1")
        .bind(last)
        .fetch_one(&db)
        .await
        .unwrap();
    let of_others = async || -> Value {
        let versions = sqlx::query_scalar(versions).bind(row);
        versions.fetch_one(&db).await.unwrap()
    };
    let before = of_others().await;
    rated::pass(&db).await;
    assert_eq!(of_others().await, before);
    assert_eq!(sizes().await, (22, 20, 20));
    // The whole count of the next day finds nothing to mend.
    rated::pass_later(&db, 1).await;
    assert_eq!(of_others().await, before);
    assert_eq!(sizes().await, (22, 20, 20));
    // A group that becomes small counts again, and so does one whose members were erased.
    let change = "update learning_suggestions set feedback_type = 'accepted',
                  changed_xid = pg_current_xact_id() where id <= 5";
    sqlx::query(change).execute(&db).await.unwrap();
    rated::pass_later(&db, 1).await;
    assert_eq!(sizes().await, (17, 16, 16));
    let erase = "delete from learning_suggestions where id <= 10";
    sqlx::query(erase).execute(&db).await.unwrap();
    rated::pass_later(&db, 2).await;
    assert_eq!(sizes().await, (12, 11, 11));
}
