//! Repositories that want more than to be looked at.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use sqlx::PgPool;
use tempfile::TempDir;

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
    symlink("/etc", stage.path("x")).unwrap();
    symlink(outside.path(), stage.path("y")).unwrap();
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
    for (folder, expected, code) in [
        (&inside, 422, "CHANGES_UNREADABLE"),
        (&other, 404, "WORKSPACE_NOT_FOUND"),
    ] {
        let body = json!({ "workspace_root": folder });
        let (status, problem) = project.whole(&body).await;
        assert_eq!((status, &problem["error_code"]), (expected, &json!(code)));
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

/// A repository where the server works, and one where it does not.
struct Neighbours {
    project: Project,
    roots: TempDir,
    elsewhere: TempDir,
}

impl Neighbours {
    async fn new(db: PgPool) -> Self {
        let (roots, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (folder, text) in [(&roots, "one\n"), (&elsewhere, "foreign-value-1\n")] {
            std::fs::write(folder.path().join("a.txt"), text).unwrap();
            git(folder.path(), &["init", "--quiet"]);
            git(folder.path(), &["add", "--all"]);
            git(folder.path(), &["commit", "--quiet", "--message=first"]);
        }
        std::fs::write(roots.path().join("a.txt"), "two\n").unwrap();
        let flags = ["--workspace-roots", roots.path().to_str().unwrap()];
        let project = Project::with(db, content(), &[], &flags).await;
        Self {
            project,
            roots,
            elsewhere,
        }
    }

    fn inside(&self, path: &str) -> PathBuf {
        self.roots.path().join(path)
    }

    fn outside(&self, path: &str) -> PathBuf {
        self.elsewhere.path().join(path)
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.inside(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    async fn review(&self) -> (u16, Value) {
        let body = json!({ "workspace_root": self.roots.path() });
        self.project.whole(&body).await
    }

    async fn is_refused(&self, why: &str) {
        let (status, problem) = self.review().await;
        assert_eq!(
            (status, &problem["error_code"]),
            (422, &json!("CHANGES_UNREADABLE")),
            "{why}: {problem}"
        );
    }

    async fn is_reviewed(&self, why: &str) -> Value {
        let (status, review) = self.review().await;
        assert_eq!(status, 200, "{why}: {review}");
        assert_eq!(listed(&review), "\"a.txt\" modified low", "{why}");
        let all = format!("{review} {}", self.project.asked());
        let foreign = git(self.elsewhere.path(), &["rev-parse", "HEAD"]);
        for secret in ["foreign-value-1", foreign.trim()] {
            assert!(!all.contains(secret), "{why}: {all}");
        }
        review
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn objects_are_borrowed_only_from_where_the_server_works(db: PgPool) {
    let there = Neighbours::new(db).await;
    let foreign = there.outside(".git/objects").display().to_string();
    let alternates = ".git/objects/info/alternates";
    symlink(&foreign, there.inside("x\r")).unwrap();
    symlink(&foreign, there.inside("link")).unwrap();
    there.write(".git/info/exclude", "x*\nlink\n");
    let inside = there.roots.path().display().to_string();
    let many = (0..40).map(|number| format!("{inside}/{number}\n"));
    let many: String = many.collect();
    for text in [
        format!("{foreign}\n"),
        format!("\"{foreign}\"\n"),
        format!("{inside}/x\r\n"),
        format!("{inside}/link\n"),
        format!("{many}{foreign}\n"),
        format!("#{}\n{foreign}\n", "x".repeat(20_000)),
    ] {
        there.write(alternates, &text);
        there.is_refused(&text).await;
    }
    there.write(alternates, [b"#\xff\n", foreign.as_bytes()].concat());
    there.is_refused("not UTF-8").await;
    there.write(alternates, format!("# nothing\n{inside}/nowhere\n"));
    there.is_reviewed("nothing foreign").await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn links_within_a_repository_lead_nowhere_else(db: PgPool) {
    let there = Neighbours::new(db).await;
    for (name, target) in [
        (".git/objects/pack/pack-1.pack", ".git/config"),
        (".git/objects/zz", ".git/objects"),
        (".git/refs/heads/other", ".git/HEAD"),
        (".git/packed-refs", ".git/HEAD"),
        (".git/info/exclude", "a.txt"),
        (".git/sharedindex.0", ".git/index"),
    ] {
        let name = there.inside(name);
        let _missing = std::fs::remove_file(&name);
        symlink(there.outside(target), &name).unwrap();
        there.is_refused(&name.display().to_string()).await;
        std::fs::remove_file(&name).unwrap();
    }
    there.is_reviewed("without links").await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn included_settings_are_not_read(db: PgPool) {
    let there = Neighbours::new(db).await;
    let config = there.inside(".git/config");
    let before = std::fs::read_to_string(&config).unwrap();
    let included = there.outside("a.txt").display().to_string();
    let worktree = there.outside("").display().to_string();
    for added in [
        format!("[include]\n\tpath = {included}\n"),
        format!("[core]\n\tworktree = {worktree}\n"),
        format!("[core]\n\texcludesFile = {included}\n\tattributesFile = {included}\n"),
    ] {
        std::fs::write(&config, format!("{before}{added}")).unwrap();
        there.is_reviewed(&added).await;
    }
    // A pipe without a writer would be waited for.
    let pipe = there.inside(".git/pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let added = format!("[include]\n\tpath = {}\n", pipe.display());
    std::fs::write(&config, format!("{before}{added}")).unwrap();
    there.is_reviewed(&added).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_submodule_that_lies_elsewhere_is_not_looked_at(db: PgPool) {
    let there = Neighbours::new(db).await;
    let commit = "1234567812345678123456781234567812345678";
    let entry = format!("160000,{commit},module");
    git(
        there.roots.path(),
        &["update-index", "--add", "--cacheinfo", &entry],
    );
    git(
        there.roots.path(),
        &["commit", "--quiet", "--message=second"],
    );
    there.write(
        "module/.git",
        format!("gitdir: {}\n", there.outside(".git").display()),
    );
    let review = there.is_reviewed("a foreign folder").await;
    let warning = review["warning"].as_str().unwrap();
    assert!(
        warning.starts_with("Changes of submodules are left out"),
        "{warning}"
    );
    std::fs::remove_file(there.inside("module/.git")).unwrap();
    for folder in ["objects", "refs/heads"] {
        std::fs::create_dir_all(there.inside("module/.git").join(folder)).unwrap();
    }
    there.write("module/.git/HEAD", "ref: refs/heads/main\n");
    let main = there.inside("module/.git/refs/heads/main");
    let foreign = std::fs::read_dir(there.outside(".git/refs/heads")).unwrap();
    symlink(foreign.last().unwrap().unwrap().path(), main).unwrap();
    there.is_reviewed("a foreign name").await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn files_whose_times_changed_leave_the_index_as_it_is(db: PgPool) {
    let files = [("a.txt", "one\n"), ("b.txt", "one\n")];
    let project = Project::new(db, content(), &files).await;
    project.stage.put("b.txt", "two\n");
    let touched = std::fs::File::open(project.stage.path("a.txt")).unwrap();
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    touched.set_modified(long_ago).unwrap();
    let before = everything(&project.root());
    let review = project.reviewed().await;
    assert_eq!(listed(&review), "\"b.txt\" modified low");
    assert_eq!(everything(&project.root()), before, "something was written");
}
