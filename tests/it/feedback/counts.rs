//! That counts are what the rows add up to, whatever people do.

use chrono::TimeDelta;
use futures_util::future::join_all;
use navi::auth::principal::Role;
use navi::feedback::bandit::service::rebuild;
use navi::feedback::model::{Category, Generation};
use navi::platform::db::MIGRATOR;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::feedback::desk::{Desk, SUBMIT, answer, now};
use crate::feedback::sums::{add_changes, assert_summed};
use crate::support::app::{ORG, USER};

/// The counts recomputed from the rows; those that are zero are left out.
const RECOUNT: &str = "
    select s.org_id, t.subject, t.value, case t.subject when '*' then s.category else '' end as category,
           coalesce(s.team_id, '') as team_id, s.user_id,
           date_trunc('week', g.created_at at time zone 'UTC')::date as week,
           sum(case when s.feedback_type in ('accepted', 'modified') then halves else 0 end) as accepted,
           sum(case when s.feedback_type = 'rejected' then halves else 0 end) as rejected
    from (select *, case when rating is null then 1 when rating = 0 then 0 else 2 end as halves
          from learning_suggestions) s
    join ai_generation_log g on g.org_key = s.org_id and g.id = s.gen_id
    cross join lateral (
        select '*' as subject, '*' as value
        union all select split_part(tag, '=', 1), split_part(tag, '=', 2) from unnest(g.tags) tag
    ) t
    where halves > 0
    group by 1, 2, 3, 4, 5, 6, 7 order by 1, 2, 3, 4, 5, 6, 7";
const COUNTED: &str = "
    select org_id, subject, value, category, team_id, user_id, week, accepted, rejected
    from learning_counts where accepted + rejected > 0 order by 1, 2, 3, 4, 5, 6, 7";

/// The bandit's counts, as they weigh at the end of the year.
const ARMS: &str = "
    select context, arm,
           successes * power(0.5, extract(epoch from '2026-12-31Z' - updated_at)::float8 / 2592000) as up,
           failures * power(0.5, extract(epoch from '2026-12-31Z' - updated_at)::float8 / 2592000) as down
    from learning_bandit_arms order by org_id, 1, 2";

