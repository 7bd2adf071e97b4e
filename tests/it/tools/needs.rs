//! Needs of calls beyond the wall, opened for them and for nothing else.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use std::path::Path;

use navi::exec::credentials::settings::RunCredentials;
use navi::exec::sandbox::wall::Tier;
use serde_json::json;

use super::{Bench, sandbox};

/// A bench whose run has a way out, and nothing that it may reach.
fn with_a_way_out() -> Bench {
    let home = Path::new("/nonexistent");
    Bench::new().borrowing(&sandbox(), "", RunCredentials::default(), home)
}

#[tokio::test]
async fn a_host_is_open_for_the_command_that_needs_it_and_for_no_other() {
    if sandbox().tier() != Tier::Full {
        return;
    }
    let bench = with_a_way_out();
    // It fails, so that its result says why. That the address is of no public network is looked at
    // only when the host is allowed.
    let command = "exec 3<>/dev/tcp/127.0.0.1/${HTTPS_PROXY##*:}; \
                   printf 'CONNECT 10.0.0.1:443 HTTP/1.1\\r\\nHost: 10.0.0.1:443\\r\\n\\r\\n' >&3; \
                   head -n 1 <&3; exit 1";
    let needs = json!({ "hosts": ["10.0.0.1:443"] });
    for (needs, said) in [
        (json!(null), "is not allowed for this run"),
        (
            needs,
            "is allowed for this run, but its address is not public",
        ),
        (json!(null), "is not allowed for this run"),
    ] {
        let call = json!({ "command": command, "needs": needs });
        let result = bench.result("run_command", call).await;
        let told = result["sandbox"].to_string();
        assert!(told.contains(said), "{result:?}");
    }
}

#[tokio::test]
async fn a_folder_is_open_for_the_command_that_needs_it_and_for_no_other() {
    let bench = Bench::new();
    let other = tempfile::tempdir().unwrap();
    let folder = other.path().canonicalize().unwrap();
    let write = |needs: bool| {
        let mut call = json!({ "command": format!("echo x >> {}/file", folder.display()) });
        if needs {
            call["needs"] = json!({ "folders": [&folder] });
        }
        call
    };
    let opened = bench.result("run_command", write(true)).await;
    assert_eq!(opened["success"], true, "{opened:?}");
    assert_eq!(std::fs::read_to_string(folder.join("file")).unwrap(), "x\n");
    if sandbox().tier() != Tier::None {
        // Within a root of its own the run may write to such a path in its own `/tmp`.
        bench.result("run_command", write(false)).await;
        assert_eq!(std::fs::read_to_string(folder.join("file")).unwrap(), "x\n");
    }
}

#[tokio::test]
async fn what_a_person_opens_for_the_run_is_open_for_what_comes_after() {
    let bench = with_a_way_out();
    if sandbox().tier() == Tier::None {
        return;
    }
    let other = tempfile::tempdir_in("/var/tmp").unwrap();
    let folder = other.path().canonicalize().unwrap();
    let file = folder.join("file");
    let write = json!({ "command": format!("echo x >> {}", file.display()) });
    let before = bench.result("run_command", write.clone()).await;
    assert_eq!(before["success"], false, "{before:?}");
    let needs = json!({ "folders": [&folder], "hosts": ["10.0.0.1:443"], "for": "run" });
    let opening = json!({ "command": "true", "needs": needs });
    let opened = bench.result("run_command", opening).await;
    assert_eq!(opened["success"], true, "{opened:?}");
    let after = bench.result("run_command", write).await;
    assert_eq!(after["success"], true, "{after:?}");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "x\n");
    if sandbox().tier() == Tier::Full {
        let connect = "exec 3<>/dev/tcp/127.0.0.1/${HTTPS_PROXY##*:}; \
                       printf 'CONNECT 10.0.0.1:443 HTTP/1.1\\r\\nHost: 10.0.0.1:443\\r\\n\\r\\n' >&3; \
                       head -n 1 <&3; exit 1";
        let result = bench
            .result("run_command", json!({ "command": connect }))
            .await;
        let told = result["sandbox"].to_string();
        assert!(told.contains("is allowed for this run, but"), "{result:?}");
    }
}

#[tokio::test]
async fn for_the_run_neither_ports_nor_credentials_are_opened() {
    let bench = Bench::new();
    for needs in [
        json!({ "credentials": ["ssh-agent git.example.com"], "for": "run" }),
        json!({ "ports": [8080], "for": "run" }),
        json!({ "hosts": ["example.com"], "for": "ever" }),
    ] {
        let call = json!({ "command": "true", "needs": needs });
        let outcome = bench.call("run_command", call).await;
        let told = outcome.unwrap_err().to_string();
        assert!(
            told.contains("the argument `needs` cannot be used"),
            "{needs}: {told}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_opened_is_told() {
    if sandbox().tier() == Tier::None {
        return;
    }
    let bench = Bench::new();
    let other = tempfile::tempdir().unwrap();
    let base = other.path().canonicalize().unwrap();
    std::fs::create_dir(base.join("real")).unwrap();
    std::fs::write(base.join("file"), "").unwrap();
    std::os::unix::fs::symlink("real", base.join("link")).unwrap();
    for (name, said) in [
        ("missing", "cannot be opened"),
        ("link", "/real`; name it by that"),
        ("file", "is not a folder"),
    ] {
        let needs = json!({ "folders": [base.join(name)] });
        let call = json!({ "command": "true", "needs": needs });
        let told = bench.told("run_command", call).await;
        assert!(told.contains(said), "{told}");
    }
    if sandbox().tier() == Tier::Full {
        let call = json!({ "command": "true", "needs": { "hosts": ["example.com:443"] } });
        let told = bench.told("run_command", call).await;
        assert!(told.contains("cannot reach example.com:443"), "{told}");
    }
}

#[tokio::test]
async fn ports_are_those_of_the_server_that_is_started() {
    let bench = Bench::new();
    let needs = json!({ "ports": [3000] });
    let call = json!({ "command": "true", "needs": needs });
    let told = bench.told("run_command", call).await;
    assert!(told.contains("start_server"), "{told}");
    let call = json!({ "command": "true", "port": 3001, "needs": needs });
    let told = bench.told("start_server", call).await;
    assert!(told.contains("this server has port 3001"), "{told}");
}

#[tokio::test]
async fn this_machine_reaches_a_server_that_asked_for_it_until_it_is_stopped() {
    let bench = Bench::new();
    bench.put("page.txt", "hello from the page");
    let port = TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let call = json!({
        "command": "exec python3 -m http.server --bind 127.0.0.1 $PORT",
        "port": port,
        "needs": { "ports": [port] },
    });
    let started = bench.result("start_server", call).await;
    let address = started["forwarded"].as_str().unwrap();
    let address = address.strip_prefix("http://").unwrap().to_owned();
    let asked = address.clone();
    let page = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(asked).unwrap();
        stream.write_all(b"GET /page.txt HTTP/1.0\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page
    });
    let page = page.await.unwrap();
    assert!(page.ends_with("hello from the page"), "{page}");
    let stopped = bench.result("stop_server", json!({ "port": port })).await;
    assert_eq!(stopped["success"], true, "{stopped:?}");
    // Its port is closed beside us.
    while tokio::net::TcpStream::connect(&address).await.is_ok() {}
}
