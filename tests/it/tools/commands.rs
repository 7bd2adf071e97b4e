use std::time::{Duration, Instant};

use navi::exec::output::OutputStream;
use navi::exec::supervision::sweep::{MARK, sweep};
use navi::tools::outcome::{Effect, ToolError};
use navi::workspace::paths::Workspace;
use serde_json::{Value, json};

use super::{Bench, alive, eventually};
use crate::support::promises::{CANCELLED_WITHIN, kept};

impl Bench {
    async fn run(&self, command: &str) -> serde_json::Map<String, Value> {
        self.result("run_command", json!({ "command": command }))
            .await
    }

    /// The pid that a command wrote to a file.
    pub(super) async fn pid(&self, file: &str) -> i32 {
        let path = self.root().join(file);
        let read = || std::fs::read_to_string(&path).ok()?.trim().parse().ok();
        eventually(file, || read().is_some()).await;
        read().unwrap()
    }
}

#[tokio::test]
async fn what_a_test_prints_unasked_shows_no_secret() {
    let bench = Bench::new();
    let body = "a7B2c3D9e5F6g1H8i4J0k1L2m3N4o5P6q7R8";
    let test = format!(
        "import unittest\nprint('gh' + 'p_{body}', 'password=\"hunter2x\"')\n\n\n\
         class Case(unittest.TestCase):\n    def test_it(self):\n        pass\n"
    );
    std::fs::write(bench.root().join("test_it.py"), test).unwrap();
    std::fs::write(bench.root().join("notes.txt"), format!("ghp_{body}\n")).unwrap();
    let printed = bench.run("python3 -m unittest test_it").await;
    assert_eq!(
        printed["stdout"],
        "[redacted:github-token] password=\"hunter2x\"\n"
    );
    // This asks, and what a person agreed to is exact.
    let asked = bench.run("cat notes.txt").await;
    assert_eq!(asked["stdout"], format!("ghp_{body}\n"));
}

