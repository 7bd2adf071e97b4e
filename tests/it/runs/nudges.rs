//! Answers that are no use: nothing at all, or something unreadable. The model is asked again, and not
//! for ever; what was changed by then is verified all the same.

use navi::llm::model::{ChatRequest, Message, Part};
use navi::llm::script::{Fail, FailKind, Turn};
use serde_json::json;
use sqlx::PgPool;

use crate::runs::stage::{Stage, calls, says, script};

fn last_text(request: &ChatRequest) -> String {
    let Some(Message::User { content }) = request.messages.last() else {
        panic!("{request:?}");
    };
    let Some(Part::Text { text }) = content.last() else {
        panic!("{content:?}");
    };
    text.clone()
}

fn botched(times: Option<u32>) -> Turn {
    Turn {
        fail: Some(Fail {
            kind: FailKind::Botched,
            retry_after_ms: None,
            times,
        }),
        calls: calls(&[("list_directory", json!({"path": "."}))]).calls,
        ..Turn::default()
    }
}

fn thought() -> Turn {
    Turn {
        reason: vec!["I should do something".to_owned()],
        ..Turn::default()
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_answer_of_nothing_is_asked_for_again(db: PgPool) {
    let write = calls(&[("write_file", json!({"path": "a", "content": "1"}))]);
    for nothing in [Turn::default(), says(" \n"), thought()] {
        let turns = [
            nothing.clone(),
            write.clone(),
            nothing.clone(),
            nothing,
            says("Done."),
        ];
        let stage = Stage::new(db.clone(), script(turns)).await;
        let run = stage.run("write a file for me").await;
        assert_eq!(run.outcome(), "success=true completed verification=not_run");
        assert_eq!(run.errors(), [] as [&str; 0]);
        let asked = stage.turns();
        assert_eq!(asked.len(), 5);
        assert!(last_text(&asked[1]).contains("was empty"));
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_answer_of_nothing_is_no_success_however_often_it_comes(db: PgPool) {
    let stage = Stage::new(db, script(vec![Turn::default(); 9])).await;
    let run = stage.run("do something useful").await;
    assert_eq!(
        run.outcome(),
        "success=false model_error verification=not_run"
    );
    assert_eq!(run.errors(), ["MODEL_ANSWER_EMPTY"]);
    assert_eq!(stage.turns().len(), 4);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_botched_call_is_asked_for_again_then_explained_then_given_up(db: PgPool) {
    let stage = Stage::new(db.clone(), script([botched(Some(1)), says("Done.")])).await;
    let run = stage.run("list what is there").await;
    assert_eq!(run.outcome(), "success=true completed verification=not_run");
    let asked = stage.turns();
    assert_eq!(asked[0].messages, asked[1].messages, "the same question");

    let stage = Stage::new(db.clone(), script([botched(Some(2)), says("Done.")])).await;
    let run = stage.run("list what is there").await;
    assert_eq!(run.outcome(), "success=true completed verification=not_run");
    assert!(last_text(&stage.turns()[2]).contains("could not be read"));

    let stage = Stage::new(db, script([botched(None)])).await;
    let run = stage.run("list what is there").await;
    assert_eq!(run.errors(), ["MODEL_ANSWER_MALFORMED"]);
    assert_eq!(stage.turns().len(), 5);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_was_changed_is_verified_even_when_the_model_gives_up(db: PgPool) {
    let write = calls(&[("write_file", json!({"path": "value", "content": "5"}))]);
    let refused = Turn {
        fail: Some(Fail {
            kind: FailKind::Unauthorized,
            retry_after_ms: None,
            times: None,
        }),
        ..Turn::default()
    };
    let gives_up = vec![Turn::default(); 4];
    for (check, verification) in [("exit 0", "passed"), ("[ ! -f value ]", "failed")] {
        for ends in [vec![refused.clone()], gives_up.clone()] {
            let turns: Vec<_> = std::iter::once(write.clone()).chain(ends).collect();
            let stage = Stage::new(db.clone(), script(turns)).await;
            stage.project(check);
            let run = stage.run("write a file for me").await;
            let expected = format!("success=false model_error verification={verification}");
            assert_eq!(run.outcome(), expected);
            assert_eq!(run.events("verification").len(), 1);
            assert_eq!(run.errors().len(), 1, "{:?}", run.errors());
        }
    }
}
