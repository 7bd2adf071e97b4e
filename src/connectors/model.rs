//! Providers, tokens, and what may be seen of them.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::platform::ids::{OrgId, UserId};
use crate::platform::secret::SecretString;
use crate::vault::model::Place;

/// The longest token, in bytes. GitHub's are below 300, Slack's below 200, Jira's below 300.
pub const MAX_TOKEN_BYTES: usize = 4_096;
/// The longest base URL, in bytes.
pub const MAX_URL_BYTES: usize = 512;
/// The longest address of a mailbox (RFC 5321 §4.5.3.1.3), in bytes.
pub const MAX_EMAIL_BYTES: usize = 254;
/// The most that is kept of what a provider calls an account, in characters.
pub const MAX_ACCOUNT_CHARS: usize = 200;

/// The providers whose tokens can be kept.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    sqlx::Type,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Provider {
    /// `GitHub`, or a server of that kind.
    GitHub,
    /// Jira.
    Jira,
    /// Slack.
    Slack,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::GitHub, Self::Jira, Self::Slack];

    /// The name in addresses, settings and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::Jira => "jira",
            Self::Slack => "slack",
        }
    }

    /// The provider of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no base URL. Does not repeat it, for it may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a base URL: use http or https, without a user name, password, query or fragment")]
pub struct InvalidBaseUrl;

/// Reads a base URL and writes it in one way: without the slash at its end.
pub fn base_url(text: &str) -> Result<Url, InvalidBaseUrl> {
    let text = text.trim().trim_end_matches('/');
    let url = Url::parse(text).map_err(|_| InvalidBaseUrl)?;
    let plain = ["http", "https"].contains(&url.scheme())
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if plain && text.len() <= MAX_URL_BYTES {
        Ok(url)
    } else {
        Err(InvalidBaseUrl)
    }
}

/// The owner of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The organisation.
    pub org_id: OrgId,
    /// The person.
    pub user_id: UserId,
    /// The provider.
    pub provider: Provider,
}

/// A token that a user hands in.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The token.
    pub token: SecretString,
    /// Where it is good, when not where the settings say.
    pub base_url: Option<String>,
    /// The name that goes with it.
    pub email: Option<String>,
}

/// A stored token, still sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// The address that its owner gave.
    pub base_url: Option<String>,
    /// The account that it belongs to, as the provider names it.
    pub account: Option<String>,
    /// The name that goes with it.
    pub email: Option<String>,
    /// The token.
    pub sealed: Vec<u8>,
    /// When the provider last said that it is good.
    pub verified_at: Option<DateTime<Utc>>,
    /// When it was handed in, or replaced.
    pub updated_at: DateTime<Utc>,
}

/// The provider's verdict on a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is good, and belongs to this account.
    Accepted(String),
    /// It is not good.
    Refused,
    /// The provider could not be asked, or did not answer like itself.
    Unreachable,
}

/// The public form of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = TokenVerification)]
#[serde(rename_all = "lowercase")]
pub enum Verification {
    /// The provider took the token.
    Accepted,
    /// The provider refused it.
    Refused,
    /// The provider could not be asked.
    Unreachable,
}

impl From<&Verdict> for Verification {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Accepted(_) => Self::Accepted,
            Verdict::Refused => Self::Refused,
            Verdict::Unreachable => Self::Unreachable,
        }
    }
}

/// A connection as its owner may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The provider.
    pub provider: Provider,
    /// The row, unless there is none.
    pub stored: Option<Shown>,
    /// The provider's answer just now, if it was asked.
    pub verification: Option<Verification>,
}

/// The visible part of a stored token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Where the token is sent; null when neither its owner nor a setting says.
    pub base_url: Option<String>,
    /// The account that it belongs to, as the provider names it.
    pub account: Option<String>,
    /// When the provider last said that it is good.
    pub verified_at: Option<DateTime<Utc>>,
    /// When it was handed in, or replaced.
    pub updated_at: DateTime<Utc>,
}

/// The place of a token, as texts that a [`Place`] can borrow.
#[derive(Clone, Debug)]
pub struct TokenPlace {
    org_id: OrgId,
    row: String,
    name: String,
}

impl TokenPlace {
    /// The place of this owner's token for this address.
    ///
    /// No provider's name holds a slash, so the row is unambiguous whatever the user's id holds.
    pub fn new(owner: &Owner, base_url: Option<&str>) -> Self {
        Self {
            org_id: owner.org_id.clone(),
            row: format!("{}/{}", owner.provider, owner.user_id),
            name: base_url.map_or_else(|| "token".to_owned(), |url| format!("token for {url}")),
        }
    }

    /// The place.
    pub fn place(&self) -> Place<'_> {
        Place {
            org_id: &self.org_id,
            table: "connector_tokens",
            row: &self.row,
            name: &self.name,
            purpose: "connector",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_plain_and_written_in_one_way() {
        for (text, expected) in [
            ("https://api.github.com", "https://api.github.com/"),
            (" https://Jira.Example/x/ ", "https://jira.example/x"),
            ("http://127.0.0.1:9/api//", "http://127.0.0.1:9/api"),
        ] {
            assert_eq!(base_url(text).unwrap().as_str(), expected);
        }
        let long = format!("https://a.example/{}", "x".repeat(MAX_URL_BYTES));
        for text in [
            "",
            "jira.example",
            "ftp://a.example",
            "https://",
            "https://me:secret@a.example",
            "https://me@a.example",
            "https://a.example/?q",
            "https://a.example/#f",
            "file:///etc/passwd",
            &long,
        ] {
            assert_eq!(base_url(text), Err(InvalidBaseUrl), "{text}");
        }
    }

    #[test]
    fn every_provider_reads_back_from_its_name() {
        for provider in Provider::ALL {
            assert_eq!(Provider::from_name(provider.as_str()), Some(provider));
        }
        assert_eq!(Provider::from_name("GitHub"), None);
    }
}
