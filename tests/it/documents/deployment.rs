//! The procedure of `docs/DEPLOYMENT_GUIDE.md`, carried out.

#![expect(
    clippy::disallowed_methods,
    reason = "a test does what an operator does"
)]

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use navi::platform::embedded_postgres::server::{EmbeddedPostgres, Settings};
use serde_json::Value;
use sqlx::ConnectOptions;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::documents::claims::blocks;
use crate::documents::read;

const GUIDE: &str = "docs/DEPLOYMENT_GUIDE.md";
/// The most time that the whole procedure may take.
const PATIENCE: Duration = Duration::from_mins(3);

/// The blocks that are run, as one script which says where it is.
fn script() -> String {
    let text = read(GUIDE);
    let blocks = blocks(&text);
    let run = blocks.iter().filter(|(kind, _)| *kind == "sh").enumerate();
    let numbered = run.map(|(n, (_, block))| format!("echo '=== block {n}'\n{block}\n"));
    // Whatever fails, the server must not stay behind.
    let head = "set -euo pipefail
trap 'test ! -e /var/lib/navi/pid || kill -KILL $(cat /var/lib/navi/pid)' EXIT\n";
    std::iter::once(head.to_owned()).chain(numbered).collect()
}

#[tokio::test]
async fn a_server_of_the_guide_that_does_not_come_up_says_why() {
    let around = tempfile::tempdir().unwrap();
    let text = read(GUIDE);
    let blocks: Vec<String> = blocks(&text).into_iter().map(|(_, block)| block).collect();
    let function = |name: &str| {
        let begin = blocks
            .iter()
            .find_map(|block| block.find(name).map(|at| &block[at..]));
        let begin = begin.unwrap_or_else(|| panic!("there is no {name}"));
        let end = begin.find("\n}\n").or_else(|| begin.find("\n)\n")).unwrap();
        begin[..end + 3].to_owned()
    };
    let script = format!(
        "{}{}start\n",
        function("with_settings() ("),
        function("start() {")
    );
    let mut script = script.replace("127.0.0.1:8787", &format!("127.0.0.1:{}", free_port()));
    for folder in ["/etc/navi", "/var/lib/navi"] {
        let here = around.path().join(folder.trim_start_matches('/'));
        std::fs::create_dir_all(&here).unwrap();
        script = script.replace(folder, here.to_str().unwrap());
    }
    let settings = around.path().join("etc/navi");
    let plain = "APP_ENV=production\nLOG_FORMAT=json\n";
    std::fs::write(settings.join("navi.env"), plain).unwrap();
    std::fs::write(settings.join("secrets.env"), "").unwrap();
    let output = Command::new("bash")
        .args(["-c", &script])
        .env_clear()
        .env("PATH", search_path())
        .output();
    let output = tokio::time::timeout(PATIENCE, output);
    let output = output.await.expect("it hangs").unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let why = "DATABASE_URL is required in production";
    assert!(said.contains(why), "{said}");
    let log = std::fs::read_to_string(around.path().join("var/lib/navi/log")).unwrap();
    for line in log.lines() {
        let line: Result<Value, _> = serde_json::from_str(line);
        assert!(line.is_ok(), "{log}");
    }
}

