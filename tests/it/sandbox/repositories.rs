//! Repositories other than the workspace's own: nested ones, submodules, linked working trees.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::sandbox::machine::{Level, Machine, outside};
use crate::tools::Bench;

/// Ways to make a repository run something, from the folder of its settings and hooks (`$R`).
const WAYS: &[&str] = &[
    "echo evil >> $R/config",
    "git config -f $R/config core.fsmonitor ./evil",
    "echo evil > $R/config.new && mv $R/config.new $R/config",
    "rm -f $R/config; echo evil > $R/config",
    "echo evil > $R/hooks/pre-commit",
    "rm -rf $R/hooks; mkdir $R/hooks; echo evil > $R/hooks/pre-commit",
    "rm -rf $R/hooks; mkdir -p $R/evil; echo evil > $R/evil/pre-commit; ln -s evil $R/hooks",
    "mv $R/hooks $R/hooks.old; mkdir $R/hooks; echo evil > $R/hooks/post-checkout",
    "echo ../evil > $R/commondir",
    "echo evil > $R/config.worktree",
    "sed -i s/.*/evil/ $R/hooks/commit-msg",
    "perl -e 'unlink \"$ENV{R}/config\"; symlink \"evil\", \"$ENV{R}/config\"'",
];

fn git(root: &Path, arguments: &[&str]) {
    let mut command = outside("git");
    let settings = [
        "user.name=n",
        "user.email=e@example.com",
        "protocol.file.allow=always",
    ];
    for setting in settings {
        command.args(["-c", setting]);
    }
    command.arg("-C").arg(root).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?} {output:?}");
}

/// A repository with a commit and a hook.
fn repository(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    git(folder, &["init", "-q", "-b", "main"]);
    git(folder, &["commit", "-q", "--allow-empty", "-m", "first"]);
    let hook = folder.join(".git/hooks/commit-msg");
    std::fs::write(hook, "#!/bin/sh\nexit 0\n").unwrap();
}

/// The settings and hooks in a folder of a repository.
fn settings(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let names = ["config", "config.worktree", "commondir", "gitdir"];
    let mut open: Vec<_> = names.iter().map(|name| folder.join(name)).collect();
    open.push(folder.join("hooks"));
    while let Some(path) = open.pop() {
        let name = path.strip_prefix(folder).unwrap().to_owned();
        if path.is_symlink() {
            found.push((name, format!("to {}", path.read_link().unwrap().display())));
        } else if let Ok(entries) = std::fs::read_dir(&path) {
            open.extend(entries.flatten().map(|it| it.path()));
        } else if let Ok(content) = std::fs::read_to_string(&path)
            && name.extension().is_none_or(|it| it != "sample")
        {
            found.push((name, content));
        }
    }
    // Of a linked working tree git takes both from the repository.
    if folder.parent().is_some_and(|it| it.ends_with("worktrees")) {
        found.retain(|(name, _)| name != Path::new("config") && !name.starts_with("hooks"));
    }
    found.sort();
    found
}

fn levels(machine: &Machine) -> Vec<Level> {
    let levels = machine.levels().into_iter();
    levels
        .filter(|it| ["full", "7", "1"].contains(&it.name))
        .collect()
}

/// Attacks the settings in a folder by each of the ways, as a command of its own.
async fn attack(bench: &Bench, folder: &Path) {
    for way in WAYS {
        let command = format!(
            "export R='{}'; {{ {way}; }} >/dev/null 2>&1; true",
            folder.display()
        );
        let result = bench
            .result("run_command", json!({ "command": command }))
            .await;
        assert_eq!(result["exit_code"], 0, "{way} {result:?}");
    }
}

#[tokio::test]
async fn hooks_and_settings_of_every_repository_stay() {
    let machine = Machine::new();
    for level in levels(&machine) {
        let bench = Bench::within(&level.sandbox);
        let root = bench.root().to_owned();
        repository(&root);
        repository(&root.join("deep/er/nested"));
        repository(&bench.folder.path().join("library"));
        git(
            &root,
            &[
                "submodule",
                "add",
                "-q",
                "--name",
                "li/b",
                "../library",
                "lib",
            ],
        );
        git(&root, &["worktree", "add", "-q", "side"]);
        git(&root, &["clone", "-q", "--bare", ".", "mirror.git"]);
        let all = [
            ".git",
            ".git/modules/li/b",
            ".git/worktrees/side",
            "deep/er/nested/.git",
            "mirror.git",
        ];
        for name in all {
            let folder = root.join(name);
            let before = settings(&folder);
            assert!(!before.is_empty(), "{name}");
            attack(&bench, &folder).await;
            assert_eq!(settings(&folder), before, "{}: {name}", level.name);
        }
        let pointer = |name: &str| std::fs::read_to_string(root.join(name).join(".git")).unwrap();
        let before = (pointer("lib"), pointer("side"));
        let command = "echo 'gitdir: ../evil' > lib/.git; rm side/.git; echo 'gitdir: evil' > side/.git; true";
        bench
            .result("run_command", json!({ "command": command }))
            .await;
        assert_eq!((pointer("lib"), pointer("side")), before, "{}", level.name);
        // All of them still work.
        let command = "set -e; export GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=e@example.com \
            GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=e@example.com; \
            for it in . lib side deep/er/nested; do git -C $it commit -q --allow-empty -m x; done";
        let result = bench
            .result("run_command", json!({ "command": command }))
            .await;
        assert_eq!(result["exit_code"], 0, "{}: {result:#?}", level.name);
    }
}

