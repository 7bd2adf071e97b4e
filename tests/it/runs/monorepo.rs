//! Verification of the projects that were changed.

use serde_json::json;
use sqlx::PgPool;

use crate::runs::stage::{Stage, calls, says, script};

/// A project in a folder, of which `make test` runs this shell script.
fn project(stage: &Stage, folder: &str, check: &str) {
    stage.put(&format!("{folder}/Makefile"), "test:\n\t@sh ./check.sh\n");
    stage.put(&format!("{folder}/check.sh"), check);
}

fn write(path: &str) -> navi::llm::script::Turn {
    calls(&[("write_file", json!({"path": path, "content": "two\n"}))])
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_change_in_a_project_of_a_folder_is_checked_by_its_own_checks(db: PgPool) {
    let turns = [write("services/a/value"), says("Done."), says("Done.")];
    let stage = Stage::new(db.clone(), script(turns)).await;
    stage.project("true");
    project(&stage, "services/a", "grep -q one value");
    stage.put("services/a/value", "one\n");
    let run = stage.run("put two in place of one").await;
    assert_eq!(
        run.outcome(),
        "success=false verification_failed verification=failed"
    );
    let told = format!("{:?}", stage.turns()[2].messages);
    assert!(
        told.contains("`make test` in `services/a` (exit code"),
        "{told}"
    );

    // A check that failed there before is known as old.
    let turns = [write("services/a/other"), says("Done."), says("Done.")];
    let stage = Stage::new(db.clone(), script(turns)).await;
    stage.project("true");
    project(&stage, "services/a", "echo broken >&2; exit 1");
    let run = stage.run("write the other file").await;
    assert_eq!(
        run.outcome(),
        "success=false failures_existed_before verification=failed"
    );

    let stage = Stage::new(db, script([write("services/a/value"), says("Done.")])).await;
    stage.project("true");
    project(&stage, "services/a", "test -e value");
    let run = stage.run("write the value").await;
    assert_eq!(run.outcome(), "success=true completed verification=passed");
    let results = &run.events("verification")[0]["results"];
    assert_eq!(results.as_array().unwrap().len(), 2, "{results}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn checks_of_another_project_make_nothing_passed(db: PgPool) {
    let stage = Stage::new(db, script([write("web/a.txt"), says("Done.")])).await;
    stage.project("true");
    stage.put("web/package.json", r#"{ "name": "web" }"#);
    let run = stage.run("write the file").await;
    assert_eq!(run.outcome(), "success=true completed verification=not_run");
    let texts: String = run
        .events("text")
        .iter()
        .map(|event| event["text"].as_str().unwrap())
        .collect();
    assert!(
        texts.contains("No check says anything about the changes in `web`."),
        "{texts}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_bounded_number_of_changed_projects_is_checked_and_the_others_are_named(db: PgPool) {
    let writes = (0..6).map(|number| write(&format!("p{number}/value")));
    let stage = Stage::new(db, script(writes.chain([says("Done.")]))).await;
    stage.project("true");
    for number in 0..6 {
        project(&stage, &format!("p{number}"), "true");
    }
    let run = stage.run("write six files").await;
    assert_eq!(run.outcome(), "success=true completed verification=passed");
    let results = &run.events("verification")[0]["results"];
    assert_eq!(results.as_array().unwrap().len(), 5, "{results}");
    let texts: String = run
        .events("text")
        .iter()
        .map(|event| event["text"].as_str().unwrap())
        .collect();
    assert!(texts.contains("The checks of `p5` are not run"), "{texts}");
}