#[tokio::test]
async fn a_command_answers_with_its_outputs_and_its_code() {
    let bench = Bench::new();
    let outcome = bench
        .call(
            "run_command",
            json!({ "command": "echo out; echo err >&2; exit 3" }),
        )
        .await
        .unwrap();
    insta::assert_json_snapshot!(outcome.result, { ".message" => "[message]", ".error" => "[error]" }, @r#"
    {
      "success": false,
      "exit_code": 3,
      "stdout": "out\n",
      "stderr": "err\n",
      "message": "[message]",
      "error": "[error]"
    }
    "#);
    let ran = Effect::Ran {
        command: "echo out; echo err >&2; exit 3".to_owned(),
        exit_code: Some(3),
        success: false,
    };
    assert_eq!(outcome.effects, [ran]);
    assert_eq!(bench.run("kill -SEGV $$").await["exit_code"], 128 + 11);
    assert_eq!(bench.run("true").await["success"], true);
}

#[tokio::test]
async fn output_comes_live_and_says_whose_it_is() {
    let mut bench = Bench::new();
    bench.run("echo one; sleep 0.2; echo two >&2").await;
    let live = bench.live();
    assert_eq!(live.len(), 2);
    assert_eq!(
        (live[0].stream, live[0].line.as_str()),
        (OutputStream::Stdout, "one")
    );
    assert_eq!(
        (live[1].stream, live[1].line.as_str()),
        (OutputStream::Stderr, "two")
    );
    assert_eq!(live[0].tool_call_id, "call_1");
}

#[tokio::test]
async fn a_command_sees_nothing_of_the_servers_environment() {
    let bench = Bench::new();
    let environment = bench
        .run("env; cat /proc/self/environ /proc/$PPID/environ | tr '\\0' '\\n'")
        .await;
    let environment = environment["stdout"].as_str().unwrap();
    for secret in ["DATABASE_URL", "CARGO_MANIFEST_DIR", "NEXTEST"] {
        assert!(!environment.contains(secret), "{secret} in {environment}");
    }
    assert!(environment.contains("PATH="));
    assert!(environment.contains(&format!("{MARK}=")));
}

#[tokio::test]
async fn a_command_has_no_input_no_terminal_and_no_descriptor_of_ours() {
    let bench = Bench::new();
    let said = bench
        .run("cat; ls /proc/self/fd | tr '\\n' ' '; tty; cat /dev/tty")
        .await;
    assert_eq!(said["stdout"], "0 1 2 3 not a tty\n");
    // And signals are as they are at the start of any program: none blocked, none ignored. The two
    // above 31 are the C library's own.
    for field in ["SigBlk", "SigIgn"] {
        let mask = bench
            .run(&format!("grep {field} /proc/self/status | cut -f2"))
            .await;
        let mask = u64::from_str_radix(mask["stdout"].as_str().unwrap().trim(), 16).unwrap();
        assert_eq!(mask & 0x7fff_ffff, 0, "{field}");
    }
}

#[tokio::test]
async fn memory_is_taken_from_a_command_before_it_is_taken_from_the_server() {
    let bench = Bench::new();
    let shown = bench.run("cat /proc/self/oom_score_adj").await;
    let badness = shown["stdout"].as_str().unwrap().trim();
    assert!(badness.parse::<i32>().unwrap() >= 500, "{badness}");
}

#[tokio::test]
async fn the_working_directory_is_inside_and_only_there() {
    let bench = Bench::new();
    bench.put("sub/file", "");
    std::os::unix::fs::symlink("/", bench.root().join("out")).unwrap();
    let said = bench
        .result("run_command", json!({ "command": "pwd", "cwd": "sub" }))
        .await;
    assert_eq!(said["stdout"], format!("{}/sub\n", bench.root().display()));
    for cwd in [
        "..",
        "/",
        "out",
        "out/tmp",
        "sub/file",
        "missing",
        "sub/../..",
    ] {
        bench
            .told("run_command", json!({ "command": "pwd", "cwd": cwd }))
            .await;
    }
}

#[tokio::test]
async fn what_takes_too_long_is_ended_even_if_it_does_not_want_to() {
    let bench = Bench::uncontained();
    let began = Instant::now();
    let call = json!({
        "command": "trap '' TERM; echo $$ > pid; echo begun; while :; do sleep 0.05; done",
        "timeout_seconds": "1",
    });
    let result = bench.result("run_command", call).await;
    assert_eq!(result["exit_code"], -1);
    assert_eq!(result["stdout"], "begun\n");
    assert!(
        result["error"]
            .as_str()
            .unwrap()
            .contains("longer than 1 s")
    );
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "{:?}",
        began.elapsed()
    );
    assert!(!alive(bench.pid("pid").await));
}

#[tokio::test]
async fn a_command_that_can_end_is_asked_before_it_is_forced() {
    let bench = Bench::new();
    let call = json!({
        "command": "trap 'echo tidy; exit 0' TERM; sleep 60 & wait",
        "timeout_seconds": 1,
    });
    let result = bench.result("run_command", call).await;
    assert_eq!(
        (&result["exit_code"], &result["stdout"]),
        (&json!(-1), &json!("tidy\n"))
    );
}

#[tokio::test]
async fn a_cancelled_command_is_over_within_a_second() {
    let bench = Bench::uncontained();
    let cancel = bench.context.cancel.clone();
    let (result, began) = tokio::join!(bench.run("echo $$ > pid; echo begun; sleep 100"), async {
        bench.pid("pid").await;
        cancel.cancel();
        Instant::now()
    });
    kept(CANCELLED_WITHIN, began);
    assert_eq!(
        (&result["exit_code"], &result["stdout"]),
        (&json!(-2), &json!("begun\n"))
    );
    assert!(!alive(bench.pid("pid").await));
    let again = bench
        .call("run_command", json!({ "command": "true" }))
        .await;
    assert_eq!(again, Err(ToolError::Cancelled));
}

#[tokio::test]
async fn a_command_whose_caller_goes_away_ends() {
    let bench = Bench::uncontained();
    tokio::select! {
        result = bench.run("echo $$ > pid; sleep 100") => panic!("{result:?}"),
        _ = bench.pid("pid") => {}
    }
    let pid = bench.pid("pid").await;
    eventually("the command is gone", || !alive(pid)).await;
}

