//! The embedded Postgres, really started, stopped, killed and started again.
//!
//! Run as root these cover root's own ways too: handing the cluster to another user, and the user
//! namespace. Run as an ordinary user they cover that one.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use navi::platform::embedded_postgres::error::Error;
use navi::platform::embedded_postgres::server::{EmbeddedPostgres, Settings};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use sqlx::error::DatabaseError;
use sqlx::{ConnectOptions, PgConnection};

/// Set for a process that is to start the cluster in this folder and stay.
const KEEPER: &str = "NAVI_TEST_KEEP_CLUSTER_IN";

fn settings(data_dir: &Path) -> Settings {
    Settings {
        data_dir: data_dir.to_owned(),
        ..Settings::default()
    }
}

async fn start(data_dir: &Path) -> EmbeddedPostgres {
    EmbeddedPostgres::start(settings(data_dir)).await.unwrap()
}

async fn connect(postgres: &EmbeddedPostgres) -> PgConnection {
    postgres.connect_options().connect().await.unwrap()
}

/// Writes a row that every later start must still know.
async fn remember(postgres: &EmbeddedPostgres, number: i32) {
    let mut conn = connect(postgres).await;
    sqlx::raw_sql("create table if not exists memory (number int)")
        .execute(&mut conn)
        .await
        .unwrap();
    sqlx::query("insert into memory values ($1)")
        .bind(number)
        .execute(&mut conn)
        .await
        .unwrap();
}

async fn remembered(postgres: &EmbeddedPostgres) -> Vec<i32> {
    let mut conn = connect(postgres).await;
    sqlx::query_scalar("select number from memory order by number")
        .fetch_all(&mut conn)
        .await
        .unwrap()
}

/// The processes that work in a folder below this one.
fn processes_in(data_dir: &Path) -> Vec<Pid> {
    let data_dir = data_dir.canonicalize().unwrap();
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let folder = std::fs::read_link(entry.path().join("cwd")).ok()?;
            folder.starts_with(&data_dir).then(|| Pid::from_raw(pid))
        })
        .collect()
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "not in 20 s: {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    let base = tempfile::tempdir().unwrap();
    for number in 0..3 {
        let postgres = start(base.path()).await;
        remember(&postgres, number).await;
        let known: Vec<i32> = (0..=number).collect();
        assert_eq!(remembered(&postgres).await, known);
        postgres.stop().await;
        assert_eq!(processes_in(base.path()), []);
    }
}

#[tokio::test]
async fn it_listens_on_its_socket_alone_and_wants_the_password() {
    let base = tempfile::tempdir().unwrap();
    let postgres = start(base.path()).await;
    let mut conn = connect(&postgres).await;
    let addresses: String = sqlx::query_scalar("show listen_addresses")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(addresses, "");

    let socket = postgres.connect_options().get_socket().unwrap().clone();
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "{}", socket.display());
    for password in ["", "wrong"] {
        let refused = postgres.connect_options().password(password);
        let error = refused.connect().await.unwrap_err();
        let code = error.as_database_error().and_then(DatabaseError::code);
        assert_eq!(code.as_deref(), Some("28P01"), "{error}");
    }
}

#[tokio::test]
async fn dropping_it_stops_it() {
    let base = tempfile::tempdir().unwrap();
    let postgres = start(base.path()).await;
    let _open = connect(&postgres).await;
    assert_ne!(processes_in(base.path()), []);
    drop(postgres);
    assert_eq!(processes_in(base.path()), []);
}

#[tokio::test]
async fn a_start_that_nobody_waits_for_leaves_nothing_running() {
    let base = tempfile::tempdir().unwrap();
    drop(start(base.path()).await);
    for patience in [1, 5, 20, 40] {
        let start = EmbeddedPostgres::start(settings(base.path()));
        let patience = Duration::from_millis(patience);
        drop(tokio::time::timeout(patience, start).await);
        let lock = base.path().join("postgres/lock");
        eventually("the folder is let go of", || {
            std::fs::File::open(&lock).unwrap().try_lock().is_ok()
        })
        .await;
        assert_eq!(processes_in(base.path()), []);
    }
}

