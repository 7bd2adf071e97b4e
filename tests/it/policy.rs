//! The policy against corpora: attacks that must not pass, everyday work that must, scans and files.
//!
//! The corpora are plain text beside this file, one case on a line.

use std::path::Path;
use std::sync::LazyLock;

use navi::policy::model::{Danger, Judgement, Verdict, WORKSPACE_CODE};
use navi::policy::service::Policy;
use navi::policy::wall::setting::PolicySetting;
use navi::tools::arguments::Arguments;
use navi::tools::registry::ToolSet;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::tools::Bench;

const EVASIONS: &str = include_str!("policy/evasions.txt");
const HARMLESS: &str = include_str!("policy/harmless.txt");
const SCANS: &str = include_str!("policy/scans.txt");
const FILES: &str = include_str!("policy/files.txt");
const SETTINGS: &str = include_str!("policy/settings.txt");

pub(crate) static POLICY: LazyLock<Policy> = LazyLock::new(|| Policy::built_in().unwrap());

/// A project with the usual files, where packages count as installed.
static PROJECT: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let packages = [
        "eslint",
        "prettier",
        "typescript",
        "jest",
        "vitest",
        "@playwright/test",
        "prisma",
        "sequelize",
    ];
    let packages: Map<String, Value> = packages
        .into_iter()
        .map(|name| (name.to_owned(), json!("1")))
        .collect();
    let file = json!({ "devDependencies": packages });
    let file = serde_json::to_string_pretty(&file).unwrap();
    std::fs::write(folder.path().join("package.json"), file).unwrap();
    for name in ["src", ".git/hooks", "real"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    for name in [".env", ".git/config"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    for (target, link) in [(".env", "link-to-env"), (".git", "linked")] {
        std::os::unix::fs::symlink(target, folder.path().join(link)).unwrap();
    }
    folder
});

/// A project with links that lead out of it, and others that lead to what their names do not say.
static LINKED: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "space/src",
        "space/.git/hooks",
        "space/real",
        "space/gone",
        "other",
    ] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    for (target, link) in [
        ("../other", "out"),
        ("../../other/new", "gone/new"),
        ("src", "dist"),
        (".git/hooks", "h"),
        ("circle", "circle"),
    ] {
        let link = folder.path().join("space").join(link);
        std::os::unix::fs::symlink(target, link).unwrap();
    }
    folder
});

fn root() -> &'static Path {
    PROJECT.path()
}

fn arguments(name: &str, value: &str) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), json!(value))])
}

/// Judges a call as its tool asks for it.
fn judge_call(tool: &str, arguments: &Map<String, Value>, root: &Path) -> Judgement {
    judge_by(&POLICY, tool, arguments, root)
}

pub(crate) fn judge_by(
    policy: &Policy,
    tool: &str,
    arguments: &Map<String, Value>,
    root: &Path,
) -> Judgement {
    let tools = ToolSet::built_in();
    let request = tools.named(tool).unwrap().request(Arguments::of(arguments));
    policy.judge(tool, request, root)
}

fn judge(command: &str) -> Judgement {
    judge_call("run_command", &arguments("command", command), root())
}

fn lines(text: &str) -> impl Iterator<Item = String> {
    let lines = text
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        line.replace('⏎', "\n")
            .replace("\\u202e", "\u{202e}")
            .replace("\\u200b", "\u{200b}")
            .replace("\\u00a0", "\u{a0}")
    })
}

#[test]
fn no_evasion_passes_unasked() {
    let cases: Vec<_> = lines(EVASIONS).collect();
    let passed: Vec<_> = cases
        .iter()
        .filter(|case| judge(case).verdict == Verdict::Allow)
        .collect();
    assert!(cases.len() >= 500, "{} cases", cases.len());
    assert!(
        passed.is_empty(),
        "{} of {} passed: {passed:#?}",
        passed.len(),
        cases.len()
    );
}

