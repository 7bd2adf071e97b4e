//! The places behind which logs cannot end, as far as a process knows.
//!
//! A seal that fitted once fits again when it is put back with all that was there then. So each
//! process remembers where the logs ended that it wrote to, and before it writes to one for the first
//! time it looks at the checkpoint in the data folder. None of that asks the database anything.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::audit::error::Error;
use crate::audit::model::Log;
use crate::audit::note::VerifyingKey;
use crate::audit::store::appending::{End, LockedEnd};
use crate::audit::witnessing::witness::Witness;
use crate::platform::sync::lock;

/// The most logs that are remembered; those of more are compared with the data folder each time.
const MAX_LOGS: usize = 100_000;

/// Where logs end at least.
#[derive(Debug)]
pub struct Floors {
    witness: Witness,
    keys: Vec<VerifyingKey>,
    seen: Mutex<HashMap<String, Floor>>,
}

/// The number and the hash of the last record.
#[derive(Clone, Debug)]
struct Floor {
    size: i64,
    head: Vec<u8>,
}

impl Floors {
    /// Floors that begin with the checkpoints of this witness.
    pub fn new(witness: Witness, keys: Vec<VerifyingKey>) -> Self {
        Self {
            witness,
            keys,
            seen: Mutex::default(),
        }
    }

    /// True if a log is known to have had records.
    pub fn knows(&self, log: &str) -> bool {
        self.floor(log).is_some()
    }

    /// Sees whether an end lies behind what is known of it.
    pub fn check(&self, locked: &LockedEnd) -> Result<(), Error> {
        let end = &locked.end;
        let rolled_back = |seen| {
            Err(Error::RolledBack {
                log: Log::from_name(&end.org_id),
                seen,
            })
        };
        if end.size < locked.signed {
            return rolled_back(locked.signed);
        }
        match self.floor(&end.org_id) {
            Some(floor) if end.size < floor.size => rolled_back(floor.size),
            Some(floor) if end.size == floor.size && end.head != floor.head => {
                rolled_back(floor.size)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The number of the last record of a log that this process wrote.
    pub fn remembered(&self, log: &str) -> Option<i64> {
        lock(&self.seen).get(log).map(|floor| floor.size)
    }

    /// Remembers where logs end now.
    pub fn raise(&self, ends: &[End]) {
        let mut seen = lock(&self.seen);
        for end in ends {
            if seen.len() >= MAX_LOGS && !seen.contains_key(&end.org_id) {
                continue;
            }
            let (size, head) = (end.size, end.head.clone());
            seen.insert(end.org_id.clone(), Floor { size, head });
        }
    }

    fn floor(&self, log: &str) -> Option<Floor> {
        if let Some(floor) = lock(&self.seen).get(log) {
            return Some(floor.clone());
        }
        let kept = self.witness.last(&Log::from_name(log), &self.keys)?;
        (kept.log == log).then(|| Floor {
            size: kept.size,
            head: kept.head.to_vec(),
        })
    }
}
