//! Verifying the logs in the database.

use sqlx::PgConnection;

use crate::audit::chain;
use crate::audit::checkpoints::{edge, number};
use crate::audit::error::Error;
use crate::audit::merkle::Frontier;
use crate::audit::model::Log;
use crate::audit::service::Audit;
use crate::audit::store::{appending, reading, tree};
use crate::audit::verify::{Report, Verifier};

/// How many records are read at once.
const PAGE: i64 = 2_000;

impl Audit {
    /// Verifies a log against itself, its checkpoints, its end and these checkpoints that were kept
    /// elsewhere. `progress` is told how many records were looked at, of how many.
    pub async fn verify(
        &self,
        log: &Log,
        elsewhere: &[String],
        progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Report, Error> {
        let mut conn = self.db.acquire().await?;
        self.verify_over(&mut conn, log, elsewhere, progress).await
    }

    /// The same, as this connection sees it.
    pub async fn verify_over(
        &self,
        conn: &mut PgConnection,
        log: &Log,
        elsewhere: &[String],
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Report, Error> {
        // What is appended meanwhile is not looked at: the end is read first.
        let end = appending::end(conn, log.as_str()).await?;
        let size = end.as_ref().map_or(0, |end| end.size);
        let before = reading::number_before(conn, log.as_str(), None).await?;
        let keys = self.verifying_keys();
        let notes = tree::checkpoints(conn, log.as_str(), 0, i64::MAX).await?;
        let start = edge(conn, log, before).await?.frontier(number(before));
        let mut verifier = match &start {
            Some(start) => Verifier::after(log.as_str(), keys, start.clone()),
            None => Verifier::after(log.as_str(), keys, Frontier::default()),
        };
        if start.is_none() {
            verifier.whole("the tree before the first record is missing".to_owned());
        }
        let base = notes
            .iter()
            .find(|note| note.is_base && note.size == before);
        verifier.base(base.map(|base| base.note.as_str()));
        let signed = notes
            .iter()
            .filter(|note| !note.is_base && note.size >= before);
        let signed = signed.map(|note| &note.note);
        signed
            .chain(elsewhere)
            .for_each(|note| verifier.await_checkpoint(note));
        let mut at = before;
        loop {
            let page = reading::records_after(conn, log.as_str(), at, None, PAGE).await?;
            // An entry that came after the end was read belongs to the next time.
            let page: Vec<_> = page.into_iter().filter(|r| r.sequence <= size).collect();
            let Some(last) = page.last() else { break };
            at = last.sequence;
            for record in &page {
                verifier.record(record);
            }
            progress(number(at - before), number(size - before));
        }
        // Beyond the end nothing may be.
        let beyond = appending::end(conn, log.as_str()).await?;
        let beyond = beyond.map_or(0, |end| end.size);
        let stray = reading::records_after(conn, log.as_str(), beyond, None, 1).await?;
        if !stray.is_empty() {
            verifier.whole(format!(
                "there are records beyond the end of the log, {beyond}"
            ));
        }
        match end {
            None if elsewhere.is_empty() => {}
            None => verifier.whole("there is no such log".to_owned()),
            Some(end) => {
                if (end.size, end.head.as_slice()) != verifier.end() {
                    verifier.whole(format!(
                        "the log is sealed at record {} and its records end at {}",
                        end.size,
                        verifier.end().0
                    ));
                }
                if self.keys.get(&end.seal_key_id).is_err() {
                    verifier.whole(format!(
                        "the end is sealed with the key `{}`, which is not in the ring",
                        end.seal_key_id
                    ));
                } else if let Err(error) = chain::check(&self.keys, &end) {
                    verifier.whole(error.to_string());
                }
            }
        }
        Ok(verifier.finish())
    }
}