#[tokio::test]
async fn what_is_left_in_the_background_neither_holds_the_command_nor_outlives_the_run() {
    let bench = Bench::uncontained();
    let began = Instant::now();
    let result = bench.run("sleep 100 & echo $! > pid; echo done").await;
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(
        (&result["exit_code"], &result["stdout"]),
        (&json!(0), &json!("done\n"))
    );
    assert!(result["note"].as_str().unwrap().contains("still runs"));
    let pid = bench.pid("pid").await;
    assert!(alive(pid));
    assert_eq!(bench.context.kill_everything().await, 0);
    assert!(!alive(pid));
}

#[tokio::test]
async fn background_work_may_go_on_talking_after_the_result() {
    let bench = Bench::new();
    let result = bench
        .run("(for i in 1 2 3 4 5 6 7 8; do sleep 0.2; echo $i; done; touch end) & echo now")
        .await;
    assert!(result["stdout"].as_str().unwrap().starts_with("now\n"));
    let end = bench.root().join("end");
    eventually("it wrote to its end", || end.exists()).await;
}

/// Ways to leave one's process group, session, parent and environment behind.
const ESCAPES: &[&str] = &[
    "setsid sleep 100 & echo $! > pid; sleep 0.1",
    "(setsid bash -c 'echo $$ > pid; exec sleep 100' >/dev/null 2>&1 &) ; sleep 0.2",
    "(env -i setsid bash -c 'echo $$ > pid; exec sleep 100' </dev/null >/dev/null 2>&1 &) ; sleep 0.2",
    "(env -i setsid bash -c 'trap \"\" TERM HUP INT; echo $$ > pid; while :; do sleep 0.1; done' >/dev/null 2>&1 &) ; sleep 0.2",
    "(env -i setsid bash -c '(setsid bash -c \"echo \\$\\$ > pid; kill -STOP \\$\\$; sleep 100\" &) & exit' >/dev/null 2>&1 &) ; sleep 0.3",
    "nohup bash -c 'echo $$ > pid; exec sleep 100' >/dev/null 2>&1 & disown; sleep 0.2",
];

#[tokio::test]
async fn nothing_escapes() {
    let benches: Vec<_> = ESCAPES
        .iter()
        .map(|escape| (Bench::uncontained(), *escape))
        .collect();
    let all = benches.iter().map(|(bench, escape)| async move {
        bench.run(escape).await;
        let pid = bench.pid("pid").await;
        assert!(alive(pid), "{escape}");
        assert_eq!(bench.context.kill_everything().await, 0, "{escape}");
        assert!(!alive(pid), "{escape}");
    });
    futures_util::future::join_all(all).await;
}

#[tokio::test]
async fn what_killed_its_supervisor_is_found_by_its_mark() {
    let bench = Bench::uncontained();
    let result = bench
        .run("setsid sleep 100 & echo $! > pid; kill -9 $PPID; sleep 100")
        .await;
    assert_eq!(result["exit_code"], 137);
    let pid = bench.pid("pid").await;
    assert!(alive(pid));
    assert!(bench.context.kill_everything().await >= 1);
    eventually("it is gone", || !alive(pid)).await;
}

#[tokio::test]
async fn a_run_that_is_forgotten_takes_its_processes_with_it() {
    let bench = Bench::uncontained();
    bench.run("sleep 100 & echo $! > pid").await;
    let pid = bench.pid("pid").await;
    let Bench {
        context, folder, ..
    } = bench;
    assert!(alive(pid));
    drop(context);
    eventually("it is gone", || !alive(pid)).await;
    drop(folder);
}

#[test]
fn a_server_that_dies_takes_its_commands_with_it() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bench = Bench::uncontained();
    let pid = runtime.block_on(async {
        bench.run("setsid sleep 100 & echo $! > pid").await;
        bench.pid("pid").await
    });
    // All that a supervisor notices of its server's death is the end of its lifeline.
    runtime.shutdown_background();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(eventually("it is gone", || !alive(pid)));
}

