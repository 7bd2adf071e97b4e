//! Group commit: ratings that come while one commit is on its way are placed by the next, together. So the
//! cost of a statement and of a commit is shared by all that wait for it.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use sqlx::PgConnection;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::feedback::placing::together;
use crate::feedback::store::ratings::{NewRating, Placed};
use crate::platform::database::pool::Pool;
use crate::platform::database::servers::Servers;
use crate::platform::ids::OrgId;
use crate::platform::tasks::Tasks;

/// The number of commits on their way at once. Ratings of an organisation are in one lane: those of another
/// do not wait when a pass of the analyzer holds its counts.
const LANES: usize = 2;
/// The most ratings of a commit. Beyond, the first waits longer than the last gains.
const MAX_TOGETHER: usize = 64;
/// The most ratings that wait for their commit; more wait to wait.
const MAX_WAITING: usize = 1_024;

/// One plan for any number of ratings: to plan the statement costs more than to run it.
const SETTINGS: [(&str, &str); 1] = [("plan_cache_mode", "force_generic_plan")];

/// A rating that waits for its commit.
#[derive(Debug)]
struct PendingRating {
    rating: NewRating,
    /// Told after the commit; dropped if that fails.
    placed: oneshot::Sender<Placed>,
}

/// The ways on which ratings are committed; cheap to clone.
#[derive(Clone, Debug)]
pub struct Lanes(Vec<mpsc::Sender<PendingRating>>);

impl Lanes {
    /// Starts them. They end with `tasks`, once what waits is placed.
    pub fn open(db: &Pool, tasks: &Tasks) -> Self {
        let lanes = std::iter::repeat_with(|| {
            let (sender, waiting) = mpsc::channel(MAX_WAITING);
            let lane = RatingLane {
                servers: Servers::clone(&db.servers()).each(|options| options.options(SETTINGS)),
                db: db.clone(),
                conn: None,
                waiting,
                taken: Vec::new(),
            };
            tasks.spawn(lane.run(tasks.stopping()));
            sender
        });
        Self(lanes.take(LANES).collect())
    }

    /// Places a rating together with others. None if that failed; then it may have been placed all the same.
    pub async fn place(&self, rating: NewRating) -> Option<Placed> {
        let (placed, told) = oneshot::channel();
        let lane = self.lane(&rating.org_id)?;
        lane.send(PendingRating { rating, placed }).await.ok()?;
        told.await.ok()
    }

    fn lane(&self, org_id: &OrgId) -> Option<&mpsc::Sender<PendingRating>> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(org_id.as_str());
        let count = u64::try_from(self.0.len()).ok()?;
        self.0.get(usize::try_from(hash.checked_rem(count)?).ok()?)
    }
}

/// One of them.
struct RatingLane {
    /// For a connection of its own.
    servers: Servers,
    /// Makes room for it where the server has none.
    db: Pool,
    conn: Option<PgConnection>,
    waiting: mpsc::Receiver<PendingRating>,
    /// Those that were taken and are not placed yet.
    taken: Vec<PendingRating>,
}

impl RatingLane {
    async fn run(mut self, stopping: CancellationToken) {
        while self.take(&stopping).await {
            self.place().await;
        }
    }

    /// Waits for ratings, and takes all that are there. Returns false once there will be no more.
    async fn take(&mut self, stopping: &CancellationToken) -> bool {
        while self.taken.is_empty() {
            tokio::select! {
                biased;
                count = self.waiting.recv_many(&mut self.taken, MAX_TOGETHER) => {
                    if count == 0 {
                        return false;
                    }
                }
                // Ratings that were sent before are still placed.
                () = stopping.cancelled(), if !self.waiting.is_closed() => self.waiting.close(),
            }
        }
        while self.taken.len() < MAX_TOGETHER
            && let Ok(waiting) = self.waiting.try_recv()
        {
            self.taken.push(waiting);
        }
        true
    }

    async fn place(&mut self) {
        let batch = self.one_for_each_answer();
        let (ratings, told): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|waiting| (waiting.rating, waiting.placed))
            .unzip();
        if ratings.is_empty() {
            return;
        }
        match self.commit(&ratings).await {
            Ok(placed) => {
                for (told, placed) in told.into_iter().zip(placed) {
                    // The client may have given up.
                    let _told = told.send(placed);
                }
            }
            // Each is tried alone by its request, which finds out whether it is to blame.
            Err(error) => tracing::warn!(%error, count = ratings.len(), "ratings were not placed"),
        }
    }

    async fn commit(&mut self, ratings: &[NewRating]) -> sqlx::Result<Vec<Placed>> {
        // Taken out: after a failure it is dropped, whatever state it was in.
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.db.connect_beside(&self.servers).await?,
        };
        let placed = together::place(&mut conn, ratings).await?;
        self.conn = Some(conn);
        Ok(placed)
    }

    /// Takes out a rating for each answer; a second one of the same answer stays for the next commit.
    fn one_for_each_answer(&mut self) -> Vec<PendingRating> {
        let mut answers = HashSet::new();
        let (batch, later) = std::mem::take(&mut self.taken)
            .into_iter()
            .filter(|waiting| !waiting.placed.is_closed())
            .partition(|waiting| {
                answers.insert((waiting.rating.org_id.clone(), waiting.rating.gen_id))
            });
        self.taken = later;
        batch
    }
}
