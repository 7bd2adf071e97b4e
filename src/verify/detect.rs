//! Which checks a project has.

use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::platform::encoding::contents::readable;
use crate::verify::makefile::recipe;
use crate::verify::scripts;
use crate::workspace::paths::Workspace;

/// More of a manifest is not read.
const MANIFEST_BYTES: u64 = 512 * 1024;

/// The kind of a check. The order is the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// It compiles.
    Typecheck,
    /// It follows its own rules.
    Lint,
    /// It does what it should.
    Tests,
    /// It can be built.
    Build,
}

impl CheckKind {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Typecheck => "typecheck",
            Self::Lint => "lint",
            Self::Tests => "tests",
            Self::Build => "build",
        }
    }
}

/// A command that checks a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its kind.
    pub kind: CheckKind,
    /// The command, for the shell.
    pub command: String,
    /// The command to run instead when a part of the command is not installed.
    pub fallback: Option<String>,
    /// Where it runs, relative to the workspace.
    pub directory: String,
    /// True if the checks after it cannot succeed when it fails.
    pub decisive: bool,
    /// The text of the repository that the command runs, where a manifest holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
}

/// A folder that may be a project.
pub(super) struct Folder<'a> {
    workspace: &'a Workspace,
    directory: &'a str,
    search: &'a str,
}

impl<'a> Folder<'a> {
    pub(super) fn new(workspace: &'a Workspace, directory: &'a str, search: &'a str) -> Self {
        Self {
            workspace,
            directory,
            search,
        }
    }

    /// A file's text; none when it is missing, no file or outside.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let (file, _) = self.workspace.open_file(&self.path(name)).ok()?;
        let mut bytes = Vec::new();
        file.take(MANIFEST_BYTES).read_to_end(&mut bytes).ok()?;
        Some(readable(&bytes).into_owned())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.workspace.open_file(&self.path(name)).is_ok()
    }

    pub(super) fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.has(name))
    }

    fn has_folder(&self, name: &str) -> bool {
        self.workspace.open_directory(&self.path(name)).is_ok()
    }

    /// True if a file here, or in the folder `below`, has a name that `fits`.
    pub(super) fn has_named(&self, below: &str, fits: impl Fn(&str) -> bool) -> bool {
        let Ok((directory, _)) = self.workspace.open_directory(&self.path(below)) else {
            return false;
        };
        let path = crate::platform::process::descriptors::descriptor_path(&directory);
        let mut names = std::fs::read_dir(path).into_iter().flatten().flatten();
        names.any(|entry| entry.file_name().to_str().is_some_and(&fits))
    }

    /// The way to the nearest folder that has something: this one, or one around it, as a prefix of paths.
    fn above(&self, has: impl Fn(&str) -> bool) -> Option<String> {
        let parts = Path::new(self.directory).iter().filter(|part| *part != ".");
        let ways = (0..=parts.count()).map(|steps| "../".repeat(steps));
        ways.into_iter().find(|way| has(way))
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.directory)
    }

    /// True if the program can be run.
    fn program(&self, name: &str) -> bool {
        std::env::split_paths(self.search).any(|folder| is_program(&folder.join(name)))
    }

    fn check(&self, kind: CheckKind, command: impl Into<String>) -> Check {
        Check {
            kind,
            command: command.into(),
            fallback: None,
            directory: self.directory.to_owned(),
            decisive: false,
            script: None,
        }
    }
}

fn is_program(path: &Path) -> bool {
    path.is_file() && nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok()
}

pub(super) fn project(folder: &Folder<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    for of in [rust, node, python, go] {
        checks.extend(of(folder));
    }
    if !checks
        .iter()
        .any(|check: &Check| check.kind == CheckKind::Tests)
    {
        checks.extend(make(folder));
    }
    checks
}

