//! Going on with a log for whose end no seal vouches: deliberately, and said in the log.

use sqlx::{Connection, PgConnection};

use crate::audit::error::Error;
use crate::audit::model::Log;
use crate::audit::note::Checkpoint;
use crate::audit::record::NOTHING;
use crate::audit::seals::chain::Ends;
use crate::audit::seals::handover::Cause;
use crate::audit::seals::seal;
use crate::audit::service::Audit;
use crate::audit::store::appending::End;
use crate::audit::store::{appending, reading, tree};

/// The outcome of adopting a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// Its seal and its last checkpoint are those of keys in the ring.
    Unneeded,
    /// Its seal is, and its last checkpoint was signed anew.
    Signed,
    /// From this record on the current key seals it.
    Adopted {
        /// Number of the record that says so.
        since: i64,
        /// The worth of the former seal.
        cause: Cause,
    },
}

impl Audit {
    /// Seals a log with the current key although the seal of its end is that of a key that is not in the
    /// ring, or is gone; with `although_broken` also when it does not fit its key. A record says so.
    ///
    /// The log must be whole by itself: its chain, its tree, its checkpoints, those that the server's own
    /// log names and those that were kept elsewhere. Who has no key can make a chain and a tree that fit,
    /// so it is the checkpoints alone that say something about what is adopted.
    pub async fn adopt(
        &self,
        log: &Log,
        although_broken: bool,
        elsewhere: &[String],
    ) -> Result<Adoption, Error> {
        let mut conn = self.db.acquire().await?;
        let found = appending::end(&mut conn, log.as_str()).await?;
        let cause = match &found {
            None => Cause::Missing,
            Some(end) => match seal::check(&self.keys, end) {
                Ok(()) => Cause::Rotated,
                Err(Error::UnknownSeal { .. }) => Cause::Lost,
                Err(Error::Tampered(_)) if although_broken => Cause::Broken,
                Err(error) => return Err(error),
            },
        };
        if cause == Cause::Rotated && !self.is_signed_by_lost_key(&mut conn, log).await? {
            return Ok(Adoption::Unneeded);
        }
        let end = match &found {
            Some(end) => end.clone(),
            None => last_of_records(&mut conn, log).await?,
        };
        let mut verifier = self
            .verify_chain(&mut conn, log.as_str(), Some(&end), elsewhere, |_, _| {})
            .await?;
        if (end.size, end.head.as_slice()) != verifier.end() {
            verifier.whole("its records do not end where its end is".to_owned());
        }
        if cause != Cause::Rotated {
            verifier.adopt(end.size);
        }
        if let Some(finding) = verifier.finish().findings.first() {
            return Err(Error::Unfit {
                log: log.clone(),
                problem: finding.to_string(),
            });
        }
        self.seal_anew(&mut conn, log, found.as_ref(), end, cause)
            .await
    }

    async fn is_signed_by_lost_key(
        &self,
        conn: &mut PgConnection,
        log: &Log,
    ) -> Result<bool, Error> {
        let last = tree::last_checkpoint(conn, log.as_str()).await?;
        let read = last.and_then(|last| Checkpoint::read(&last.note).ok());
        Ok(read.is_some_and(|read| self.keys.get(&read.key).is_err()))
    }

    /// Writes the hand-over, moves the end and signs, all or nothing.
    async fn seal_anew(
        &self,
        conn: &mut PgConnection,
        log: &Log,
        found: Option<&End>,
        mut end: End,
        cause: Cause,
    ) -> Result<Adoption, Error> {
        let mut tx = conn.begin().await?;
        if found.is_none() {
            let begun = seal::sealed(end.clone(), self.keys.current()?);
            appending::begin_logs(&mut tx, std::slice::from_ref(&begun)).await?;
        }
        let orgs = [log.as_str().to_owned()];
        let locked = appending::lock_ends(&mut tx, &orgs)
            .await?
            .into_iter()
            .next();
        let is_same = locked.as_ref().is_some_and(|locked| match found {
            Some(found) => locked == found,
            None => (locked.size, &locked.head) == (end.size, &end.head),
        });
        if !is_same {
            // Somebody else adopted it, or wrote to it, since it was verified.
            return Err(Error::Unavailable);
        }
        if cause != Cause::Rotated {
            // The time is under no seal that counts; that of the last record is in the chain.
            end.last_at = last_at(&mut tx, &end).await?.unwrap_or(self.clock.now());
            let ends = Ends::adopt(end, cause, &self.keys, &self.clock)?;
            ends.append(&mut tx, &self.keys, &[]).await?;
        }
        let end = appending::end(&mut tx, log.as_str()).await?;
        let end = end.ok_or_else(|| Error::EndMissing(log.clone()))?;
        let signed = self.sign_verified(&mut tx, log, &end).await?;
        tx.commit().await?;
        self.name_later(&signed.checkpoint);
        self.show(log, &signed, true).await?;
        Ok(match cause {
            Cause::Rotated => Adoption::Signed,
            Cause::Lost | Cause::Broken | Cause::Missing => Adoption::Adopted {
                since: end.size,
                cause,
            },
        })
    }
}

/// When the last record before an end was written, if it is still there.
async fn last_at(
    conn: &mut PgConnection,
    end: &End,
) -> sqlx::Result<Option<chrono::DateTime<chrono::Utc>>> {
    let records = reading::records_after(conn, &end.org_id, end.size - 1, None, 1).await?;
    Ok(records.first().map(|record| record.created_at))
}

/// The end of a log of which only the records are left.
async fn last_of_records(conn: &mut PgConnection, log: &Log) -> Result<End, Error> {
    let last = reading::last_record(conn, log.as_str()).await?;
    let last = last.ok_or_else(|| Error::NoLog(log.clone()))?;
    Ok(End {
        org_id: log.as_str().to_owned(),
        size: last.sequence,
        head: last.hash,
        last_at: last.created_at,
        seal: NOTHING.to_vec(),
        seal_key_id: String::new(),
    })
}
