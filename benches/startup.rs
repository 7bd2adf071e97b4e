//! How long until the server is ready, what it weighs, and the same for its embedded Postgres.
//!
//! Ready means that `GET /health/ready` answered 200; the time begins before the process does.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a benchmark stops at the first surprise, prints, and starts what it measures"
)]

#[path = "support/clock.rs"]
mod clock;
#[path = "support/memory.rs"]
mod memory;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/server.rs"]
mod server;

use std::path::Path;
use std::time::Duration;

use clock::{Sample, heading, nanos};
use navi::platform::embedded_postgres::server::EmbeddedPostgres;
use server::{PROGRAM, Server};
use tokio::runtime::Runtime;

const STARTS: usize = 20;
/// A first start makes a cluster, which takes long.
const FIRST_STARTS: usize = 5;
const IDLE: Duration = Duration::from_secs(5);

fn times(count: usize, mut one: impl FnMut() -> Duration) -> Sample {
    let nanos = |_| u64::try_from(one().as_nanos()).unwrap();
    Sample::new((0..count).map(nanos).collect())
}

/// The address of a private Postgres, as an operator would write it.
fn url(postgres: &EmbeddedPostgres, data: &Path) -> String {
    let options = postgres.connect_options();
    let password = std::fs::read_to_string(data.join("postgres/password")).unwrap();
    let socket = options.get_socket().unwrap().display();
    format!(
        "postgres://navi:{}@localhost/postgres?host={socket}",
        password.trim()
    )
}

fn main() {
    let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
    let size = std::fs::metadata(PROGRAM).unwrap().len();
    println!("the program: {:.1} MiB", mib(size));

    heading("until ready");
    let nothing = || {
        let began = nanos();
        let mut command = std::process::Command::new(PROGRAM);
        assert!(command.arg("--version").output().unwrap().status.success());
        Duration::from_nanos(nanos() - began)
    };
    times(STARTS, nothing).row("`navi --version`, for comparison");

    let runtime = Runtime::new().unwrap();
    let data = tempfile::tempdir().unwrap();
    let start = || Server::start(data.path(), &[]).1;
    // Makes and migrates the cluster.
    start();
    let postgres = postgres::start(&runtime, data.path());
    let url = url(&postgres, data.path());
    let over = || Server::start(data.path(), &[("DATABASE_URL", &url)]);
    times(STARTS, || over().1).row("over a migrated database");
    let (server, _) = over();
    std::thread::sleep(IDLE);
    let (rss, pss) = memory::of(server.pid);
    drop(server);
    runtime.block_on(postgres.stop());

    times(STARTS, start).row("with its Postgres, warm");
    let first = || Server::start(tempfile::tempdir().unwrap().path(), &[]).1;
    times(FIRST_STARTS, first).row("with its Postgres, first start");
    let alone = || {
        let began = nanos();
        let postgres = postgres::start(&runtime, data.path());
        let took = Duration::from_nanos(nanos() - began);
        runtime.block_on(postgres.stop());
        took
    };
    times(STARTS, alone).row("of these the Postgres alone, warm");
    println!(
        "\nidle for {} s: {rss:.1} MiB resident, {pss:.1} MiB proportional",
        IDLE.as_secs()
    );
}