#[tokio::test]
async fn commits_have_the_name_of_the_servers_user_unless_the_repository_has_its_own() {
    let machine = Machine::new();
    let user =
        "[user]\n\tname = Ada \\\"L\\\" Byron\n\temail = ada@example.com\n[alias]\n\tx = status\n";
    std::fs::write(machine.path("home/.gitconfig"), user).unwrap();
    for level in levels(&machine) {
        let bench = Bench::within(&level.sandbox);
        repository(bench.root());
        let repository = bench.root().join("own");
        std::fs::create_dir(&repository).unwrap();
        git(&repository, &["init", "-q"]);
        git(&repository, &["config", "user.email", "own@example.com"]);
        let command = "for it in . own; do git -C $it commit -q --allow-empty -m x; \
            git -C $it log -1 --format='%an <%ae>'; done; git config --global alias.x || echo none";
        let result = bench
            .result("run_command", json!({ "command": command }))
            .await;
        assert_eq!(
            result["stdout"],
            "Ada \"L\" Byron <ada@example.com>\nAda \"L\" Byron <own@example.com>\nnone\n",
            "{}: {result:#?}",
            level.name
        );
    }
}

#[tokio::test]
async fn a_repository_is_not_exchanged_for_another() {
    let machine = Machine::new();
    for level in levels(&machine) {
        for way in [
            "mv .git x; mkdir evil; echo 'gitdir: evil' > .git",
            "mv .git x; ln -s x .git; echo evil > x/hooks/pre-commit",
            "rm -rf .git/hooks; mkdir evil; ln -s ../evil .git/hooks",
            "cp -r .git x; rm -rf .git; mv x .git; echo evil > .git/hooks/pre-commit",
        ] {
            let bench = Bench::within(&level.sandbox);
            repository(bench.root());
            let before = settings(&bench.root().join(".git"));
            let command = format!("{{ {way}; }} 2>/dev/null; true");
            bench
                .result("run_command", json!({ "command": command }))
                .await;
            let place = bench.root().join(".git");
            assert!(
                !place.is_symlink() && !place.is_file(),
                "{}: {way}",
                level.name
            );
            if place.exists() {
                assert_eq!(settings(&place), before, "{}: {way}", level.name);
                assert!(!place.join("hooks").is_symlink(), "{}: {way}", level.name);
            }
        }
    }
}

#[tokio::test]
async fn files_and_hooks_that_settings_name_stay() {
    let machine = Machine::new();
    for level in levels(&machine) {
        let bench = Bench::within(&level.sandbox);
        repository(bench.root());
        git(bench.root(), &["config", "include.path", "../team.conf"]);
        git(bench.root(), &["config", "core.hooksPath", ".husky/_"]);
        bench.put("team.conf", "[include]\n\tpath = later.conf\n");
        bench.put(".husky/_/pre-commit", "true\n");
        let command = "echo evil >> team.conf; echo evil > later.conf; \
            echo evil > .husky/_/pre-commit; echo evil > .husky/_/pre-push; echo fine > .husky/x; true";
        bench
            .result("run_command", json!({ "command": command }))
            .await;
        assert_eq!(
            bench.content("team.conf"),
            "[include]\n\tpath = later.conf\n"
        );
        assert_eq!(bench.content(".husky/_/pre-commit"), "true\n");
        assert_eq!(bench.content(".husky/x"), "fine\n");
        for made in ["later.conf", ".husky/_/pre-push"] {
            assert!(!bench.root().join(made).exists(), "{}: {made}", level.name);
        }
    }
}

