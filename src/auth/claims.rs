//! The claims of a token, and the checks that decide whether they may be believed here and now.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::auth::principal::{Principal, Proof, Role};
use crate::auth::refusal::Refusal;

/// The most that the clocks of issuer and server may differ, in seconds.
const LEEWAY_SECONDS: f64 = 30.0;

/// The claims that are looked at. One that is there twice makes the token malformed: two readers
/// must not understand it differently.
#[derive(Debug, Deserialize)]
pub struct Claims {
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
    sub: Option<Value>,
    org_id: Option<Value>,
    org: Option<Value>,
    team_id: Option<Value>,
    role: Option<Value>,
    roles: Option<Value>,
    aud: Option<Value>,
    iss: Option<Value>,
    azp: Option<Value>,
    client_id: Option<Value>,
}

/// The claims that tokens of one origin must have.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The audience that `aud` must name.
    pub audience: Option<String>,
    /// The issuer that `iss` must be.
    pub issuer: Option<String>,
    /// The clients of which `azp` or `client_id` must be one; any, when empty.
    pub client_ids: Vec<String>,
    /// `iat` must be there, and the organisation be named by `org_id`, not by the older
    /// `org`.
    pub strict: bool,
}

impl Claims {
    /// Reads the payload of a token.
    pub fn read(payload: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(payload).map_err(|_| Refusal::Malformed)
    }

    /// The principal of the token, if it may be believed at this moment by these rules.
    pub fn principal(&self, rules: &Rules, now: DateTime<Utc>) -> Result<Principal, Refusal> {
        self.check_times(rules, now)?;
        self.check_parties(rules)?;
        let older = self.org.as_ref().filter(|_| !rules.strict);
        Ok(Principal {
            org_id: text_id(self.org_id.as_ref().or(older)).ok_or(Refusal::NoOrganisation)?,
            user_id: text_id(self.sub.as_ref()).ok_or(Refusal::NoUser)?,
            team_id: text_id(self.team_id.as_ref()),
            role: self.role()?,
            proof: Proof::Token,
        })
    }

    /// The moment at which it was issued, in seconds since the epoch, if it says that.
    pub fn issued_at(&self) -> Option<f64> {
        self.iat
    }

    fn check_times(&self, rules: &Rules, now: DateTime<Utc>) -> Result<(), Refusal> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "seconds since the epoch are exact in an f64 for millions of years"
        )]
        let now = now.timestamp() as f64;
        let expires = self.exp.ok_or(Refusal::NoExpiry)?;
        if expires + LEEWAY_SECONDS <= now {
            return Err(Refusal::Expired);
        }
        if rules.strict && self.iat.is_none() {
            return Err(Refusal::NoIssueTime);
        }
        let later = |from: f64| from > now + LEEWAY_SECONDS;
        if [self.nbf, self.iat].into_iter().flatten().any(later) {
            return Err(Refusal::NotYetValid);
        }
        Ok(())
    }

    fn check_parties(&self, rules: &Rules) -> Result<(), Refusal> {
        if let Some(expected) = &rules.audience {
            let named = match &self.aud {
                Some(Value::String(one)) => one == expected,
                Some(Value::Array(many)) => many.iter().any(|one| one == expected.as_str()),
                _ => false,
            };
            if !named {
                return Err(Refusal::Audience);
            }
        }
        if let Some(expected) = &rules.issuer
            && self.iss.as_ref().and_then(Value::as_str) != Some(expected)
        {
            return Err(Refusal::Issuer);
        }
        if !rules.client_ids.is_empty() {
            let client = self.azp.as_ref().or(self.client_id.as_ref());
            let client = client.and_then(Value::as_str);
            if !client.is_some_and(|id| rules.client_ids.iter().any(|one| one == id)) {
                return Err(Refusal::Client);
            }
        }
        Ok(())
    }

    /// `role`, or the highest of `roles`. A token without either may read; one whose roles are all
    /// unknown is refused, because its issuer meant something that we do not understand.
    fn role(&self) -> Result<Role, Refusal> {
        let Some(named) = self.role.as_ref().or(self.roles.as_ref()) else {
            return Ok(Role::Viewer);
        };
        match named {
            Value::String(one) => one.parse().ok(),
            Value::Array(many) => many
                .iter()
                .filter_map(|one| one.as_str()?.parse().ok())
                .max(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
        }
        .ok_or(Refusal::Role)
    }
}

fn text_id<T: TryFrom<String>>(claim: Option<&Value>) -> Option<T> {
    T::try_from(claim?.as_str()?.to_owned()).ok()
}
