//! Repositories that want more than to be looked at.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;
use sqlx::PgPool;

use crate::review::repository::{Project, attempt, content, git, listed};

/// A program that leaves a file behind, and passes on what it is given.
fn trap(project: &Project) -> String {
    let mark = project.root().parent().unwrap().join(format!(
        "ran-{}",
        project.root().file_name().unwrap().to_str().unwrap()
    ));
    let program = project.stage.put(
        ".git/trap.sh",
        format!("#!/bin/sh\ntouch '{}'\ncat\n", mark.display()),
    );
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    program.to_str().unwrap().to_owned()
}

fn was_sprung(project: &Project) -> bool {
    let name = project
        .root()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    project
        .root()
        .parent()
        .unwrap()
        .join(format!("ran-{name}"))
        .exists()
}

/// Everything below a folder, with its content.
fn everything(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn no_program_that_a_repository_names_is_run(db: PgPool) {
    let files = [("a.txt", "one\n"), ("b.txt", "one\n"), ("c.bin", "one\n")];
    let project = Project::new(db, content(), &files).await;
    let trap = trap(&project);
    let library = project.stage.path("library");
    std::fs::create_dir(&library).unwrap();
    git(&library, &["init", "--quiet"]);
    std::fs::write(library.join("d.txt"), "one\n").unwrap();
    git(&library, &["add", "--all"]);
    git(&library, &["commit", "--quiet", "--message=first"]);
    project.git(&["submodule", "--quiet", "add", "./library", "module"]);
    project.git(&["commit", "--quiet", "--message=second"]);
    for (name, value) in [
        ("core.fsmonitor", trap.as_str()),
        ("core.pager", &trap),
        (
            "core.hooksPath",
            project.root().join(".git/hooks").to_str().unwrap(),
        ),
        ("core.sshCommand", &trap),
        ("core.editor", &trap),
        ("diff.external", &trap),
        ("diff.evil.command", &trap),
        ("diff.evil.textconv", &trap),
        ("filter.evil.clean", &trap),
        ("filter.evil.smudge", &trap),
        ("filter.evil.process", &trap),
        ("filter.evil.required", "true"),
        ("diff.ignoreSubmodules", "none"),
        ("status.submoduleSummary", "true"),
        ("extensions.worktreeConfig", "true"),
    ] {
        project.git(&["config", name, value]);
        git(&project.stage.path("module"), &["config", name, value]);
    }
    for hook in [
        "post-index-change",
        "fsmonitor-watchman",
        "pre-commit",
        "post-checkout",
    ] {
        let path = project.stage.path(&format!(".git/hooks/{hook}"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(&trap, path).unwrap();
    }
    project
        .stage
        .put(".git/info/attributes", "* filter=evil diff=evil\n");
    project
        .stage
        .put(".gitattributes", "* filter=evil diff=evil\n");
    project.stage.put("a.txt", "two\n");
    project.stage.put("b.txt", "three\n");
    project.stage.put("c.bin", "four\n");
    project.stage.put("module/d.txt", "two\n");
    project.stage.put("new.txt", "new\n");
    let before = everything(&project.root());
    let review = project.reviewed().await;
    assert!(!was_sprung(&project), "something was run");
    assert_eq!(everything(&project.root()), before, "something was written");
    insta::assert_snapshot!(listed(&review), @r#"
    "a.txt" modified low
    "b.txt" modified low
    "c.bin" modified low
    ".gitattributes" untracked low
    "new.txt" untracked low
    "#);
    // The trap works: git by itself falls into it.
    attempt(&project.root(), &["diff", "HEAD"]);
    assert!(was_sprung(&project));
    std::fs::remove_file(project.root().parent().unwrap().join(format!(
        "ran-{}",
        project.root().file_name().unwrap().to_str().unwrap()
    )))
    .unwrap();
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_repository_that_points_elsewhere_shows_nothing_of_it(db: PgPool) {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("a.txt"), "outside-value-1\n").unwrap();
    let project = Project::new(db, content(), &[("a.txt", "one\n"), ("x/passwd", "one\n")]).await;
    let stage = &project.stage;
    // The working tree, moved by the configuration.
    project.git(&["config", "core.worktree", outside.path().to_str().unwrap()]);
    let review = project.reviewed().await;
    assert_eq!(listed(&review), "");
    // A folder of the repository, replaced by a link.
    project.git(&["config", "--unset", "core.worktree"]);
    std::fs::remove_dir_all(stage.path("x")).unwrap();
    std::os::unix::fs::symlink("/etc", stage.path("x")).unwrap();
    std::os::unix::fs::symlink(outside.path(), stage.path("y")).unwrap();
    let review = project.reviewed().await;
    let text = format!("{review} {}", project.asked());
    assert!(
        !text.contains("root:") && !text.contains("outside-value-1"),
        "{text}"
    );
    assert_eq!(listed(&review), "\"x/passwd\" deleted low", "{review}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_foreign_repository_or_workspace_is_refused(db: PgPool) {
    let elsewhere = tempfile::tempdir().unwrap();
    let other = elsewhere.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("a.txt"), "foreign-value-1\n").unwrap();
    git(&other, &["init", "--quiet"]);
    git(&other, &["add", "--all"]);
    git(&other, &["commit", "--quiet", "--message=first"]);
    let roots = tempfile::tempdir().unwrap();
    let inside = roots.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    std::fs::write(
        inside.join(".git"),
        format!("gitdir: {}/.git\n", other.display()),
    )
    .unwrap();
    let flags = ["--workspace-roots", roots.path().to_str().unwrap()];
    let project = Project::with(db, content(), &[], &flags).await;
    for (folder, code) in [
        (&inside, "CHANGES_UNREADABLE"),
        (&other, "WORKSPACE_UNUSABLE"),
    ] {
        let body = json!({ "workspace_root": folder });
        let (status, problem) = project.whole(&body).await;
        assert_eq!((status, &problem["error_code"]), (422, &json!(code)));
        assert!(!problem.to_string().contains("foreign-value-1"));
        let mut stream = project.begin(&body).await;
        stream.rest().await;
        let last = &stream.frames.last().unwrap().data;
        assert_eq!(
            (&last["type"], &last["code"]),
            (&json!("error"), &json!(code))
        );
        assert_eq!(last["message"], problem["detail"]);
    }
    assert_eq!(project.stage.requests().len(), 0);
}
