//! The reservation of an `Idempotency-Key` while a model makes the plan.

use std::time::Duration;

use serde::Serialize;
use sqlx::PgConnection;

use crate::jobs::error::Error;
use crate::jobs::service::Jobs;
use crate::platform::idempotency::model::{Claim, IdempotencyKey, OK, StoredAnswer};
use crate::platform::idempotency::store as keys;
use crate::platform::ids::{OrgId, UserId};
use crate::runs::model::Run;

/// The time after which a reservation expires whose process was lost. Longer than the ten minutes
/// after which the server drops a request for a plan.
const LASTS: Duration = Duration::from_mins(11);

/// A reserved key. Dropped while it is open, which is how a request ends whose client left, it is
/// released in the background.
pub struct Reservation {
    jobs: Jobs,
    held: Held,
    is_open: bool,
}

/// The row of a reservation. Its holder is the run that the request makes.
#[derive(Clone)]
struct Held {
    org_id: OrgId,
    user_id: UserId,
    key: IdempotencyKey,
    holder: uuid::Uuid,
}

/// The outcome of reserving a key.
pub enum Reserved {
    /// The key is reserved for this request.
    Now(Reservation),
    /// An earlier request with the key was answered.
    Before(StoredAnswer),
}

/// Reserves a key for the request that makes a run, and commits that.
pub(crate) async fn reserve(
    jobs: &Jobs,
    run: &Run,
    key: &IdempotencyKey,
) -> Result<Reserved, Error> {
    let mut tx = jobs.deps().db.begin().await?;
    match claim(&mut tx, run, key).await {
        Ok(Claim::Fresh) => {
            // Before the commit, so that one whose answer is lost is released too.
            let reservation = Reservation {
                jobs: jobs.clone(),
                held: Held {
                    org_id: run.org_id.clone(),
                    user_id: run.user_id.clone(),
                    key: key.clone(),
                    holder: run.id.0,
                },
                is_open: true,
            };
            tx.commit().await?;
            Ok(Reserved::Now(reservation))
        }
        Ok(Claim::Stored(answer)) => {
            tx.rollback().await?;
            Ok(Reserved::Before(answer))
        }
        Err(error) => {
            tx.rollback().await?;
            Err(error)
        }
    }
}

async fn claim(conn: &mut PgConnection, run: &Run, key: &IdempotencyKey) -> Result<Claim, Error> {
    let (org_id, user_id) = (&run.org_id, &run.user_id);
    let claim = keys::claim(conn, org_id, user_id, Some(key)).await?;
    if claim == Claim::Fresh {
        let (holder, at) = (run.id.0, run.created_at);
        keys::reserve(conn, org_id, user_id, key, holder, LASTS, at).await?;
    }
    Ok(claim)
}

impl Reservation {
    /// Keeps the answer under the key, in the transaction that creates the plan. Returns the answer
    /// of another request that took the key after the reservation had expired, if there is one.
    pub(crate) async fn complete(
        &self,
        conn: &mut PgConnection,
        run: &Run,
        answer: &impl Serialize,
    ) -> Result<Option<StoredAnswer>, Error> {
        let Held {
            org_id,
            user_id,
            key,
            holder,
        } = &self.held;
        if keys::complete(conn, org_id, user_id, key, *holder, OK, answer).await? {
            return Ok(None);
        }
        match keys::claim(conn, org_id, user_id, Some(key)).await? {
            Claim::Stored(answer) => Ok(Some(answer)),
            Claim::Fresh => {
                let at = run.created_at;
                keys::keep(conn, org_id, user_id, Some(key), OK, answer, at).await?;
                Ok(None)
            }
        }
    }

    /// Ends the reservation of a request that was answered.
    pub(crate) fn close(mut self) {
        self.is_open = false;
    }

    /// Removes the reservation of a request that failed, before its client can send it again.
    pub(crate) async fn release(mut self) {
        self.held.release(&self.jobs).await;
        self.is_open = false;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        let (jobs, held) = (self.jobs.clone(), self.held.clone());
        let tasks = jobs.deps().tasks.clone();
        tasks.spawn(async move { held.release(&jobs).await });
    }
}

impl Held {
    async fn release(&self, jobs: &Jobs) {
        let released = async {
            let mut conn = jobs.deps().db.acquire().await?;
            let Self {
                org_id,
                user_id,
                key,
                holder,
            } = self;
            keys::release(&mut conn, org_id, user_id, key, *holder).await
        };
        if let Err(error) = released.await {
            tracing::warn!(%error, "an idempotency key stays reserved until it expires");
        }
    }
}