fn rust(folder: &Folder<'_>) -> Vec<Check> {
    // Not `--all-targets`: many libraries have benchmarks that only a nightly compiler takes, and
    // what fails to compile there says nothing about the tests.
    const TARGETS: &str = "--bins --examples --tests";
    let Some(manifest) = folder
        .text("Cargo.toml")
        .filter(|_| folder.program("cargo"))
    else {
        return Vec::new();
    };
    let mut checks = vec![Check {
        decisive: true,
        ..folder.check(CheckKind::Typecheck, format!("cargo check {TARGETS}"))
    }];
    let linted = folder.has_any(&["clippy.toml", ".clippy.toml"]) || manifest.contains("lints");
    if linted && folder.program("cargo-clippy") {
        checks.push(folder.check(CheckKind::Lint, format!("cargo clippy {TARGETS}")));
    }
    let nextest = folder.has(".config/nextest.toml") && folder.program("cargo-nextest");
    checks.push(folder.check(
        CheckKind::Tests,
        if nextest {
            "cargo nextest run --no-fail-fast"
        } else {
            "cargo test --no-fail-fast"
        },
    ));
    checks
}

fn node(folder: &Folder<'_>) -> Vec<Check> {
    let Some(manifest) = folder
        .text("package.json")
        .filter(|_| folder.program("node"))
    else {
        return Vec::new();
    };
    let manifest: Value = serde_json::from_str(&manifest).unwrap_or_default();
    let managers = [
        ("pnpm", "pnpm-lock.yaml"),
        ("yarn", "yarn.lock"),
        ("bun", "bun.lock"),
        ("bun", "bun.lockb"),
    ];
    let manager = managers
        .into_iter()
        .find(|(program, lock)| {
            // The packages of a workspace share one, at its root.
            let lock = folder.above(|way| folder.has(&format!("{way}{lock}")));
            lock.is_some() && folder.program(program)
        })
        .map_or("npm", |(program, _)| program);
    let script = |names: &[&'static str]| {
        names.iter().copied().find(|name| {
            let script = manifest["scripts"][*name].as_str().unwrap_or_default();
            let placeholder = script.contains("no test specified");
            // A script that watches never ends.
            !script.is_empty() && !placeholder && !script.contains("--watch")
        })
    };
    let run = |kind, name: &str| Check {
        script: scripts::script(&manifest, name),
        ..folder.check(kind, format!("{manager} run {name}"))
    };
    let mut checks = Vec::new();
    if let Some(name) = script(&["typecheck", "type-check", "check-types", "tsc"]) {
        checks.push(run(CheckKind::Typecheck, name));
    } else if folder.has("tsconfig.json")
        && let Some(way) =
            folder.above(|way| folder.has(&format!("{way}node_modules/typescript/package.json")))
    {
        let tsc = format!("node {way}node_modules/typescript/bin/tsc --noEmit");
        checks.push(folder.check(CheckKind::Typecheck, tsc));
    }
    checks.extend(script(&["lint"]).map(|name| run(CheckKind::Lint, name)));
    let is_test = |name: &str| {
        let stem = name.rsplit_once('.').map_or("", |(stem, extension)| {
            if matches!(extension, "js" | "mjs" | "cjs") {
                stem
            } else {
                ""
            }
        });
        [".test", "-test", "_test"]
            .iter()
            .any(|end| stem.ends_with(end))
            || stem.starts_with("test-")
    };
    if let Some(name) = script(&["test"]) {
        checks.push(run(CheckKind::Tests, name));
    } else if ["", "test", "tests"]
        .iter()
        .any(|below| folder.has_named(below, is_test))
    {
        checks.push(folder.check(CheckKind::Tests, "node --test"));
    }
    checks.extend(script(&["build"]).map(|name| run(CheckKind::Build, name)));
    checks
}

