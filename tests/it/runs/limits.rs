//! Limits of one run.

use navi::llm::model::Usage;
use navi::llm::script::Turn;
use serde_json::json;
use sqlx::PgPool;

use crate::runs::stage::{Stage, calls, says, script};

fn reads(count: usize) -> Turn {
    let call = ("read_file", json!({"path": "a"}));
    calls(&vec![call; count])
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn no_more_tools_run_than_the_limit_even_within_one_turn(db: PgPool) {
    let flags = ["--run-max-tool-calls", "3"];
    let stage = Stage::with(
        db.clone(),
        script([reads(2), reads(2), says("Done.")]),
        &flags,
    )
    .await;
    stage.put("a", "a\n");
    let run = stage.run("read the file again and again").await;
    assert_eq!(
        run.outcome(),
        "success=false tool_call_limit verification=not_run"
    );
    assert_eq!(run.results().len(), 3);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn as_many_tools_as_the_limit_are_fine(db: PgPool) {
    let flags = ["--run-max-tool-calls", "4"];
    let stage = Stage::with(db, script([reads(3), says("Done.")]), &flags).await;
    stage.put("a", "a\n");
    let run = stage.run("read the file again and again").await;
    assert_eq!(run.outcome(), "success=true completed verification=not_run");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn tokens_bound_a_run_also_when_nobody_knows_their_price(db: PgPool) {
    let flags = ["--run-max-tokens", "100000"];
    let spend = Turn {
        usage: Some(Usage {
            input: 60_000,
            cache_read: 50_000,
            cache_write: 5_000,
            output: 10,
            reasoning: 5,
        }),
        ..reads(1)
    };
    let stage = Stage::with(db, script(vec![spend; 9]), &flags).await;
    stage.put("a", "a\n");
    let run = stage.run("read the file again and again").await;
    assert_eq!(
        run.outcome(),
        "success=false cost_limit verification=not_run"
    );
    assert_eq!(run.results().len(), 2);
    assert_eq!(run.summary()["tokens"]["cache_read"], 100_000);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_turn_without_counted_tokens_makes_the_cost_unknown_and_not_zero(db: PgPool) {
    let uncounted = Turn {
        omit_usage: true,
        ..reads(1)
    };
    let stage = Stage::new(db, script([uncounted, says("Done.")])).await;
    stage.put("a", "a\n");
    let run = stage.run("read the file, please").await;
    assert_eq!(run.summary()["cost_usd"], json!(null));
    assert_eq!(
        stage.calls().await,
        [
            "plan success tokens cost",
            "autonomous success",
            "autonomous success tokens cost"
        ]
    );
    assert_eq!(
        stage
            .count("select count(*) from task_metrics where total_cost is null")
            .await,
        1
    );
}
