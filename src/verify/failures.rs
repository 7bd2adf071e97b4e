//! Reads the output of checks: the failures, and if anything ran at all.
//!
//! Supported are cargo test, cargo nextest, pytest, unittest, jest, vitest, node:test (TAP and spec), go
//! test. The output of other programs gives no names; its exit code still counts.

use std::collections::BTreeSet;
use std::path::Path;

use crate::platform::text::cut_bytes;
use crate::tools::commands::run_command::TIMED_OUT;
use crate::verify::detect::CheckKind;

const MOST_LINES: usize = 20;
const LINE_BYTES: usize = 300;
const MOST_NAMES: usize = 500;

/// The results in the output of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// True if anything was checked.
    pub ran: bool,
    /// The most telling lines of a failure.
    pub errors: Vec<String>,
    /// Lines that warn.
    pub warnings: Vec<String>,
    /// The failures, by name.
    pub failures: BTreeSet<String>,
}

impl Reading {
    /// Reads the output of a check that ended with `exit_code`. Paths below `root` become relative.
    pub fn of(kind: CheckKind, exit_code: i32, output: &str, root: &Path) -> Self {
        let plain = plain(output).replace(&format!("{}/", root.display()), "");
        let lines: Vec<&str> = plain.lines().collect();
        let passed = exit_code == 0;
        let counted = if kind == CheckKind::Tests {
            count(&lines)
        } else {
            None
        };
        let mut reading = Self {
            ran: exit_code == TIMED_OUT || !(missing(exit_code, &lines) || counted == Some(0)),
            warnings: collect(&lines, is_warning),
            ..Self::default()
        };
        if passed || !reading.ran {
            return reading;
        }
        reading.errors = collect(&lines, is_error);
        if reading.errors.is_empty() {
            let said = lines
                .iter()
                .rev()
                .filter(|line| !line.trim().is_empty())
                .take(5);
            reading.errors = said
                .map(|line| cut_bytes(line.trim_end(), LINE_BYTES))
                .collect();
            reading.errors.reverse();
        }
        reading.failures = match kind {
            CheckKind::Tests => tests(&lines),
            CheckKind::Typecheck | CheckKind::Lint | CheckKind::Build => {
                reading.errors.iter().map(|line| unplaced(line)).collect()
            }
        };
        reading
    }
}

/// The text without the colours that some programs insist on.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        let inside = |c: char| c == '[' || c == ';' || c.is_ascii_digit();
        let end = after.trim_start_matches(inside);
        let mut end = end.chars();
        end.next();
        rest = end.as_str();
    }
    plain.push_str(rest);
    plain
}

/// True if the program, or the part of it that was asked for, is not installed.
fn missing(exit_code: i32, lines: &[&str]) -> bool {
    const SAID: &[&str] = &[
        "No module named pytest",
        "No module named unittest",
        "is not installed for the toolchain",
        "error: no such command",
        "npm error Missing script",
        "npm ERR! Missing script",
    ];
    let first = lines.iter().take(20);
    exit_code == 127
        || (exit_code != 0
            && first
                .into_iter()
                .any(|line| SAID.iter().any(|said| line.contains(said))))
}

/// The number of tests that ran, when the output says so.
fn count(lines: &[&str]) -> Option<u64> {
    let mut counted: Option<u64> = None;
    let mut add = |number: u64| counted = Some(counted.unwrap_or(0) + number);
    for line in lines {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("test result: ") {
            add(before(rest, " passed") + before(rest, " failed"));
        } else if let Some(rest) = line
            .strip_prefix("Ran ")
            .filter(|rest| rest.contains(" test"))
        {
            add(rest
                .split(' ')
                .next()
                .and_then(|number| number.parse().ok())
                .unwrap_or(0));
        } else if let Some(rest) = line
            .strip_prefix("# tests ")
            .or(line.strip_prefix("ℹ tests "))
        {
            add(rest.trim().parse().unwrap_or(0));
        } else if line.starts_with("Summary [") && line.contains(" tests run: ") {
            add(before(line, " passed") + before(line, " failed") + before(line, " timed out"));
        } else if line.contains("no tests ran in")
            || line.contains("no tests to run")
            || line.contains("[no test files]")
            || line.starts_with("No tests found")
            || line.starts_with("No test files found")
            || line == "NO TESTS RAN"
        {
            add(0);
        } else if line.starts_with("ok  \t") || line.starts_with("FAIL\t") {
            add(1);
        }
    }
    counted
}

