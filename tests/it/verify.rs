//! Checks of real projects, found and run.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use navi::tools::outcome::ToolError;
use navi::verify::compare::compare;
use navi::verify::detect::CheckKind;
use navi::verify::model::Verification;
use navi::verify::projects::{by_project, checks_in, detect, unchecked};
use navi::verify::run::{CheckResult, run};

use crate::support::promises::{CANCELLED_WITHIN, kept};
use crate::tools::Bench;

impl Bench {
    /// The commands of the project's checks.
    fn commands(&self) -> Vec<String> {
        detect(&self.context)
            .into_iter()
            .map(|check| check.command)
            .collect()
    }

    async fn checked(&self) -> Vec<CheckResult> {
        run(&detect(&self.context), "verification", &self.context)
            .await
            .unwrap()
    }
}

fn names(names: &BTreeSet<String>) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

fn python(bench: &Bench, result: &str) {
    bench.put("calc.py", format!("def add(a, b):\n    return {result}\n"));
    bench.put(
        "tests/test_calc.py",
        "import unittest\nfrom calc import add\n\n\nclass Calc(unittest.TestCase):\n    \
         def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n\n    \
         def test_old(self):\n        self.fail('always')\n\n    \
         def test_error_text(self):\n        pass\n",
    );
}

#[tokio::test]
async fn a_python_project_is_checked_before_and_after() {
    let mut bench = Bench::new();
    python(&bench, "a - b");
    let before = bench.checked().await;
    assert_eq!(before.len(), 1);
    let test = |name: &str, before: &CheckResult| {
        before
            .failures
            .iter()
            .any(|failure| failure.ends_with(name))
    };
    assert!(
        test("test_add", &before[0]) && test("test_old", &before[0]),
        "{before:?}"
    );
    assert!(!test("test_error_text", &before[0]));
    assert!(
        bench
            .live()
            .iter()
            .any(|line| line.tool_call_id == "verification_1")
    );

    python(&bench, "a + b");
    let verdict = compare(&before, &bench.checked().await);
    assert_eq!(verdict.outcome, Verification::Failed);
    assert!(verdict.only_old_failures);
    assert!(names(&verdict.changes[0].mended)[0].ends_with("test_add"));
    assert_eq!(verdict.checks[0].failed_before.len(), 2);

    bench.put(
        "tests/test_calc.py",
        "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_x(self):\n        pass\n",
    );
    assert_eq!(
        compare(&before, &bench.checked().await).outcome,
        Verification::Passed
    );
    // Nothing was left behind by the check.
    assert!(!bench.root().join("tests/__pycache__").exists());
    assert!(!bench.root().join(".pytest_cache").exists());
}

#[tokio::test]
async fn a_rust_project_is_checked() {
    let bench = Bench::new();
    bench.put(
        "Cargo.toml",
        "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n",
    );
    let lib = |body: &str| {
        format!(
            "pub fn twice(n: u32) -> u32 {{\n    {body}\n}}\n\n#[cfg(test)]\nmod tests {{\n    \
             #[test]\n    fn it_doubles() {{\n        assert_eq!(super::twice(2), 4);\n        \
             assert_eq!(super::twice(3), 6);\n    }}\n}}\n"
        )
    };
    bench.put("src/lib.rs", lib("n * n"));
    assert_eq!(
        bench.commands(),
        [
            "cargo check --bins --examples --tests",
            "cargo test --no-fail-fast"
        ]
    );
    let before = bench.checked().await;
    assert!(before[0].success, "{:?}", before[0]);
    assert_eq!(names(&before[1].failures), ["tests::it_doubles"]);

    bench.put("src/lib.rs", lib("n * \"2\""));
    let broken = bench.checked().await;
    assert_eq!(broken.len(), 1, "tests cannot run when it does not compile");
    assert!(
        broken[0]
            .errors
            .iter()
            .any(|line| line.starts_with("error[E0277]")),
        "{broken:?}"
    );
    assert!(!compare(&before, &broken).only_old_failures);
    assert!(broken[0].output.contains("error[E0277]"));

    bench.put("src/lib.rs", lib("n * 2"));
    let verdict = compare(&before, &bench.checked().await);
    assert_eq!(verdict.outcome, Verification::Passed, "{verdict:?}");
    assert_eq!(names(&verdict.changes[1].mended), ["tests::it_doubles"]);
}

