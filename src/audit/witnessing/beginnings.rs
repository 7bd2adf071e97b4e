//! Naming a log that begins in the server's own.

use crate::audit::event::Event;
use crate::audit::keyring::AuditKey;
use crate::audit::model::{ActorKind, EntryId, Log, Outcome, Phase};
use crate::audit::record::{Personal, Record};
use crate::audit::store::mark::mark;
use crate::audit::witnessing::statement::beginning_line;
use crate::platform::clock::Clock;

/// The record of the server's own log that names the beginning of another, of which this is the first
/// record that is left. It is found by the other's name.
pub fn beginning_of(first: &Record, key: &AuditKey, clock: &Clock) -> Record {
    let personal = Personal {
        blind: Some(rand::random::<[u8; 16]>().to_vec()),
        ..Personal::default()
    };
    let is_first = first.sequence == 1;
    Record {
        org_id: Log::Server.as_str().to_owned(),
        sequence: 0,
        entry_id: EntryId::new(clock).0,
        phase: Phase::Noted,
        created_at: clock.now(),
        event: Event::AuditWitnessed,
        method: None,
        route: None,
        request_id: None,
        trace_id: Some(mark(&first.org_id)),
        run_id: None,
        status: None,
        outcome: Some(Outcome::Success),
        duration_ms: None,
        actor_kind: ActorKind::Server,
        statement: is_first.then(|| beginning_line(&first.org_id, &first.hash)),
        commitment: personal.commitment(None).to_vec(),
        personal,
        payload: None,
        payload_digest: None,
        entry_key: None,
        key_id: Some(key.id.clone()),
        erased_by: None,
        previous: Vec::new(),
        hash: Vec::new(),
    }
}
