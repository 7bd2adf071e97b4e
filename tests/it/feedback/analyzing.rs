//! Insights from ratings, and the rows that a pass leaves behind.

use std::time::Duration;

use navi::feedback::learning::service::{Analyzer, PassOptions, PassOutcome};
use navi::platform::clock::Clock;
use navi::platform::db::MIGRATOR;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::rated::{
    Answer, has, insights, pass, pass_later, pass_with, rate, rate_in, rate_often, tables, today,
};

const SINGLE: &[&str] = &["quotes@python=single"];
const DOUBLE: &[&str] = &["quotes@python=double"];

/// A user likes single quotes: three good ratings for single ones, three bad ones for double ones.
async fn likes_single(db: &PgPool, answer: Answer<'_>) {
    let good = Answer {
        tags: SINGLE,
        ..answer
    };
    let bad = Answer {
        tags: DOUBLE,
        accepted: false,
        ..answer
    };
    rate_often(db, 3, good).await;
    rate_often(db, 3, bad).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn six_ratings_teach_what_one_person_likes(db: PgPool) {
    likes_single(&db, Answer::default()).await;
    let report = pass(&db).await;
    assert_eq!(
        (report.outcome, report.orgs, report.rows_skipped),
        (PassOutcome::Done, 1, 0)
    );
    insta::assert_debug_snapshot!(insights(&db, "acme").await, @r#"
    [
        "@ada: style_preference quotes@python=single active 0.971",
    ]
    "#);
    let row: serde_json::Value = sqlx::query_scalar(
        "select to_jsonb(i) - array['id', 'first_seen', 'last_updated', 'status_since']
         from learning_insights i",
    )
    .fetch_one(&db)
    .await
    .unwrap();
    insta::assert_json_snapshot!(row, @r#"
    {
      "tags": null,
      "title": "Preferred: Use single quotes for strings in python.",
      "effect": null,
      "org_id": "acme",
      "status": "active",
      "subject": "quotes@python=single",
      "team_id": null,
      "user_id": "ada",
      "category": null,
      "evidence": [
        3,
        2,
        1
      ],
      "examples": null,
      "language": "python",
      "edited_by": null,
      "is_active": true,
      "confidence": 0.971,
      "decided_by": null,
      "description": "Use single quotes for strings in python.",
      "quoted_user": null,
      "sample_size": 6,
      "insight_type": "style_preference",
      "last_applied": null,
      "pattern_data": {
        "value": "single",
        "raters": 1,
        "subject": "quotes@python",
        "accepted": 3.0,
        "baseline": {
          "accepted": 3.0,
          "rejected": 3.0
        },
        "rejected": 0.0,
        "posterior": {
          "low": 0.473,
          "high": 0.987,
          "mean": 0.8
        }
      },
      "status_reason": null,
      "times_applied": 0
    }
    "#);
    let patterns: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' ', coalesce(user_id, '-'), pattern_type, pattern_key, occurrences,
                          positive_feedback, negative_feedback, confidence, last_seen::date)
         from learning_patterns order by 1",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    insta::assert_debug_snapshot!(patterns, @r#"
    [
        "- style quotes@python=double 3 0 3 0.971 2026-06-01",
        "- style quotes@python=single 3 3 0 0.971 2026-06-01",
        "ada style quotes@python=single 3 3 0 0.971 2026-06-01",
    ]
    "#);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_same_ratings_change_nothing_a_second_time(db: PgPool) {
    for user in ["ada", "ben"] {
        let answer = Answer {
            user,
            team: Some("core"),
            ..Answer::default()
        };
        likes_single(&db, answer).await;
        let comment = Some("far too long, get to the point");
        rate_often(
            &db,
            2,
            Answer {
                comment,
                accepted: false,
                ..answer
            },
        )
        .await;
    }
    pass(&db).await;
    let before = tables(&db).await;
    // Rows that were read are not read again; rows that may have been missed are, and all on request.
    let again = pass(&db).await;
    assert_eq!(
        (
            again.insights_made,
            again.insights_changed,
            again.insights_retired
        ),
        (0, 0, 0)
    );
    assert_eq!(tables(&db).await, before);
    sqlx::query("update learning_progress set watermark = '0'")
        .execute(&db)
        .await
        .unwrap();
    let again = pass(&db).await;
    assert_eq!((again.orgs, again.insights_changed), (1, 0));
    assert_eq!(tables(&db).await, before);
    let rebuild = PassOptions {
        rebuild: true,
        ..PassOptions::default()
    };
    let again = pass_with(&db, &Clock::fixed(today()), &rebuild).await;
    assert_eq!((again.orgs, again.insights_changed), (1, 0));
    assert_eq!(tables(&db).await, before);
    insta::assert_debug_snapshot!(insights(&db, "acme").await, @r#"
    [
        "all: pattern_rejected comment:886ba764a55bbf53 proposed 0.667",
        "all: style_preference quotes@python=single active 0.999",
        "@ada: pattern_rejected comment:886ba764a55bbf53 active 0.5",
        "@ben: pattern_rejected comment:886ba764a55bbf53 active 0.5",
    ]
    "#);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn thumbs_up_never_teach_that_something_is_rejected(db: PgPool) {
    for user in ["ada", "ben"] {
        rate_often(
            &db,
            10,
            Answer {
                user,
                tags: SINGLE,
                ..Answer::default()
            },
        )
        .await;
    }
    pass(&db).await;
    let all = insights(&db, "acme").await;
    assert!(
        !all.iter()
            .any(|one| one.contains("rejected") || one.contains("low")),
        "{all:?}"
    );
    insta::assert_debug_snapshot!(all, @r#"
    [
        "all: high_acceptance fix * active 0.982",
    ]
    "#);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_began_badly_can_end_well(db: PgPool) {
    for user in ["ada", "ben"] {
        rate_often(
            &db,
            3,
            Answer {
                user,
                accepted: false,
                ..Answer::default()
            },
        )
        .await;
    }
    pass(&db).await;
    assert!(has(&db, "acme", "all: low_acceptance fix * active").await);
    for user in ["ada", "ben"] {
        rate_often(
            &db,
            47,
            Answer {
                user,
                ..Answer::default()
            },
        )
        .await;
    }
    pass(&db).await;
    insta::assert_debug_snapshot!(insights(&db, "acme").await, @r#"
    [
        "all: high_acceptance fix * active 1",
        "all: low_acceptance fix * retired evidence_turned 0.984",
    ]
    "#);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn one_of_two_analyzers_does_the_work(db: PgPool) {
    likes_single(&db, Answer::default()).await;
    let mut turn = db.acquire().await.unwrap().detach();
    sqlx::query("select pg_advisory_lock(121364877475861)")
        .execute(&mut turn)
        .await
        .unwrap();
    let analyzer = Analyzer::new(db.clone(), Clock::fixed(today()));
    let stopping = CancellationToken::new();
    let options = PassOptions::default();
    assert!(
        analyzer
            .pass(&options, &stopping, &|_| {})
            .await
            .unwrap()
            .is_none()
    );
    drop(turn);
    let patient = PassOptions {
        wait: Duration::from_secs(30),
        ..PassOptions::default()
    };
    let (one, other) = tokio::join!(
        analyzer.pass(&patient, &stopping, &|_| {}),
        analyzer.pass(&patient, &stopping, &|_| {}),
    );
    let made = one.unwrap().unwrap().insights_made + other.unwrap().unwrap().insights_made;
    let passes: i64 = sqlx::query_scalar("select count(*) from learning_passes")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!((made, passes), (1, 2));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_pass_that_was_interrupted_is_made_up_for(db: PgPool) {
    for n in 0..120 {
        let org = format!("org-{n:03}");
        likes_single(
            &db,
            Answer {
                org: &org,
                ..Answer::default()
            },
        )
        .await;
    }
    let analyzer = Analyzer::new(db.clone(), Clock::fixed(today()));
    let stopping = CancellationToken::new();
    let stops = stopping.clone();
    let interrupted = analyzer
        .pass(&PassOptions::default(), &stopping, &move |_| stops.cancel())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(interrupted.outcome, PassOutcome::Interrupted);
    assert!(interrupted.orgs < 120 && interrupted.watermark == 0);
    let rest = pass(&db).await;
    assert_eq!((rest.outcome, rest.orgs), (PassOutcome::Done, 120));
    assert_eq!(interrupted.insights_made + rest.insights_made, 120);
    let resumed = tables(&db).await;
    sqlx::query("truncate learning_insights, learning_patterns, learning_orgs cascade")
        .execute(&db)
        .await
        .unwrap();
    sqlx::query("update learning_progress set watermark = '0'")
        .execute(&db)
        .await
        .unwrap();
    pass(&db).await;
    let without_ids = |mut tables: serde_json::Value| {
        for table in ["insights", "patterns"] {
            for row in tables[table].as_array_mut().unwrap() {
                row["id"].take();
            }
        }
        tables
    };
    assert_eq!(without_ids(tables(&db).await), without_ids(resumed));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn rows_that_make_no_sense_are_passed_over(db: PgPool) {
    likes_single(&db, Answer::default()).await;
    let huge = "x".repeat(100_000);
    let strange = [
        huge.as_str(),
        "no sign",
        "=",
        "quotes@python=",
        "nobody=knows",
        "quotes@klingon=single",
    ];
    let comment = Some("\u{1}\u{202e}</system>");
    rate(
        &db,
        Answer {
            tags: &strange,
            accepted: false,
            comment,
            ..Answer::default()
        },
    )
    .await;
    sqlx::query("update learning_suggestions set pattern_tags = '{\"a\": 1}' where gen_id = 1")
        .execute(&db)
        .await
        .unwrap();
    sqlx::query(
        "insert into learning_insights (org_id, insight_type, subject, title, description, pattern_data)
         values ('acme', 'of old', 's', 't', 'd', '[]'),
                ('acme', 'style_preference', 'quotes@python=double', 't', 'd', '7')",
    )
    .execute(&db)
    .await
    .unwrap();
    let report = pass(&db).await;
    assert_eq!(report.outcome, PassOutcome::Done);
    insta::assert_debug_snapshot!(report.rows_skipped, @"5");
    insta::assert_debug_snapshot!(insights(&db, "acme").await, @r#"
    [
        "all: of old s active 0.5",
        "all: style_preference quotes@python=double retired evidence_aged 0.5",
        "@ada: style_preference quotes@python=single active 0.971",
    ]
    "#);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_organisation_that_fails_is_tried_again(db: PgPool) {
    for org in ["acme", "broken", "other"] {
        likes_single(
            &db,
            Answer {
                org,
                ..Answer::default()
            },
        )
        .await;
    }
    for statement in [
        "create function refuse() returns trigger language plpgsql as $$
         begin
             if new.org_id = 'broken' then raise exception 'not here'; end if;
             return new;
         end $$",
        "create trigger refuse before insert on learning_insights
         for each row execute function refuse()",
    ] {
        sqlx::query(statement).execute(&db).await.unwrap();
    }
    let report = pass(&db).await;
    insta::assert_json_snapshot!(report, {".started_at" => "-", ".ended_at" => "-", ".watermark" => "-", ".orgs_failed[].problem" => "-"}, @r#"
    {
      "started_at": "-",
      "ended_at": "-",
      "outcome": "partly",
      "orgs": 3,
      "orgs_failed": [
        {
          "org_id": "broken",
          "problem": "-"
        }
      ],
      "rows_read": 24,
      "rows_skipped": 0,
      "insights_made": 2,
      "insights_changed": 0,
      "insights_retired": 0,
      "watermark": "-"
    }
    "#);
    assert!(has(&db, "acme", "@ada: style").await && has(&db, "other", "@ada: style").await);
    sqlx::query("drop trigger refuse on learning_insights")
        .execute(&db)
        .await
        .unwrap();
    let report = pass(&db).await;
    // The number of organisations that are due depends on other transactions open on the server.
    assert_eq!(
        (report.outcome, report.insights_made),
        (PassOutcome::Done, 1)
    );
    let failed: i64 =
        sqlx::query_scalar("select count(*) from learning_orgs where failed_at is not null")
            .fetch_one(&db)
            .await
            .unwrap();
    assert_eq!(failed, 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_rating_that_commits_late_is_not_overlooked(db: PgPool) {
    let mut late = db.begin().await.unwrap();
    let org = "late";
    for accepted in [true, false, true, false, true, false] {
        let tags = if accepted { SINGLE } else { DOUBLE };
        rate_in(
            &mut late,
            Answer {
                org,
                tags,
                accepted,
                ..Answer::default()
            },
        )
        .await;
    }
    likes_single(&db, Answer::default()).await;
    assert_eq!(pass(&db).await.orgs, 1);
    late.commit().await.unwrap();
    pass(&db).await;
    assert!(has(&db, "late", "@ada: style_preference").await);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_place_of_another_server_is_not_believed(db: PgPool) {
    likes_single(&db, Answer::default()).await;
    sqlx::query("update learning_progress set watermark = '9000000000000'")
        .execute(&db)
        .await
        .unwrap();
    assert_eq!(pass(&db).await.insights_made, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn one_of_ten_moves_nothing_however_loud(db: PgPool) {
    for n in 0..9 {
        let user = format!("user-{n}");
        likes_single(
            &db,
            Answer {
                user: &user,
                ..Answer::default()
            },
        )
        .await;
    }
    pass(&db).await;
    let before: Vec<String> = insights(&db, "acme").await;
    let org_wide = |all: Vec<String>| -> Vec<String> {
        let all = all.into_iter().filter(|one| one.starts_with("all:"));
        all.map(|one| one.rsplit_once(' ').unwrap().0.to_owned())
            .collect()
    };
    let hostile = Answer {
        user: "mallory",
        tags: DOUBLE,
        ..Answer::default()
    };
    rate_often(&db, 100, hostile).await;
    rate_often(
        &db,
        100,
        Answer {
            tags: SINGLE,
            accepted: false,
            ..hostile
        },
    )
    .await;
    pass(&db).await;
    let after = insights(&db, "acme").await;
    assert!(
        after
            .iter()
            .any(|one| one.starts_with("@mallory: style_preference"))
    );
    assert_eq!(org_wide(after), org_wide(before));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_tenth_of_the_people_moves_nothing(db: PgPool) {
    for n in 0..20 {
        let user = format!("user-{n:02}");
        let answer = Answer {
            user: &user,
            ..Answer::default()
        };
        if n < 2 {
            rate_often(
                &db,
                20,
                Answer {
                    tags: DOUBLE,
                    ..answer
                },
            )
            .await;
            rate_often(
                &db,
                20,
                Answer {
                    tags: SINGLE,
                    accepted: false,
                    ..answer
                },
            )
            .await;
        } else {
            likes_single(&db, answer).await;
        }
    }
    pass(&db).await;
    assert!(
        has(
            &db,
            "acme",
            "all: style_preference quotes@python=single active"
        )
        .await
    );
    assert!(!has(&db, "acme", "all: style_preference quotes@python=double").await);
    assert!(!has(&db, "acme", "all: pattern_rejected").await);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_one_organisation_says_is_nobody_elses_business(db: PgPool) {
    likes_single(
        &db,
        Answer {
            user: "ada",
            ..Answer::default()
        },
    )
    .await;
    likes_single(
        &db,
        Answer {
            user: "ben",
            ..Answer::default()
        },
    )
    .await;
    rate(
        &db,
        Answer {
            org: "other",
            tags: SINGLE,
            ..Answer::default()
        },
    )
    .await;
    let comment = Some("no tests were added");
    rate_often(
        &db,
        2,
        Answer {
            accepted: false,
            comment,
            ..Answer::default()
        },
    )
    .await;
    rate(
        &db,
        Answer {
            org: "other",
            accepted: false,
            comment,
            ..Answer::default()
        },
    )
    .await;
    pass(&db).await;
    assert_eq!(insights(&db, "other").await, Vec::<String>::new());
    let sizes: Vec<(String, i32)> = sqlx::query_as(
        "select org_id, similar_count from learning_suggestions where comment is not null order by 1, id",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    let expected = [("acme", 1), ("acme", 1), ("other", 0)];
    assert_eq!(sizes, expected.map(|(org, size)| (org.to_owned(), size)));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_team_has_its_own_insight_and_whoever_differs_another(db: PgPool) {
    let single = |user| Answer {
        user,
        team: Some("core"),
        ..Answer::default()
    };
    for user in ["ada", "ben", "cem"] {
        likes_single(&db, single(user)).await;
    }
    let web = |user, tags, accepted| {
        let team = Some("web");
        Answer {
            user,
            team,
            tags,
            accepted,
            ..Answer::default()
        }
    };
    for user in ["dan", "eve", "fay"] {
        rate_often(&db, 3, web(user, DOUBLE, true)).await;
        rate_often(&db, 3, web(user, SINGLE, false)).await;
    }
    likes_single(
        &db,
        Answer {
            team: Some("web"),
            user: "gus",
            ..Answer::default()
        },
    )
    .await;
    pass(&db).await;
    insta::assert_debug_snapshot!(insights(&db, "acme").await, @r##"
    [
        "@gus: style_preference quotes@python=single active 0.971",
        "#core: style_preference quotes@python=single active 1",
        "#web: style_preference quotes@python=double active 0.983",
    ]
    "##);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_not_said_again_fades_and_comes_back(db: PgPool) {
    likes_single(&db, Answer::default()).await;
    pass(&db).await;
    let mut seen = insights(&db, "acme").await;
    for days in [28, 56, 84, 112] {
        pass_later(&db, days).await;
        seen.extend(insights(&db, "acme").await);
    }
    likes_single(
        &db,
        Answer {
            days_ago: -112,
            ..Answer::default()
        },
    )
    .await;
    pass_later(&db, 112).await;
    seen.extend(insights(&db, "acme").await);
    insta::assert_debug_snapshot!(seen, @r#"
    [
        "@ada: style_preference quotes@python=single active 0.971",
        "@ada: style_preference quotes@python=single active 0.914",
        "@ada: style_preference quotes@python=single active 0.816",
        "@ada: style_preference quotes@python=single active 0.689",
        "@ada: style_preference quotes@python=single retired evidence_aged 0.689",
        "@ada: style_preference quotes@python=single active 0.971",
    ]
    "#);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn whoever_changes_their_mind_gets_the_other_insight(db: PgPool) {
    likes_single(
        &db,
        Answer {
            days_ago: 14,
            ..Answer::default()
        },
    )
    .await;
    pass(&db).await;
    rate_often(
        &db,
        6,
        Answer {
            tags: DOUBLE,
            ..Answer::default()
        },
    )
    .await;
    rate_often(
        &db,
        6,
        Answer {
            tags: SINGLE,
            accepted: false,
            ..Answer::default()
        },
    )
    .await;
    let report = pass(&db).await;
    assert_eq!((report.insights_made, report.insights_retired), (1, 1));
    insta::assert_debug_snapshot!(insights(&db, "acme").await, @r#"
    [
        "@ada: style_preference quotes@python=double active 0.891",
        "@ada: style_preference quotes@python=single retired evidence_turned 0.948",
    ]
    "#);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_only_rejected_is_to_be_avoided_until_something_better_is_known(db: PgPool) {
    rate_often(
        &db,
        4,
        Answer {
            tags: DOUBLE,
            accepted: false,
            ..Answer::default()
        },
    )
    .await;
    pass(&db).await;
    let mut seen = insights(&db, "acme").await;
    let description: String = sqlx::query_scalar(
        "select description from learning_insights where insight_type = 'pattern_rejected'",
    )
    .fetch_one(&db)
    .await
    .unwrap();
    assert_eq!(
        description,
        "Avoid this: Use double quotes for strings in python."
    );
    rate_often(
        &db,
        3,
        Answer {
            tags: SINGLE,
            ..Answer::default()
        },
    )
    .await;
    pass(&db).await;
    seen.extend(insights(&db, "acme").await);
    insta::assert_debug_snapshot!(seen, @r#"
    [
        "@ada: pattern_rejected quotes@python=double active 0.938",
        "@ada: pattern_rejected quotes@python=double retired covered 0.938",
        "@ada: style_preference quotes@python=single active 0.984",
    ]
    "#);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_person_decided_stays(db: PgPool) {
    likes_single(&db, Answer::default()).await;
    pass(&db).await;
    let decide = "update learning_insights set status = 'retired', is_active = false,
                  decided_by = 'boss', status_reason = 'nonsense'";
    sqlx::query(decide).execute(&db).await.unwrap();
    let before = tables(&db).await["insights"].clone();
    likes_single(&db, Answer::default()).await;
    pass(&db).await;
    assert_eq!(tables(&db).await["insights"], before);
    let edit =
        "update learning_insights set status = 'active', is_active = true, edited_by = 'boss',
                title = 'Mine', description = 'My words.'";
    sqlx::query(edit).execute(&db).await.unwrap();
    likes_single(&db, Answer::default()).await;
    pass(&db).await;
    let words: (String, String, i32) =
        sqlx::query_as("select title, description, sample_size from learning_insights")
            .fetch_one(&db)
            .await
            .unwrap();
    assert_eq!(words, ("Mine".to_owned(), "My words.".to_owned(), 18));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_rating_that_was_taken_back_teaches_nothing(db: PgPool) {
    likes_single(&db, Answer::default()).await;
    pass(&db).await;
    // As a withdrawal leaves it: a row that says nothing, and counts without it.
    for statement in [
        "update learning_suggestions set feedback_type = 'ignored', rating = 0,
                changed_xid = pg_current_xact_id() where gen_id > 2",
        "delete from learning_counts",
        "insert into learning_counts (org_id, subject, value, category, user_id, week, accepted)
         values ('acme', '*', '*', 'fix', 'ada', '2026-06-01', 4),
                ('acme', 'quotes@python', 'single', '', 'ada', '2026-06-01', 4)",
    ] {
        sqlx::query(statement).execute(&db).await.unwrap();
    }
    pass(&db).await;
    let first = insights(&db, "acme").await;
    let counts = tables(&db).await["counts"].clone();
    let rebuild = PassOptions {
        rebuild: true,
        ..PassOptions::default()
    };
    pass_with(&db, &Clock::fixed(today()), &rebuild).await;
    assert_eq!(insights(&db, "acme").await, first);
    assert_eq!(tables(&db).await["counts"], counts);
    insta::assert_debug_snapshot!(first, @r#"
    [
        "@ada: style_preference quotes@python=single retired evidence_aged 0.971",
    ]
    "#);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn counts_that_are_wrong_are_made_right(db: PgPool) {
    likes_single(
        &db,
        Answer {
            team: Some("core"),
            ..Answer::default()
        },
    )
    .await;
    let right = tables(&db).await["counts"].clone();
    sqlx::query("update learning_counts set accepted = accepted + 1 where subject = '*'")
        .execute(&db)
        .await
        .unwrap();
    sqlx::query("delete from learning_counts where value = 'double'")
        .execute(&db)
        .await
        .unwrap();
    sqlx::query(
        "insert into learning_counts (org_id, subject, value, category, user_id, week, accepted)
         values ('acme', 'length', 'brief', 'fix', 'eve', '2026-06-01', 8)",
    )
    .execute(&db)
    .await
    .unwrap();
    let options = PassOptions {
        rebuild: true,
        only: Some("acme".parse().unwrap()),
        ..PassOptions::default()
    };
    pass_with(&db, &Clock::fixed(today()), &options).await;
    assert_eq!(tables(&db).await["counts"], right);
}
