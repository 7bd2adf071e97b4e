//! The steps of the image, as they stand in the Dockerfile. `scripts/image.sh` carries them out.

#![expect(
    clippy::disallowed_methods,
    reason = "a test runs the program as the image does"
)]

use std::process::Command;

use serde_json::Value;

use crate::documents::{read, root};

/// The instructions, each with its argument, with lines that go on joined.
fn instructions() -> Vec<(String, String)> {
    let text = read("Dockerfile");
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let split = |line: &str| {
        let (name, rest) = line.split_once(' ').unwrap();
        (name.to_owned(), rest.trim().to_owned())
    };
    joined
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(split)
        .collect()
}

fn arguments(name: &str) -> Vec<String> {
    let all = instructions().into_iter();
    let found: Vec<_> = all
        .filter(|(it, _)| it == name)
        .map(|(_, argument)| argument)
        .collect();
    assert!(!found.is_empty(), "there is no {name}");
    found
}

#[test]
fn the_image_begins_with_versions_that_are_named_and_builds_what_is_locked() {
    let rust = env!("CARGO_PKG_RUST_VERSION");
    let bases = arguments("FROM");
    let [build, run] = bases.as_slice() else {
        panic!("{bases:?}");
    };
    assert!(
        build.starts_with(&format!("docker.io/library/rust:{rust}.")),
        "{build}"
    );
    assert!(run.starts_with("docker.io/library/debian:12."), "{run}");
    assert!(arguments("RUN")[0].contains("--release --locked"));
    let version = format!("VERSION={}", env!("CARGO_PKG_VERSION"));
    assert!(arguments("ARG").contains(&version));
}

#[test]
fn the_image_is_no_roots_and_brings_no_secret() {
    let all = instructions();
    let base = all.iter().rposition(|(name, _)| name == "FROM").unwrap();
    let user = all[base..]
        .iter()
        .rfind(|(name, _)| name == "USER")
        .unwrap();
    let ids: Vec<u32> = user.1.split(':').map(|id| id.parse().unwrap()).collect();
    assert!(ids.iter().all(|id| *id > 0), "{ids:?}");
    for (name, argument) in &all {
        if name == "ARG" || name == "ENV" {
            let upper = argument.to_uppercase();
            for word in ["SECRET", "TOKEN", "PASSWORD", "_KEY", "DATABASE_URL"] {
                assert!(!upper.contains(word), "{argument}");
            }
        }
    }
    // Files that are not named do not even reach the builder.
    let ignored = read(".dockerignore");
    assert!(ignored.lines().any(|line| line == "*"), "{ignored}");
    for argument in arguments("COPY") {
        if argument.starts_with("--from=build ") {
            continue;
        }
        let (sources, _) = argument.rsplit_once(' ').unwrap();
        for source in sources.split(' ') {
            assert!(root().join(source).exists(), "{source}");
            let line = format!("!{source}");
            assert!(ignored.lines().any(|it| it == line), "{source}");
        }
    }
}

#[test]
fn the_image_starts_the_program_that_it_copies_with_settings_that_there_are() {
    let copied = arguments("COPY");
    let (_, program) = copied.last().unwrap().rsplit_once(' ').unwrap();
    let words = |name: &str| -> Vec<String> {
        serde_json::from_str(arguments(name).last().unwrap()).unwrap()
    };
    assert_eq!(words("ENTRYPOINT").last().unwrap(), program);
    let help = Command::new(env!("CARGO_BIN_EXE_navi"))
        .args(words("CMD"))
        .arg("--help")
        .output()
        .unwrap();
    assert!(help.status.success());
    let example = read(".env.example");
    for setting in arguments("ENV").last().unwrap().split_whitespace() {
        let (name, _) = setting.split_once('=').unwrap();
        assert!(example.contains(&format!("\n#{name}=")), "{name}");
    }
}

#[test]
fn what_ci_runs_is_there_and_has_no_right_but_to_read() {
    let workflow: Value = serde_saphyr::from_str(&read(".github/workflows/ci.yml")).unwrap();
    assert_eq!(
        workflow["permissions"],
        serde_json::json!({"contents": "read"})
    );
    let jobs = workflow["jobs"].as_object().unwrap();
    let steps = jobs
        .values()
        .flat_map(|job| job["steps"].as_array().unwrap());
    let commands: Vec<_> = steps.filter_map(|step| step["run"].as_str()).collect();
    let words = commands
        .iter()
        .flat_map(|command| command.split_whitespace());
    let ours = |word: &&str| word.starts_with("scripts/") || word.starts_with(".ci/");
    let scripts: Vec<_> = words.filter(ours).collect();
    assert!(scripts.contains(&".ci/run"), "{scripts:?}");
    for script in scripts {
        assert!(root().join(script).exists(), "{script}");
    }
    let toolchain = format!("rustup default {}.", env!("CARGO_PKG_RUST_VERSION"));
    assert!(commands.iter().any(|command| command.contains(&toolchain)));
}
