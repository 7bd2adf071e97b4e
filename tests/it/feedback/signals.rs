//! Signals of an answer's fate.

use axum::http::StatusCode;
use navi::auth::principal::Role;
use navi::feedback::model::{FeedbackSignal, SignalSource};
use navi::feedback::store::signals::record;
use navi::platform::db::MIGRATOR;
use serde_json::json;
use sqlx::PgPool;

use crate::feedback::desk::{Desk, SIGNALS, answer, now, numbered};
use crate::support::app::ORG;

const LEARNED: &str = "select feedback_type, rating from learning_suggestions";

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_signal_counts_half_while_there_is_no_rating(db: PgPool) {
    let desk = Desk::new(db).await;
    let id = desk.log(&answer()).await;
    let noted = desk.see(id, "kept").await;
    insta::assert_json_snapshot!(numbered(&noted, id), @r#"
    {
      "success": true,
      "message": "Signal noted",
      "gen_id": 1,
      "signal": "kept"
    }
    "#);
    assert_eq!(
        desk.see(id, "kept").await,
        noted,
        "saying it again is harmless"
    );
    assert_eq!(desk.rows("ai_feedback_signals").await, 1);
    assert_eq!(
        desk.overall().await,
        json!([{"accepted": 1, "rejected": 0}])
    );
    desk.see(id, "edited").await;
    let modified = json!([{"feedback_type": "modified", "rating": null}]);
    assert_eq!(desk.value(LEARNED).await, modified);
    desk.see(id, "reverted").await;
    assert_eq!(
        desk.overall().await,
        json!([{"accepted": 0, "rejected": 1}])
    );
    desk.rate(id, 1).await;
    let accepted = json!([{"feedback_type": "accepted", "rating": 1}]);
    assert_eq!(desk.value(LEARNED).await, accepted);
    assert_eq!(
        desk.overall().await,
        json!([{"accepted": 2, "rejected": 0}])
    );
    desk.rate(id, 0).await;
    let rejected = json!([{"feedback_type": "rejected", "rating": null}]);
    assert_eq!(desk.value(LEARNED).await, rejected);
    assert_eq!(
        desk.overall().await,
        json!([{"accepted": 0, "rejected": 1}])
    );
    assert_eq!(
        desk.arm().await,
        (0.0, 0.0),
        "the bandit learns from ratings alone"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_judges_nothing_is_noted_and_counted_nowhere(db: PgPool) {
    let desk = Desk::new(db).await;
    let id = desk.log(&answer()).await;
    let org_id = ORG.parse().unwrap();
    let seen = [
        (FeedbackSignal::TestsPassed, SignalSource::Run),
        (FeedbackSignal::Retried, SignalSource::Run),
        (FeedbackSignal::ApprovalDenied, SignalSource::Run),
    ];
    let mut tx = desk.db.begin().await.unwrap();
    for _ in 0..2 {
        record(&mut tx, &org_id, id, &seen, now()).await.unwrap();
    }
    record(&mut tx, &org_id, 4_711, &seen, now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(desk.rows("ai_feedback_signals").await, 3);
    assert_eq!(desk.rows("learning_suggestions").await, 0);
    assert_eq!(desk.rows("learning_counts").await, 0);
    let mut tx = desk.db.begin().await.unwrap();
    let undone = [(FeedbackSignal::Reverted, SignalSource::Workspace)];
    record(&mut tx, &org_id, id, &undone, now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        desk.overall().await,
        json!([{"accepted": 0, "rejected": 1}])
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn clients_say_only_what_they_can_see(db: PgPool) {
    let desk = Desk::new(db).await;
    let id = desk.log(&answer()).await;
    let client = desk.app.client(Role::Viewer);
    for signal in ["tests_passed", "retried", "Kept", ""] {
        let body = json!({"gen_id": id, "signal": signal});
        let (status, problem) = client.post(SIGNALS, body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    }
    assert_eq!(desk.rows("ai_feedback_signals").await, 0);
    desk.see(id, "kept").await;
    let source = desk
        .value("select signal, source, user_sub from ai_feedback_signals")
        .await;
    assert_eq!(
        source,
        json!([{"signal": "kept", "source": "client", "user_sub": "user-1"}])
    );
}
