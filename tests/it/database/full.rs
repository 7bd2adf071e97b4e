//! A database whose disk is full: a small one in memory.

#![expect(
    clippy::disallowed_methods,
    reason = "a test starts commands as processes, and is the server's client"
)]
#![expect(clippy::panic, reason = "a test stops at the first surprise")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use navi::llm::script::Script;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Connection;

use crate::database::clusters::{Cluster, give_away};
use crate::support::served::{Place, Served};

/// Far longer than a check or a writer needs to look again.
const PATIENCE: Duration = Duration::from_secs(30);
const CONVERSATIONS: &str = "/api/navi-memory/conversations";
const TOLD: &str = "audit records cannot be written";

/// A disk in memory, unmounted at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where this may not be mounted.
    fn mount(folder: PathBuf) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"]);
        let mounted = mount.arg(&folder).output().ok()?;
        mounted.status.success().then(|| {
            give_away(&folder);
            Self(folder)
        })
    }

    /// Fills it to the last byte.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.filler()).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            let bytes = vec![0; size];
            while file.write_all(&bytes).is_ok() {}
        }
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn navi(url: &str, data: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_navi"))
        .args(arguments)
        .env_clear()
        .env("DATABASE_URL", url)
        .env("NAVI_DATA_DIR", data)
        .output()
        .unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

async fn readiness(served: &Served) -> (u16, String) {
    let (status, answer) = served.call(Method::GET, "/health/ready", &json!({})).await;
    let checks = answer["checks"].as_array().unwrap();
    let database = checks.iter().find(|check| check["name"] == "database");
    (
        status,
        database.unwrap()["detail"].as_str().unwrap().to_owned(),
    )
}

async fn until_ready_is(served: &Served, wanted: u16) -> String {
    let began = Instant::now();
    loop {
        let (status, detail) = readiness(served).await;
        if status == wanted {
            return detail;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "{status} {detail}\n{}",
            served.log()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Asks for changes until the files that are there have no room for one more.
async fn until_refused(served: &Served) -> Value {
    let change = json!({"title": "x".repeat(200)});
    for _ in 0..5_000 {
        let (status, answer) = served.post(CONVERSATIONS, &change).await;
        if answer["error_code"] == "AUDIT_UNAVAILABLE" {
            assert_eq!(status, 503);
            return answer;
        }
        // Another table may have been the first without room.
        assert!(
            status == 200 || answer["error_code"] == "DATABASE_FULL",
            "{status} {answer}"
        );
    }
    panic!("nothing was refused:\n{}", served.log());
}

#[tokio::test]
async fn a_full_disk_is_said_to_clients_in_readiness_in_the_log_and_by_the_doctor_and_passes() {
    let mut cluster = Cluster::make();
    let Some(disk) = SmallDisk::mount(cluster.give("small")) else {
        eprintln!("SKIPPED: no disk may be mounted here; none was filled");
        return;
    };
    cluster.start(&["listen_addresses="]).await;
    let mut conn = cluster.connect(5432).await.unwrap();
    for statement in [
        format!("create tablespace small location '{}'", disk.0.display()),
        "create database navi tablespace small".to_owned(),
    ] {
        let statement = sqlx::AssertSqlSafe(statement);
        sqlx::raw_sql(statement).execute(&mut conn).await.unwrap();
    }
    conn.close().await.unwrap();
    let url = format!("postgres://navi@/navi?host={}", cluster.socket().display());
    let data = tempfile::tempdir().unwrap();
    let said = navi(&url, data.path(), &["migrate"]);
    let healthy = navi(&url, data.path(), &["doctor"]);
    // The disk is small, and in sight.
    assert!(healthy.contains("MiB free at"), "{said}{healthy}");

    let flags = ["--writes-per-minute", "0"];
    let served = Place::new(&Script::default(), Some(&url))
        .serve(&flags)
        .await;
    until_ready_is(&served, 200).await;
    disk.fill();
    let refused = until_refused(&served).await;
    let words = "the database cannot store anything (disk full?)";
    let detail = refused["detail"].as_str().unwrap();
    assert_eq!(detail, format!("{words}; nothing was changed"));
    assert_eq!(refused["retry_after"], 30, "{refused}");
    assert_eq!(until_ready_is(&served, 503).await, words);
    let ill = navi(&url, data.path(), &["doctor"]);
    assert!(
        ill.contains(&format!("MISSING  database disk: {words}")),
        "{ill}"
    );
    for _ in 0..20 {
        let (status, answer) = served.post(CONVERSATIONS, &json!({"title": "no"})).await;
        assert_eq!(status, 503, "{answer}");
    }
    let (status, _) = served.call(Method::GET, CONVERSATIONS, &json!({})).await;
    assert_eq!(status, 200, "reading goes on");
    let log = served.log();
    let told: Vec<_> = log.lines().filter(|line| line.contains(TOLD)).collect();
    assert_eq!(told.len(), 1, "{log}");
    assert!(told[0].contains("No space left on device"), "{told:?}");

    std::fs::remove_file(disk.filler()).unwrap();
    until_ready_is(&served, 200).await;
    let (status, answer) = served.post(CONVERSATIONS, &json!({"title": "yes"})).await;
    assert_eq!(status, 200, "{answer}");
    assert!(served.log().contains("audit records are written again"));
}
