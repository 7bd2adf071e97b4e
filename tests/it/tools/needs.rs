//! What calls need beyond the wall, opened for them and for nothing else.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use navi::exec::sandbox::wall::Tier;
use serde_json::json;

use super::{Bench, sandbox};

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
        let closed = bench.result("run_command", write(false)).await;
        assert_eq!(closed["success"], false, "{closed:?}");
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
        ("file", "is no folder"),
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