#[tokio::test]
async fn a_second_one_in_the_same_folder_is_refused_and_told_who_holds_it() {
    let base = tempfile::tempdir().unwrap();
    let postgres = start(base.path()).await;
    let error = EmbeddedPostgres::start(settings(base.path()))
        .await
        .unwrap_err();
    let me = std::process::id().to_string();
    assert!(
        matches!(&error, Error::InUse { holder, .. } if *holder == me),
        "{error}"
    );
    assert!(error.to_string().contains("NAVI_DATA_DIR"), "{error}");
    remember(&postgres, 1).await;
}

/// The process id of the postmaster over this data folder, as Postgres writes it down.
fn postmaster(data_dir: &Path) -> i32 {
    let file = data_dir.join("postgres/data/postmaster.pid");
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_killed_postmaster_is_noticed_and_nothing_committed_is_lost() {
    let base = tempfile::tempdir().unwrap();
    let postgres = start(base.path()).await;
    remember(&postgres, 7).await;
    kill(Pid::from_raw(postmaster(base.path())), Signal::SIGKILL).unwrap();
    tokio::time::timeout(Duration::from_secs(10), postgres.ended())
        .await
        .unwrap();
    drop(postgres);

    let postgres = start(base.path()).await;
    assert_eq!(remembered(&postgres).await, [7]);
}

#[tokio::test]
async fn orphans_of_a_killed_postmaster_are_ended_before_the_next_start() {
    let base = tempfile::tempdir().unwrap();
    let postgres = start(base.path()).await;
    remember(&postgres, 7).await;
    let mut busy = connect(&postgres).await;
    // Counts for minutes and does not look whether its postmaster is alive.
    let counting = sqlx::raw_sql("select count(*) from generate_series(1, 10000000000)");
    let counting = counting.execute(&mut busy);
    let limit = Duration::from_millis(300);
    assert!(tokio::time::timeout(limit, counting).await.is_err());
    kill(Pid::from_raw(postmaster(base.path())), Signal::SIGKILL).unwrap();
    postgres.ended().await;
    assert_ne!(
        processes_in(base.path()),
        [],
        "the orphan should still count"
    );
    drop(postgres);

    let postgres = start(base.path()).await;
    assert_eq!(remembered(&postgres).await, [7]);
}

#[tokio::test]
async fn a_stale_lock_file_that_names_a_living_stranger_is_no_obstacle() {
    let base = tempfile::tempdir().unwrap();
    let postgres = start(base.path()).await;
    remember(&postgres, 7).await;
    let data = base.path().join("postgres/data");
    let socket = postgres.connect_options().get_socket().unwrap().clone();
    let own_words = std::fs::read_to_string(data.join("postmaster.pid")).unwrap();
    postgres.stop().await;

    // Our own number: alive, not a zombie, and no Postgres.
    let (_, rest) = own_words.split_once('\n').unwrap();
    let stale = format!("{}\n{rest}", std::process::id());
    std::fs::write(data.join("postmaster.pid"), &stale).unwrap();
    std::fs::write(socket.join(".s.PGSQL.5432.lock"), &stale).unwrap();
    std::fs::write(socket.join(".s.PGSQL.5432"), "").unwrap();

    let postgres = start(base.path()).await;
    assert_eq!(remembered(&postgres).await, [7]);
}

#[tokio::test]
async fn a_long_path_and_a_strange_one_are_served_like_any_other() {
    for name in ["x".repeat(150), "a, \"b\" 'c' $d".to_owned()] {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join(name);
        let postgres = start(&folder).await;
        remember(&postgres, 1).await;
        let socket = postgres.connect_options().get_socket().unwrap().clone();
        postgres.stop().await;
        let postgres = start(&folder).await;
        assert_eq!(remembered(&postgres).await, [1]);
        postgres.stop().await;
        if !socket.starts_with(base.path()) {
            std::fs::remove_dir_all(socket).unwrap();
        }
    }
}

#[tokio::test]
async fn a_cluster_of_another_version_is_refused_and_left_alone() {
    let base = tempfile::tempdir().unwrap();
    start(base.path()).await.stop().await;
    let file = base.path().join("postgres/data/PG_VERSION");
    let version = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, "9\n").unwrap();
    let error = EmbeddedPostgres::start(settings(base.path()))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("was made by Postgres 9"),
        "{error}"
    );

    std::fs::write(&file, "garbage").unwrap();
    let error = EmbeddedPostgres::start(settings(base.path()))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("it names no version"), "{error}");

    std::fs::write(&file, version).unwrap();
    start(base.path()).await.stop().await;
}

