//! Servers behind `PgBouncer`, which is not ours. `scripts/pgbouncer.sh` finds or unpacks it and prints the
//! path that `NAVI_PGBOUNCER` holds; `scripts/test.sh` does both.

#![expect(clippy::panic, reason = "a test stops at the first surprise")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test looks for the pooler, and starts it and commands as processes"
)]
#![expect(clippy::print_stdout, reason = "a test says when it did nothing")]

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::unistd::User;
use serde_json::{Value, json};
use sqlx::PgPool;
use tempfile::TempDir;

use crate::database::address;
use crate::runs::stage::{calls, says, script};
use crate::support::served::Place;

const ATTEMPTS: u32 = 10;
const PATIENCE: Duration = Duration::from_secs(30);
/// The setting with which a pooler takes the parameters that navi sets when a connection begins.
const TOLD: &str = "ignore_startup_parameters = extra_float_digits,options";

struct PgBouncer {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl PgBouncer {
    /// None where there is no pooler.
    async fn before(db: &PgPool, mode: &str, lines: &str) -> Option<Self> {
        let Ok(program) = std::env::var("NAVI_PGBOUNCER") else {
            println!(
                "not run: NAVI_PGBOUNCER names no PgBouncer; scripts/pgbouncer.sh finds or unpacks it"
            );
            return None;
        };
        for _ in 0..ATTEMPTS {
            if let Some(pooler) = Self::start(&program, db, mode, lines).await {
                return Some(pooler);
            }
        }
        panic!("PgBouncer does not start");
    }

    /// None when another program has the port by now.
    async fn start(program: &str, db: &PgPool, mode: &str, lines: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let options = db.connect_options();
        let (socket, name) = (
            options.get_socket().unwrap(),
            options.get_database().unwrap(),
        );
        let file = folder.path().join("pgbouncer.ini");
        // Two sessions for everybody, so that they are shared.
        let settings = format!(
            "[databases]\n{name} = host={} port={} user=navi\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\npool_mode = {mode}\n{lines}\n",
            socket.display(),
            options.get_port(),
        );
        std::fs::write(&file, settings).unwrap();
        let log = std::fs::File::create(folder.path().join("said.log")).unwrap();
        let mut command = Command::new(program);
        command.arg(&file);
        if nix::unistd::geteuid().is_root() {
            // It refuses to run as root, and must reach the socket of Postgres.
            let open = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(folder.path(), open.clone()).unwrap();
            std::fs::set_permissions(&file, open).unwrap();
            let user = User::from_name("postgres").unwrap();
            let user = user.or(User::from_name("nobody").unwrap()).unwrap();
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        let process = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut pooler = Self {
            process,
            port,
            folder,
        };
        let began = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
        {
            if pooler.process.try_wait().unwrap().is_some() {
                println!("PgBouncer ended: {}", pooler.said());
                return None;
            }
            assert!(began.elapsed() < PATIENCE, "{}", pooler.said());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Some(pooler)
    }

    fn url(&self, db: &PgPool) -> String {
        let options = db.connect_options();
        let name = options.get_database().unwrap();
        format!("postgres://navi@127.0.0.1:{}/{name}", self.port)
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("said.log")).unwrap()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// The output of `navi migrate` on this database, and its success.
fn migrate(url: &str) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_navi"))
        .arg("migrate")
        .env_clear()
        .env("DATABASE_URL", url)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.success(), said)
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn runs_go_to_their_end_behind_a_pooler_that_shares_sessions(db: PgPool) {
    let shared = "default_pool_size = 2\nignore_startup_parameters =";
    let Some(pooler) = PgBouncer::before(&db, "transaction", shared).await else {
        return;
    };
    let turns = [
        calls(&[("write_file", json!({"path": "notes", "content": "one\n"}))]),
        calls(&[("run_command", json!({"command": "cat notes"}))]),
        says("Done."),
    ];
    let place = Place::new(&script(turns), Some(&pooler.url(&db)));
    let direct = address(&db, "navi");
    let flags = [
        "--database-pooler",
        "transaction",
        "--database-direct-url",
        &direct,
    ];
    let served = place.serve(&flags).await;
    let run = async |name: String| {
        let workspace = place.workspace(&name);
        let id = served.job(&workspace).await;
        let mut stream = served.follow(&id, 0, false).await;
        stream.until(|event| event["type"] == "job_terminal").await;
        workspace
    };
    let list = async |_: u32| {
        let asked = served.send(reqwest::Method::GET, "/api/jobs?limit=1", &Value::Null);
        asked.await.unwrap().status().as_u16()
    };
    let runs = (0..3).map(|n| run(n.to_string()));
    let (runs, lists) = tokio::join!(
        futures_util::future::join_all(runs),
        futures_util::future::join_all((0..60).map(list)),
    );
    assert!(
        lists.iter().all(|status| *status == 200),
        "{lists:?} {}",
        served.log()
    );
    for workspace in runs {
        let notes = std::fs::read_to_string(workspace.join("notes"));
        assert_eq!(notes.unwrap(), "one\n");
    }
    let log = served.log();
    for trouble in ["prepared statement", "could not", "panicked"] {
        assert!(!log.contains(trouble), "{log}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_pooler_that_shares_sessions_unsaid_is_refused_before_anything_is_locked(db: PgPool) {
    let Some(pooler) = PgBouncer::before(&db, "transaction", TOLD).await else {
        return;
    };
    let (well, said) = migrate(&pooler.url(&db));
    assert!(
        !well && said.contains("DATABASE_POOLER=transaction"),
        "{said}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_pooler_that_shares_no_sessions_needs_one_line_that_is_told(db: PgPool) {
    let Some(pooler) = PgBouncer::before(&db, "session", "").await else {
        return;
    };
    let (well, said) = migrate(&pooler.url(&db));
    assert!(!well && said.contains(TOLD), "{said}");
    let Some(pooler) = PgBouncer::before(&db, "session", TOLD).await else {
        return;
    };
    let (well, said) = migrate(&pooler.url(&db));
    assert!(well, "{said}");
    let place = Place::new(&script([says("Done.")]), Some(&pooler.url(&db)));
    let served = place.serve(&[]).await;
    let (status, report) = served
        .call(reqwest::Method::GET, "/health/ready", &Value::Null)
        .await;
    assert_eq!(status, 200, "{report}");
}
