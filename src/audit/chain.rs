//! The ends of logs: locked, checked, moved.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::audit::error::Error;
use crate::audit::keyring::{AuditKey, Keyring};
use crate::audit::model::Log;
use crate::audit::record::{Hash, NOTHING, Record};
use crate::audit::store::appending;
use crate::audit::store::appending::End;

/// The ends of some logs, locked until the end of the transaction.
#[derive(Debug)]
pub struct Ends(BTreeMap<String, End>);

impl Ends {
    /// Locks the ends of these logs. A log that does not exist yet is begun.
    pub async fn lock(
        conn: &mut PgConnection,
        keys: &Keyring,
        orgs: &[String],
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let mut ends = appending::lock_ends(conn, orgs).await?;
        if ends.len() < orgs.len() {
            let key = keys.current()?;
            let missing = orgs
                .iter()
                .filter(|org| !ends.iter().any(|end| end.org_id == **org));
            let new: Vec<End> = missing.map(|org| sealed(first(org, now), key)).collect();
            appending::begin_logs(conn, &new).await?;
            ends = appending::lock_ends(conn, orgs).await?;
        }
        let ends = ends.into_iter().map(|end| (end.org_id.clone(), end));
        Ok(Self(ends.collect()))
    }

    /// Whether this log may be appended to.
    pub fn has(&self, org: &str) -> bool {
        self.0.contains_key(org)
    }

    /// Lets go of the logs whose end was moved by somebody without the key: nothing goes on from
    /// there until a person has looked. Answers why.
    pub fn part_from_tampered(&mut self, keys: &Keyring) -> Vec<Error> {
        let mut found = Vec::new();
        self.0.retain(|_, end| match check(keys, end) {
            Ok(()) => true,
            Err(error) => {
                found.push(error);
                false
            }
        });
        found
    }

    /// Puts a record at the end of its log.
    pub fn link(&mut self, record: &mut Record, now: DateTime<Utc>) {
        let Some(end) = self.0.get_mut(&record.org_id) else {
            return;
        };
        record.sequence = end.size + 1;
        record.created_at = now.max(end.last_at);
        record.previous.clone_from(&end.head);
        record.hash = record.computed_hash().to_vec();
        end.size = record.sequence;
        end.last_at = record.created_at;
        end.head.clone_from(&record.hash);
    }

    /// Writes the records that were linked, and where the logs end now.
    pub async fn append(
        self,
        conn: &mut PgConnection,
        keys: &Keyring,
        records: &[Record],
    ) -> Result<(), Error> {
        let key = keys.current()?;
        let ends: Vec<End> = self.0.into_values().map(|end| sealed(end, key)).collect();
        appending::insert(conn, records).await?;
        appending::move_ends(conn, &ends).await?;
        Ok(())
    }
}

fn first(org: &str, now: DateTime<Utc>) -> End {
    End {
        org_id: org.to_owned(),
        size: 0,
        head: NOTHING.to_vec(),
        last_at: now,
        seal: Vec::new(),
        seal_key_id: String::new(),
    }
}

fn sealed(mut end: End, key: &AuditKey) -> End {
    end.seal = key.seal_of(&end.org_id, end.size, &head(&end)).to_vec();
    end.seal_key_id.clone_from(&key.id);
    end
}

fn head(end: &End) -> Hash {
    Hash::try_from(end.head.as_slice()).unwrap_or(NOTHING)
}

/// Whether an end is where somebody with the key put it. Of a key that this server does not have
/// nothing can be said; `navi audit verify` says that.
pub fn check(keys: &Keyring, end: &End) -> Result<(), Error> {
    match keys.get(&end.seal_key_id) {
        Ok(key) if key.sealed(&end.org_id, end.size, &head(end), &end.seal) => Ok(()),
        Ok(_) => Err(Error::Tampered(Log::from_name(&end.org_id).to_string())),
        Err(_) => {
            tracing::warn!(
                audit.key = %end.seal_key_id,
                "an audit log ends with the seal of a key that is not in the ring"
            );
            Ok(())
        }
    }
}