#[tokio::test]
async fn a_making_that_was_interrupted_is_begun_again() {
    let base = tempfile::tempdir().unwrap();
    let unfinished = base.path().join("postgres/data.new/base");
    std::fs::create_dir_all(&unfinished).unwrap();
    std::fs::write(unfinished.join("1"), "half a file").unwrap();
    let postgres = start(base.path()).await;
    remember(&postgres, 1).await;
    assert!(!base.path().join("postgres/data.new").exists());
}

#[tokio::test]
async fn a_postgres_that_cannot_start_says_why() {
    let base = tempfile::tempdir().unwrap();
    start(base.path()).await.stop().await;
    let conf = base.path().join("postgres/data/postgresql.conf");
    std::fs::write(&conf, "work_mem = 'a lot'\n").unwrap();
    let error = EmbeddedPostgres::start(settings(base.path()))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("work_mem"), "{error}");
}

#[tokio::test]
async fn a_lost_password_is_named() {
    let base = tempfile::tempdir().unwrap();
    start(base.path()).await.stop().await;
    std::fs::remove_file(base.path().join("postgres/password")).unwrap();
    let error = EmbeddedPostgres::start(settings(base.path()))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::PasswordLost(_)), "{error}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "tells the process apart that the test starts from the test"
)]
fn keeper_folder() -> Option<PathBuf> {
    std::env::var_os(KEEPER).map(PathBuf::from)
}

/// Another process that starts the cluster in `data_dir` and stays until it is killed: this very
/// test program, told to run `test` alone, which does that when it finds the variable.
#[expect(clippy::disallowed_methods, reason = "the test is about processes")]
async fn keeper(test: &str, program: &Path, data_dir: &Path, user: Option<u32>) -> Child {
    let mut command = Command::new(program);
    command
        .args([
            &format!("embedded_postgres::{test}"),
            "--exact",
            "--nocapture",
        ])
        .env(KEEPER, data_dir)
        .current_dir("/")
        .stdout(Stdio::null());
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    let mut child = command.spawn().unwrap();
    let file = data_dir.join("postgres/data/postmaster.pid");
    eventually("the other process has started its cluster", || {
        assert_eq!(child.try_wait().unwrap(), None, "it ended");
        std::fs::read_to_string(&file).is_ok_and(|text| text.contains("ready"))
    })
    .await;
    child
}

/// The work of the other process: it keeps a cluster running for a minute.
async fn keep(data_dir: &Path) {
    let _postgres = start(data_dir).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
}

#[tokio::test]
async fn a_killed_parent_takes_postgres_along_in_good_order() {
    if let Some(data_dir) = keeper_folder() {
        return keep(&data_dir).await;
    }
    let base = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let test = "a_killed_parent_takes_postgres_along_in_good_order";
    let mut parent = keeper(test, &program, base.path(), None).await;
    parent.kill().unwrap();
    parent.wait().unwrap();
    eventually("Postgres has ended too", || {
        processes_in(base.path()).is_empty()
    })
    .await;
    let log = std::fs::read_to_string(base.path().join("postgres/log")).unwrap();
    assert!(log.contains("received fast shutdown request"), "{log}");
    assert!(
        log.trim_end().ends_with("database system is shut down"),
        "{log}"
    );
    start(base.path()).await.stop().await;
}

