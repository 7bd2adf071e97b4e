//! Compares a server's keys with those that the logs are sealed with, before it starts.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use crate::audit::error::Error;
use crate::audit::keyring::{DEVELOPMENT, Keyring};
use crate::audit::seals::seal::{check, key_of};
use crate::audit::store::appending;
use crate::audit::store::appending::{End, newest_ends};
use crate::audit::witnessing::floors::Floors;

/// The ends of each seal that are looked at: one that was changed by hand must not pass for a wrong key.
const ENDS_OF_SEAL: i64 = 8;

/// The logs whose ends are read at once.
const LOGS_AT_ONCE: usize = 500;

/// A key whose logs this server cannot go on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// The ring has no key of this name.
    Missing(String),
    /// The ring has another key under this name: none of its seals fits.
    Other(String),
}

/// The keys by whose names logs are sealed, and whose seals this ring cannot check, or none of them fits.
pub async fn unfit_keys(conn: &mut PgConnection, keys: &Keyring) -> Result<Vec<Unfit>, Error> {
    let mut by_key: BTreeMap<String, Vec<End>> = BTreeMap::new();
    for end in newest_ends(conn, ENDS_OF_SEAL).await? {
        let id = key_of(&end.seal_key_id).to_owned();
        by_key.entry(id).or_default().push(end);
    }
    let unfit = by_key.into_iter().filter_map(|(id, ends)| {
        if keys.get(&id).is_err() {
            return Some(Unfit::Missing(id));
        }
        let fits = ends.iter().any(|end| check(keys, end).is_ok());
        (!fits).then_some(Unfit::Other(id))
    });
    Ok(unfit.collect())
}

/// A log, and why it takes no records: a seal that does not fit, or an end before the one that the folder of
/// checkpoints knows.
#[derive(Debug)]
pub struct LogState {
    /// The log, as the tables name it.
    pub name: String,
    /// The reason; none for a log that goes on.
    pub obstacle: Option<Error>,
}

/// The state of every log.
pub async fn log_states(
    conn: &mut PgConnection,
    keys: &Keyring,
    floors: &Floors,
) -> Result<Vec<LogState>, Error> {
    let mut states = Vec::new();
    for some in appending::logs(conn).await?.chunks(LOGS_AT_ONCE) {
        for locked in appending::lock_ends(conn, some).await? {
            let fits = check(keys, &locked.end).and_then(|()| floors.check(&locked));
            states.push(LogState {
                name: locked.end.org_id,
                obstacle: fits.err(),
            });
        }
    }
    Ok(states)
}

/// Sees whether a server may start with these keys.
///
/// With another key under the same name nothing could be written, while the logs looked as if they had
/// been tampered with. On a development server a missing key is an error as well when it is one that such
/// a server made for itself: its file was lost, and another key in its place would leave those logs closed.
/// Any other missing key closes some logs, and the rest go on.
pub async fn may_start(
    conn: &mut PgConnection,
    keys: &Keyring,
    is_development: bool,
) -> Result<(), Error> {
    for unfit in unfit_keys(conn, keys).await? {
        match unfit {
            Unfit::Other(id) => return Err(Error::OtherKey(id)),
            Unfit::Missing(id) if is_development && id.starts_with(DEVELOPMENT) => {
                return Err(Error::DevelopmentKeyLost(id));
            }
            Unfit::Missing(id) => tracing::error!(
                audit.key = %id,
                "audit logs are sealed with a key that this server does not have, and nothing is \
                 appended to them: add it to AUDIT_ENCRYPTION_KEYS_PREVIOUS, or see `navi audit adopt \
                 --help`"
            ),
        }
    }
    Ok(())
}
