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