#[tokio::test]
async fn a_start_right_after_the_parent_was_killed_waits_for_the_old_postgres() {
    if let Some(data_dir) = keeper_folder() {
        return keep(&data_dir).await;
    }
    let base = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let test = "a_start_right_after_the_parent_was_killed_waits_for_the_old_postgres";
    for _ in 0..3 {
        let mut parent = keeper(test, &program, base.path(), None).await;
        let refused = EmbeddedPostgres::start(settings(base.path())).await;
        let holder = parent.id().to_string();
        assert!(matches!(refused, Err(Error::InUse { holder: it, .. }) if it == holder));
        parent.kill().unwrap();
        parent.wait().unwrap();
        start(base.path()).await.stop().await;
    }
}

#[tokio::test]
async fn root_runs_postgres_as_somebody_else_where_that_user_can_reach_it() {
    if !geteuid().is_root() {
        return;
    }
    let base = tempfile::tempdir().unwrap();
    let parent = base.path().to_owned();
    std::fs::set_permissions(&parent, PermissionsExt::from_mode(0o755)).unwrap();
    let postgres = start(&parent.join("navi")).await;
    remember(&postgres, 1).await;
    let pid = postmaster(&parent.join("navi"));
    let user = std::fs::metadata(format!("/proc/{pid}")).unwrap().uid();
    assert_ne!(user, 0);
    let data = parent.join("navi/postgres/data");
    assert_eq!(std::fs::metadata(data).unwrap().uid(), user);
    let password = parent.join("navi/postgres/password");
    assert_eq!(std::fs::metadata(password).unwrap().uid(), 0);
    postgres.stop().await;

    // Closed to that user now. What is already there is not root's to be given away again.
    std::fs::set_permissions(&parent, PermissionsExt::from_mode(0o700)).unwrap();
    let error = EmbeddedPostgres::start(settings(&parent.join("navi")))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("chown -R 0 "), "{error}");
}

#[tokio::test]
async fn root_runs_postgres_in_a_namespace_where_nobody_else_can_reach_it() {
    if !geteuid().is_root() {
        return;
    }
    let base = tempfile::tempdir().unwrap();
    std::fs::set_permissions(base.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let postgres = start(base.path()).await;
    let pid = postmaster(base.path());
    let ours = std::fs::read_link("/proc/self/ns/user").unwrap();
    let its = std::fs::read_link(format!("/proc/{pid}/ns/user")).unwrap();
    assert_ne!(ours, its);
    let data = base.path().join("postgres/data");
    assert_eq!(std::fs::metadata(data).unwrap().uid(), 0);
    postgres.stop().await;

    // When others may pass later, what root owned is handed over.
    std::fs::set_permissions(base.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let postgres = start(base.path()).await;
    let data = base.path().join("postgres/data");
    assert_ne!(std::fs::metadata(data).unwrap().uid(), 0);
    postgres.stop().await;
}

#[tokio::test]
async fn an_ordinary_user_and_one_that_the_system_does_not_know_can_do_it_too() {
    if let Some(data_dir) = keeper_folder() {
        return keep(&data_dir).await;
    }
    // An ordinary user is who runs all these tests when it is not root.
    if !geteuid().is_root() {
        return;
    }
    let base = tempfile::tempdir().unwrap();
    std::fs::set_permissions(base.path(), PermissionsExt::from_mode(0o755)).unwrap();
    // A copy, for the build's folder may be closed to them.
    let program = base.path().join("tests");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    for user in [65534, 54321] {
        let data_dir = base.path().join(user.to_string());
        std::fs::create_dir(&data_dir).unwrap();
        std::os::unix::fs::chown(&data_dir, Some(user), Some(user)).unwrap();
        let test = "an_ordinary_user_and_one_that_the_system_does_not_know_can_do_it_too";
        let mut child = keeper(test, &program, &data_dir, Some(user)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        eventually("Postgres has ended too", || {
            processes_in(&data_dir).is_empty()
        })
        .await;
    }
}
