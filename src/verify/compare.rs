//! The meaning of the checks for a run: things it broke, things it mended, things that were broken before.

use std::collections::BTreeSet;

use crate::verify::model::{CheckData, Verification};
use crate::verify::run::CheckResult;

/// Lines and names that clients are shown of each kind.
const SHOWN: usize = 5;

/// Names of earlier failures that clients are shown.
const SHOWN_BEFORE: usize = 50;

/// The verdict of all checks together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The value for the event and the summary: failed when any check failed, even if it failed before
    /// too, and never passed unless one ran.
    pub outcome: Verification,
    /// The entries of the `verification` event: one for each check that ran.
    pub checks: Vec<CheckData>,
    /// The same checks, compared.
    pub changes: Vec<Change>,
    /// True if something fails, and all of it failed before.
    pub only_old_failures: bool,
}

/// The change of a check, by the names of its failures. A failure without names is named after its command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Fails now and did not fail before.
    pub broken: BTreeSet<String>,
    /// Fails now and failed before.
    pub still_broken: BTreeSet<String>,
    /// Failed before and does not fail now.
    pub mended: BTreeSet<String>,
}

/// Compares the checks after a run's changes with those before. Without any before, every failure is
/// new.
pub fn compare(before: &[CheckResult], after: &[CheckResult]) -> Verdict {
    let mut verdict = Verdict::default();
    for result in after {
        let earlier = before.iter().find(|earlier| same(earlier, result));
        let failed_before = earlier.map(named).unwrap_or_default();
        let failing = named(result);
        verdict.checks.push(data(result, &failed_before));
        verdict.changes.push(Change {
            broken: failing.difference(&failed_before).cloned().collect(),
            still_broken: failing.intersection(&failed_before).cloned().collect(),
            mended: failed_before.difference(&failing).cloned().collect(),
        });
    }
    verdict.outcome = if after.is_empty() {
        Verification::NotRun
    } else if after.iter().all(|result| result.success) {
        Verification::Passed
    } else {
        Verification::Failed
    };
    verdict.only_old_failures = verdict.outcome == Verification::Failed
        && verdict
            .changes
            .iter()
            .all(|change| change.broken.is_empty());
    verdict
}

fn data(result: &CheckResult, failed_before: &BTreeSet<String>) -> CheckData {
    let shown = |lines: &[String]| lines.iter().take(SHOWN).cloned().collect();
    CheckData {
        kind: result.kind.name().to_owned(),
        command: result.command.clone(),
        success: result.success,
        errors: shown(&result.errors),
        warnings: shown(&result.warnings),
        failed_before: failed_before.iter().take(SHOWN_BEFORE).cloned().collect(),
    }
}

/// The same check: a tests command may have fallen back to another one in the meantime.
fn same(one: &CheckResult, other: &CheckResult) -> bool {
    (one.kind, &one.directory, &one.command) == (other.kind, &other.directory, &other.command)
}

/// The names of the failures, with a name for a failure that has none.
fn named(result: &CheckResult) -> BTreeSet<String> {
    if result.success {
        BTreeSet::new()
    } else if result.timed_out {
        BTreeSet::from([format!("`{}` took too long", result.command)])
    } else if result.failures.is_empty() {
        BTreeSet::from([format!("`{}` failed", result.command)])
    } else {
        result.failures.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::verify::detect::CheckKind;

    fn tests(failures: &[&str]) -> CheckResult {
        CheckResult {
            kind: CheckKind::Tests,
            command: "cargo test".to_owned(),
            directory: ".".to_owned(),
            success: failures.is_empty(),
            exit_code: Some(i32::from(!failures.is_empty())),
            timed_out: false,
            errors: Vec::new(),
            warnings: Vec::new(),
            failures: failures.iter().map(|name| (*name).to_owned()).collect(),
            output: String::new(),
            took: Duration::ZERO,
        }
    }

    /// It failed and did not say what.
    fn broken() -> CheckResult {
        CheckResult {
            success: false,
            exit_code: Some(101),
            ..tests(&[])
        }
    }

    fn names(set: &BTreeSet<String>) -> Vec<&str> {
        set.iter().map(String::as_str).collect()
    }

    #[test]
    fn nothing_that_ran_is_never_passed() {
        assert_eq!(compare(&[], &[]), Verdict::default());
        assert_eq!(compare(&[tests(&[])], &[]).outcome, Verification::NotRun);
        assert_eq!(compare(&[], &[tests(&[])]).outcome, Verification::Passed);
    }

    #[test]
    fn old_failures_are_not_blamed_on_the_run() {
        let verdict = compare(&[tests(&["a", "b"])], &[tests(&["b", "c"])]);
        let change = &verdict.changes[0];
        assert_eq!(names(&change.broken), ["c"]);
        assert_eq!(names(&change.still_broken), ["b"]);
        assert_eq!(names(&change.mended), ["a"]);
        assert_eq!(verdict.checks[0].failed_before, ["a", "b"]);
        assert!(!verdict.only_old_failures);

        let verdict = compare(&[tests(&["a"])], &[tests(&["a"])]);
        assert!(verdict.only_old_failures);
        assert_eq!(verdict.outcome, Verification::Failed);
        let verdict = compare(&[tests(&["a"])], &[tests(&[])]);
        assert!(!verdict.only_old_failures);
        assert_eq!(verdict.outcome, Verification::Passed);
    }

    #[test]
    fn a_failure_without_names_is_new_unless_it_was_there_before() {
        let verdict = compare(&[tests(&[])], &[broken()]);
        assert_eq!(names(&verdict.changes[0].broken), ["`cargo test` failed"]);
        assert!(compare(&[broken()], &[broken()]).only_old_failures);
        // The tests that fail now may have failed before too, but that was not seen.
        assert!(!compare(&[broken()], &[tests(&["a"])]).only_old_failures);
        assert!(!compare(&[], &[tests(&["a"])]).only_old_failures);
    }

    #[test]
    fn what_took_too_long_is_a_failure() {
        let slow = CheckResult {
            success: false,
            exit_code: None,
            timed_out: true,
            ..tests(&[])
        };
        let verdict = compare(&[], &[slow]);
        assert_eq!(verdict.outcome, Verification::Failed);
        assert_eq!(
            names(&verdict.changes[0].broken),
            ["`cargo test` took too long"]
        );
    }
}