#[tokio::test]
async fn a_repository_made_in_a_folder_with_files_runs_nothing() {
    let machine = Machine::new();
    for level in levels(&machine) {
        let bench = Bench::within(&level.sandbox);
        repository(bench.root());
        bench.put("src/deep/main.rs", "");
        std::fs::create_dir(bench.root().join("nothing")).unwrap();
        let command =
            "git init -q && git config core.fsmonitor ./evil && echo evil > .git/hooks/pre-commit";
        for folder in ["src/deep", "nothing"] {
            let call = json!({ "command": command, "cwd": folder });
            let result = bench.result("run_command", call).await;
            assert_eq!(result["exit_code"], 0, "{}: {result:#?}", level.name);
        }
        let made = settings(&bench.root().join("src/deep/.git"));
        assert!(
            !format!("{made:?}").contains("evil"),
            "{}: {made:?}",
            level.name
        );
        // A repository that a command made as a whole is its own, as any program that it writes.
        let made = settings(&bench.root().join("nothing/.git"));
        assert!(
            format!("{made:?}").contains("evil"),
            "{}: {made:?}",
            level.name
        );
        let command = "cd src && echo 'gitdir: evil' > .git";
        let result = bench
            .result("run_command", json!({ "command": command }))
            .await;
        let said = result["sandbox"].to_string();
        assert!(
            said.contains("`src/.git` was removed"),
            "{}: {said}",
            level.name
        );
    }
}

/// A bench whose workspace is a working tree of the repository `main/.git` beside it.
fn linked(level: &Level) -> (Bench, PathBuf) {
    let bench = Bench::within(&level.sandbox);
    let main = bench.folder.path().canonicalize().unwrap().join("main");
    repository(&main);
    git(&main, &["worktree", "add", "-q", "../other"]);
    git(
        &main,
        &["worktree", "add", "-q", "-b", "side", "../workspace"],
    );
    (bench.linked(&level.sandbox), main.join(".git"))
}

#[tokio::test]
async fn a_linked_working_tree_works_and_its_repository_runs_nothing() {
    let machine = Machine::new();
    for level in levels(&machine) {
        let (bench, common) = linked(&level);
        let before = settings(&common);
        let trees = ["other", "workspace"].map(|name| common.join("worktrees").join(name));
        let of_trees = trees.each_ref().map(|it| settings(it));
        let command = "set -e; export GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=e@example.com \
            GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=e@example.com; \
            echo x > x; git add x; git commit -qm x; git branch away; git pack-refs --all; \
            git branch -q -D away; echo y >> x; git stash -q; git stash pop -q; git log --oneline";
        let result = bench
            .result("run_command", json!({ "command": command }))
            .await;
        assert_eq!(result["exit_code"], 0, "{}: {result:#?}", level.name);
        attack(&bench, &common).await;
        for tree in &trees {
            attack(&bench, tree).await;
        }
        assert_eq!(settings(&common), before, "{}", level.name);
        assert_eq!(
            trees.each_ref().map(|it| settings(it)),
            of_trees,
            "{}",
            level.name
        );
        let tree = common.parent().unwrap();
        let command = format!("ls {0} && ls {0}/../other", tree.display());
        let result = bench
            .result("run_command", json!({ "command": command }))
            .await;
        let seen = result["stdout"].as_str().unwrap();
        assert!(!seen.contains("workspace:"), "{}: {seen}", level.name);
        let command = format!("echo x > {}/x", tree.display());
        bench
            .result("run_command", json!({ "command": command }))
            .await;
        assert!(!tree.join("x").exists(), "{}", level.name);
    }
}

#[tokio::test]
async fn a_file_that_names_a_folder_opens_none_that_does_not_name_it() {
    let machine = Machine::new();
    for level in levels(&machine) {
        let (bench, common) = linked(&level);
        let own = common.join("worktrees/workspace");
        let elsewhere = bench.folder.path().join("elsewhere/.git");
        std::fs::write(own.join("gitdir"), format!("{}\n", elsewhere.display())).unwrap();
        let bench = bench.linked(&level.sandbox);
        let command = format!("cat {0}/config; echo x > {0}/x", common.display());
        let result = bench
            .result("run_command", json!({ "command": command }))
            .await;
        assert_eq!(result["stdout"], "", "{}", level.name);
        assert!(!common.join("x").exists(), "{}", level.name);
        // Where the server keeps its own data it is not opened either.
        let (bench, common) = linked(&level);
        let closed = level
            .sandbox
            .closing(&[common.parent().unwrap().to_owned()]);
        let bench = bench.linked(&closed);
        let command = format!("cat {}/config", common.display());
        let result = bench
            .result("run_command", json!({ "command": command }))
            .await;
        assert_eq!(result["stdout"], "", "{}", level.name);
    }
}
