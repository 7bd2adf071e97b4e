//! Reasons for which a token is refused.

use std::fmt;

use crate::auth::jws::NotSigned;

/// The reason of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.reason())]
pub enum Refusal {
    /// It is no JWT that we could have signed.
    Malformed,
    /// It names an algorithm that is not accepted here.
    Algorithm,
    /// No key of ours, or not the one that it names, made its signature.
    Signature,
    /// It names no key, or one that the identity provider does not have.
    UnknownKey,
    /// The identity provider's keys are not known at present; nothing is said about the token.
    NoKeys,
    /// It has no `exp`.
    NoExpiry,
    /// It has no `iat`.
    NoIssueTime,
    /// Its `exp` has passed.
    Expired,
    /// Its `nbf` or `iat` lies in the future.
    NotYetValid,
    /// Its `aud` names another audience.
    Audience,
    /// Its `iss` names another issuer.
    Issuer,
    /// It was made for an application that is not ours.
    Client,
    /// It lacks a usable `sub`.
    NoUser,
    /// It lacks a usable `org_id`.
    NoOrganisation,
    /// Its role is none of ours.
    Role,
    /// Its person, or their organisation, was erased after it was issued.
    Erased,
}

impl Refusal {
    /// The reason as a constant text that holds nothing of the token.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "it is malformed",
            Self::Algorithm => "its algorithm is not accepted",
            Self::Signature => "its signature is wrong",
            Self::UnknownKey => "its key is unknown",
            Self::NoKeys => "the identity provider's keys are not available at present",
            Self::NoExpiry => "it has no expiry",
            Self::NoIssueTime => "it does not say when it was issued",
            Self::Expired => "it has expired",
            Self::NotYetValid => "it is not valid yet",
            Self::Audience => "it was issued for another audience",
            Self::Issuer => "it was issued by another issuer",
            Self::Client => "it was issued to another client",
            Self::NoUser => "it names no user",
            Self::NoOrganisation => "it names no organisation",
            Self::Role => "its role is unknown",
            Self::Erased => "its user or organisation was erased after it was issued",
        }
    }
}

/// The scheme of an `Authorization` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// The one that is taken.
    Bearer,
    /// A usual one of other servers, by its name.
    Elsewhere(&'static str),
    /// A text that names none; it may be a token, so it is not repeated.
    None,
}

impl Scheme {
    /// The schemes that clients of other servers send.
    const ELSEWHERE: &[&str] = &[
        "Basic",
        "Digest",
        "Token",
        "JWT",
        "ApiKey",
        "Api-Key",
        "Key",
        "OAuth",
        "Negotiate",
    ];

    /// The scheme with this name.
    pub fn of(name: &str) -> Self {
        if name.eq_ignore_ascii_case("bearer") {
            return Self::Bearer;
        }
        let mut known = Self::ELSEWHERE.iter();
        let known = known.find(|one| name.eq_ignore_ascii_case(one));
        known.map_or(Self::None, |name| Self::Elsewhere(name))
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bearer => f.write_str("has the scheme `Bearer` and no token"),
            Self::Elsewhere(name) => write!(f, "has the scheme `{name}`"),
            Self::None => f.write_str("does not begin with a scheme"),
        }
    }
}

impl From<NotSigned> for Refusal {
    fn from(error: NotSigned) -> Self {
        match error {
            NotSigned::Malformed => Self::Malformed,
            NotSigned::Algorithm => Self::Algorithm,
        }
    }
}
