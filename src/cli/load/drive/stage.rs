//! One stage: its actions begin when they are due, whatever became of the ones before.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::cli::load::actions::error::ActionError;
use crate::cli::load::actions::marks::Marks;
use crate::cli::load::actions::perform::{Performed, perform};
use crate::cli::load::actions::world::LoadWorld;
use crate::cli::load::drive::arrivals::Arrival;
use crate::cli::load::drive::tally::StageTally;
use crate::platform::tasks::Tasks;

/// The time after the last user's patience in which its action is counted.
const GRACE: Duration = Duration::from_secs(5);

/// The means to drive users.
#[derive(Clone, Debug)]
pub struct Driver {
    /// The world that they share.
    pub world: Arc<LoadWorld>,
    /// Where they run.
    pub tasks: Tasks,
    /// The most actions that are under way at once. What has to wait for its turn is late.
    pub seats: u32,
    /// The longest that a user waits for the end of an action.
    pub patience: Duration,
}

impl Driver {
    /// Lets these arrive, and returns when the last has ended or lost its patience.
    pub async fn run(&self, arrivals: &[Arrival], began: Instant) -> Arc<StageTally> {
        let tally = Arc::new(StageTally::default());
        let seats = Arc::new(Semaphore::new(usize::try_from(self.seats).unwrap_or(1)));
        for (turn, arrival) in arrivals.iter().enumerate() {
            let due = began + arrival.at;
            sleep_until(due).await;
            tally.count_lag(due.elapsed());
            let (driver, tally, seats) = (self.clone(), tally.clone(), seats.clone());
            let arrival = *arrival;
            self.tasks.spawn(async move {
                let performed = driver.one(arrival, turn, due, &seats).await;
                tally.count(arrival.action, &performed, driver.patience);
            });
        }
        self.until_over(&tally, arrivals.len()).await;
        tally
    }

    /// One action, when there is a seat.
    async fn one(
        &self,
        arrival: Arrival,
        turn: usize,
        due: Instant,
        seats: &Semaphore,
    ) -> Performed {
        let seat = timeout_at(due + self.patience, seats.acquire()).await;
        let Ok(_seat) = seat else {
            return Performed {
                marks: Marks::since(due),
                outcome: Err(ActionError::Late),
            };
        };
        let person = usize::try_from(arrival.user).unwrap_or_default();
        let patience = self.patience;
        perform(&self.world, arrival.action, person, turn, due, patience).await
    }

    /// Every action ends within its patience, unless it panics, which the log says.
    async fn until_over(&self, tally: &StageTally, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let given_up = Instant::now() + self.patience + GRACE;
        while tally.counted() < count && Instant::now() < given_up {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