/// A port that is free at present.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The folder of the program, those of Postgres and those of the system.
pub(crate) fn search_path() -> OsString {
    let program = Path::new(env!("CARGO_BIN_EXE_navi")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let others = std::env::split_paths(&path).collect::<Vec<_>>();
    std::env::join_paths(std::iter::once(program.to_owned()).chain(others)).unwrap()
}

#[tokio::test]
async fn the_deployment_guide_leads_to_a_server_that_works() {
    let around = tempfile::tempdir().unwrap();
    let postgres = EmbeddedPostgres::start(Settings {
        data_dir: around.path().join("database"),
        ..Settings::default()
    })
    .await
    .unwrap();
    let options = postgres.connect_options();
    let socket = options.get_socket().unwrap().display().to_string();
    // As libpq understands it, which knows nothing of the parameters of our driver.
    let mut admin = options.to_url_lossy();
    admin.set_query(Some(&format!("host={socket}")));
    let mut script = script();
    for folder in [
        "/etc/navi",
        "/var/lib/navi",
        "/var/backups/navi",
        "/srv/navi/workspaces",
    ] {
        let here = around.path().join(folder.trim_start_matches('/'));
        std::fs::create_dir_all(&here).unwrap();
        assert!(script.contains(folder), "{folder}");
        script = script.replace(folder, here.to_str().unwrap());
    }
    for (there, here) in [
        ("@db.example.com/", "@localhost/".to_owned()),
        // A socket needs no TLS; this is all that differs from the database of the guide.
        ("?sslmode=verify-full", format!("?host={socket}")),
        ("127.0.0.1:8787", format!("127.0.0.1:{}", free_port())),
    ] {
        assert!(script.contains(there), "{there}");
        script = script.replace(there, &here);
    }
    let mut shell = Command::new("bash")
        .arg("-s")
        .env_clear()
        .env("PATH", search_path())
        .env("HOME", around.path())
        .env("ADMIN_URL", admin.as_str())
        .env("ANTHROPIC_API_KEY", "not-a-key")
        .current_dir(around.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = shell.stdin.take().unwrap();
    input.write_all(script.as_bytes()).await.unwrap();
    drop(input);
    let output = tokio::time::timeout(PATIENCE, shell.wait_with_output());
    let output = output.await.expect("the procedure hangs").unwrap();
    let log = std::fs::read_to_string(around.path().join("var/lib/navi/log")).unwrap_or_default();
    postgres.stop().await;
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}\n{log}");
    let blocks = said.matches("=== block ").count();
    assert!(blocks >= 12, "{blocks} blocks were run");
    let fit = said.matches("the settings are fit for production").count();
    assert_eq!(fit, 5, "{said}");
}

/// The shell of a user that cannot log in, as the guide opens it: with another such user, whom every
/// system has.
#[tokio::test]
async fn the_guide_opens_a_shell_for_a_user_who_cannot_log_in() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: only root becomes another user");
        return;
    }
    let text = read(GUIDE);
    let (_, block) = blocks(&text)
        .into_iter()
        .find(|(_, block)| block.contains("runuser"))
        .unwrap();
    let script = block
        .replace("/var/lib/navi", "/tmp")
        .replace("-u navi", "-u nobody");
    assert_ne!(script, block);
    let others = text.split('`').find(|span| span.starts_with("setpriv"));
    let others = others.unwrap().replace("/var/lib/navi", "/tmp");
    let others = others
        .replace("--reuid=navi", "--reuid=nobody")
        .replace("--regid=navi", "--regid=nogroup");
    for script in [script, others] {
        let mut shell = Command::new("sh")
            .args(["-c", &script])
            .current_dir("/tmp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = shell.stdin.take().unwrap();
        input.write_all(b"id -un; pwd\n").await.unwrap();
        drop(input);
        let output = shell.wait_with_output().await.unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(said, "nobody\n/tmp\n", "{script}");
    }
}

#[test]
fn what_the_guide_does_not_run_says_why() {
    let text = read(GUIDE);
    for (kind, block) in blocks(&text) {
        match kind {
            "bash" => assert!(block.starts_with("# not run here: "), "{block}"),
            "json" => assert!(serde_json::from_str::<Value>(&block).is_ok(), "{block}"),
            "nginx" => assert!(block.contains("proxy_pass"), "{block}"),
            "yaml" => assert!(serde_saphyr::from_str::<Value>(&block).is_ok(), "{block}"),
            "sh" => {}
            _ => panic!("a block of an unknown kind: {kind}\n{block}"),
        }
    }
}
