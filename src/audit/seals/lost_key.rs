//! Seals of keys that a server does not have, found before it starts.

use sqlx::PgConnection;

use crate::audit::error::Error;
use crate::audit::keyring::{DEVELOPMENT, Keyring};
use crate::audit::seals::seal::key_of;
use crate::audit::store::appending;

/// Sees whether the ends of all logs are sealed with keys of the ring, and says so where one is not.
///
/// On a development server a missing key is an error when it is one that such a server made for itself:
/// its file was lost, and another key in its place would leave those logs closed.
pub async fn check(
    conn: &mut PgConnection,
    keys: &Keyring,
    is_development: bool,
) -> Result<(), Error> {
    let names = appending::seals(conn).await?;
    let ids = names.iter().map(|name| key_of(name));
    for id in ids.filter(|id| keys.get(id).is_err()) {
        if is_development && id.starts_with(DEVELOPMENT) {
            return Err(Error::DevelopmentKeyLost(id.to_owned()));
        }
        tracing::error!(
            audit.key = %id,
            "audit logs are sealed with a key that this server does not have, and nothing is appended \
             to them: add it to AUDIT_ENCRYPTION_KEYS_PREVIOUS, or see `navi audit adopt --help`"
        );
    }
    Ok(())
}
