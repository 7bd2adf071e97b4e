//! The erased names that this process knows, and hears of.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::auth::erased::model::ErasedName;
use crate::auth::erased::store;
use crate::platform::database::pool::Pool;
use crate::platform::ids::{OrgId, UserId};
use crate::platform::signals::Signal;
use crate::platform::sync::{read, write};

/// The topic of the signal that an organisation or a person was erased.
pub const ERASED: &str = "erased";
/// The interval at which names are read anyway: a signal may be lost.
const EVERY: Duration = Duration::from_secs(15);

/// The erased names, each with the second of its last erasure; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct ErasedNames(Arc<RwLock<HashMap<ErasedName, i64>>>);

impl ErasedNames {
    /// Returns true when a token that was issued for a person at this moment, in seconds since the epoch,
    /// is from before they or their organisation were erased. A token without a moment counts as older.
    ///
    /// A second has room for both an issue and an erasure, so a token of the same second is refused.
    pub fn refuses(&self, org: &OrgId, user: &UserId, issued: Option<f64>) -> bool {
        let known = read(&self.0);
        if known.is_empty() {
            return false;
        }
        [None, Some(user)].into_iter().any(|user| {
            let erased = known.get(&ErasedName::of(org, user));
            erased.is_some_and(|erased| is_before(issued, *erased))
        })
    }

    /// All names of this database.
    pub async fn open(db: &Pool) -> sqlx::Result<Self> {
        let names = Self::default();
        names.load(db).await?;
        Ok(names)
    }

    /// Reads all names.
    async fn load(&self, db: &Pool) -> sqlx::Result<()> {
        let mut conn = db.acquire().await?;
        let rows = store::all(&mut conn).await?;
        let named = rows.into_iter().filter_map(|(name, at)| {
            let name = ErasedName::read(&name)?;
            Some((name, at.timestamp()))
        });
        *write(&self.0) = named.collect();
        Ok(())
    }

    /// Reads the names again after every erasure, until `stopping`.
    pub async fn keep(self, db: Pool, mut heard: Receiver<Signal>, stopping: CancellationToken) {
        let reads = async {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(EVERY) => {}
                    () = until_told(&mut heard) => {}
                }
                if let Err(error) = self.load(&db).await {
                    tracing::debug!(%error, "erased names cannot be read; those that are known stay");
                }
            }
        };
        let _ended: Option<()> = stopping.run_until_cancelled(reads).await;
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds since the epoch are exact in an f64 for millions of years"
)]
fn is_before(issued: Option<f64>, erased: i64) -> bool {
    issued.is_none_or(|issued| issued.floor() <= erased as f64)
}

/// Waits for an erasure, or until one may have been missed.
async fn until_told(heard: &mut Receiver<Signal>) {
    loop {
        match heard.recv().await {
            Ok(Signal::Changed { topic, .. }) if topic != ERASED => {}
            Ok(Signal::Changed { .. } | Signal::Missed) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERASED_AT: i64 = 1_800_000_000;

    fn names(erased: &[(&str, Option<&str>)]) -> ErasedNames {
        let erased = erased.iter().map(|(org, user)| {
            let user = user.map(|user| user.parse().unwrap());
            let name = ErasedName::of(&org.parse().unwrap(), user.as_ref());
            (name, ERASED_AT)
        });
        ErasedNames(Arc::new(RwLock::new(erased.collect())))
    }

    fn refuses(names: &ErasedNames, org: &str, user: &str, issued: Option<f64>) -> bool {
        names.refuses(&org.parse().unwrap(), &user.parse().unwrap(), issued)
    }

    #[test]
    fn what_was_issued_before_an_erasure_is_refused_and_what_comes_later_is_not() {
        let names = names(&[("acme", Some("ada")), ("gone", None)]);
        let (before, same, after) = (1_799_999_999.9, 1_800_000_000.9, 1_800_000_001.0);
        for (org, user) in [("acme", "ada"), ("gone", "ada"), ("gone", "bob")] {
            for old in [None, Some(before), Some(same)] {
                assert!(refuses(&names, org, user, old), "{org} {user} {old:?}");
            }
            assert!(!refuses(&names, org, user, Some(after)), "{org} {user}");
        }
        for (org, user) in [("acme", "bob"), ("other", "ada"), ("acme", "gone")] {
            assert!(!refuses(&names, org, user, None), "{org} {user}");
        }
    }
}