#[tokio::test]
async fn a_node_project_is_checked() {
    let bench = Bench::new();
    bench.put(
        "package.json",
        r#"{ "scripts": { "test": "node --test", "lint": "echo 0 errors", "build": "echo built", "dev": "x" } }"#,
    );
    bench.put(
        "sum.test.js",
        "const test = require('node:test');\nconst assert = require('node:assert');\n\
         test('adds', () => assert.equal(1 + 1, 3));\ntest('reports an error', () => {});\n",
    );
    assert_eq!(
        bench.commands(),
        ["npm run lint", "npm run test", "npm run build"]
    );
    let results = bench.checked().await;
    let success: Vec<_> = results
        .iter()
        .map(|result| (result.kind, result.success))
        .collect();
    let wanted = [
        (CheckKind::Lint, true),
        (CheckKind::Tests, false),
        (CheckKind::Build, true),
    ];
    assert_eq!(success, wanted, "{results:?}");
    assert!(results[0].errors.is_empty());
    assert!(results[1].failures.contains("adds"), "{results:?}");
    assert!(!results[1].failures.contains("reports an error"));
}

#[tokio::test]
async fn what_never_ran_is_not_passed() {
    let bench = Bench::new();
    assert!(bench.commands().is_empty());
    bench.put("README.md", "# nothing to check\n");
    bench.put(
        "package.json",
        r#"{ "scripts": { "test": "echo \"Error: no test specified\" && exit 1" } }"#,
    );
    assert!(bench.commands().is_empty());
    bench.put("tests/helper.py", "");
    bench.put("setup.py", "");
    let results = bench.checked().await;
    assert!(results.is_empty(), "{results:?}");
    assert_eq!(compare(&[], &results).outcome, Verification::NotRun);
}

#[tokio::test]
async fn make_is_asked_when_nothing_else_tests() {
    let bench = Bench::new();
    bench.put(
        "Makefile",
        "test := no target\ncheck: all\n\t@echo failing; exit 7\nall:\n",
    );
    assert_eq!(bench.commands(), ["make check"]);
    let results = bench.checked().await;
    assert_eq!((results[0].success, results[0].exit_code), (false, Some(2)));
    assert!(!results[0].errors.is_empty());
}

