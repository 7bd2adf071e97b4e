//! The cost of a run when not every call went well: the sum of its calls' rows, or unknown.

use navi::llm::script::{Fail, FailKind, Turn};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::runs::stage::{Stage, says, script};

async fn cost_after(db: PgPool, turn: Turn) -> Value {
    let stage = Stage::new(db, script([turn])).await;
    let run = stage.run("make it work, please").await;
    assert_eq!(
        run.outcome(),
        "success=false model_error verification=not_run"
    );
    let unknown = "select count(*) from task_metrics where total_cost is null";
    let unpriced = "select count(*) from llm_metrics where total_cost is null";
    assert_eq!(stage.count(unknown).await, stage.count(unpriced).await);
    run.summary()["cost_usd"].clone()
}

fn failing(turn: Turn, kind: FailKind) -> Turn {
    Turn {
        fail: Some(Fail {
            kind,
            retry_after_ms: None,
            times: None,
        }),
        ..turn
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_answer_that_broke_off_makes_the_cost_of_the_run_unknown(db: PgPool) {
    let mut turn = failing(says("I begin with"), FailKind::RateLimited);
    // Not as long as a run waits.
    turn.fail.as_mut().unwrap().retry_after_ms = Some(3_600_000);
    assert_eq!(cost_after(db, turn).await, Value::Null);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_refused_call_costs_nothing(db: PgPool) {
    let turn = failing(Turn::default(), FailKind::Unauthorized);
    assert_eq!(cost_after(db, turn).await, json!(0.0));
}