#[test]
fn everyday_commands_run_without_a_question() {
    let cases: Vec<_> = lines(HARMLESS).collect();
    assert!(cases.len() >= 500, "{} cases", cases.len());
    for setting in [PolicySetting::Strict, PolicySetting::Sandboxed] {
        let policy = POLICY.clone().under(setting);
        let asked: Vec<_> = cases
            .iter()
            .filter_map(|case| {
                let call = arguments("command", case);
                let judgement = judge_by(&policy, "run_command", &call, root());
                let rules = judgement.findings.iter().map(|found| found.rule.clone());
                (judgement.verdict != Verdict::Allow).then(|| (case, rules.collect::<Vec<_>>()))
            })
            .collect();
        // Without a wall, code that is no build or test of a known tool asks, and nothing more.
        let (code, asked): (Vec<_>, Vec<_>) = asked
            .into_iter()
            .partition(|(_, rules)| rules.iter().all(|rule| rule == WORKSPACE_CODE));
        assert!(
            asked.len() * 50 <= cases.len(),
            "{} of {} asked: {asked:#?}",
            asked.len(),
            cases.len()
        );
        assert_eq!(
            code.is_empty(),
            setting == PolicySetting::Sandboxed,
            "{code:#?}"
        );
        assert!(
            code.len() * 25 <= cases.len(),
            "{} asked: {code:#?}",
            code.len()
        );
    }
}

