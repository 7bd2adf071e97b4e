//! Why an operation on a connector failed.

use crate::connectors::model::{MAX_EMAIL_BYTES, MAX_TOKEN_BYTES, Provider};
use crate::{audit, vault};

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such connector, or the operator left it out.
    #[error("connector not found; this server offers {offered}")]
    NotEnabled {
        /// The names of those that there are, for a person.
        offered: String,
    },
    /// There is no token of this person.
    #[error("you are not connected to {0}")]
    NotConnected(Provider),
    /// A second connection to a provider was asked for.
    #[error("each person has one connection to a provider; leave `name` out, or send `default`")]
    Name,
    /// The token is empty, too long, or holds what no header may hold.
    #[error(
        "`token` is 1 to {MAX_TOKEN_BYTES} visible ASCII characters; space around it is removed"
    )]
    Token,
    /// The address is none.
    #[error("`base_url` {0}")]
    BaseUrl(#[from] super::model::InvalidBaseUrl),
    /// No address is known.
    #[error("supply `base_url`, such as `https://your-name.atlassian.net`")]
    BaseUrlMissing,
    /// Jira's tokens need a name.
    #[error("supply `email`, the address that you sign in to Jira with")]
    EmailMissing,
    /// The name cannot be sent, or the provider takes none.
    #[error(
        "`email` is for Jira, at most {MAX_EMAIL_BYTES} bytes, without colons and control characters"
    )]
    Email,
    /// The address is not to be reached by people's choice.
    #[error(
        "`base_url` is not a public https address; the operator can allow servers in private \
         networks"
    )]
    Forbidden,
    /// The provider refused the token.
    #[error("{0} refused the token, and nothing was stored")]
    Refused(Provider),
    /// The stored token does not open.
    #[error("your stored token for {0} can no longer be decrypted; store it again")]
    Unreadable(Provider),
    /// Nothing can be sealed, or opened, for now.
    #[error(transparent)]
    Vault(vault::error::Error),
    /// The action could not be audited, so it was not done.
    #[error(transparent)]
    Audit(#[from] audit::error::Error),
    /// Postgres failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}
