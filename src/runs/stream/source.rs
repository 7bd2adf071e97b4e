//! The source of streams of runs.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::auth::principal::Principal;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::ids::RunId;
use crate::platform::metrics::Metrics;
use crate::platform::tasks::Tasks;
use crate::runs::active::ActiveRuns;
use crate::runs::log::feed::Feed;

/// Ends a run of a principal, wherever it is worked on.
pub type CancelRun = Arc<dyn Fn(Principal, RunId) -> BoxFuture<'static, ()> + Send + Sync>;

/// The parts that streams of runs are made from; cheap to clone.
#[derive(Clone)]
pub struct RunStreams {
    /// The database, which holds the logs.
    pub db: Pool,
    /// The time.
    pub clock: Clock,
    /// The count of open streams.
    pub metrics: Metrics,
    /// Where a run whose client left is ended.
    pub tasks: Tasks,
    /// The runs of this process.
    pub active: ActiveRuns,
    /// The feed that wakes the streams.
    pub feed: Feed,
    /// Cancelled when this process ends its runs.
    pub stopping: CancellationToken,
    /// Ends a run.
    pub cancel: CancelRun,
}
