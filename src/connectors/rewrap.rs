//! Seals stored tokens again: after a change of the key, and for tokens in the original's formats.
//!
//! Work is done in batches along the table's key. A batch is one statement that replaces a seal only if
//! it is still the one that was opened. So servers can run meanwhile, two of these may run at once, and
//! one that was killed is simply started again: finished rows are not found any more.

use std::time::Duration;

use futures_util::StreamExt;

use crate::connectors::model::{Owner, TokenPlace};
use crate::connectors::store;
use crate::connectors::store::Old;
use crate::platform::database::pool::Pool;
use crate::vault;
use crate::vault::model::Sealed;
use crate::vault::service::Vault;

/// The number of concurrent KMS requests. KMS grants thousands of requests a second to an account,
/// which servers need too.
const AT_ONCE: usize = 16;
/// The pauses before further attempts when KMS is slow or out of reach. Its client has tried several
/// times within each attempt.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// The reason that renewing stopped. Finished work stays done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing can be sealed, or KMS stays out of reach.
    #[error(transparent)]
    Vault(#[from] vault::error::Error),
    /// Postgres failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// The result of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Tokens that are sealed with the current key now.
    pub renewed: u64,
    /// Tokens that were replaced or removed in the meantime; they need nothing.
    pub overtaken: u64,
    /// Tokens that could not be opened. They stay as they are.
    pub failed: Vec<(Owner, vault::error::Error)>,
}

/// A walk over all tokens that are not sealed with the current key.
#[derive(Debug)]
pub struct Rewrap {
    db: Pool,
    vault: Vault,
    current: String,
    after: Option<Owner>,
    batch: i64,
}

impl Rewrap {
    /// At the beginning, with at most so many tokens in a batch.
    pub async fn begin(
        db: impl Into<Pool>,
        vault: Vault,
        batch: u32,
    ) -> Result<Self, vault::error::Error> {
        let db = db.into();
        let current = vault.current().await?;
        Ok(Self {
            db,
            vault,
            current,
            after: None,
            batch: i64::from(batch),
        })
    }

    /// Format and key that everything will have.
    pub fn current(&self) -> &str {
        &self.current
    }

    /// Does the next batch; nothing when all was looked at.
    pub async fn step(&mut self) -> Result<Option<Batch>, Error> {
        let mut conn = self.db.acquire().await?;
        let after = self.after.as_ref();
        let old = store::next_old(&mut conn, &self.current, after, self.batch).await?;
        // KMS may take its time.
        drop(conn);
        let Some(last) = old.last() else {
            return Ok(None);
        };
        self.after = Some(last.owner());
        let mut outcomes = futures_util::stream::iter(old)
            .map(|old| attempt(&self.vault, old))
            .buffer_unordered(AT_ONCE);
        let (mut ready, mut batch, mut stopped) = (Vec::new(), Batch::default(), None);
        while let Some(outcome) = outcomes.next().await {
            match outcome {
                Outcome::Ready(old, new) => ready.push((old, new)),
                Outcome::Failed(owner, error) => batch.failed.push((owner, error)),
                Outcome::Stop(error) => {
                    stopped = Some(error);
                    break;
                }
            }
        }
        if !ready.is_empty() {
            let mut conn = self.db.acquire().await?;
            batch.renewed = store::renew(&mut conn, &ready).await?;
            let ready = u64::try_from(ready.len()).unwrap_or(u64::MAX);
            batch.overtaken = ready.saturating_sub(batch.renewed);
        }
        match stopped {
            Some(error) => Err(error.into()),
            None => Ok(Some(batch)),
        }
    }
}

enum Outcome {
    Ready(Old, Sealed),
    /// Something is wrong with this token.
    Failed(Owner, vault::error::Error),
    /// It would be the same with all others.
    Stop(vault::error::Error),
}

async fn attempt(vault: &Vault, old: Old) -> Outcome {
    let owner = old.owner();
    let place = TokenPlace::new(&owner, old.base_url.as_deref());
    let mut pauses = PAUSES.into_iter();
    loop {
        let error = match vault.open(&place.place(), &old.sealed).await {
            Ok(text) => match vault.seal(&place.place(), &text).await {
                Ok(sealed) => return Outcome::Ready(old, sealed),
                Err(error) if !error.is_passing() => return Outcome::Stop(error),
                Err(error) => error,
            },
            Err(error) if !error.is_passing() => return Outcome::Failed(owner, error),
            Err(error) => error,
        };
        match pauses.next() {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Outcome::Stop(error),
        }
    }
}
