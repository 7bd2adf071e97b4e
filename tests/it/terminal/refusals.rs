//! Refusals before anything begins: folders of the system, models that are not there, a demo without a
//! toolchain.

use std::os::unix::fs::PermissionsExt;

use sqlx::PgPool;

use crate::runs::stage::says;
use crate::terminal::stage::{Desk, said};

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_folder_of_the_system_is_no_workspace_and_nothing_in_it_is_read(db: PgPool) {
    let desk = Desk::new(&db, [says("Done.")]);
    for (folder, why) in [
        ("/", "the root of the file system cannot be a workspace"),
        (
            "/proc",
            "a view of the operating system, not a folder of files",
        ),
        (
            "/sys",
            "a view of the operating system, not a folder of files",
        ),
        ("/dev", "belongs to the operating system"),
        ("/etc", "belongs to the operating system"),
        ("/usr/../usr", "belongs to the operating system"),
    ] {
        let mut command = desk.command(&["agent", "run", "look around"]);
        command.current_dir(folder);
        let refused = said(command).await;
        assert_eq!(refused.code, 2, "{folder}: {refused:?}");
        assert!(refused.error.contains(why), "{folder}: {refused:?}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_home_folder_is_no_workspace(db: PgPool) {
    let desk = Desk::new(&db, [says("Done.")]);
    let home = desk.place.data().with_file_name("home");
    std::fs::create_dir_all(home.join("project")).unwrap();
    let own = home.to_str().unwrap();
    for folder in ["/home", "/root", own, &format!("{own}/project/..")] {
        let refused = desk
            .run(&["agent", "run", "look around", "--workspace", folder])
            .await;
        assert_eq!(refused.code, 2, "{folder}: {refused:?}");
        assert!(
            refused.error.contains("is a home folder"),
            "{folder}: {refused:?}"
        );
    }
    let project = format!("{own}/project");
    let said = desk
        .run(&["agent", "run", "look around", "--workspace", &project])
        .await;
    assert_eq!(said.code, 0, "{said:?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_was_called_wrongly_ends_with_2_in_plain_words(db: PgPool) {
    let desk = Desk::new(&db, [says("Done.")]);
    let inside = desk.place.data().join("inside");
    std::fs::create_dir_all(&inside).unwrap();
    let inside = inside.to_str().unwrap();
    for (arguments, words) in [
        (&["  "][..], "the task is empty"),
        (&["look", "--model", ""], "`--model` names no model"),
        (
            &["look", "--workspace", inside],
            "holds or is part of this server's own data folder",
        ),
        (
            &["look", "--server", "localhost:8787"],
            "an address begins with http:// or https://",
        ),
    ] {
        let said = desk.run(&[&["agent", "run"], arguments].concat()).await;
        assert_eq!(said.code, 2, "{arguments:?}: {said:?}");
        assert!(said.error.contains(words), "{arguments:?}: {said:?}");
        assert!(!said.error.contains("answered"), "{arguments:?}: {said:?}");
    }
    let mut unplayable = desk.command(&["agent", "run", "look"]);
    unplayable.env("NAVI_SCRIPT", "missing.json");
    let refused = said(unplayable).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused.error.contains("`missing.json` cannot be played"),
        "{refused:?}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_words_of_a_task_need_no_quotes(db: PgPool) {
    let desk = Desk::new(&db, [says("Done.")]);
    let told = desk
        .run(&["agent", "run", "mend", "the", "test", "--json"])
        .await;
    assert_eq!(told.code, 0, "{told:?}");
    let listed = desk.run(&["agent", "list"]).await;
    assert!(listed.out.contains("mend the test · "), "{listed:?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_models_that_can_be_named_are_listed(db: PgPool) {
    let desk = Desk::new(&db, [says("Done.")]);
    let listed = desk.run(&["models"]).await;
    assert_eq!(listed.code, 0, "{listed:?}");
    assert!(listed.out.starts_with("scripted/demo\n"), "{listed:?}");
    assert!(
        listed.out.contains("\nwithout a name: scripted/demo\n"),
        "{listed:?}"
    );
    assert!(
        listed.out.contains(" more cannot answer here"),
        "{listed:?}"
    );
    let all = desk.run(&["models", "--all"]).await;
    assert!(
        all.out
            .contains("openai/gpt-5-mini: provider not configured\n"),
        "{all:?}"
    );
    let json = desk.run(&["models", "--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["models"].as_array().unwrap().len(), 1);
    assert_eq!(json["default"], "scripted/demo");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_wrong_model_is_told_without_any_key_and_begins_no_run(db: PgPool) {
    let desk = Desk::new(&db, [says("Done.")]);
    for (model, is_scripted, words) in [
        (
            "openai/gtp-5-mini",
            false,
            "did you mean `openai/gpt-5-mini`?",
        ),
        (
            "mistral/large",
            false,
            "`mistral/large` is not in the model registry",
        ),
        (
            "mistral/large",
            true,
            "`mistral/large` is not in the model registry",
        ),
        ("scripted/dmo", true, "did you mean `scripted/demo`?"),
        ("openai/gpt-5-mini", true, "is not configured"),
    ] {
        let mut command = desk.command(&["agent", "run", "look", "--model", model]);
        if !is_scripted {
            command.env_remove("NAVI_SCRIPT");
        }
        let refused = said(command).await;
        assert_eq!(refused.code, 2, "{model}: {refused:?}");
        assert!(refused.error.contains(words), "{model}: {refused:?}");
        // Only where another model could answer, it is offered.
        let offers = refused.error.contains("--allow-fallback");
        assert_eq!(offers, is_scripted, "{model}: {refused:?}");
    }
    let runs: i64 = sqlx::query_scalar("select count(*) from runs")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(runs, 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_model_that_is_not_there_does_not_become_another_one(db: PgPool) {
    let desk = Desk::new(&db, [says("It is there.")]);
    let run = ["agent", "run", "look", "--model"];
    let said = desk.run(&[&run[..], &["openai/gtp-5-mini"]].concat()).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.error
            .contains("there is no model `openai/gtp-5-mini`; did you mean `openai/gpt-5-mini`?"),
        "{said:?}"
    );
    // Nothing is like this one, so that only the router knows.
    let said = desk.run(&[&run[..], &["openai/of-our-own"]].concat()).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.error.contains("is not in the model registry"),
        "{said:?}"
    );
    assert!(!said.out.contains("It is there."), "{said:?}");
    let allowed = ["openai/gtp-5-mini", "--allow-fallback"];
    let said = desk.run(&[&run[..], &allowed].concat()).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.contains("not the model that was asked for"),
        "{said:?}"
    );
    let said = desk.run(&[&run[..], &["scripted/demo"]].concat()).await;
    assert_eq!(said.code, 0, "{said:?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_demo_without_a_usable_cargo_says_so_at_once(db: PgPool) {
    let desk = Desk::new(&db, [says("Done.")]);
    let programs = desk.workspace().join("bin");
    std::fs::create_dir(&programs).unwrap();
    let demo = || {
        let mut command = desk.command(&["demo"]);
        command.env("PATH", &programs).env_remove("NAVI_SCRIPT");
        command
    };
    let missing = said(demo()).await;
    assert_eq!(missing.code, 1, "{missing:?}");
    assert!(
        missing.error.contains("`cargo` is not on the PATH"),
        "{missing:?}"
    );
    assert!(!missing.out.contains("The script is over"), "{missing:?}");
    let cargo = programs.join("cargo");
    let complaint = "error: rustup could not choose a version of cargo to run";
    std::fs::write(
        &cargo,
        format!("#!/bin/sh\necho '{complaint}' >&2\nexit 1\n"),
    )
    .unwrap();
    std::fs::set_permissions(&cargo, PermissionsExt::from_mode(0o755)).unwrap();
    let unusable = said(demo()).await;
    assert_eq!(unusable.code, 1, "{unusable:?}");
    assert!(unusable.error.contains(complaint), "{unusable:?}");
    assert!(unusable.error.contains("https://rustup.rs"), "{unusable:?}");
}
