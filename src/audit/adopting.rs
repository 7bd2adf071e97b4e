//! Going on with a log for whose end no seal vouches: deliberately, and said in the log.

use sqlx::{Connection, PgConnection};

use crate::audit::checkpoints::Start;
use crate::audit::error::Error;
use crate::audit::model::Log;
use crate::audit::note::Checkpoint;
use crate::audit::record::NOTHING;
use crate::audit::seals::chain::Ends;
use crate::audit::seals::handover::Cause;
use crate::audit::seals::seal;
use crate::audit::service::Audit;
use crate::audit::store::appending::End;
use crate::audit::store::tree::StoredCheckpoint;
use crate::audit::store::{appending, reading, tree};

/// The reason for which a log has to be adopted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Despite {
    /// The seal of its end does not fit its key.
    pub broken_seal: bool,
    /// It is known from elsewhere that it had more records.
    pub rolled_back: bool,
}

/// The outcome of adopting a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// Its seal and its last checkpoint are those of keys in the ring.
    Unneeded,
    /// Its seal is, and its last checkpoint was signed again, or those that were gone were put back.
    Signed,
    /// Its seal is, and a checkpoint says that it had more records: nothing was done, because that was not said.
    Shortened {
        /// Number of its last record.
        size: i64,
        /// Number of the record that the checkpoint is about.
        known: i64,
    },
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
    /// ring, or is gone; and despite what is said. A record says so.
    ///
    /// The log must be whole by itself: its chain, its tree, its checkpoints, those that the server's own
    /// log names and those that were kept elsewhere. Who has no key can make a chain and a tree that fit,
    /// so it is the checkpoints alone that say something about what is adopted.
    pub async fn adopt(
        &self,
        log: &Log,
        despite: Despite,
        elsewhere: &[String],
    ) -> Result<Adoption, Error> {
        let mut conn = self.db.acquire().await?;
        let found = appending::end(&mut conn, log.as_str()).await?;
        let end = match &found {
            Some(end) => end.clone(),
            None => self.last_of_records(&mut conn, log, despite).await?,
        };
        let mut tx = conn.begin().await?;
        let put_back = self.put_back(&mut tx, log, &end, elsewhere).await?;
        let cause = self.cause(&mut tx, log, found.as_ref(), &end, despite, elsewhere);
        let Some(cause) = cause.await? else {
            if let Some(known) = self.latest_known(&mut tx, log, elsewhere).await?
                && known > end.size
            {
                return Ok(Adoption::Shortened {
                    size: end.size,
                    known,
                });
            }
            if !put_back {
                return Ok(Adoption::Unneeded);
            }
            self.verify_for_adoption(&mut tx, log, &end, Cause::Rotated, elsewhere)
                .await?;
            tx.commit().await?;
            return Ok(Adoption::Signed);
        };
        self.verify_for_adoption(&mut tx, log, &end, cause, elsewhere)
            .await?;
        tx.commit().await?;
        self.seal_anew(&mut conn, log, found.as_ref(), end, cause)
            .await
    }

    /// Why a log is to be adopted; nothing if it need not be.
    async fn cause(
        &self,
        conn: &mut PgConnection,
        log: &Log,
        found: Option<&End>,
        end: &End,
        despite: Despite,
        elsewhere: &[String],
    ) -> Result<Option<Cause>, Error> {
        let Some(found) = found else {
            let is_left = end.size > 0;
            return Ok(Some(if is_left {
                Cause::Missing
            } else {
                Cause::RolledBack
            }));
        };
        match seal::check(&self.keys, found) {
            Ok(()) => {}
            Err(Error::UnknownSeal { .. }) => return Ok(Some(Cause::Lost)),
            Err(Error::Tampered(_)) if despite.broken_seal => return Ok(Some(Cause::Broken)),
            Err(error) => return Err(error),
        }
        if despite.rolled_back {
            let whole = self.verify_for_adoption(conn, log, end, Cause::Rotated, elsewhere);
            match whole.await {
                Err(Error::Unfit { .. }) => return Ok(Some(Cause::RolledBack)),
                whole => whole?,
            }
        }
        let is_lost = self.is_signed_by_lost_key(conn, log).await?;
        Ok(is_lost.then_some(Cause::Rotated))
    }

    /// The number of records that a log had by the latest checkpoint that a key of the ring signed, whether it
    /// stands in the tables or was kept elsewhere.
    async fn latest_known(
        &self,
        conn: &mut PgConnection,
        log: &Log,
        elsewhere: &[String],
    ) -> Result<Option<i64>, Error> {
        let keys = self.verifying_keys();
        let stored = tree::last_checkpoint(conn, log.as_str()).await?;
        let notes = stored.iter().map(|stored| &stored.note).chain(elsewhere);
        let read = notes.filter_map(|note| Checkpoint::open(note, &keys).ok());
        let mine = read.filter(|read| !read.is_base && read.log == log.as_str());
        Ok(mine.map(|read| read.size).max())
    }

    /// Sees whether a log is whole but for what its adoption is to say.
    async fn verify_for_adoption(
        &self,
        conn: &mut PgConnection,
        log: &Log,
        end: &End,
        cause: Cause,
        elsewhere: &[String],
    ) -> Result<(), Error> {
        let checking = self.verify_chain(conn, log.as_str(), Some(end), elsewhere, |_, _| {});
        let mut verifier = checking.await?;
        if (end.size, end.head.as_slice()) != verifier.end() {
            verifier.whole("its records do not end where its end is".to_owned());
        }
        match cause {
            Cause::Rotated => {}
            Cause::RolledBack => verifier.lose(end.size, self.clock.now()),
            Cause::Lost | Cause::Broken | Cause::Missing => verifier.adopt(end.size),
        }
        match verifier.finish().findings.first() {
            Some(finding) => Err(Error::Unfit {
                log: log.clone(),
                problem: finding.to_string(),
            }),
            None => Ok(()),
        }
    }

    /// Puts checkpoints back that were kept elsewhere, that a key of the ring signed, and to which the log
    /// comes. Answers whether there were any.
    async fn put_back(
        &self,
        conn: &mut PgConnection,
        log: &Log,
        end: &End,
        elsewhere: &[String],
    ) -> Result<bool, Error> {
        let keys = self.verifying_keys();
        let kept = elsewhere
            .iter()
            .filter_map(|note| Some((Checkpoint::open(note, &keys).ok()?, note)));
        let mut kept: Vec<_> = kept
            .filter(|(kept, _)| !kept.is_base && kept.log == log.as_str() && kept.size <= end.size)
            .collect();
        kept.sort_by_key(|(kept, _)| kept.size);
        let mut any = false;
        for (kept, note) in kept {
            let rows = tree::checkpoints(conn, log.as_str(), 0, kept.size).await?;
            let last = rows.iter().rfind(|row| !row.is_base);
            if last.is_some_and(|last| last.size == kept.size) {
                continue;
            }
            let last = last.and_then(|last| Checkpoint::read(&last.note).ok());
            let from = last.map_or_else(Start::of_empty, |last| Start::at(&last.checkpoint));
            let then = End {
                size: kept.size,
                head: kept.head.to_vec(),
                ..end.clone()
            };
            // A checkpoint that the log does not come to is reported by the verification, in more words.
            if self.grow(conn, log, from, &then).await.ok() != Some(kept.root) {
                continue;
            }
            let row = StoredCheckpoint {
                size: kept.size,
                is_base: false,
                root: kept.root.to_vec(),
                note: note.clone(),
                created_at: kept.at,
            };
            tree::keep_checkpoint(conn, log.as_str(), &row).await?;
            any = true;
        }
        Ok(any)
    }

    /// The end of a log of which only the records are left, or nothing.
    async fn last_of_records(
        &self,
        conn: &mut PgConnection,
        log: &Log,
        despite: Despite,
    ) -> Result<End, Error> {
        let last = reading::last_record(conn, log.as_str()).await?;
        let (size, head, last_at) = match last {
            Some(last) => (last.sequence, last.hash, last.created_at),
            None if despite.rolled_back => (0, NOTHING.to_vec(), self.clock.now()),
            None => return Err(Error::NoLog(log.clone())),
        };
        Ok(End {
            org_id: log.as_str().to_owned(),
            size,
            head,
            last_at,
            seal: NOTHING.to_vec(),
            seal_key_id: String::new(),
        })
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
            .next()
            .map(|locked| locked.end);
        let is_same = locked.as_ref().is_some_and(|locked| match found {
            Some(found) => locked == found,
            None => (locked.size, &locked.head) == (end.size, &end.head),
        });
        if !is_same {
            // Another process adopted it, or wrote to it, since it was verified.
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
        if cause == Cause::RolledBack {
            // The later state that was kept is the one that is lost.
            self.keep_outside(log, &signed).await;
        } else {
            self.show(log, &signed, true).await?;
        }
        Ok(match cause {
            Cause::Rotated => Adoption::Signed,
            Cause::Lost | Cause::Broken | Cause::Missing | Cause::RolledBack => Adoption::Adopted {
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