/// The number that stands right before `word`.
fn before(line: &str, word: &str) -> u64 {
    let number = line
        .split_once(word)
        .and_then(|(before, _)| before.rsplit([' ', '(']).next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The names of the tests that failed.
fn tests(lines: &[&str]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut pending = Vec::new();
    for line in lines {
        if let Some(name) = go_test(line) {
            pending.push(name);
        } else if let Some(rest) = line.strip_prefix("FAIL\t") {
            // Go names the package after its tests.
            let package = rest.split(['\t', ' ']).next().unwrap_or_default();
            if pending.is_empty() {
                names.insert(package.to_owned());
            }
            names.extend(pending.drain(..).map(|name| format!("{package}.{name}")));
        } else {
            names.extend(name(line));
        }
    }
    names.extend(pending.into_iter().map(str::to_owned));
    names.into_iter().take(MOST_NAMES).collect()
}

fn go_test(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("--- FAIL: ")?;
    Some(rest.rsplit_once(" (").map_or(rest, |(name, _)| name))
}

/// The name of the failed test that a line reports.
fn name(line: &str) -> Option<String> {
    let trimmed = line.trim();
    let found = if let Some(rest) = trimmed.strip_prefix("test ") {
        // cargo test
        rest.strip_suffix(" ... FAILED")?.to_owned()
    } else if let Some((mark, rest)) = trimmed.split_once(" [").filter(|(mark, _)| {
        matches!(
            *mark,
            "FAIL" | "TIMEOUT" | "ABORT" | "SIGSEGV" | "SIGABRT" | "SIGKILL" | "LEAK-FAIL"
        )
    }) {
        // cargo nextest: FAIL [   0.008s] (1/2) package::binary tests::name
        let (time, rest) = rest.split_once("] ")?;
        time.trim().strip_suffix('s').filter(|_| !mark.is_empty())?;
        let rest = rest.trim_start();
        let rest = rest
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(") "))
            .map_or(rest, |(_, rest)| rest);
        rest.trim_start().to_owned()
    } else if let Some(rest) = trimmed
        .strip_prefix("FAILED ")
        .or(trimmed.strip_prefix("ERROR "))
    {
        // pytest: FAILED tests/test_a.py::test_b - AssertionError: …
        // A parameter may itself hold the dash that separates the reason.
        let end = rest.find("] - ").map(|at| at + 1).or_else(|| {
            let whole = rest.ends_with(']') && rest.contains('[');
            if whole {
                Some(rest.len())
            } else {
                rest.find(" - ")
            }
        });
        let name = &rest[..end.unwrap_or(rest.len())];
        name.contains(".py").then(|| name.to_owned())?
    } else if let Some(rest) = trimmed
        .strip_prefix("FAIL: ")
        .or(trimmed.strip_prefix("ERROR: "))
    {
        unittest(rest)?
    } else if let Some(rest) = trimmed.strip_prefix("● ") {
        // jest: ● suite › name
        rest.contains(" › ").then(|| rest.to_owned())?
    } else if let Some(rest) = trimmed.strip_prefix("FAIL ") {
        // jest: FAIL src/a.test.js (5 s); vitest: FAIL  src/a.test.ts > suite > name
        let rest = rest.trim_start();
        if rest.contains(" > ") {
            rest.to_owned()
        } else {
            let file = rest.split(' ').next()?;
            file.contains('.').then(|| file.to_owned())?
        }
    } else if let Some(rest) = trimmed.strip_prefix("not ok ") {
        // TAP: not ok 3 - name
        let (_, name) = rest.split_once(" - ")?;
        let directive = name.contains(" # SKIP") || name.contains(" # TODO");
        (!directive).then(|| name.to_owned())?
    } else if let Some(rest) = trimmed.strip_prefix("✖ ") {
        // node:test: ✖ name (1.5ms)
        let (name, time) = rest.rsplit_once(" (")?;
        time.strip_suffix("ms)")?;
        name.to_owned()
    } else {
        return None;
    };
    Some(cut_bytes(&found, LINE_BYTES))
}

/// `test_x (tests.test_a.TestA.test_x) (i=1)` or, from older versions, `test_x (tests.test_a.TestA)`.
fn unittest(rest: &str) -> Option<String> {
    let (name, rest) = rest.split_once(" (")?;
    let (place, _) = rest.split_once(')')?;
    // A module that could not be imported has a name in place of a test.
    if place.contains('.') && (place.ends_with(&format!(".{name}")) || place == name) {
        Some(place.to_owned())
    } else {
        Some(format!("{place}.{name}"))
    }
}

/// Words of a line: letters, digits and underscores.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// True if the line counts none of the things that the word names, as in `0 errors` and `errors: 0`.
fn counts_none(words: &[&str], at: usize) -> bool {
    let none =
        |word: Option<&&str>| word.is_some_and(|word| matches!(*word, "0" | "no" | "No" | "zero"));
    (at > 0 && none(words.get(at - 1))) || words.get(at + 1) == Some(&"0")
}

fn is_error(line: &str) -> bool {
    let trimmed = line.trim();
    let is_good = ["ok ", "✓", "✔", "√", "PASS", "ok\t"]
        .iter()
        .any(|good| trimmed.starts_with(good))
        || trimmed.ends_with(" ok")
        || trimmed.starts_with("test result: ok")
        || trimmed.starts_with("Compiling ")
        || trimmed.starts_with("Running ");
    if is_good {
        return false;
    }
    let words: Vec<_> = words(line).collect();
    trimmed.starts_with("E   ")
        || words.iter().enumerate().any(|(at, word)| {
            let tells = matches!(
                word.to_ascii_lowercase().as_str(),
                "error"
                    | "errors"
                    | "failed"
                    | "fail"
                    | "failure"
                    | "failures"
                    | "fatal"
                    | "panicked"
            ) || word.ends_with("Error")
                || word.ends_with("Exception");
            tells && !counts_none(&words, at)
        })
}

fn is_warning(line: &str) -> bool {
    let words: Vec<_> = words(line).collect();
    words.iter().enumerate().any(|(at, word)| {
        let tells = matches!(
            word.to_ascii_lowercase().as_str(),
            "warning" | "warnings" | "warn"
        );
        tells && !counts_none(&words, at)
    })
}

fn collect(lines: &[&str], tells: fn(&str) -> bool) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in lines.iter().filter(|line| tells(line)) {
        let line = cut_bytes(line.trim(), LINE_BYTES);
        if !found.contains(&line) {
            found.push(line);
        }
        if found.len() == MOST_LINES {
            break;
        }
    }
    found
}

