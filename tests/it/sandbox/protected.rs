use std::path::Path;

use serde_json::json;

use crate::sandbox::machine::{Level, Machine, outside, script};
use crate::tools::Bench;

/// Everything that is protected in a workspace, with its content.
fn protected(root: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![root.join(".git/hooks"), root.join(".navi")];
    for single in [".git/config", ".git/config.worktree", ".git/commondir"] {
        open.push(root.join(single));
    }
    while let Some(path) = open.pop() {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if path.is_symlink() {
            found.push((name, format!("to {}", path.read_link().unwrap().display())));
        } else if let Ok(entries) = std::fs::read_dir(&path) {
            open.extend(entries.flatten().map(|it| it.path()));
        } else if let Ok(content) = std::fs::read_to_string(&path)
            && !name.ends_with(".sample")
        {
            found.push((name, content));
        }
    }
    found.sort();
    found
}

fn git(root: &Path, arguments: &[&str]) {
    let mut command = outside("git");
    command.arg("-C").arg(root).args(arguments);
    assert!(command.output().unwrap().status.success(), "{arguments:?}");
}

/// Runs the commands of the script one after another, each as a run's command.
async fn attacked(level: &Level, prepare: impl Fn(&Bench)) -> (Bench, Vec<String>) {
    let bench = Bench::within(&level.sandbox);
    prepare(&bench);
    let mut said = Vec::new();
    for way in script("protected.sh")
        .lines()
        .filter_map(|line| line.strip_prefix("try "))
    {
        let command = json!({ "command": format!("{way} >/dev/null 2>&1; true") });
        let result = bench.result("run_command", command).await;
        let told = result.get("sandbox").and_then(|it| it.as_array().cloned());
        said.extend(
            told.into_iter()
                .flatten()
                .map(|it| it.as_str().unwrap().to_owned()),
        );
    }
    bench.context.kill_everything().await;
    (bench, said)
}

#[tokio::test]
async fn what_runs_code_later_is_as_it_was() {
    let machine = Machine::new();
    for level in machine
        .levels()
        .iter()
        .filter(|it| ["full", "7", "1"].contains(&it.name))
    {
        let prepare = |bench: &Bench| {
            git(bench.root(), &["init", "-q"]);
            bench.put(".git/hooks/commit-msg", "#!/bin/sh\n");
            bench.put(".navi/policy.toml", "deny = [\"x\"]\n");
        };
        let fresh = Bench::uncontained();
        prepare(&fresh);
        let before = protected(fresh.root());
        // All in one command, and each in one of its own.
        let bench = Bench::within(&level.sandbox);
        prepare(&bench);
        bench.put("protected.sh", script("protected.sh"));
        bench
            .result("run_command", json!({ "command": "bash protected.sh" }))
            .await;
        bench.context.kill_everything().await;
        let after = protected(bench.root());
        // A file that is gone with the whole repository runs nothing.
        assert!(
            after.iter().all(|it| before.contains(it)),
            "{}: {after:#?}",
            level.name
        );
        assert!(
            after.contains(before.last().unwrap()),
            "{}: {after:#?}",
            level.name
        );
        let (bench, said) = attacked(level, prepare).await;
        let after = protected(bench.root());
        let evil = after
            .iter()
            .find(|(_, content)| content.contains("evil") || content.contains("allow"));
        assert_eq!(evil, None, "{}: {said:#?}", level.name);
        let policy = after.iter().find(|(name, _)| name == ".navi/policy.toml");
        assert_eq!(policy, before.last(), "{}: {said:#?}", level.name);
    }
}

#[tokio::test]
async fn what_was_not_there_is_not_there_afterwards() {
    let machine = Machine::new();
    for level in machine
        .levels()
        .iter()
        .filter(|it| ["full", "6"].contains(&it.name))
    {
        let (bench, said) = attacked(level, |_| {}).await;
        let after = protected(bench.root());
        let evil = after
            .iter()
            .find(|(_, content)| content.contains("evil") || content.contains("allow"));
        assert_eq!(evil, None, "{}: {said:#?}", level.name);
        assert!(
            !bench.root().join(".navi").exists(),
            "{}: {said:#?}",
            level.name
        );
        assert!(
            said.iter().any(|it| it.contains("`.navi` was removed")),
            "{said:#?}"
        );
    }
}

#[tokio::test]
async fn a_repository_that_a_command_makes_works_and_runs_nothing() {
    let machine = Machine::new();
    for level in machine
        .levels()
        .iter()
        .filter(|it| ["full", "4"].contains(&it.name))
    {
        let bench = Bench::within(&level.sandbox);
        let command = "git init -q && git config user.name n && git config user.email e@example.com && \
            git remote add origin https://example.com/x.git && git config core.fsmonitor ./evil && \
            echo 'exit 1' > .git/hooks/pre-commit && chmod +x .git/hooks/pre-commit";
        let result = bench
            .result("run_command", json!({ "command": command }))
            .await;
        assert_eq!(result["exit_code"], 0, "{}: {result:#?}", level.name);
        let said = result["sandbox"].to_string();
        assert!(said.contains("core.fsmonitor"), "{said}");
        assert!(
            said.contains("`.git/hooks/pre-commit` was removed"),
            "{said}"
        );
        let command = "echo x > x && git add x && git commit -qm x && git log --oneline && \
            git branch other && git checkout -q other && echo y >> x && git stash -q && \
            git stash pop -q && git config remote.origin.url";
        let result = bench
            .result("run_command", json!({ "command": command }))
            .await;
        assert_eq!(result["exit_code"], 0, "{}: {result:#?}", level.name);
        assert!(
            result["stdout"]
                .as_str()
                .unwrap()
                .contains("https://example.com/x.git")
        );
    }
}

#[tokio::test]
async fn what_a_server_writes_later_is_put_back_with_its_run() {
    let machine = Machine::new();
    for level in machine
        .levels()
        .iter()
        .filter(|it| ["full", "7"].contains(&it.name))
    {
        let bench = Bench::within(&level.sandbox);
        git(bench.root(), &["init", "-q"]);
        let command = "(sleep 0.5; echo evil > .git/hooks/pre-commit; mkdir .navi; echo evil >> .git/config; touch done) & true";
        let result = bench
            .result("run_command", json!({ "command": command }))
            .await;
        assert_eq!(result["exit_code"], 0);
        let done = bench.root().join("done");
        crate::tools::eventually("it wrote", || done.exists()).await;
        bench.context.kill_everything().await;
        let after = protected(bench.root());
        assert!(
            !format!("{after:?}").contains("evil"),
            "{}: {after:?}",
            level.name
        );
        assert!(!bench.root().join(".navi").exists());
    }
}