#[tokio::test]
async fn a_run_on_another_server_can_be_swept_by_its_mark() {
    let bench = Bench::uncontained();
    bench
        .run("sleep 100 & echo $! > pid; echo -n $NAVI_RUN_ID > mark")
        .await;
    let pid = bench.pid("pid").await;
    let mark = bench.content("mark");
    assert_eq!(sweep("00000000-no-such-run").await, 0);
    assert!(alive(pid));
    assert!(sweep(&mark).await >= 1);
    eventually("it is gone", || !alive(pid)).await;
}

#[tokio::test]
async fn a_flood_of_output_costs_neither_memory_nor_events() {
    let mut bench = Bench::new();
    let result = bench
        .run("echo first; head -c 200M /dev/zero | tr '\\0' 'x'; echo; echo last")
        .await;
    let stdout = result["stdout"].as_str().unwrap();
    assert!(stdout.starts_with("first\n") && stdout.ends_with("\nlast\n"));
    assert!(stdout.contains("bytes left out here"));
    assert!(stdout.len() < 34 * 1024);
    let live: usize = bench.live().iter().map(|line| line.line.len()).sum();
    assert!(live < 20_000, "{live}");
    let result = bench.run("yes 0123456789 | head -n 3000000").await;
    assert!(result["stdout"].as_str().unwrap().len() < 34 * 1024);
    let live: usize = bench.live().iter().map(|line| line.line.len()).sum();
    assert!(live < 270 * 1024, "{live}");
}

#[tokio::test]
async fn output_that_is_no_text_is_shown_as_far_as_it_is() {
    let bench = Bench::new();
    let result = bench.run("printf 'a\\xff\\x00b\\xe2\\x82'").await;
    assert_eq!(result["stdout"], "a\u{fffd}\u{fffd}b\u{fffd}");
}

#[tokio::test]
async fn a_command_that_cannot_be_is_told() {
    let bench = Bench::new();
    let told = bench
        .told("run_command", json!({ "command": "a\0b" }))
        .await;
    assert!(told.contains("NUL"), "{told}");
    let told = bench
        .told("run_command", json!({ "command": "x".repeat(200_000) }))
        .await;
    assert!(told.contains("write a long script to a file"), "{told}");
    bench.told("run_command", json!({ "command": "  " })).await;
    bench
        .told("run_command", json!({ "command": ["ls"] }))
        .await;
    assert_eq!(bench.run("no-such-program").await["exit_code"], 127);
}

#[tokio::test]
async fn a_workspace_that_vanishes_is_told() {
    let bench = Bench::new();
    std::fs::remove_dir_all(bench.root()).unwrap();
    let outcome = bench.call("run_command", json!({ "command": "pwd" })).await;
    assert!(outcome.is_err() || outcome.unwrap().result["success"] == false);
    assert!(Workspace::open(bench.root().to_str().unwrap()).is_err());
}

#[tokio::test]
async fn a_missing_supervisor_stops_the_run_and_says_why() {
    let mut bench = Bench::new();
    let launch = navi::exec::launch::Launch {
        supervisor: "/no/such/program".into(),
        environment: std::sync::Arc::default(),
        sandbox: navi::exec::sandbox::machine::Sandbox::off(),
        egress: None,
        spares: std::sync::Arc::default(),
        presence: None,
    };
    bench.context.processes = navi::exec::process::Processes::new(
        launch,
        "mark",
        navi::exec::sandbox::enclosure::Grant::default(),
        None,
    );
    let stopped = bench
        .call("run_command", json!({ "command": "true" }))
        .await;
    assert!(matches!(stopped, Err(ToolError::Stop(_))), "{stopped:?}");
}

#[tokio::test]
async fn what_forks_faster_than_it_can_be_listed_ends_too() {
    let bench = Bench::new();
    let call = json!({
        "command": "f() { g & }; g() { trap '' TERM; sleep 0.01; f; }; for i in 1 2 3 4 5; do g & done; sleep 9",
        "timeout_seconds": 1,
    });
    let result = bench.result("run_command", call).await;
    assert_eq!(result["exit_code"], -1);
    assert_eq!(bench.context.kill_everything().await, 0);
}
