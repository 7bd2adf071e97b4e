//! Erasing people from a log, and leaving its proofs whole.

use chrono::Datelike;
use sqlx::{Acquire, PgConnection};

use crate::audit::error::Error;
use crate::audit::event::Event;
use crate::audit::model::{Log, Outcome, Phase};
use crate::audit::reader::Asker;
use crate::audit::record::Fields;
use crate::audit::seals::chain::Ends;
use crate::audit::service::Audit;
use crate::audit::store::erasing;
use crate::audit::store::erasing::{Batch, Place};
use crate::platform::hex::hex;

/// The number of records erased in one transaction, during which all other writers to the log wait.
const BATCH: usize = 2_000;

/// Whose part in a log.
#[derive(Clone, Copy, Debug)]
pub enum Whose<'a> {
    /// One person's.
    Person(&'a str),
    /// That of all who are in it.
    Everybody,
}

impl Audit {
    /// Destroys what identifies a person, or everybody, in a log: who did what to which thing, and
    /// the keys of what was sealed. Hashes, seals and proofs stay as they are. Answers how many
    /// records that were.
    ///
    /// A record that says what was erased is written in the transaction of each batch. A batch lies
    /// within one month, so that retention drops all of it or nothing: of a part, what its record says
    /// would not be true any more. Doing it again erases what came since.
    pub async fn erase(&self, log: &Log, whose: Whose<'_>, asker: &Asker) -> Result<u64, Error> {
        self.settled().await;
        let mut conn = self.db.acquire().await?;
        let mut places = of(&mut conn, log, whose).await?;
        drop(conn);
        let month = |place: &Place| (place.created_at.year(), place.created_at.month());
        // The clock of a log never goes back, so the records of a month stand together.
        places.sort_by_key(|place| place.sequence);
        let mut erased = 0;
        for of_month in places.chunk_by(|one, other| month(one) == month(other)) {
            for some in of_month.chunks(BATCH) {
                let ([first, ..], [.., last]) = (some, some) else {
                    continue;
                };
                let batch = Batch {
                    sequences: some.iter().map(|place| place.sequence).collect(),
                    since: first.created_at,
                    until: last.created_at,
                };
                erased += self.erase_batch(log, batch, asker).await?;
            }
        }
        Ok(erased)
    }

    /// The number of records that are not erased yet.
    pub async fn count_unerased(&self, log: &Log, whose: Whose<'_>) -> Result<u64, Error> {
        self.settled().await;
        let mut conn = self.db.acquire().await?;
        Ok(of(&mut conn, log, whose).await?.len() as u64)
    }

    async fn erase_batch(&self, log: &Log, mut batch: Batch, asker: &Asker) -> Result<u64, Error> {
        let mut conn = self.db.acquire().await?;
        let mut tx = conn.begin().await?;
        let org = log.as_str().to_owned();
        let orgs = std::slice::from_ref(&org);
        let mut ends = Ends::lock(&mut tx, &self.keys, &self.clock, &self.floors, orgs).await?;
        if let Some(error) = ends.take_refused().into_iter().next() {
            return Err(error);
        }
        // The locked end keeps out other erasures: the announced numbers are those that are erased.
        batch.sequences = erasing::unerased(&mut tx, &org, &batch).await?;
        if batch.sequences.is_empty() {
            return Ok(0);
        }
        let (mut record, _key) = self.draft(asker.entry(log, Event::AuditErased), Phase::Noted)?;
        record.outcome = Some(Outcome::Success);
        record.statement = Some(erasure_statement(&batch.sequences));
        ends.link(&mut record, self.clock.now());
        let erased_by = record.sequence;
        ends.append(&mut tx, &self.keys, &[&record]).await?;
        let erased = erasing::erase(&mut tx, &org, &batch, erased_by).await?;
        tx.commit().await?;
        Ok(erased)
    }
}

async fn of(
    conn: &mut PgConnection,
    log: &Log,
    whose: Whose<'_>,
) -> Result<Vec<Place>, sqlx::Error> {
    match whose {
        Whose::Person(person) => erasing::records_of_person(conn, log.as_str(), person).await,
        Whose::Everybody => erasing::records_of_everybody(conn, log.as_str()).await,
    }
}

/// The statement in the record of an erasure: the number of erased records and a hash over their numbers in
/// order, so that no other deletion can pass for this erasure.
pub fn erasure_statement(sequences: &[i64]) -> String {
    let mut fields = Fields::new(b"navi audit erasure 1\0");
    for sequence in sequences {
        fields.number(Some(*sequence));
    }
    format!(
        "erased {} records {}",
        sequences.len(),
        hex(&fields.finish())
    )
}
