//! The generation log against a real database.

use navi::feedback::model::{
    Category, Exposure, Generation, InsightId, Sha256Hex, TaskType, VerificationResult,
};
use navi::feedback::store::generations as store;
use navi::feedback::traits::Trait;
use navi::platform::db::MIGRATOR;
use serde_json::json;
use sqlx::PgPool;

fn generation() -> Generation {
    Generation {
        org_id: "acme".parse().unwrap(),
        user_id: "ada".parse().unwrap(),
        task_type: TaskType::Codegen,
        input_fingerprint: Some(Sha256Hex::of("fix the test")),
        model: "gpt-4o\0".to_owned(),
        temperature: Some(0.2),
        params: json!({"phase\0": ["a\0b", 1, null, {"deep": "\0"}]}),
        prompt_hash: Sha256Hex::of("the whole prompt"),
        result_ref: Some("0197".to_owned()),
        team_id: Some("core".parse().unwrap()),
        session_id: Some("0198".to_owned()),
        category: Category::Fix,
        language: Some("python"),
        answer: "Done\0, with sk-ant-api03-0123456789abcdefghijklmnop".to_owned(),
        traits: [Trait {
            subject: "quotes@python".to_owned(),
            value: "single",
        }]
        .into(),
        verification: Some(VerificationResult::Passed),
        exposure: Exposure::default(),
        trace_id: None,
        created_at: "2026-06-01T12:00:00Z".parse().unwrap(),
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_generation_is_logged_under_a_new_number(db: PgPool) {
    let generation = generation();
    let mut conn = db.acquire().await.unwrap();
    let first = store::insert_generation(&mut conn, &generation)
        .await
        .unwrap();
    let second = store::insert_generation(&mut conn, &generation)
        .await
        .unwrap();
    assert!(second > first);
    // Neither says how many others there were, and both are exact in JavaScript.
    assert!(second - first > 1 && first > 1_i64 << 40 && second < 1_i64 << 53);
    let row: String = sqlx::query_scalar(
        "select (to_jsonb(g) - 'id')::text from ai_generation_log g where id = $1",
    )
    .bind(first)
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    let row: serde_json::Value = serde_json::from_str(&row).unwrap();
    insta::assert_json_snapshot!(row, @r#"
    {
      "tags": [
        "quotes@python=single"
      ],
      "model": "gpt-4o",
      "answer": "Done, with [redacted:anthropic-key]",
      "params": {
        "phase": [
          "ab",
          1,
          null,
          {
            "deep": ""
          }
        ]
      },
      "org_key": "acme",
      "team_id": "core",
      "category": "fix",
      "held_out": [],
      "insights": [],
      "language": "python",
      "trace_id": null,
      "user_sub": "ada",
      "task_type": "codegen",
      "created_at": "2026-06-01T12:00:00+00:00",
      "result_ref": "0197",
      "session_id": "0198",
      "prompt_hash": "0f883df9a72593fa02ac72d69c8322a82b184c66a8c3e1e4ee4dcecba5c918de",
      "temperature": 0.2,
      "verification": "passed",
      "input_fingerprint": "d59a39c8c43d566b7311658cef284ba6eb0c6b0c95ab66515947d94a040bddfa"
    }
    "#);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn runs_that_end_at_once_never_wait_for_each_other_in_a_circle(db: PgPool) {
    let ids: Vec<i64> = sqlx::query_scalar(
        "insert into learning_insights (org_id, insight_type, subject, title, description,
                                        pattern_data)
         select 'acme', 'pattern_preferred', n::text, '', '', '{}' from generate_series(1, 10) n
         returning id",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    let end = |run: usize| {
        let (db, ids) = (&db, &ids);
        async move {
            let mut tx = db.begin().await.unwrap();
            let mut generation = generation();
            // Each begins with another one, and leaves some out.
            let mut chosen: Vec<_> = ids.iter().copied().map(InsightId).collect();
            chosen.rotate_left(run % ids.len());
            generation.exposure.held_out = chosen.split_off(7);
            generation.exposure.applied = chosen;
            store::insert_generation(&mut tx, &generation)
                .await
                .unwrap();
            tx.commit().await.unwrap();
        }
    };
    for _ in 0..20 {
        futures_util::future::join_all((0..10).map(end)).await;
    }
    let applied: i64 = sqlx::query_scalar("select sum(times_applied)::int8 from learning_insights")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(applied, 20 * 10 * 7);
}
