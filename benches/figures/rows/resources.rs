//! The start of the program, its memory, and that of a client that follows a job.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::clock::Sample;
use crate::memory;
use crate::scene::{Scene, Way};
use crate::server::{Server, measured};
use crate::sheet::Sheet;

const STARTS: usize = 11;
/// Longer than the server takes to give free memory back.
const IDLE: Duration = Duration::from_secs(12);
const FOLLOWERS: usize = 500;

fn median(mut one: impl FnMut() -> Duration) -> f64 {
    let nanos = |_| u64::try_from(one().as_nanos()).unwrap();
    let sample = Sample::new((0..STARTS).map(nanos).collect());
    sample.at(500).as_secs_f64() * 1e3
}

pub(crate) fn measure(scene: &Scene, sheet: &mut Sheet) {
    #[expect(clippy::cast_precision_loss, reason = "megabytes")]
    let size = std::fs::metadata(measured()).unwrap().len() as f64 / 1_048_576.0;
    sheet.value("program.size", "the program", size, "MiB", None);
    let version = median(|| {
        let began = Instant::now();
        let mut command = Command::new(measured());
        assert!(command.arg("--version").output().unwrap().status.success());
        began.elapsed()
    });
    let started = || {
        let began = Instant::now();
        let _server = scene.serve(Way::Tcp, &[]);
        began.elapsed()
    };
    let took = median(|| timed(scene));
    started();
    let baseline = Some(("navi --version", version));
    sheet.value(
        "start.ready",
        "ready over a migrated database",
        took,
        "ms",
        baseline,
    );
    let data = tempfile::tempdir().unwrap();
    let embedded = || Server::start(data.path(), &[]).1;
    embedded();
    let took = median(embedded);
    sheet.value(
        "start.embedded",
        "ready with its own Postgres, which had been made",
        took,
        "ms",
        baseline,
    );
    let server = scene.serve(Way::Tcp, &[]);
    std::thread::sleep(IDLE);
    let (resident, _) = memory::of(server.pid);
    sheet.value("memory.idle", "resident when idle", resident, "MiB", None);
    drop(server);
    followers(scene, sheet);
}

fn timed(scene: &Scene) -> Duration {
    let began = Instant::now();
    let server = scene.serve(Way::Tcp, &[]);
    let took = began.elapsed();
    drop(server);
    took
}

/// Memory of clients that follow a job that says nothing, and what is left when they are gone.
#[expect(clippy::cast_precision_loss, reason = "megabytes")]
fn followers(scene: &Scene, sheet: &mut Sheet) {
    super::queue::wait(scene, 1);
    scene.execute(
        "update runs set status = 'running', worker_id = gen_random_uuid(), fence = 1;
         insert into workers select worker_id, 'bench', now(), now() + interval '1 hour' from runs",
    );
    let row = "select run_id::text from runs limit 1";
    let run: String = scene
        .runtime
        .block_on(sqlx::query_scalar(row).fetch_one(&scene.db))
        .unwrap();
    let token = scene.token("org-1", "user-1");
    let server = scene.serve(Way::Tcp, &[("NAVI_FOLLOWERS_PER_RUN", "0")]);
    let follow = |count: usize| {
        let request = crate::load::request("GET", &format!("/api/jobs/{run}/events"), &token, "");
        let all: Vec<_> = (0..count)
            .map(|_| {
                let mut socket = TcpStream::connect(server.address).unwrap();
                socket.write_all(&request).unwrap();
                let mut status = [0; 12];
                socket.read_exact(&mut status).unwrap();
                assert_eq!(&status, b"HTTP/1.1 200", "a client may not follow");
                socket
            })
            .collect();
        std::thread::sleep(Duration::from_secs(2));
        all
    };
    // The pool and the allocator have their share from here on.
    drop(follow(FOLLOWERS));
    std::thread::sleep(IDLE);
    let (before, _) = memory::of(server.pid);
    let following = follow(FOLLOWERS);
    let (with, _) = memory::of(server.pid);
    let each = (with - before) * 1_024.0 / FOLLOWERS as f64;
    sheet.value(
        "memory.follower",
        "a client that follows a job, of 500",
        each,
        "KiB",
        None,
    );
    drop(following);
    std::thread::sleep(IDLE);
    let (after, _) = memory::of(server.pid);
    let left = (after - before).max(0.0) * 1_024.0 / FOLLOWERS as f64;
    sheet.value(
        "memory.left",
        "left of each when they are gone",
        left,
        "KiB",
        None,
    );
    drop(server);
    scene.execute("truncate runs, run_events, workers, run_turns cascade");
}