#[test]
fn the_tools_of_a_project_are_found_by_its_own_files() {
    let bench = Bench::new();
    for tool in [
        "pnpm",
        "node",
        "go",
        "golangci-lint",
        "mypy",
        "ruff",
        "python3",
        "cargo",
        "cargo-clippy",
        "cargo-nextest",
    ] {
        let path = bench.put(&format!(".venv/bin/{tool}"), "#!/bin/sh\n");
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(path, executable).unwrap();
    }
    let launch = navi::exec::launch::Launch {
        supervisor: "/nowhere".into(),
        environment: std::sync::Arc::new(
            [(
                "PATH".to_owned(),
                format!("{}/.venv/bin", bench.root().display()),
            )]
            .into(),
        ),
        sandbox: navi::exec::sandbox::machine::Sandbox::off(),
        egress: None,
        spares: std::sync::Arc::default(),
        presence: None,
    };
    let mut bench = bench;
    bench.context.processes = navi::exec::process::Processes::new(
        launch,
        "mark",
        navi::exec::sandbox::enclosure::Grant::default(),
        None,
    );
    bench.put("Cargo.toml", "[lints.clippy]\n");
    bench.put(".config/nextest.toml", "");
    bench.put(
        "package.json",
        r#"{ "scripts": { "typecheck": "tsc", "test": "vitest --watch" } }"#,
    );
    bench.put("pnpm-lock.yaml", "");
    bench.put("go.mod", "module m\n");
    bench.put(".golangci.yml", "");
    bench.put("pyproject.toml", "[tool.mypy]\n[tool.ruff]\n");
    insta::assert_snapshot!(bench.commands().join("\n"), @r"
    cargo check --bins --examples --tests
    pnpm run typecheck
    .venv/bin/mypy .
    go vet ./...
    cargo clippy --bins --examples --tests
    .venv/bin/ruff check .
    golangci-lint run
    cargo nextest run --no-fail-fast
    go test ./...
    go build ./...
    ");
}

#[tokio::test]
async fn benchmarks_for_another_compiler_do_not_keep_a_rust_project_from_being_tested() {
    let bench = Bench::new();
    bench.put(
        "Cargo.toml",
        "[package]\nname = \"benched\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n",
    );
    bench.put("src/lib.rs", "#[test]\nfn it_works() {}\n");
    // Only a nightly compiler takes features; none at all takes this one.
    bench.put("benches/speed.rs", "#![feature(of_another_compiler)]\n");
    let results = bench.checked().await;
    assert_eq!(results.len(), 2, "{results:?}");
    assert!(results.iter().all(|check| check.success), "{results:?}");
}

#[test]
fn projects_below_a_root_without_one_are_found() {
    let bench = Bench::new();
    bench.put("backend/tests/test_a.py", "");
    bench.put(
        "frontend/package.json",
        r#"{ "scripts": { "test": "node --test", "lint": "eslint" } }"#,
    );
    bench.put(
        "node_modules/m/package.json",
        r#"{ "scripts": { "test": "x" } }"#,
    );
    bench.put(".hidden/Makefile", "test:\n");
    std::os::unix::fs::symlink("/", bench.root().join("link")).unwrap();
    let checks = detect(&bench.context);
    let found: Vec<_> = checks
        .iter()
        .map(|check| (check.kind, check.directory.as_str()))
        .collect();
    let wanted = [
        (CheckKind::Lint, "frontend"),
        (CheckKind::Tests, "backend"),
        (CheckKind::Tests, "frontend"),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn a_file_belongs_to_the_nearest_project_around_it() {
    let bench = Bench::new();
    bench.put(
        "package.json",
        r#"{ "name": "root", "scripts": { "test": "node -e 0" } }"#,
    );
    bench.put("services/py/pyproject.toml", "[project]\nname='p'\n");
    bench.put("services/py/tests/test_p.py", "");
    bench.put("packages/ui/package.json", r#"{ "name": "ui" }"#);
    bench.put("packages/ui/esm/package.json", r#"{ "type": "module" }"#);
    bench.put("node_modules/m/package.json", r#"{ "name": "m" }"#);
    bench.put("c/Makefile", "test:\n\ttrue\n");
    let files = [
        "a.js",
        "services/py/p.py",
        "services/py/tests/test_p.py",
        "services/readme.md",
        "packages/ui/esm/x.js",
        "node_modules/m/x.js",
        "c/src/x.c",
    ]
    .map(str::to_owned);
    let projects = by_project(&bench.context, &files);
    let found: Vec<_> = projects
        .iter()
        .map(|(project, files)| (project.as_str(), files.len()))
        .collect();
    let wanted = [(".", 3), ("c", 1), ("packages/ui", 1), ("services/py", 2)];
    assert_eq!(found, wanted);
    // A project without checks of its own is checked by those of none.
    assert!(checks_in(&bench.context, "packages/ui").is_empty());
    let ran = BTreeSet::from([".", "services/py"]);
    assert_eq!(
        unchecked(&bench.context, &projects, &ran),
        ["c", "packages/ui"]
    );
}

#[test]
fn members_of_a_cargo_workspace_are_checked_at_its_root() {
    let bench = Bench::new();
    bench.put("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\n");
    let package = |name: &str| format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\n");
    bench.put("crates/a/Cargo.toml", package("a"));
    bench.put("fuzz/Cargo.toml", package("fuzz"));
    let files = ["crates/a/src/lib.rs", "fuzz/src/main.rs"].map(str::to_owned);
    let projects = by_project(&bench.context, &files);
    let ran = BTreeSet::from(["."]);
    assert_eq!(unchecked(&bench.context, &projects, &ran), ["fuzz"]);
}

#[test]
fn a_member_uses_the_tools_of_its_workspace() {
    let bench = Bench::new();
    bench.put(".venv/bin/python3", "");
    bench.put(".venv/bin/pytest", "");
    bench.put("packages/p/pyproject.toml", "[project]\nname='p'\n");
    bench.put("packages/p/tests/test_p.py", "");
    let checks = checks_in(&bench.context, "packages/p");
    assert!(
        checks[0]
            .command
            .starts_with("../../.venv/bin/python3 -m pytest"),
        "{checks:?}"
    );
    bench.put("packages/q/package.json", r#"{ "name": "q" }"#);
    bench.put("packages/q/tsconfig.json", "{}");
    bench.put("node_modules/typescript/package.json", "{}");
    let checks = checks_in(&bench.context, "packages/q");
    assert_eq!(
        checks[0].command,
        "node ../../node_modules/typescript/bin/tsc --noEmit"
    );
}

#[test]
fn hostile_manifests_are_no_projects() {
    let bench = Bench::new();
    bench.put("package.json", "{ not json");
    std::fs::create_dir(bench.root().join("Cargo.toml")).unwrap();
    nix::unistd::mkfifo(
        &bench.root().join("Makefile"),
        nix::sys::stat::Mode::S_IRWXU,
    )
    .unwrap();
    std::os::unix::fs::symlink("/etc/passwd", bench.root().join("go.mod")).unwrap();
    assert!(bench.commands().is_empty());
    bench.put("package.json", r#"{ "scripts": ["test"] }"#);
    assert!(bench.commands().is_empty());
}

#[tokio::test]
async fn a_check_that_hangs_fails_and_one_that_is_cancelled_is_none() {
    let mut bench = Bench::new();
    bench.put("Makefile", "test:\n\t@echo begun; sleep 100\n");
    bench.context.limits.command_time = Duration::from_secs(1);
    let results = bench.checked().await;
    assert!(results[0].timed_out && !results[0].success);
    assert_eq!(compare(&[], &results).outcome, Verification::Failed);

    let cancel = bench.context.cancel.clone();
    let checks = detect(&bench.context);
    let (results, began) = tokio::join!(run(&checks, "verification", &bench.context), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        cancel.cancel();
        Instant::now()
    });
    assert_eq!(results, Err(ToolError::Cancelled));
    kept(CANCELLED_WITHIN, began);
}
