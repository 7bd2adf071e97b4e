//! `navi workspaces`, and how the roots are read, as the program does it.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sqlx::{ConnectOptions, PgPool};

use crate::support::app::AUDIT_KEY;
use crate::workspaces::town::{ACME, GLOBEX, Town};

/// Exit code, standard output and standard error of the program.
#[expect(clippy::disallowed_methods, reason = "the program itself is tested")]
async fn navi(variables: &[(&str, &str)], arguments: &[&str]) -> (i32, String, String) {
    let data = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_navi"));
    command
        .env_clear()
        .envs(variables.iter().copied())
        .env("AUDIT_ENCRYPTION_KEY", AUDIT_KEY)
        .env("NAVI_DATA_DIR", data.path())
        .args(arguments)
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    (code, text(output.stdout), text(output.stderr))
}

async fn over(db: &PgPool, arguments: &[&str]) -> (i32, String, String) {
    let url = db.connect_options().to_url_lossy().to_string();
    navi(&[("DATABASE_URL", &url)], arguments).await
}

/// The text with the town's folder as `ROOT`, and columns apart by two spaces.
fn told(town: &Town, text: &str) -> String {
    let root = town.root().canonicalize().unwrap();
    let text = text.replace(root.to_str().unwrap(), "ROOT");
    let lines = text.lines().map(|line| {
        let cells = line
            .split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty());
        cells.collect::<Vec<_>>().join("  ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_commands_show_whose_folders_are_and_take_one_back(db: PgPool) {
    let town = Town::new(db.clone()).await;
    let (code, out, _) = over(&db, &["workspaces", "list"]).await;
    assert_eq!(
        (code, out.as_str()),
        (0, "no folder belongs to an organisation yet\n")
    );
    let (_, out, _) = over(&db, &["workspaces", "list", "--org", "acme"]).await;
    assert_eq!(out, "no folder belongs to the organisation acme yet\n");
    town.make(&["one", "two/sub", "three"]);
    town.uses(ACME, "one").await;
    town.uses(GLOBEX, "two").await;
    town.uses(ACME, "three").await;
    std::fs::remove_dir(town.at("three")).unwrap();
    let gone = "update workspace_bindings set user_id = null where path like '%/two'";
    sqlx::query(gone).execute(&db).await.unwrap();
    let (code, out, said) = over(&db, &["workspaces", "list"]).await;
    assert_eq!((code, said.as_str()), (0, ""));
    insta::assert_snapshot!(told(&town, &out), @r"
    folder  organisation  since  first used by  on the disk
    ROOT/one  acme  2026-01-02T03:04:05Z  ada  there
    ROOT/three  acme  2026-01-02T03:04:05Z  ada  gone
    ROOT/two  globex  2026-01-02T03:04:05Z  an erased user  there
    ");
    let (_, out, _) = over(&db, &["workspaces", "list", "--org", "acme", "--json"]).await;
    let listed: Value = serde_json::from_str(&told(&town, &out)).unwrap();
    let row = |path: &str, exists: bool| {
        json!({
            "path": path, "org_id": "acme", "user_id": "ada",
            "bound_at": "2026-01-02T03:04:05Z", "exists": exists,
        })
    };
    let rows = json!([row("ROOT/one", true), row("ROOT/three", false)]);
    assert_eq!(listed, json!({ "workspaces": rows }));

    let at = |path: &str| town.at(path).to_str().unwrap().to_owned();
    let release = async |path: &str, flags: &[&str]| {
        let path = at(path);
        let arguments = [&["workspaces", "release", &path], flags].concat();
        let (code, out, said) = over(&db, &arguments).await;
        (code, told(&town, &format!("{out}{said}")))
    };
    let id = "select run_id::text from runs where org_id = 'globex'";
    let id: String = sqlx::query_scalar(id).fetch_one(&db).await.unwrap();
    insta::assert_snapshot!(release("two", &[]).await.1.replace(&id, "RUN"), @"navi: runs of `globex` are under way in `ROOT/two` (RUN); wait for their end or cancel them, or release it all the same with --force");
    insta::assert_snapshot!(release("two/sub", &[]).await.1, @"navi: the folder `ROOT/two/sub` belongs to an organisation as a part of `ROOT/two`; release `ROOT/two`");
    insta::assert_snapshot!(release("none", &[]).await.1, @"navi: the folder `ROOT/none` belongs to no organisation; `navi workspaces list` shows the bound folders");
    town.misses(ACME, "two").await;
    let forced = release("two", &["--force"]).await;
    let expected = "`ROOT/two` belonged to `globex` and is free now";
    assert_eq!(forced, (0, expected.to_owned()));
    town.uses(ACME, "two").await;

    let over_now = "update runs set status = 'canceled', finished_at = now()
                    where org_id = 'acme'";
    sqlx::query(over_now).execute(&db).await.unwrap();
    // One that is gone from the disk, too.
    let (code, answer) = release("three", &["--json"]).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let expected = json!({"path": "ROOT/three", "org_id": "acme", "released": true});
    assert_eq!((code, answer), (0, expected));
    let (code, _) = release("three", &[]).await;
    assert_eq!(code, 1);
    let (code, out, said) = over(&db, &["audit", "verify"]).await;
    assert_eq!(code, 0, "{out}{said}");
    let (_, out, _) = over(&db, &["audit", "list", "--org", "globex"]).await;
    assert!(out.contains("workspace.released"), "{out}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_relative_folder_is_that_of_the_current_one(db: PgPool) {
    let town = Town::new(db.clone()).await;
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).display();
    let (code, _, said) = over(&db, &["workspaces", "release", "src/../src"]).await;
    assert_eq!(code, 1);
    assert!(
        said.contains(&format!("the folder `{here}/src` belongs to no")),
        "{said}"
    );
    drop(town);
}

#[tokio::test]
async fn roots_that_are_none_are_named_before_anything_starts() {
    for (roots, named) in [
        ("srv", "`srv` is not an absolute path"),
        ("/srv:", "an entry is empty"),
        ("/srv/{team}", "`/srv/{team}` has a brace"),
        (
            "acme=/srv:globex=/srv/x",
            "`acme=/srv` and `globex=/srv/x` overlap",
        ),
    ] {
        let variables = [("NAVI_WORKSPACE_ROOTS", roots)];
        for command in [["config", "check"].as_slice(), &["serve"]] {
            let (code, out, said) = navi(&variables, command).await;
            assert_eq!((code, out.as_str()), (2, ""), "{roots}: {said}");
            assert!(said.contains(named), "{said}");
            assert!(said.contains("`NAVI_WORKSPACE_ROOTS`"), "{said}");
        }
    }
}

#[tokio::test]
async fn the_help_says_what_releasing_a_folder_means() {
    let (code, help, _) = navi(&[], &["workspaces", "release", "--help"]).await;
    assert_eq!(code, 0);
    for said in ["the first that uses it", "--force", "<FOLDER>", "--json"] {
        assert!(help.contains(said), "{said}: {help}");
    }
    let (_, help, _) = navi(&[], &["workspaces", "--help"]).await;
    assert!(help.contains("list") && help.contains("release"), "{help}");
}
