//! Builds, tests and task runners: they run what the folder holds that they work in.

use crate::policy::judge::call::{Call, Field};
use crate::policy::judge::shell_state::Directory;
use crate::policy::judge::walker::Walker;
use crate::policy::paths::Place;

/// Programs that run code of the folder they work in, and the options that name another folder or a
/// file in it.
const BUILDS: &[(&[&str], &[&str])] = &[
    (
        &["make", "gmake", "gnumake"],
        &["-C", "--directory", "-f", "--file", "--makefile"],
    ),
    (&["npm"], &["-C", "--prefix"]),
    (&["pnpm"], &["-C", "--dir"]),
    (&["yarn", "bun"], &["--cwd"]),
    (&["npx", "bunx", "pnpx"], &["--prefix"]),
    (&["cargo"], &["-C", "--manifest-path", "--config"]),
    (&["go"], &["-C"]),
    (
        &["pytest", "py.test"],
        &["-c", "--rootdir", "-p", "--confcutdir"],
    ),
    (&["tox", "nox"], &["-c", "-f", "--noxfile", "--workdir"]),
    (&["mvn", "mvnw"], &["-f", "--file"]),
    (
        &["gradle", "gradlew"],
        &["-p", "--project-dir", "-b", "--build-file"],
    ),
    (&["ant"], &["-f", "-buildfile", "-file"]),
    (&["cmake"], &["-S", "--build", "-P", "-C"]),
    (
        &["ninja", "meson", "ctest", "scons"],
        &["-C", "--test-dir", "-f"],
    ),
    (
        &["rake", "rails", "rspec", "bundle"],
        &["-f", "--rakefile", "--gemfile"],
    ),
    (&["composer"], &["-d", "--working-dir"]),
    (
        &["just"],
        &["-f", "--justfile", "-d", "--working-directory"],
    ),
    (&["task"], &["-d", "--dir", "-t", "--taskfile"]),
    (
        &["jest", "vitest", "mocha", "ava", "phpunit"],
        &["-c", "--config", "--root", "--rootDir"],
    ),
    (
        &[
            "mix", "sbt", "dotnet", "swift", "stack", "cabal", "dune", "zig", "poetry", "uv",
        ],
        &["--project", "--directory"],
    ),
    (&["deno"], &["-c", "--config"]),
];

/// Programs whose operands are code that they run.
const RUNNERS: &[&str] = &[
    "pytest", "py.test", "jest", "vitest", "mocha", "ava", "rspec", "phpunit", "go", "dotnet",
    "cmake", "npx", "pnpx", "bunx",
];

impl Walker<'_> {
    /// Judges whether a build or a test runs code from outside the workspace.
    pub(super) fn judge_build(&mut self, call: &Call) {
        let mut builds = BUILDS.iter();
        let Some((_, options)) = builds.find(|(names, _)| names.contains(&call.program.as_str()))
        else {
            return;
        };
        let mut places: Vec<Field> = Vec::new();
        for option in *options {
            places.extend(call.value(&[option]));
        }
        let named_elsewhere = !places.is_empty();
        if !named_elsewhere && matches!(self.scope.directory, Directory::At(_)) {
            places.push(Field::of("."));
        }
        if RUNNERS.contains(&call.program.as_str()) {
            let operands = call.operands(options).into_iter();
            let paths =
                operands.filter(|one| one.text.starts_with(['/', '~']) || one.text.contains("../"));
            places.extend(paths.cloned());
        }
        let is_outside =
            |place: &Field| matches!(self.place(place), Place::Temporary(_) | Place::Outside(_));
        if places.iter().any(is_outside) {
            self.fact("runs-outside-program", &call.program, &call.segment);
        }
    }
}
