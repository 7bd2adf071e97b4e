//! Looks at everything once a second while a stage goes on.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::cli::load::report::measured::{DatabaseUse, ServerUse};
use crate::cli::load::watch::database::WatchedDatabase;
use crate::cli::load::watch::exposition::Exposition;
use crate::cli::load::watch::process::{
    machine_processor_seconds, own_processor_seconds, processor_seconds,
};
use crate::platform::database::servers::Servers;
use crate::platform::db;
use crate::platform::outbound::client::Client;
use crate::platform::sync::lock;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest that a server may take to show its metrics.
const PATIENCE: Duration = Duration::from_secs(10);

/// The places to look at.
#[derive(Clone, Debug)]
pub struct Observatory {
    /// The client.
    pub client: Client,
    /// The servers.
    pub servers: Vec<Url>,
    /// Their processes, where they are known.
    pub processes: Arc<Mutex<Vec<u32>>>,
    /// The database, where it is known.
    pub database: Option<Servers>,
}

/// The sights of a stage.
#[derive(Clone, Debug, Default)]
pub struct StageUse {
    /// The use of the servers.
    pub server: Option<ServerUse>,
    /// The use of the database.
    pub database: Option<DatabaseUse>,
    /// Processors of this machine in use, on average.
    pub processors: f64,
    /// Processors that this program used, on average.
    pub own_processors: f64,
}

/// Seconds of processor time at a moment.
#[derive(Clone, Copy, Debug)]
struct ProcessorTimes {
    at: Instant,
    server: f64,
    machine: f64,
    own: f64,
}

impl Observatory {
    /// The metrics of all servers, added up; none if one does not answer.
    pub async fn metrics(&self) -> Option<Exposition> {
        let mut all = Exposition::default();
        for server in &self.servers {
            let url = server.join("metrics").ok()?;
            let request = self.client.request(Method::GET, url).ok()?;
            let answer = request.timeout(PATIENCE).send().await.ok()?;
            let shown = answer.error_for_status().ok()?;
            all.add(&shown.text().await.ok()?);
        }
        Some(all)
    }

    /// Looks once a second until `stop`, and once more then.
    pub async fn watch(self, stop: CancellationToken) -> StageUse {
        let mut database = self.watch_database().await;
        let mut server = None;
        let mut looks = tokio::time::interval(PAUSE);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let before = self.times(self.metrics().await.as_ref());
        loop {
            let over = tokio::select! {
                () = stop.cancelled() => true,
                _ = looks.tick() => false,
            };
            if let Some(metrics) = self.metrics().await {
                see(server.get_or_insert_default(), &metrics);
            }
            if let Some(watched) = &mut database
                && watched.look().await.is_err()
            {
                database = None;
            }
            if over {
                break;
            }
        }
        let after = self.times(self.metrics().await.as_ref());
        let seconds = after.at.duration_since(before.at).as_secs_f64().max(0.001);
        let rate = |before: f64, after: f64| (after - before).max(0.0) / seconds;
        if let Some(server) = &mut server {
            server.processors = rate(before.server, after.server);
        }
        let database = match database {
            Some(watched) => watched.over().await.ok(),
            None => None,
        };
        StageUse {
            server,
            database,
            processors: rate(before.machine, after.machine),
            own_processors: rate(before.own, after.own),
        }
    }

    async fn watch_database(&self) -> Option<WatchedDatabase> {
        let conn = db::connect_once(self.database.as_ref()?).await.ok()?;
        WatchedDatabase::begin(conn).await.ok()
    }

    /// Processor times. Those of processes are exact; metrics count whole seconds.
    fn times(&self, metrics: Option<&Exposition>) -> ProcessorTimes {
        let processes = lock(&self.processes).clone();
        let server = if processes.is_empty() {
            metrics.map_or(0.0, |metrics| metrics.sum("process_cpu_seconds_total"))
        } else {
            processes.into_iter().filter_map(processor_seconds).sum()
        };
        ProcessorTimes {
            at: Instant::now(),
            server,
            machine: machine_processor_seconds().unwrap_or_default(),
            own: own_processor_seconds().unwrap_or_default(),
        }
    }
}

fn see(all: &mut ServerUse, metrics: &Exposition) {
    let mib = metrics.sum("process_resident_memory_bytes") / 1_048_576.0;
    all.memory_mib = mib;
    let used = metrics.sum_with("navi_db_connections", &[("state", "used")]);
    for (most, now) in [
        (&mut all.memory_most_mib, mib),
        (&mut all.descriptors_most, metrics.sum("process_open_fds")),
        (&mut all.connections_most, used),
        (
            &mut all.waiting_most,
            metrics.sum("navi_db_waiting_callers"),
        ),
        (&mut all.runs_most, metrics.sum("navi_runs_active")),
        (&mut all.queued_most, metrics.sum("navi_runs_waiting")),
        (&mut all.streams_most, metrics.sum("navi_streams_open")),
        (
            &mut all.audit_queue_most,
            metrics.sum("navi_audit_queue_depth"),
        ),
        (
            &mut all.ledger_queue_most,
            metrics.sum("navi_ledger_queue_depth"),
        ),
    ] {
        *most = most.max(now);
    }
}
