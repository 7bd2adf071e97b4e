//! Running a script of attempts within every wall, and holding what escaped against the table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use navi::exec::sandbox::machine::Sandbox;
use serde_json::json;

use crate::sandbox::machine::{Level, Machine, PYTHON};
use crate::tools::{Bench, alive};

/// The document with the table.
static TABLE: LazyLock<String> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sandbox.md");
    std::fs::read_to_string(path).unwrap()
});

/// The verdict of every attempt of a script, by its name.
pub(super) type Verdicts = BTreeMap<String, String>;

/// Runs a script in a bench that was prepared for it.
pub(super) async fn run(bench: &Bench, script: &str) -> Verdicts {
    let command = json!({ "command": format!("{PYTHON} -B {script}.py"), "timeout_seconds": 120 });
    let result = bench.result("run_command", command).await;
    assert_eq!(result["exit_code"], 0, "{script}: {result:#?}");
    let said = result["stdout"].as_str().unwrap();
    let mut verdicts = Verdicts::new();
    for line in said.lines() {
        let (name, verdict) = line.split_once(": ").unwrap();
        let before = verdicts.insert(name.to_owned(), verdict.to_owned());
        assert_eq!(before, None, "{script}: {name} is there twice");
    }
    verdicts
}

pub(super) fn escaped(verdicts: &Verdicts) -> BTreeSet<&str> {
    let escaped = verdicts.iter().filter(|(_, it)| it.starts_with("ESCAPED"));
    escaped.map(|(name, _)| name.as_str()).collect()
}

/// The attempts that the table says a wall does not stop.
pub(super) fn documented(level: &str) -> BTreeSet<&'static str> {
    let rows = || TABLE.lines().filter(|line| line.starts_with("| "));
    let cells = |line: &'static str| {
        line.trim_matches('|')
            .split('|')
            .map(str::trim)
            .collect::<Vec<_>>()
    };
    let header = rows()
        .map(cells)
        .find(|row| row.first() == Some(&"attempt"))
        .unwrap();
    let column = header.iter().position(|it| *it == level).unwrap();
    let open = rows()
        .map(cells)
        .filter(|row| row.len() == header.len() && row[column] == "open");
    open.flat_map(|row| row[0].split('`').skip(1).step_by(2))
        .collect()
}

/// Tries a script within every wall. What escapes must be what the table says, no more and no less,
/// and nothing may have reached the victim that the table does not name.
pub(super) async fn hold(script: &str) {
    let machine = Machine::new();
    let mut wrong = Vec::new();
    for level in machine.levels() {
        wrong.extend(wrong_at(&level, &machine, script).await);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn wrong_at(level: &Level, machine: &Machine, script: &str) -> Vec<String> {
    let (name, open) = (level.name, documented(level.name));
    let bench = machine.bench(&level.sandbox, machine.port());
    let before = machine.reached().len();
    let verdicts = run(&bench, script).await;
    assert_eq!(bench.context.kill_everything().await, 0, "{name}: {script}");
    assert!(alive(machine.victim()), "{name}: {script}");
    assert_eq!(machine.rank(), 0, "{name}: {script}");
    let escaped = escaped(&verdicts);
    let tried = open
        .iter()
        .copied()
        .filter(|open| verdicts.contains_key(*open));
    let tried: BTreeSet<_> = tried.collect();
    let wrong = escaped.symmetric_difference(&tried);
    let wrong = wrong.map(|what| format!("{name}: {what}: {}", verdicts[*what]));
    let reached = machine.reached().split_off(before);
    let unexpected = reached
        .iter()
        .filter(|what| !(what.starts_with("signal") && open.contains("a real signal")))
        .map(|what| format!("{name}: the victim was reached: {what}"));
    wrong.chain(unexpected).collect()
}

#[tokio::test]
async fn without_a_wall_the_attempts_succeed() {
    let machine = Machine::new();
    let mut all = BTreeSet::new();
    let mut failed = Vec::new();
    for script in ["reading", "writing", "processes", "system_calls", "network"] {
        let bench = machine.bench(&Sandbox::off(), machine.port());
        let verdicts = run(&bench, script).await;
        machine.go_on();
        all.extend(escaped(&verdicts).into_iter().map(str::to_owned));
        let others = verdicts.iter().filter(|(_, it)| it.starts_with("blocked"));
        failed.extend(others.map(|(name, why)| format!("{script}: {name}: {why}")));
        bench.context.kill_everything().await;
    }
    // Other attempts need things that this machine does not have, or would do harm without a wall.
    let least = if nix::unistd::geteuid().is_root() {
        400
    } else {
        100
    };
    assert!(all.len() >= least, "{}: {failed:#?}", all.len());
}