#[test]
fn every_setting_says_what_its_table_says() {
    let root = LINKED.path().join("space");
    let mut count = 0;
    let mut wrong = Vec::new();
    for line in lines(SETTINGS) {
        let (strict, rest) = line.split_once(' ').unwrap();
        let (sandboxed, command) = rest.trim_start().split_once(' ').unwrap();
        let command = command.trim_start();
        let call = arguments("command", command);
        for (setting, expected) in [
            (PolicySetting::Strict, strict),
            (PolicySetting::Sandboxed, sandboxed),
        ] {
            let policy = POLICY.clone().under(setting);
            let found = judge_by(&policy, "run_command", &call, &root);
            let verdict = serde_json::to_value(found.verdict).unwrap();
            if verdict != expected {
                let rules: Vec<_> = found.findings.iter().map(|one| &one.rule).collect();
                let setting = setting.as_str();
                wrong.push(format!("{setting}, not {expected}: {command}: {rules:?}"));
            }
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
    assert!(count >= 240, "{count} verdicts");
}

#[test]
fn sandboxed_is_never_stricter_and_lets_no_more_through_than_the_rules_say() {
    let sandboxed = POLICY.clone().under(PolicySetting::Sandboxed);
    let mut passed = 0;
    let cases: Vec<_> = lines(EVASIONS).collect();
    for case in &cases {
        let call = arguments("command", case);
        let strict = judge(case);
        let held = judge_by(&sandboxed, "run_command", &call, root());
        assert!(held.verdict <= strict.verdict, "{case}");
        passed += usize::from(held.verdict == Verdict::Allow);
        // Of what asked, only what the wall holds is gone.
        let gone: Vec<_> = strict
            .findings
            .iter()
            .filter(|found| !held.findings.contains(found))
            .collect();
        assert!(
            gone.iter().all(|found| found.verdict == Verdict::Ask),
            "{gone:#?}"
        );
    }
    assert!(
        passed * 5 <= cases.len(),
        "{passed} of {} passed",
        cases.len()
    );
}

#[test]
fn scans_of_whole_trees_are_blocked_or_bounded() {
    let mut section = "";
    let mut wrong = Vec::new();
    for line in SCANS.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            section = name;
        } else if !line.starts_with('#') && !line.is_empty() {
            let judgement = judge(line);
            let blocked = judgement
                .findings
                .iter()
                .any(|found| found.rule == "scan" && found.why.starts_with("⚠️ SCAN BLOCKED"));
            let found = match (blocked, judgement.rewrite.is_some(), judgement.verdict) {
                (true, true, Verdict::Forbid) => "rewritten",
                (true, false, Verdict::Forbid) => "blocked",
                (false, false, Verdict::Allow) => "passes",
                _ => "mixed",
            };
            if found != section {
                wrong.push(format!("{line}: {found}, not {section}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_bounded_search_replaces_a_lone_find() {
    let rewrite = judge("find . -name '*.tsx'").rewrite.unwrap();
    assert_eq!(
        (rewrite.pattern.as_str(), rewrite.path.as_str()),
        ("*.tsx", ".")
    );
    let told = rewrite.arguments();
    assert_eq!(told["search_type"], json!("filename"));
}

#[test]
fn protected_files_ask_by_whatever_name() {
    let mut wrong = Vec::new();
    for line in lines(FILES) {
        let [tool, verdict, path] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let tools: &[&str] = match tool {
            "read" => &["read_file"],
            "search" => &["search_files"],
            _ => &["write_file", "edit_file"],
        };
        let expected = if verdict == "ask" {
            Verdict::Ask
        } else {
            Verdict::Allow
        };
        for tool in tools {
            let found = judge_call(tool, &arguments("path", path), root()).verdict;
            if found != expected {
                wrong.push(format!("{line}: {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_search_by_name_shows_no_content_and_asks_nothing() {
    let judged = |kind: &str| {
        let call = json!({ "pattern": "x", "search_type": kind, "path": ".env" });
        judge_call("search_files", call.as_object().unwrap(), root())
    };
    assert_eq!(judged("content").verdict, Verdict::Ask);
    assert!(!judged("content").reads_only);
    assert_eq!(judged("filename").verdict, Verdict::Allow);
    assert!(judged("filename").reads_only);
    let everywhere = arguments("pattern", "x");
    assert!(judge_call("search_files", &everywhere, root()).reads_only);
}

#[tokio::test]
async fn a_search_of_a_directory_shows_no_secrets_and_says_so() {
    let bench = Bench::new();
    for path in [".env", "web/.env.local", ".ssh/id_ed25519"] {
        bench.put(path, "KEY=needle\n");
    }
    bench.put("src/main.rs", "needle\n");
    let search = |path: &str, kind: &str, pattern: &str| {
        let call = json!({ "pattern": pattern, "search_type": kind, "path": path });
        bench.result("search_files", call)
    };
    let found = search(".", "content", "needle").await;
    assert_eq!(found["matches"], json!(["src/main.rs:1:needle"]));
    assert_eq!(found["files_searched"], json!(1));
    let note = found["note"].as_str().unwrap();
    assert!(note.starts_with("3 files were left out"), "{note}");
    assert!(note.contains("secrets; `read_file` asks"), "{note}");
    let found = search(".ssh", "content", "needle").await;
    assert_eq!(found["matches"], json!([]));
    // Who names the file was asked about it, and names are no secrets.
    let found = search(".env", "content", "needle").await;
    assert_eq!(found["matches"], json!([".env:1:KEY=needle"]));
    assert!(found.get("note").is_none());
    let found = search(".", "filename", ".env").await;
    assert_eq!(found["matches"], json!([".env", "web/.env.local"]));
}

#[test]
fn what_a_walk_may_read_is_what_read_file_may_read() {
    let secrets = POLICY.secret_files(root());
    for line in lines(FILES) {
        // A link or another spelling is nothing that a walk comes upon.
        if let Some(path) = line.strip_prefix("read ask ")
            && !path.contains("..")
            && path != "link-to-env"
        {
            assert!(secrets.is_named(path), "{path}");
        } else if let Some(path) = line.strip_prefix("read allow ") {
            assert!(!secrets.is_named(path), "{path}");
        }
    }
    assert!(secrets.is_named("web/.ENV"));
}

#[test]
fn what_destroys_the_machine_is_not_even_asked() {
    for command in [
        "rm -rf /",
        "rm -rf ~",
        "rm -rf /*",
        "sudo rm -rf /",
        "bash -c 'rm -rf /'",
        "mkfs.ext4 /dev/sda",
        "dd if=/dev/zero of=/dev/sda",
        ":(){ :|:& };:",
        "shutdown now",
        "x=/; rm -rf $x",
        "echo rm -rf / | sh",
    ] {
        assert_eq!(judge(command).verdict, Verdict::Forbid, "{command}");
    }
}

#[test]
fn only_what_surely_changes_nothing_reads_only() {
    for command in [
        "ls -la",
        "git status",
        "cat a | grep b",
        "git diff | head",
        "cd src && ls",
    ] {
        assert!(judge(command).reads_only, "{command}");
    }
    for command in [
        "touch a",
        "ls > a",
        "cargo test",
        "cat a | tee b",
        "git commit -m x",
        "./x",
        "x=$(touch a)",
        "find src -delete",
        "git push",
        "echo a && make",
    ] {
        assert!(!judge(command).reads_only, "{command}");
    }
    let none = Map::new();
    assert!(judge_call("list_directory", &none, root()).reads_only);
    assert!(!judge_call("check_endpoint", &none, root()).reads_only);
}

#[test]
fn the_path_may_keep_what_it_holds() {
    for command in ["PATH=$PATH ls", "PATH=\"${PATH}:/usr/bin\" ls"] {
        assert_eq!(judge(command).verdict, Verdict::Allow, "{command}");
    }
    for command in ["PATH=/tmp/MYPATH:$PATH ls", "PATH=/tmp/$PATH ls"] {
        assert_eq!(judge(command).verdict, Verdict::Ask, "{command}");
    }
}

#[test]
fn a_servers_command_is_judged_like_any_other() {
    let judged =
        |command| judge_call("start_server", &arguments("command", command), root()).verdict;
    assert_eq!(judged("npm run dev"), Verdict::Allow);
    assert_eq!(judged("npm run dev; git push"), Verdict::Ask);
}

#[test]
fn an_approval_is_bound_to_tool_arguments_directory_and_workspace() {
    let tools = ToolSet::built_in();
    let action = |tool: &str, value: Value, root: &str| {
        let arguments = value.as_object().unwrap();
        let request = tools.named(tool).unwrap().request(Arguments::of(arguments));
        POLICY
            .action(tool, request, arguments, Path::new(root))
            .hash
    };
    let run = |value| action("run_command", value, "/a");
    let first = run(json!({ "command": "ls", "cwd": "x" }));
    assert_eq!(first, run(json!({ "cwd": "./x/", "command": "ls" })));
    assert_eq!(
        first,
        run(json!({ "cwd": "/a/x", "command": "ls", "timeout_seconds": null }))
    );
    for other in [
        run(json!({ "command": "ls ", "cwd": "x" })),
        run(json!({ "command": "ls", "cwd": "y" })),
        run(json!({ "command": "ls" })),
        action("start_server", json!({ "command": "ls", "cwd": "x" }), "/a"),
        action("run_command", json!({ "command": "ls", "cwd": "x" }), "/b"),
    ] {
        assert_ne!(first, other);
    }
    let write = |path: &str, content: &str| {
        action(
            "write_file",
            json!({ "path": path, "content": content }),
            "/a",
        )
    };
    assert_eq!(write("b/../c", "x"), write("c", "x"));
    assert_ne!(write("c", "x"), write("c", "y"));
}

#[test]
fn findings_say_what_always_allow_would_allow() {
    let judgement = judge("cd web && git push origin main");
    let found = &judgement.findings[0];
    assert_eq!(
        (found.kind.as_str(), found.segment.as_str()),
        ("git push", "git push origin main")
    );
    let scope = found.scope.as_ref().unwrap();
    assert_eq!(
        scope.sentence(),
        "Pushes to the remote `origin` in `web` without force."
    );
    assert_eq!(judge("rm -rf src").findings[0].kind, "rm");
    let written = judge_call("write_file", &arguments("path", ".env"), root());
    assert_eq!(written.findings[0].kind, "write_file environment-file");
    assert_eq!(
        serde_json::to_value(Danger::Critical).unwrap(),
        json!("critical")
    );
}

const OWN: &str = r#"
[[rule]]
id = "deploys"
program = ["make"]
subcommand = ["deploy"]
verdict = "ask"
danger = "high"
why = "It deploys."
match = ["make deploy"]
not_match = ["make test"]

[[raise]]
id = "git-push"
verdict = "forbid"
"#;

#[test]
fn a_workspace_makes_it_stricter() {
    let stricter = POLICY.stricter(OWN).unwrap();
    let judged = |command| {
        judge_by(
            &stricter,
            "run_command",
            &arguments("command", command),
            root(),
        )
        .verdict
    };
    assert_eq!(judged("make deploy"), Verdict::Ask);
    assert_eq!(judged("git push"), Verdict::Forbid);
    assert_eq!(judged("make test"), Verdict::Allow);
    assert_eq!(judge("make deploy").verdict, Verdict::Allow);
}

#[test]
fn a_workspace_cannot_loosen_anything() {
    let refused = |text: &str| POLICY.stricter(text).unwrap_err().to_string();
    for (from, to, told) in [
        (
            r#"verdict = "forbid""#,
            r#"verdict = "allow""#,
            "`git-push` would loosen",
        ),
        (
            r#"verdict = "ask""#,
            r#"verdict = "allow""#,
            "`deploys` would loosen",
        ),
        (r#"id = "deploys""#, r#"id = "scan""#, "`scan` would loosen"),
        (
            r#"id = "git-push""#,
            r#"id = "nothing""#,
            "there is no rule `nothing` to raise",
        ),
        (
            r#"["make test"]"#,
            r#"["make deploy"]"#,
            "should not match its example `make deploy`",
        ),
        (
            r#"["make deploy"]"#,
            r#"["make test"]"#,
            "should match its example `make test`",
        ),
        (r#"danger = "high""#, r#"dangers = "high""#, "do not parse"),
        (
            r#"subcommand = ["deploy"]"#,
            r#"text = "(""#,
            "invalid expression",
        ),
    ] {
        let text = OWN.replacen(from, to, 1);
        assert_ne!(text, OWN, "{from}");
        let error = refused(&text);
        assert!(error.contains(told), "{error}");
    }
    assert!(refused("[lists]\nknown = []").contains("do not parse"));
    assert!(refused(&"#".repeat(300_000)).contains("at most"));
}

#[test]
fn hostile_nesting_and_size_ask_and_do_not_take_long() {
    let began = std::time::Instant::now();
    for part in [
        "(",
        "$(",
        "{ ",
        "`",
        "\"$(",
        "${a:-",
        "[[ ( ",
        "if ",
        "((",
        "<(",
        "! ",
        "a|",
        "a;",
        "a&&",
        "{a,b}",
        "x() ",
        "<<a ",
        "x=1;",
        "echo $x;",
        "find src -exec ",
        "$((",
        "\\",
        "'",
        "bash -c ",
        "env ",
        "*",
        "for i in a b c;do ",
    ] {
        for count in [10, 1_000, 60_000] {
            judge(&part.repeat(count));
            judge(&format!("echo {}", part.repeat(count)));
        }
    }
    let mut nested = "ls".to_owned();
    for _ in 0..22 {
        nested = format!("echo $({nested})");
    }
    judge(&nested);
    let mut nested = "rm -rf src".to_owned();
    for _ in 0..12 {
        nested = format!("bash -c {}", quoted(&nested));
        assert_ne!(judge(&nested).verdict, Verdict::Allow);
        if nested.len() > 100_000 {
            break;
        }
    }
    let loops = "for a in 1 2 3 4 5 6 7 8; do ".repeat(8) + "ls" + &"; done".repeat(8);
    judge(&loops);
    assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Commands that ask, and ways to put one into another command.
fn composed() -> impl Strategy<Value = String> {
    let asking = [
        "rm -rf src",
        "git push",
        "cat .env",
        "echo x > .env",
        "sudo ls",
        "npm publish",
        "$x",
    ];
    let leaf = proptest::sample::select(asking.to_vec()).prop_map(str::to_owned);
    leaf.prop_recursive(4, 8, 1, |inner| {
        (inner, 0..11_usize).prop_map(|(command, way)| match way {
            0 => format!("true && {command}"),
            1 => format!("echo $( {command} )"),
            2 => format!("bash -c {}", quoted(&command)),
            3 => format!("env bash -c {}", quoted(&command)),
            4 => format!("( {command} )"),
            5 => format!("{{ {command}; }}"),
            6 => format!("if {command}; then :; fi"),
            7 => format!("( {command} ) | cat"),
            8 => format!("cat <({command})"),
            9 => format!("ls\n{command}"),
            _ => format!("while {command}; do :; done"),
        })
    })
}

/// Bash runs the first line before it reads the second, whatever that is.
fn asks_whatever_follows(text: &str) -> Result<(), TestCaseError> {
    let found = judge(text);
    let strictest = found.findings.iter().map(|one| one.verdict).max();
    prop_assert_eq!(found.verdict, strictest.unwrap_or_default());
    let command = format!("rm -rf src\n{text}");
    prop_assert_ne!(judge(&command).verdict, Verdict::Allow, "{}", command);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_after_an_asking_command_makes_it_pass(text in "\\PC{0,200}") {
        asks_whatever_follows(&text)?;
    }

    #[test]
    fn no_shell_syntax_after_an_asking_command_makes_it_pass(
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "rm", " ", "$(", ")", "`", "'", "\"", "{", "}", ";", "&&", "|", "<<E", "\n", "E", "$", "((", "))",
            "[[", "]]", "if", "then", "fi", "for", "in", "do", "done", "case", "esac", "a=", "${", ":-", "\\",
            "<(", ">", "2>&1", "#", "*", "~", "é", "find", "-exec", "xargs", "bash -c", "[", "]", ",", "..", "!",
        ]), 0..40)
    ) {
        asks_whatever_follows(&parts.concat())?;
    }

    #[test]
    fn no_composition_makes_an_asking_command_pass(command in composed()) {
        prop_assert_ne!(judge(&command).verdict, Verdict::Allow, "{}", command);
    }
}
