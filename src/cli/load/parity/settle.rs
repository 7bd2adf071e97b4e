//! Waiting until a server has written what it may write later.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::cli::load::actions::world::LoadWorld;
use crate::cli::load::measure::acknowledged::{Acknowledged, KeptThing};
use crate::cli::load::measure::call_tally::CallTally;
use crate::cli::load::parity::compare::Comparison;
use crate::cli::load::parity::store;
use crate::cli::load::parity::store::StoredRows;
use crate::cli::load::report::measured::ParityLine;
use crate::cli::load::watch::exposition::Exposition;
use crate::cli::load::watch::observatory::Observatory;
use crate::platform::db;

/// The pause between two comparisons.
const PAUSE: Duration = Duration::from_millis(250);

/// The rows of a load.
#[derive(Debug)]
pub struct Settling<'a> {
    /// The acknowledged things.
    pub world: &'a LoadWorld,
    /// Where to look.
    pub observatory: &'a Observatory,
    /// The organisations of the load.
    pub orgs: &'a [String],
    /// When it began; older rows are none of its own.
    pub since: DateTime<Utc>,
    /// The metrics before; none if a server was started again since.
    pub before: Option<&'a Exposition>,
    /// The calls that the model was asked for, where that is known.
    pub calls: Option<&'a CallTally>,
    /// False if others may have used the same servers or organisations.
    pub alone: bool,
}

impl Settling<'_> {
    /// Compares until nothing is wrong, or `patience` is over.
    pub async fn compare(&self, patience: Duration) -> Result<Vec<ParityLine>, db::Error> {
        let given_up = Instant::now() + patience;
        loop {
            let lines = self.compare_once().await?;
            let settled = lines.iter().all(|line| line.fault().is_none());
            if settled || Instant::now() > given_up {
                return Ok(lines);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn compare_once(&self) -> Result<Vec<ParityLine>, db::Error> {
        let stored = self.stored().await?;
        let after = self.observatory.metrics().await;
        let acknowledged = self.acknowledged();
        let comparison = Comparison {
            acknowledged: &acknowledged,
            stored: stored.as_ref(),
            metrics: self.before.zip(after.as_ref()),
            alone: self.alone,
        };
        Ok(comparison.lines())
    }

    fn acknowledged(&self) -> Acknowledged {
        let mut all = self.world.acknowledged();
        if let Some(calls) = self.calls {
            all.asked(KeptThing::Calls, calls.cut_off());
            (all.calls, all.tokens) = (calls.answered(), calls.tokens());
        }
        all
    }

    async fn stored(&self) -> Result<Option<StoredRows>, db::Error> {
        let Some(servers) = &self.observatory.database else {
            return Ok(None);
        };
        let mut conn = db::connect_once(servers).await?;
        Ok(Some(store::rows(&mut conn, self.orgs, self.since).await?))
    }
}
