use std::path::Path;

use navi::exec::sandbox::wall::Tier;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
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
    // Landlock before its sixth version lets a command end the one who watches over it, which only
    // control groups mend.
    let has_groups = !machine.sandbox(&[]).group_places().is_empty();
    outlive(&machine, "1", has_groups).await;
}

/// The supervisor of a marked command, as the list of processes shows it.
fn supervisor_of(marker: &str) -> Option<Pid> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let shown_as = processes.map(|it| it.path()).find(|it| {
        let shown = std::fs::read(it.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&shown).starts_with(marker)
    });
    let mut process = shown_as?;
    loop {
        let stat = std::fs::read_to_string(process.join("stat")).ok()?;
        let (_, rest) = stat.rsplit_once(')')?;
        let parent: i32 = rest.split_whitespace().nth(1)?.parse().ok()?;
        process = Path::new("/proc").join(parent.to_string());
        let shown = std::fs::read(process.join("cmdline")).ok()?;
        let is_first = std::fs::read_to_string(process.join("status")).ok()?;
        // The first process of a namespace of its own is the supervisor's child, under its name.
        let is_first = is_first
            .lines()
            .any(|it| it.starts_with("NSpid:") && it.ends_with("\t1"));
        if shown.starts_with(b"navi-command") && !is_first {
            return Some(Pid::from_raw(parent));
        }
    }
}

#[tokio::test]
async fn a_command_ends_with_its_supervisor_however_that_is_killed() {
    let machine = Machine::new();
    for level in machine.levels() {
        let needs_groups = level.sandbox.tier() != Tier::Full;
        if needs_groups && level.sandbox.group_places().is_empty() {
            continue;
        }
        let sandbox = match level.sandbox.tier() {
            Tier::Full => level.sandbox.without_control_groups(),
            Tier::NoNamespaces | Tier::None => level.sandbox,
        };
        let (bench, marker) = (Bench::within(&sandbox), mark());
        let command = format!("env -i setsid bash -c 'exec -a {marker} sleep 300' & sleep 300");
        let call = json!({ "command": command });
        let running = bench.result("run_command", call);
        let killing = async {
            eventually("it runs", || supervisor_of(&marker).is_some()).await;
            kill(supervisor_of(&marker).unwrap(), Signal::SIGKILL).unwrap();
            eventually(level.name, || left(&marker).is_empty()).await;
        };
        tokio::join!(running, killing);
    }
}

/// The supervisors below this process that are alive.
fn supervisors() -> Vec<Pid> {
    let own = std::process::id().to_string();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let pid = |process: std::fs::DirEntry| -> Option<Pid> {
        let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
        let (_, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_whitespace();
        let (state, parent) = (fields.next()?, fields.next()?);
        let shown = std::fs::read(process.path().join("cmdline")).ok()?;
        let is_one = state != "Z" && parent == own && shown.starts_with(b"navi-command");
        is_one.then(|| Pid::from_raw(process.file_name().to_str().unwrap().parse().unwrap()))
    };
    processes.filter_map(pid).collect()
}

#[tokio::test]
async fn supervisors_that_wait_serve_the_next_commands_and_end_with_their_server() {
    let bench = Bench::new();
    let ran = |what: &'static str| bench.result("run_command", json!({ "command": what }));
    assert_eq!(supervisors(), []);
    assert_eq!(ran("true").await["exit_code"], 0);
    eventually("two wait", || supervisors().len() == 2).await;
    let waiting = supervisors();
    assert_eq!(ran("exit 3").await["exit_code"], 3);
    eventually("one that waited is gone", || {
        !supervisors().contains(&waiting[0]) || !supervisors().contains(&waiting[1])
    })
    .await;
    eventually("two wait again", || supervisors().len() == 2).await;
    for waiting in supervisors() {
        kill(waiting, Signal::SIGKILL).unwrap();
    }
    eventually("none waits", || supervisors().is_empty()).await;
    assert_eq!(ran("exit 4").await["exit_code"], 4, "a new one is started");
    drop(bench);
    eventually("none is left", || supervisors().is_empty()).await;
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
