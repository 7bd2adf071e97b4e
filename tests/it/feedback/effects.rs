//! The effect of an insight, read from the answers it had a part in.

use navi::platform::db::MIGRATOR;
use sqlx::PgPool;

use super::rated::{Answer, has, pass, pass_later, rate, tables};

/// An insight of everybody that is in use, made while three of five answers were accepted.
async fn insight(db: &PgPool) -> i64 {
    sqlx::query_scalar(
        r#"insert into learning_insights (org_id, insight_type, subject, title, description, pattern_data,
                                          status_since, confidence)
           values ('acme', 'pattern_preferred', 'length=brief', 't', 'Answer briefly.',
                   '{"subject": "length", "value": "brief", "baseline": {"accepted": 60, "rejected": 40}}',
                   '2026-05-01', 0.9)
           returning id"#,
    )
    .fetch_one(db)
    .await
    .unwrap()
}

/// Answers with the insight, or with it left out.
async fn exposed(db: &PgPool, id: i64, applied: bool, many: usize, answer: Answer<'_>) {
    for _ in 0..many {
        let gen_id = rate(db, answer).await;
        sqlx::query(
            "insert into learning_exposures (org_id, insight_id, gen_id, applied, created_at)
             values ('acme', $1, $2, $3, '2026-06-02')",
        )
        .bind(id)
        .bind(gen_id)
        .bind(applied)
        .execute(db)
        .await
        .unwrap();
    }
}

/// The insight stays as long as its evidence does.
async fn evidence(db: &PgPool) {
    for user in ["ada", "ben", "cem"] {
        let answer = Answer {
            user,
            category: "docs",
            days_ago: 1,
            ..Answer::default()
        };
        for _ in 0..20 {
            rate(
                db,
                Answer {
                    tags: &["length=brief"],
                    ..answer
                },
            )
            .await;
            rate(
                db,
                Answer {
                    tags: &["length=detailed"],
                    accepted: false,
                    ..answer
                },
            )
            .await;
        }
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_makes_answers_worse_goes_and_stays_away(db: PgPool) {
    let id = insight(&db).await;
    evidence(&db).await;
    exposed(&db, id, true, 3, Answer::default()).await;
    exposed(
        &db,
        id,
        true,
        2,
        Answer {
            accepted: false,
            ..Answer::default()
        },
    )
    .await;
    pass(&db).await;
    assert!(has(&db, "acme", "all: pattern_preferred length=brief active").await);
    exposed(
        &db,
        id,
        true,
        16,
        Answer {
            accepted: false,
            ..Answer::default()
        },
    )
    .await;
    let report = pass(&db).await;
    assert_eq!(report.insights_retired, 1);
    assert!(
        has(
            &db,
            "acme",
            "all: pattern_preferred length=brief retired harmful"
        )
        .await
    );
    let effect: serde_json::Value =
        sqlx::query_scalar("select effect from learning_insights where id = $1")
            .bind(id)
            .fetch_one(&db)
            .await
            .unwrap();
    insta::assert_json_snapshot!(effect, @r#"
    {
      "exposures": 21,
      "acceptance": {
        "low": null,
        "high": null,
        "applied": {
          "n": 21,
          "rate": 0.143
        },
        "held_out": {
          "n": 0,
          "rate": null
        },
        "difference": null
      },
      "verification": {
        "low": null,
        "high": null,
        "applied": {
          "n": 0,
          "rate": null
        },
        "held_out": {
          "n": 0,
          "rate": null
        },
        "difference": null
      }
    }
    "#);
    evidence(&db).await;
    pass_later(&db, 1).await;
    assert!(
        has(
            &db,
            "acme",
            "all: pattern_preferred length=brief retired harmful"
        )
        .await
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn failing_checks_count_as_much_as_thumbs(db: PgPool) {
    let id = insight(&db).await;
    evidence(&db).await;
    let failed = Answer {
        verification: Some("failed"),
        ..Answer::default()
    };
    let passed = Answer {
        verification: Some("passed"),
        ..Answer::default()
    };
    exposed(&db, id, true, 12, failed).await;
    exposed(&db, id, false, 12, passed).await;
    pass(&db).await;
    assert!(
        has(
            &db,
            "acme",
            "all: pattern_preferred length=brief retired harmful"
        )
        .await
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_was_before_it_was_in_use_does_not_count(db: PgPool) {
    let id = insight(&db).await;
    evidence(&db).await;
    exposed(
        &db,
        id,
        true,
        20,
        Answer {
            accepted: false,
            ..Answer::default()
        },
    )
    .await;
    // A person looked at it and put it back to use.
    sqlx::query("update learning_insights set decided_by = 'boss', status_since = '2026-06-03'")
        .execute(&db)
        .await
        .unwrap();
    pass(&db).await;
    assert!(has(&db, "acme", "all: pattern_preferred length=brief active").await);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_effect_is_written_once(db: PgPool) {
    let id = insight(&db).await;
    evidence(&db).await;
    exposed(&db, id, true, 4, Answer::default()).await;
    exposed(
        &db,
        id,
        false,
        2,
        Answer {
            accepted: false,
            ..Answer::default()
        },
    )
    .await;
    pass(&db).await;
    let before = tables(&db).await;
    assert_eq!(before["insights"][0]["effect"]["exposures"], 6);
    sqlx::query("update learning_progress set watermark = '0'")
        .execute(&db)
        .await
        .unwrap();
    pass(&db).await;
    assert_eq!(tables(&db).await, before);
}
