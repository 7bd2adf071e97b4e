//! Records that a commit may or may not have written.

use std::collections::HashSet;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::audit::error::Error;
use crate::audit::model::{Outcome, Phase};
use crate::audit::record::{Personal, Record};
use crate::audit::store::appending;
use crate::audit::writing::queue::{Draft, WriteOutcome};

/// After a commit whose answer was lost: takes out of the batch what is written already, and completes
/// the beginnings that were refused and are written all the same.
pub async fn settle(
    conn: &mut PgConnection,
    doubtful: &mut Vec<Record>,
    batch: &mut Vec<Draft>,
) -> Result<(), Error> {
    let orgs: Vec<String> = doubtful
        .iter()
        .map(|record| record.org_id.clone())
        .collect();
    let entries: Vec<Uuid> = doubtful.iter().map(|record| record.entry_id).collect();
    let written = appending::written(conn, &orgs, &entries).await?;
    let written: HashSet<(Uuid, String)> = written.into_iter().collect();
    let is_written =
        |record: &Record| written.contains(&(record.entry_id, record.phase.as_str().to_owned()));
    let mut left = Vec::new();
    for draft in batch.drain(..) {
        if is_written(&draft.record) {
            let _told = draft.done.send(WriteOutcome::Written);
        } else {
            left.push(draft);
        }
    }
    for record in doubtful.drain(..) {
        let completed = (record.entry_id, Phase::Completed.as_str().to_owned());
        if record.phase == Phase::Begun && is_written(&record) && !written.contains(&completed) {
            left.push(refused(record));
        }
    }
    *batch = left;
    Ok(())
}

/// The end of an entry that was told it could not begin.
pub fn refused(begun: Record) -> Draft {
    let personal = Personal::default();
    let commitment = personal.commitment(None).to_vec();
    Draft::alone(Record {
        phase: Phase::Completed,
        status: Some(503),
        outcome: Some(Outcome::Refused),
        duration_ms: Some(0),
        personal,
        commitment,
        payload: None,
        payload_digest: None,
        entry_key: None,
        ..begun
    })
}
