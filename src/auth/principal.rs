//! The principal, its roles, and the extractors that a handler's signature names.

use std::fmt;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::auth::refusal::Scheme;
use crate::platform::ids::{OrgId, TeamId, UserId};
use crate::platform::problem::Problem;

/// The permissions of a principal; the order is the order of power.
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
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Also lets the agent work: runs change files and start commands.
    Planner,
    /// Also manages the organisation: budgets, insights, audit.
    Admin,
}

impl Role {
    /// The name, as tokens and answers carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Planner => "planner",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text names no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the role must be viewer, planner or admin")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        match text {
            "viewer" => Ok(Self::Viewer),
            "planner" => Ok(Self::Planner),
            "admin" => Ok(Self::Admin),
            _ => Err(UnknownRole),
        }
    }
}

/// The way a principal was authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// By a bearer token.
    Token,
    /// By a stream ticket, which was given out for a bearer token.
    Ticket,
    /// By nothing: it is the identity that a development server lends to requests without a token.
    Development,
    /// Earlier: it owns a run that is worked on now.
    Owner,
}

/// The caller, as the verified token names them.
///
/// As an extractor it admits every role and answers 401 when there is no verified caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The organisation every query is confined to.
    pub org_id: OrgId,
    /// The person within it.
    pub user_id: UserId,
    /// The team they work in, if the token says one. Teams see what all in the organisation see; they
    /// only have insights of their own.
    pub team_id: Option<TeamId>,
    /// The role.
    pub role: Role,
    /// The way the caller was authenticated.
    pub proof: Proof,
}

impl Principal {
    /// Refuses those whose role is below `required`.
    fn at_least(self, required: Role) -> Result<Self, Denied> {
        if self.role >= required {
            Ok(self)
        } else {
            Err(Denied::RoleTooLow {
                required,
                actual: self.role,
            })
        }
    }
}

/// A principal who is planner or admin; the extractor answers 403 to viewers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planner(pub Principal);

/// A principal who is admin; the extractor answers 403 to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin(pub Principal);

/// A principal whose word counts as a person's consent: planner or admin, by a token of their own.
/// The extractor answers 403 to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answerer(pub Principal);

/// When it is worth coming again while the identity provider is away, in seconds.
const KEYS_RETRY_SECONDS: u64 = 30;

/// The reason a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// No bearer token was sent.
    NoToken,
    /// The `Authorization` header has no bearer token.
    WrongScheme(Scheme),
    /// A token stands in this parameter of the address.
    TokenInAddress(&'static str),
    /// The token was refused; the text says why without repeating any of it.
    BadToken(&'static str),
    /// The stream ticket was refused; the text says why without repeating any of it.
    BadTicket(&'static str),
    /// The stream ticket is as old as every ticket becomes.
    OldTicket,
    /// The token cannot be verified, because the identity provider's keys are not known.
    NoKeys,
    /// There is no token, and the request may not come from this machine; the text says why.
    NotFromHere(&'static str),
    /// The identity of a development server answers no consents.
    ConsentNeedsToken,
    /// The token is good and its role is not enough.
    RoleTooLow {
        /// The role that the route needs.
        required: Role,
        /// The role of the token.
        actual: Role,
    },
}

/// A token or ticket was refused, for another reason than a ticket's age: in the extensions of the answer.
#[derive(Clone, Copy, Debug)]
pub struct CredentialRefused;

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let (status, slug, detail, challenge) = match self {
            Self::NoToken => (
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "you are not signed in; sign in, or give your client an access token, which it sends in the header `Authorization: Bearer <token>`".to_owned(),
                "Bearer realm=\"navi\"".to_owned(),
            ),
            Self::WrongScheme(scheme) => (
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                format!(
                    "you are not signed in, because the header `Authorization` {scheme}; it must be `Authorization: Bearer <token>`"
                ),
                "Bearer realm=\"navi\"".to_owned(),
            ),
            Self::TokenInAddress(parameter) => (
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                format!(
                    "you are not signed in, because `{parameter}` in the query is not accepted, since addresses are logged; get a stream ticket, or send the header `Authorization: Bearer <token>`"
                ),
                "Bearer realm=\"navi\", error=\"invalid_request\"".to_owned(),
            ),
            Self::BadToken(reason) => (
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                format!(
                    "you are not signed in, because the access token was refused: {reason}; sign in again, or give your client a new token"
                ),
                format!(
                    "Bearer realm=\"navi\", error=\"invalid_token\", error_description=\"{reason}\""
                ),
            ),
            Self::BadTicket(reason) => (
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                format!("the stream ticket was refused: {reason}"),
                "Bearer realm=\"navi\"".to_owned(),
            ),
            Self::OldTicket => (
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "the stream ticket has expired; get another, and go on where the stream ended"
                    .to_owned(),
                "Bearer realm=\"navi\"".to_owned(),
            ),
            Self::NoKeys => {
                let problem = Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "identity-provider-unavailable",
                    "the identity provider's keys could not be fetched",
                );
                return problem.retry_after(KEYS_RETRY_SECONDS).into_response();
            }
            Self::NotFromHere(reason) => {
                let problem = Problem::new(
                    StatusCode::FORBIDDEN,
                    "development-identity-refused",
                    format!(
                        "requests without a token are accepted only from this machine: {reason}"
                    ),
                );
                return problem.into_response();
            }
            Self::ConsentNeedsToken => {
                let problem = Problem::new(
                    StatusCode::FORBIDDEN,
                    "consent-needs-token",
                    "consents need a token, and the development identity cannot answer them; \
                     send a planner's token (`navi token mint` creates one)",
                );
                return problem.into_response();
            }
            Self::RoleTooLow { required, actual } => (
                StatusCode::FORBIDDEN,
                "forbidden",
                format!(
                    "you are signed in with the role {actual}, and this needs {required} or higher; ask an administrator of your organisation for that role, then sign in again"
                ),
                format!(
                    "Bearer realm=\"navi\", error=\"insufficient_scope\", scope=\"{required}\""
                ),
            ),
        };
        let mut response = Problem::new(status, slug, detail).into_response();
        if matches!(
            self,
            Self::WrongScheme(_) | Self::TokenInAddress(_) | Self::BadToken(_) | Self::BadTicket(_)
        ) {
            response.extensions_mut().insert(CredentialRefused);
        }
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

fn verified(parts: &Parts) -> Result<Principal, Denied> {
    parts
        .extensions
        .get::<Principal>()
        .cloned()
        .ok_or(Denied::NoToken)
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Denied> {
        verified(parts)
    }
}

impl<S: Sync> FromRequestParts<S> for Planner {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Denied> {
        verified(parts)?.at_least(Role::Planner).map(Self)
    }
}

impl<S: Sync> FromRequestParts<S> for Answerer {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Denied> {
        let principal = verified(parts)?;
        match principal.proof {
            Proof::Token => principal.at_least(Role::Planner).map(Self),
            Proof::Development => Err(Denied::ConsentNeedsToken),
            // Neither comes with a request that could answer: tickets open streams alone.
            Proof::Ticket | Proof::Owner => Err(Denied::NoToken),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Admin {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Denied> {
        verified(parts)?.at_least(Role::Admin).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_ordered_by_power() {
        assert!(Role::Viewer < Role::Planner && Role::Planner < Role::Admin);
    }

    #[test]
    fn a_role_reads_back_from_its_name_and_from_nothing_else() {
        for role in [Role::Viewer, Role::Planner, Role::Admin] {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        for text in ["", "Admin", "root", "admin ", "planner,admin"] {
            assert_eq!(text.parse::<Role>(), Err(UnknownRole), "{text:?}");
        }
    }
}