/// A complaint without the numbers in it, which change when lines are added above.
fn unplaced(line: &str) -> String {
    let mut name = String::with_capacity(line.len());
    let mut previous = ' ';
    for c in line.chars() {
        // Numbers that stand alone; those in names and codes (`E0308`) stay.
        let inside = previous.is_alphanumeric() && previous != '#';
        if c.is_ascii_digit() && !inside {
            if previous != '#' {
                name.push('#');
            }
            previous = '#';
        } else {
            name.push(c);
            previous = c;
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(exit_code: i32, output: &str) -> Reading {
        Reading::of(
            CheckKind::Tests,
            exit_code,
            output,
            Path::new("/home/me/project"),
        )
    }

    fn names(exit_code: i32, output: &str) -> Vec<String> {
        let reading = read(exit_code, output);
        assert!(reading.ran);
        reading.failures.into_iter().collect()
    }

    #[test]
    fn failures_of_cargo_are_read() {
        let output = "
running 3 tests
test tests::adds ... ok
test tests::an_error_is_reported ... ok
test tests::subtracts ... FAILED

failures:

---- tests::subtracts stdout ----

thread 'tests::subtracts' panicked at src/lib.rs:12:9:
assertion `left == right` failed

failures:
    tests::subtracts

test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

running 1 test
test src/lib.rs - double (line 3) ... FAILED
test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out
error: test failed, to rerun pass `--lib`
";
        assert_eq!(
            names(101, output),
            ["src/lib.rs - double (line 3)", "tests::subtracts"]
        );
        let errors = read(101, output).errors;
        assert!(
            !errors
                .iter()
                .any(|line| line.contains("an_error_is_reported")),
            "{errors:?}"
        );
        assert!(errors.iter().any(|line| line.contains("panicked")));
    }

    #[test]
    fn failures_of_nextest_are_read() {
        let output = "
        PASS [   0.004s] (1/3) navi ids::a
        FAIL [   0.008s] (2/3) navi tests::fails
     TIMEOUT [  60.001s] (3/3) navi::it slow
     Summary [   0.009s] 3 tests run: 1 passed, 1 failed, 1 timed out, 0 skipped
        FAIL [   0.008s] (2/3) navi tests::fails
error: test run failed";
        assert_eq!(names(100, output), ["navi tests::fails", "navi::it slow"]);
    }

    #[test]
    fn failures_of_pytest_are_read() {
        let output = "
F.E                                                                      [100%]
=================================== FAILURES ===================================
E       assert 1 == 2
=========================== short test summary info ============================
FAILED tests/test_a.py::TestA::test_b[x - y] - AssertionError: assert 1 == 2
FAILED tests/test_a.py::test_c
ERROR tests/test_d.py - ModuleNotFoundError: No module named 'x'
2 failed, 1 passed, 1 error in 0.05s
";
        assert_eq!(
            names(1, output),
            [
                "tests/test_a.py::TestA::test_b[x - y]",
                "tests/test_a.py::test_c",
                "tests/test_d.py"
            ]
        );
    }

    #[test]
    fn failures_of_unittest_are_read() {
        let output = "
test_ok (test_a.TestA.test_ok) ... ok
======================================================================
FAIL: test_add (test_a.TestA.test_add) (i=1)
----------------------------------------------------------------------
AssertionError: 3 != 4
ERROR: test_old (test_a.TestOld)
ERROR: test_missing (unittest.loader._FailedTest.test_missing)

Ran 4 tests in 0.001s

FAILED (failures=1, errors=2)
";
        assert_eq!(
            names(1, output),
            [
                "test_a.TestA.test_add",
                "test_a.TestOld.test_old",
                "unittest.loader._FailedTest.test_missing",
            ]
        );
    }

    #[test]
    fn failures_of_jest_and_vitest_are_read() {
        let output = "
PASS src/error.test.js
FAIL src/sum.test.js (5.1 s)
  ● sum › adds numbers

    expect(received).toBe(expected)

Tests:       1 failed, 3 passed, 4 total
";
        assert_eq!(names(1, output), ["src/sum.test.js", "sum › adds numbers"]);
        let output = " FAIL  src/a.test.ts > suite > name\nAssertionError: expected 1 to be 2\n";
        assert_eq!(names(1, output), ["src/a.test.ts > suite > name"]);
    }

    #[test]
    fn failures_of_node_are_read_in_both_forms() {
        let tap = "TAP version 13
# Subtest: /home/me/project/sum.test.js
    not ok 1 - adds
    ok 2 - reports errors
    not ok 3 - later # TODO
not ok 1 - /home/me/project/sum.test.js
# tests 3
# fail 1
";
        assert_eq!(names(1, tap), ["adds", "sum.test.js"]);
        let spec =
            "✔ fine (1.1ms)\n✖ adds (0.9ms)\nℹ tests 2\n✖ failing tests:\n\n✖ adds (0.9ms)\n";
        assert_eq!(names(1, spec), ["adds"]);
    }

    #[test]
    fn failures_of_go_are_read_with_their_package() {
        let output = "--- FAIL: TestAdd (0.00s)
    --- FAIL: TestAdd/negative (0.00s)
        add_test.go:9: got 1
FAIL
FAIL\texample.com/m/add\t0.002s
ok  \texample.com/m/sub\t0.001s
FAIL\texample.com/m/broken [build failed]
FAIL
";
        assert_eq!(
            names(1, output),
            [
                "example.com/m/add.TestAdd",
                "example.com/m/add.TestAdd/negative",
                "example.com/m/broken",
            ]
        );
    }

    #[test]
    fn no_tests_is_not_run() {
        for (exit_code, output) in [
            (
                0,
                "running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n",
            ),
            (
                0,
                "test result: ok. 0 passed; 0 failed; 7 ignored; 0 measured; 0 filtered out\n",
            ),
            (5, "no tests ran in 0.00s\n"),
            (0, "\nRan 0 tests in 0.000s\n\nOK\n"),
            (5, "Ran 0 tests in 0.000s\n\nNO TESTS RAN\n"),
            (1, "No tests found, exiting with code 1\n"),
            (1, "No test files found, exiting with code 1\n"),
            (0, "TAP version 13\n# tests 0\n# pass 0\n"),
            (0, "ℹ tests 0\n"),
            (0, "?   \texample.com/m\t[no test files]\n"),
            (
                4,
                "Summary [   0.000s] 0 tests run: 0 passed, 0 skipped\nerror: no tests to run\n",
            ),
            (1, "/usr/bin/python3: No module named pytest\n"),
            (127, "bash: line 1: jest: command not found\n"),
            (
                101,
                "error: 'cargo-clippy' is not installed for the toolchain 'stable'\n",
            ),
        ] {
            let reading = read(exit_code, output);
            assert!(!reading.ran, "{output}");
            assert!(
                reading.errors.is_empty() && reading.failures.is_empty(),
                "{output}"
            );
        }
        assert!(read(0, "?   \ta\t[no test files]\nok  \tb\t0.01s\n").ran);
        let two = "test result: ok. 0 passed; 0 failed\ntest result: ok. 3 passed; 0 failed\n";
        assert!(read(0, two).ran);
    }

    #[test]
    fn counting_none_is_no_error() {
        for line in [
            "0 errors",
            "Found 0 errors in 3 files",
            "3 passed, 0 failed",
            "errors: 0",
            "no errors",
            "test tests::error_is_shown ... ok",
            "ok 4 - reports errors",
            "✓ fails with an error",
            "   Compiling thiserror v2.0",
            "   Compiling error-chain v0.12.4",
            "error_handling.rs",
            "PASS src/error.test.js",
        ] {
            assert!(!is_error(line), "{line}");
        }
        for line in [
            "error[E0308]: mismatched types",
            "src/a.ts(3,1): error TS2304: Cannot find name 'x'.",
            "AssertionError: 1 != 2",
            "thread 'main' panicked at src/main.rs:1:1:",
            "10 errors",
            "FAILED (failures=1, errors=2)",
            "E   assert 1 == 2",
            "make: *** [Makefile:2: test] Error 1",
        ] {
            assert!(is_error(line), "{line}");
        }
        assert!(is_warning("warning: unused variable") && !is_warning("0 warnings"));
    }

    #[test]
    fn a_complaint_that_moved_is_the_same_complaint() {
        let one = unplaced("src/a.ts(3,14): error TS2304: Cannot find name 'x2'.");
        assert_eq!(
            one,
            unplaced("src/a.ts(120,7): error TS2304: Cannot find name 'x2'.")
        );
        assert_eq!(one, "src/a.ts(#,#): error TS2304: Cannot find name 'x2'.");
    }

    #[test]
    fn colours_do_not_hide_a_failure() {
        let output = "\u{1b}[1m\u{1b}[31mtest a::b ... FAILED\u{1b}[0m\n";
        assert_eq!(names(101, output), ["a::b"]);
        assert_eq!(plain("a\u{1b}"), "a");
    }

    #[test]
    fn a_failure_that_says_nothing_shows_its_last_lines() {
        let reading = read(3, "one\ntwo\n\n");
        assert_eq!(reading.errors, ["one", "two"]);
        assert!(reading.failures.is_empty());
    }
}