fn python(folder: &Folder<'_>) -> Vec<Check> {
    let is_test = |name: &str| {
        let is_python = Path::new(name)
            .extension()
            .is_some_and(|extension| extension == "py");
        is_python && (name.starts_with("test_") || name.ends_with("_test.py"))
    };
    let below = ["tests", "test", "."]
        .into_iter()
        .find(|below| folder.has_named(below, is_test));
    let manifest = folder.text("pyproject.toml").unwrap_or_default();
    let setup = folder.text("setup.cfg").unwrap_or_default();
    let is_project = below.is_some()
        || !manifest.is_empty()
        || !setup.is_empty()
        || folder.has_any(&["setup.py", "requirements.txt", "pytest.ini", "tox.ini"]);
    if !is_project {
        return Vec::new();
    }
    let venv = [".venv", "venv"].into_iter().find_map(|venv| {
        let way = folder.above(|way| folder.has_folder(&format!("{way}{venv}/bin")))?;
        Some(format!("{way}{venv}"))
    });
    let tool = |name: &str| match &venv {
        Some(venv) if folder.has_named(&format!("{venv}/bin"), |found| found == name) => {
            Some(format!("{venv}/bin/{name}"))
        }
        Some(_) | None => folder.program(name).then(|| name.to_owned()),
    };
    let Some(python) = tool("python3").or_else(|| tool("python")) else {
        return Vec::new();
    };
    let mut checks = Vec::new();
    let typed = manifest.contains("[tool.mypy")
        || setup.contains("[mypy")
        || folder.has_any(&["mypy.ini", ".mypy.ini"]);
    if let Some(mypy) = tool("mypy").filter(|_| typed) {
        checks.push(folder.check(CheckKind::Typecheck, format!("{mypy} .")));
    }
    let linted = manifest.contains("[tool.ruff") || folder.has_any(&["ruff.toml", ".ruff.toml"]);
    if let Some(ruff) = tool("ruff").filter(|_| linted) {
        checks.push(folder.check(CheckKind::Lint, format!("{ruff} check .")));
    }
    let configured = manifest.contains("[tool.pytest")
        || setup.contains("[tool:pytest")
        || folder.has_any(&["pytest.ini", "conftest.py", "tests/conftest.py"]);
    if configured || below.is_some() || folder.has_folder("tests") {
        let discover = match below {
            Some(below @ ("tests" | "test")) if folder.has(&format!("{below}/__init__.py")) => {
                format!("-s {below} -t .")
            }
            Some(below @ ("tests" | "test")) => format!("-s {below}"),
            Some(_) | None => "-s .".to_owned(),
        };
        // Which of the two is installed shows when the first is run.
        checks.push(Check {
            fallback: Some(format!("{python} -m unittest discover -v {discover}")),
            ..folder.check(
                CheckKind::Tests,
                format!("{python} -m pytest -q -rfE --no-header -p no:cacheprovider"),
            )
        });
    }
    checks
}

fn go(folder: &Folder<'_>) -> Vec<Check> {
    if !folder.has("go.mod") || !folder.program("go") {
        return Vec::new();
    }
    let mut checks = vec![Check {
        decisive: true,
        ..folder.check(CheckKind::Typecheck, "go vet ./...")
    }];
    let linted = folder.has_any(&[".golangci.yml", ".golangci.yaml", ".golangci.toml"]);
    if linted && folder.program("golangci-lint") {
        checks.push(folder.check(CheckKind::Lint, "golangci-lint run"));
    }
    checks.push(folder.check(CheckKind::Tests, "go test ./..."));
    checks.push(folder.check(CheckKind::Build, "go build ./..."));
    checks
}

pub(super) fn make(folder: &Folder<'_>) -> Vec<Check> {
    let names = ["GNUmakefile", "makefile", "Makefile"];
    let Some(text) = names.iter().find_map(|name| folder.text(name)) else {
        return Vec::new();
    };
    if !folder.program("make") {
        return Vec::new();
    }
    let has = |target: &&'static str| {
        text.lines().any(|line| {
            let rest = line.strip_prefix(target).map(str::trim_start);
            rest.is_some_and(|rest| rest.starts_with(':') && !rest.starts_with(":="))
        })
    };
    let target = ["test", "check"].into_iter().find(|target| has(target));
    target
        .map(|target| Check {
            script: Some(recipe(&text, target, |name| folder.text(name))),
            ..folder.check(CheckKind::Tests, format!("make {target}"))
        })
        .into_iter()
        .collect()
}