/// The differences between two reports of the bandit beyond rounding; an arm without any count is as good
/// as absent.
fn differ(one: &Value, other: &Value) -> Vec<Value> {
    let number = |arm: &Value, name: &str| arm[name].as_f64().unwrap();
    let known = |report: &Value| -> Vec<Value> {
        let arms = report.as_array().unwrap().iter().cloned();
        arms.filter(|arm| number(arm, "up") + number(arm, "down") > 1e-9)
            .collect()
    };
    let (one, other) = (known(one), known(other));
    if one.len() != other.len() {
        return vec![json!([one, other])];
    }
    let pairs = one.iter().zip(&other);
    pairs
        .filter(|(a, b)| {
            let near = |name| (number(a, name) - number(b, name)).abs() < 1e-9;
            a["arm"] != b["arm"] || a["context"] != b["context"] || !near("up") || !near("down")
        })
        .map(|(a, b)| json!([a, b]))
        .collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn after_any_sequence_counts_are_a_recount_and_the_bandit_is_what_a_rebuild_makes(
    db: PgPool,
) {
    let desk = Desk::new(db).await;
    for seed in 0..6 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut ids = Vec::new();
        for n in 0..8 {
            let mut one = Generation {
                created_at: now() - TimeDelta::days(rng.random_range(0..40)),
                team_id: (n % 2 == 0).then(|| "core".parse().unwrap()),
                category: [Category::Fix, Category::Docs][n % 2],
                ..answer()
            };
            if n % 3 == 0 {
                one.params["bandit_arm"] = json!("creative");
            }
            if n % 4 == 3 {
                one.params = json!({"provider": "anthropic"});
                one.traits.clear();
            }
            ids.push(desk.log(&one).await);
        }
        for _ in 0..60 {
            let id = ids[rng.random_range(0..ids.len())];
            match rng.random_range(0..5) {
                0 => {
                    let signal = ["kept", "edited", "reverted"][rng.random_range(0..3)];
                    desk.see(id, signal).await;
                }
                1 => {
                    let comment = format!("note {}", rng.random_range(0..3));
                    let rating = rng.random_range(-1..=1);
                    let body = json!({"gen_id": id, "rating": rating, "comment": comment});
                    desk.app.client(Role::Viewer).post(SUBMIT, body).await;
                }
                _ => {
                    desk.rate(id, rng.random_range(-1..=1)).await;
                }
            }
            // Also backwards: the clocks of two servers differ.
            let minutes = rng.random_range(-600..3_000);
            desk.app.app.clock.advance(TimeDelta::minutes(minutes));
        }
        assert_eq!(
            desk.value(COUNTED).await,
            desk.value(RECOUNT).await,
            "seed {seed}"
        );
        let moved = desk.value(ARMS).await;
        let mut tx = desk.db.begin().await.unwrap();
        rebuild(&mut tx, &ORG.parse().unwrap()).await.unwrap();
        tx.commit().await.unwrap();
        let rebuilt = desk.value(ARMS).await;
        assert_eq!(differ(&moved, &rebuilt), Vec::<Value>::new(), "seed {seed}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn ratings_that_come_together_count_as_if_each_had_come_alone(db: PgPool) {
    let desk = Desk::new(db).await;
    let people = [(ORG, USER), (ORG, "user-2"), ("org-2", "user-3")];
    let mut answers = Vec::new();
    for n in 0..60 {
        let (org, user) = people[n % people.len()];
        let mut one = Generation {
            org_id: org.parse().unwrap(),
            user_id: user.parse().unwrap(),
            category: [Category::Fix, Category::Docs][n % 2],
            ..answer()
        };
        if n % 5 == 0 {
            one.traits.clear();
        }
        answers.push((desk.log(&one).await, org, user));
    }
    let mut rng = StdRng::seed_from_u64(1);
    for round in 0..4 {
        let mut ratings = Vec::new();
        for (id, org, user) in &answers {
            // At times the same answer comes twice at once, from its owner and from another.
            for (by, expected) in [(*user, 200), ("user-4", 404), (*user, 200)] {
                let rating = match round {
                    0 => 1,
                    _ => rng.random_range(-1..=1),
                };
                let reason = ["style", "wrong"][rng.random_range(0..2)];
                let client = desk.app.client_of(org, by, Role::Viewer);
                let body = json!({"gen_id": id, "rating": rating, "reason": reason});
                ratings.push(async move {
                    let (status, answer) = client.post(SUBMIT, body).await;
                    assert_eq!(status.as_u16(), expected, "{answer}");
                    if expected == 200 {
                        assert_eq!(
                            (&answer["gen_id"], &answer["rating"]),
                            (&json!(id), &json!(rating))
                        );
                    }
                });
            }
        }
        join_all(ratings).await;
        assert_eq!(desk.rows("ai_feedback").await, 60);
        assert_eq!(desk.value(COUNTED).await, desk.value(RECOUNT).await);
        add_changes(&desk.db).await;
        assert_summed(&desk.db).await;
        assert_eq!(desk.rows("learning_arm_changes").await, 0);
        let moved = desk.value(ARMS).await;
        let mut tx = desk.db.begin().await.unwrap();
        for org in [ORG, "org-2"] {
            rebuild(&mut tx, &org.parse().unwrap()).await.unwrap();
        }
        tx.commit().await.unwrap();
        let rebuilt = desk.value(ARMS).await;
        assert_eq!(differ(&moved, &rebuilt), Vec::<Value>::new());
        desk.app.app.clock.advance(TimeDelta::minutes(90));
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_better_rating_never_lowers_an_acceptance_figure(db: PgPool) {
    let desk = Desk::new(db).await;
    let client = desk.app.client(Role::Viewer);
    let acceptance = async || {
        let (_, stats) = client.get("/api/feedback/stats").await;
        let by_category = &stats["by_category"][0]["acceptance_rate"];
        assert_eq!(by_category, &stats["acceptance_rate"]);
        stats["acceptance_rate"].as_f64()
    };
    let halves = async || {
        let counts = desk.overall().await;
        let of = |name: &str| counts[0][name].as_i64().unwrap_or_default();
        (of("accepted"), of("rejected"))
    };
    let mut rng = StdRng::seed_from_u64(7);
    let mut ratings = std::collections::BTreeMap::new();
    for _ in 0..6 {
        ratings.insert(desk.log(&answer()).await, 0);
    }
    let ids: Vec<_> = ratings.keys().copied().collect();
    for _ in 0..150 {
        let id = ids[rng.random_range(0..ids.len())];
        if rng.random_bool(0.1) {
            desk.see(id, ["kept", "edited", "reverted"][rng.random_range(0..3)])
                .await;
        }
        let (before, counted) = (acceptance().await, halves().await);
        let rating = rng.random_range(-1..=1);
        desk.rate(id, rating).await;
        let (after, now) = (acceptance().await, halves().await);
        let better = rating > ratings.insert(id, rating).unwrap();
        if better {
            assert!(
                now.0 >= counted.0 && now.1 <= counted.1,
                "{counted:?} {now:?}"
            );
            if let (Some(before), Some(after)) = (before, after) {
                assert!(after >= before, "{before} {after}");
            }
        }
    }
}
