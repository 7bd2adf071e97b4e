//! Calls that a model writes as text, and calls that were cut off.

use navi::llm::model::Message;
use navi::llm::script::Turn;
use serde_json::json;
use sqlx::PgPool;

use crate::runs::stage::{Stage, calls, says, script};

const EDIT: &str = r#"{"name": "edit_file", "arguments": {"path": "a.txt", "old_text": "one", "new_text": "two"}}"#;

/// A text that arrives in small pieces.
fn writes(text: &str) -> Turn {
    let letters: Vec<char> = text.chars().collect();
    Turn {
        say: letters
            .chunks(3)
            .map(|piece| piece.iter().collect())
            .collect(),
        ..Turn::default()
    }
}

fn shown(run: &crate::runs::stage::Transcript) -> String {
    let texts = run.events("text").into_iter();
    texts.map(|event| event["text"].as_str().unwrap()).collect()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_call_written_as_text_is_run_and_never_shown_as_an_answer(db: PgPool) {
    let xml = "<tool_call>\n<function=edit_file>\n<parameter=path>\na.txt\n</parameter>\n\
               <parameter=old_text>\none\n</parameter>\n<parameter=new_text>\ntwo\n</parameter>\n\
               </function>\n</tool_call>";
    for (text, words) in [
        (EDIT.to_owned(), ""),
        (format!("```json\n{EDIT}\n```"), ""),
        (
            format!("I edit it.\n\n<tool_call>\n{EDIT}\n</tool_call>"),
            "I edit it.\n\n",
        ),
        (xml.to_owned(), ""),
        (format!("[TOOL_CALLS][{EDIT}]"), ""),
        (
            "<|channel|>commentary to=functions.edit_file <|constrain|>json<|message|>{\"path\": \
             \"a.txt\", \"old_text\": \"one\", \"new_text\": \"two\"}<|call|>"
                .to_owned(),
            "",
        ),
    ] {
        let stage = Stage::new(db.clone(), script([writes(&text), says("Done.")])).await;
        stage.put("a.txt", "one\n");
        let run = stage.run("put two in place of one").await;
        assert_eq!(stage.content("a.txt"), "two\n", "{text}");
        assert_eq!(run.outcome(), "success=true completed verification=not_run");
        assert_eq!(shown(&run), format!("{words}Done."), "{text}");
        assert_eq!(run.events("tool_call").len(), 1);
        // The model sees its call as one, with its result.
        let asked = &stage.turns()[1].messages;
        assert!(
            asked.iter().any(|message| matches!(
                message,
                Message::Assistant { text, tool_calls, .. }
                    if tool_calls.len() == 1 && !text.contains("edit_file")
            )),
            "{asked:#?}"
        );
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_call_written_as_text_is_judged_as_every_call(db: PgPool) {
    let call = r#"{"name": "write_file", "arguments": {"path": "../out.txt", "content": "x"}}"#;
    let stage = Stage::new(db, script([writes(call), says("It may not be.")])).await;
    let run = stage.run("write it beside the workspace").await;
    assert_eq!(run.results()[0]["success"], json!(false));
    assert!(!stage.path("../out.txt").exists());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_text_about_a_call_is_an_answer_and_runs_nothing(db: PgPool) {
    for text in [
        format!(
            "Hermes writes:\n\n```\n<tool_call>\n{EDIT}\n</tool_call>\n```\n\nThe server reads it."
        ),
        format!("Hermes writes `<tool_call>{EDIT}</tool_call>` and nothing else."),
        format!("The documentation says:\n\n> <tool_call>{EDIT}</tool_call>\n"),
    ] {
        let stage = Stage::new(db.clone(), script([writes(&text)])).await;
        stage.put("a.txt", "one\n");
        let run = stage.run("how does Hermes write a call?").await;
        assert_eq!(run.outcome(), "success=true completed verification=not_run");
        assert_eq!(stage.content("a.txt"), "one\n");
        assert_eq!(shown(&run), text);
        assert!(run.events("tool_call").is_empty());
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_may_be_meant_as_a_call_is_told_and_is_no_success_when_it_stays(db: PgPool) {
    for text in [
        format!("<tool_call>{EDIT}</tool_call>\nThe file is edited."),
        format!("I edit it:\n{EDIT}"),
        r#"<tool_call>{"name": "fix_file", "arguments": {}}</tool_call>"#.to_owned(),
        r#"<tool_call>{"name": "edit_file", "arguments": {"path": "a.t"#.to_owned(),
    ] {
        let stage = Stage::new(db.clone(), script(vec![writes(&text); 5])).await;
        stage.put("a.txt", "one\n");
        let run = stage.run("put two in place of one").await;
        assert_eq!(
            run.outcome(),
            "success=false model_error verification=not_run"
        );
        assert_eq!(run.errors(), ["MODEL_CALL_AS_TEXT"]);
        assert_eq!(stage.turns().len(), 3, "{text}");
        assert_eq!(stage.content("a.txt"), "one\n");
        assert!(!shown(&run).contains("edit_file"), "{}", shown(&run));
    }
    let edit = calls(&[(
        "edit_file",
        json!({"path": "a.txt", "old_text": "one", "new_text": "two"}),
    )]);
    let turns = [writes(&format!("I edit it:\n{EDIT}")), edit, says("Done.")];
    let stage = Stage::new(db, script(turns)).await;
    stage.put("a.txt", "one\n");
    let run = stage.run("put two in place of one").await;
    assert_eq!(run.outcome(), "success=true completed verification=not_run");
    let told = format!("{:?}", stage.turns()[1].messages);
    assert!(
        told.contains("Nothing was run: your answer holds a tool call as text"),
        "{told}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_write_that_was_cut_off_does_not_run_and_a_read_does(db: PgPool) {
    let cut = |call: (&str, serde_json::Value)| Turn {
        cut_off: true,
        ..calls(&[call])
    };
    let turns = [
        cut((
            "write_file",
            json!({"path": "b.txt", "content": "the first ha"}),
        )),
        cut(("read_file", json!({"path": "a.txt"}))),
        says("Done."),
    ];
    let stage = Stage::new(db, script(turns)).await;
    stage.put("a.txt", "one\n");
    let run = stage.run("write a long file").await;
    assert!(!stage.path("b.txt").exists());
    let results = run.results();
    let told = results[0]["error"].as_str().unwrap();
    assert!(told.contains("cut off at its length limit"), "{told}");
    assert_eq!(results[1]["success"], json!(true));
}
