use std::path::Path;

use serde_json::json;

use crate::sandbox::machine::Machine;
use crate::tools::{Bench, eventually, mark};

/// Ways to outlive one's run; `MARK` is in the arguments of what should be left.
const WAYS: &[(&str, &str)] = &[
    ("the background", "exec -a MARK sleep 300 &"),
    (
        "a session of its own",
        "setsid bash -c 'exec -a MARK sleep 300' &",
    ),
    (
        "nohup",
        "nohup bash -c 'exec -a MARK sleep 300' >/dev/null 2>&1 & disown",
    ),
    (
        "no environment",
        "(env -i setsid bash -c 'exec -a MARK sleep 300' >/dev/null 2>&1 </dev/null &)",
    ),
    (
        "a double fork",
        "(setsid bash -c '(env -i bash -c \"exec -a MARK sleep 300\" &) ; exit' >/dev/null 2>&1 &)",
    ),
    (
        "ignored signals",
        "env -i setsid bash -c 'trap \"\" TERM HUP INT QUIT; while :; do sleep 1; done' MARK >/dev/null 2>&1 &",
    ),
    (
        "stopping itself",
        "env -i setsid bash -c 'kill -STOP $$; sleep 300' MARK >/dev/null 2>&1 &",
    ),
    (
        "killing its parents",
        "env -i setsid bash -c 'exec -a MARK sleep 300' >/dev/null 2>&1 & kill -9 $PPID; kill -9 1; sleep 0.2",
    ),
    (
        "killing everything it sees",
        "env -i setsid bash -c 'exec -a MARK sleep 300' >/dev/null 2>&1 & [ $$ -lt 20 ] && kill -9 -1",
    ),
    (
        "forking on and on",
        "f() { (exec -a MARK sleep 0.05; f) & }; export -f f; env -i setsid bash -c 'f() { exec 3<&-; (sleep 0.05; f) & }; f' MARK >/dev/null 2>&1 &",
    ),
    (
        "perl's double fork",
        "perl -e 'use POSIX; $0 = \"MARK\"; fork and exit; setsid; fork and exit; %ENV = (); $SIG{TERM} = \"IGNORE\"; sleep 300' &",
    ),
];

fn left(marker: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let shown = processes.filter_map(|it| std::fs::read(it.path().join("cmdline")).ok());
    let shown = shown.map(|it| String::from_utf8_lossy(&it).replace('\0', " "));
    shown.filter(|it| it.contains(marker)).collect()
}

/// Tries every way at once, each in a run of its own, and ends the runs.
async fn outlive(machine: &Machine, name: &str, killing: bool) {
    let level = machine
        .levels()
        .into_iter()
        .find(|it| it.name == name)
        .unwrap();
    let ways = WAYS
        .iter()
        .filter(|(way, _)| killing || !way.starts_with("killing"));
    let tried = ways.map(|(way, command)| {
        let sandbox = level.sandbox.clone();
        async move {
            let (bench, marker) = (Bench::within(&sandbox), mark());
            // The command names it, too.
            bench.put("way.sh", command.replace("MARK", &marker));
            bench
                .result("run_command", json!({ "command": "source ./way.sh" }))
                .await;
            bench.context.kill_everything().await;
            eventually(way, || left(&marker).is_empty()).await;
        }
    });
    futures_util::future::join_all(tried).await;
}

#[tokio::test]
async fn nothing_outlives_its_run() {
    let machine = Machine::new();
    outlive(&machine, "full", true).await;
    outlive(&machine, "7", true).await;
    // Landlock before its sixth version lets a command end the one who watches over it.
    outlive(&machine, "1", false).await;
}

#[tokio::test]
async fn the_control_of_what_outlives_finds_it() {
    let bench = Bench::uncontained();
    let marker = mark();
    let command =
        format!("env -i setsid bash -c 'exec -a {marker} sleep 300' >/dev/null 2>&1 & sleep 0.1");
    bench
        .result("run_command", json!({ "command": command }))
        .await;
    eventually("it is there", || !left(&marker).is_empty()).await;
    bench.context.kill_everything().await;
    eventually("it is gone", || left(&marker).is_empty()).await;
}

#[tokio::test]
async fn the_folders_of_a_run_go_with_it() {
    let machine = Machine::new();
    for level in machine.levels() {
        let bench = Bench::within(&level.sandbox);
        let marker = mark();
        let command = format!(
            "mkdir -p $TMPDIR/a/b && echo {marker} > $TMPDIR/a/b/file && ln -s / $TMPDIR/root && chmod 000 $TMPDIR/a/b"
        );
        let result = bench
            .result("run_command", json!({ "command": command }))
            .await;
        assert_eq!(result["exit_code"], 0, "{}: {result:#?}", level.name);
        bench.context.kill_everything().await;
        let Bench {
            context, folder, ..
        } = bench;
        drop(context);
        let of_run = |marker: &str| {
            let folders = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
            folders
                .map(|it| it.path())
                .filter(|it| it.to_string_lossy().contains("navi-run-"))
                .any(|it| {
                    std::fs::read_to_string(it.join("a/b/file")).is_ok_and(|it| it.contains(marker))
                })
        };
        eventually("the folder is gone", || !of_run(&marker)).await;
        assert!(Path::new("/").is_dir());
        drop(folder);
    }
}
