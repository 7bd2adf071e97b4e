use std::net::TcpListener;
use std::time::{Duration, Instant};

use navi::tools::outcome::{Effect, ToolError};
use serde_json::json;

use super::Bench;
use crate::support::promises::{CANCELLED_WITHIN, kept};

/// A port that was free a moment ago.
fn port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

const SERVER: &str = "exec python3 -m http.server --bind 127.0.0.1 $PORT";

#[tokio::test]
async fn a_server_is_started_checked_and_stopped() {
    let bench = Bench::new();
    bench.put("page.txt", "hello from the page");
    let port = port();
    let start = json!({ "command": SERVER, "port": port, "health_path": "/page.txt" });
    let started = bench.call("start_server", start.clone()).await.unwrap();
    assert_eq!(started.result["success"], true, "{:?}", started.result);
    assert_eq!(
        started.result["url"],
        format!("http://127.0.0.1:{port}/page.txt")
    );
    let ran = Effect::Ran {
        command: SERVER.to_owned(),
        exit_code: None,
        success: true,
    };
    assert_eq!(started.effects, [ran]);

    let url = format!("http://localhost:{port}/page.txt");
    let checked = bench.result("check_endpoint", json!({ "url": url })).await;
    assert_eq!(
        json!(checked),
        json!({
            "success": true, "status": 200, "responding": true,
            "body_preview": "hello from the page",
        })
    );
    let missing = json!({ "url": format!("http://127.0.0.1:{port}/missing"), "method": "GET" });
    let checked = bench.result("check_endpoint", missing).await;
    assert_eq!(
        (&checked["success"], &checked["status"]),
        (&json!(false), &json!(404))
    );
    let expected =
        json!({ "url": format!("http://127.0.0.1:{port}/missing"), "expected_status": "404" });
    assert_eq!(
        bench.result("check_endpoint", expected).await["success"],
        true
    );

    let told = bench.told("start_server", start).await;
    assert!(told.contains("this run's server"), "{told}");
    let stopped = bench.result("stop_server", json!({ "port": port })).await;
    assert_eq!(
        (&stopped["success"], &stopped["port_free"]),
        (&json!(true), &json!(true))
    );
    let checked = bench.result("check_endpoint", json!({ "url": url })).await;
    assert_eq!(
        (&checked["success"], &checked["responding"]),
        (&json!(false), &json!(false))
    );
    bench.told("stop_server", json!({ "port": port })).await;
}

#[tokio::test]
async fn the_servers_of_others_are_left_alone() {
    let bench = Bench::new();
    let foreign = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = foreign.local_addr().unwrap().port();
    let told = bench
        .told("start_server", json!({ "command": "true", "port": port }))
        .await;
    assert!(told.contains("used by another program"), "{told}");
    let told = bench.told("stop_server", json!({ "port": port })).await;
    assert!(told.contains("started no server"), "{told}");
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
}

#[tokio::test]
async fn a_port_is_a_number_and_no_privileged_one() {
    let bench = Bench::new();
    for port in [
        json!(0),
        json!(80),
        json!(1023),
        json!(65536),
        json!("3000; rm -rf /"),
        json!(null),
    ] {
        let told = bench
            .told("start_server", json!({ "command": "true", "port": port }))
            .await;
        assert!(told.contains("`port`"), "{told}");
        bench.told("stop_server", json!({ "port": port })).await;
    }
    for path in ["x", "http://example.com", "/a b", "/\n"] {
        let call = json!({ "command": "true", "port": 4000, "health_path": path });
        bench.told("start_server", call).await;
    }
}

#[tokio::test]
async fn a_server_that_fails_shows_its_log() {
    let bench = Bench::new();
    let began = Instant::now();
    let command = "echo no module named x >&2; exit 3";
    let call = json!({ "command": command, "port": port(), "startup_time": 120 });
    let failed = bench.result("start_server", call).await;
    assert_eq!(failed["success"], false);
    assert!(
        failed["error"].as_str().unwrap().contains("exit code 3"),
        "{failed:?}"
    );
    assert!(
        failed["log_preview"]
            .as_str()
            .unwrap()
            .contains("no module named x")
    );
    assert!(
        began.elapsed() < Duration::from_mins(1),
        "it was waited for"
    );
}

#[tokio::test]
async fn a_server_that_is_never_ready_is_stopped() {
    let bench = Bench::uncontained();
    let port = port();
    let command = "echo $$ > pid; exec sleep 100";
    let call = json!({ "command": command, "port": port, "startup_time": 1 });
    let failed = bench.result("start_server", call).await;
    assert!(
        failed["error"]
            .as_str()
            .unwrap()
            .contains("not ready after 1 s"),
        "{failed:?}"
    );
    let pid: i32 = bench.content("pid").trim().parse().unwrap();
    assert!(!super::alive(pid));
    assert!(bench.context.servers.ports().is_empty());
}

#[tokio::test]
async fn servers_end_with_the_run() {
    let bench = Bench::new();
    let port = port();
    let call = json!({ "command": SERVER, "port": port });
    assert_eq!(bench.result("start_server", call).await["success"], true);
    assert_eq!(bench.context.servers.ports(), [port]);
    bench.context.kill_everything().await;
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(bench.context.servers.ports().is_empty());
}

#[tokio::test]
async fn starting_a_server_can_be_cancelled() {
    let bench = Bench::uncontained();
    let cancel = bench.context.cancel.clone();
    let call = json!({ "command": "echo $$ > pid; exec sleep 100", "port": port() });
    let (started, (pid, began)) = tokio::join!(bench.call("start_server", call), async {
        let pid = bench.pid("pid").await;
        cancel.cancel();
        (pid, Instant::now())
    });
    assert_eq!(started, Err(ToolError::Cancelled));
    kept(CANCELLED_WITHIN, began);
    super::eventually("it is gone", || !super::alive(pid)).await;
}

#[tokio::test]
async fn redirects_are_shown_and_not_followed() {
    let bench = Bench::new();
    let port = port();
    let server = "import http.server, os\n\
        class H(http.server.BaseHTTPRequestHandler):\n\
        \x20   def do_GET(self):\n\
        \x20       self.send_response(302)\n\
        \x20       self.send_header('Location', 'http://169.254.169.254/latest/')\n\
        \x20       self.end_headers()\n\
        \x20       self.wfile.write(b'x' * 100000)\n\
        http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), H).serve_forever()\n";
    bench.put("s.py", server);
    let call = json!({ "command": "exec python3 s.py", "port": port });
    assert_eq!(bench.result("start_server", call).await["success"], true);
    let call = json!({ "url": format!("http://127.0.0.1:{port}/"), "expected_status": 302 });
    let checked = bench.result("check_endpoint", call).await;
    assert_eq!(checked["location"], "http://169.254.169.254/latest/");
    assert_eq!(checked["body_preview"].as_str().unwrap().len(), 500);
    bench.context.kill_everything().await;
}

#[tokio::test]
async fn a_reserved_port_is_not_open_to_tools() {
    let mut bench = Bench::new();
    let port = port();
    bench.context.limits.reserved_ports = vec![port];
    bench
        .told("start_server", json!({ "command": "true", "port": port }))
        .await;
    let url = format!("http://127.0.0.1:{port}/metrics");
    bench.told("check_endpoint", json!({ "url": url })).await;
}
