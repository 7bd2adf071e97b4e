//! Asking a provider whose token it is.
//!
//! Where a setting says that a provider is, it may be in a private network. Where a person says so,
//! it must be public: else the server would fetch for them what only it can reach.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use crate::connectors::config::ConnectorConfig;
use crate::connectors::error::Error;
use crate::connectors::model::{MAX_ACCOUNT_CHARS, Provider, Verdict};
use crate::platform::outbound::client::{Client, Method};
use crate::platform::outbound::error::OutboundError;
use crate::platform::outbound::reach::Reach;
use crate::platform::secret::{ExposeSecret, SecretString};

/// The timeout of connecting to a provider.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The timeout of a whole request to a provider: a person waits for it.
const TIMEOUT: Duration = Duration::from_secs(8);
/// The most of an answer that is read, in bytes; theirs are a few kilobytes.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// Slack's error codes for tokens that are not good.
const SLACK_REFUSALS: &[&str] = &[
    "account_inactive",
    "invalid_auth",
    "not_authed",
    "token_expired",
    "token_revoked",
];

/// The providers and the ways to them; cheap to clone.
#[derive(Clone, Debug)]
pub struct Providers {
    public: Client,
    named: Arc<BTreeMap<Provider, (Url, Client)>>,
}

impl Providers {
    /// Where the settings say that they are.
    pub fn new(config: &ConnectorConfig) -> Result<Self, OutboundError> {
        let mut named = BTreeMap::new();
        for provider in Provider::ALL {
            if let Some(base) = config.base_url(provider) {
                let reach = Reach::public().and_named(base);
                named.insert(
                    provider,
                    (base.clone(), Client::new(reach, CONNECT_TIMEOUT)?),
                );
            }
        }
        Ok(Self {
            public: Client::new(Reach::public(), CONNECT_TIMEOUT)?,
            named: Arc::new(named),
        })
    }

    /// Asks a provider whose token it is.
    pub async fn verify(
        &self,
        provider: Provider,
        base: &Url,
        email: Option<&str>,
        token: &SecretString,
    ) -> Result<Verdict, Error> {
        let client = match self.named.get(&provider) {
            Some((named, client)) if named == base => client,
            Some(_) | None => &self.public,
        };
        let (method, path) = match provider {
            Provider::GitHub => (Method::GET, "/user"),
            Provider::Jira => (Method::GET, "/rest/api/3/myself"),
            Provider::Slack => (Method::POST, "/auth.test"),
        };
        let mut url = base.clone();
        url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
        let request = client.request(method, url);
        let request = request.map_err(|_| Error::Forbidden)?.timeout(TIMEOUT);
        let request = match email {
            Some(email) => request.basic_auth(email, Some(token.expose_secret())),
            None => request.bearer_auth(token.expose_secret()),
        };
        let response = match request.header("Accept", "application/json").send().await {
            Ok(response) => response,
            Err(error) if is_forbidden(&error) => return Err(Error::Forbidden),
            Err(_) => return Ok(Verdict::Unreachable),
        };
        match response.status().as_u16() {
            401 => return Ok(Verdict::Refused),
            200 => {}
            _ => return Ok(Verdict::Unreachable),
        }
        let answer = read(response).await;
        Ok(answer.map_or(Verdict::Unreachable, |answer| judge(provider, &answer)))
    }
}

/// True when the name led to a forbidden address.
fn is_forbidden(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<OutboundError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The answer as JSON, if it is some and not too long.
async fn read(mut response: reqwest::Response) -> Option<Value> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).ok()
}

/// The verdict of an answer with the status 200.
fn judge(provider: Provider, answer: &Value) -> Verdict {
    let text = |name: &str| answer[name].as_str().filter(|text| !text.is_empty());
    let account = match provider {
        Provider::GitHub => text("login").map(str::to_owned),
        Provider::Jira => text("displayName")
            .or_else(|| text("accountId"))
            .map(str::to_owned),
        Provider::Slack if answer["ok"] == true => {
            let user = text("user").or_else(|| text("user_id"));
            user.map(|user| match text("team") {
                Some(team) => format!("{user} in {team}"),
                None => user.to_owned(),
            })
        }
        Provider::Slack => {
            let refused = text("error").is_some_and(|error| SLACK_REFUSALS.contains(&error));
            return if refused {
                Verdict::Refused
            } else {
                Verdict::Unreachable
            };
        }
    };
    // A good answer without an account is not from the provider.
    account.map_or(Verdict::Unreachable, |account| {
        let plain = account.chars().filter(|c| !c.is_control());
        Verdict::Accepted(plain.take(MAX_ACCOUNT_CHARS).collect())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_provider_is_understood_in_its_own_words() {
        let accepted = |name: &str| Verdict::Accepted(name.to_owned());
        for (provider, answer, expected) in [
            (Provider::GitHub, json!({"login": "ada"}), accepted("ada")),
            (
                Provider::GitHub,
                json!({"message": "hello"}),
                Verdict::Unreachable,
            ),
            (Provider::GitHub, json!(["ada"]), Verdict::Unreachable),
            (
                Provider::Jira,
                json!({"accountId": "5b", "displayName": "Ada\nL"}),
                accepted("AdaL"),
            ),
            (
                Provider::Jira,
                json!({"accountId": "5b", "displayName": ""}),
                accepted("5b"),
            ),
            (
                Provider::Slack,
                json!({"ok": true, "user": "ada", "team": "Acme"}),
                accepted("ada in Acme"),
            ),
            (
                Provider::Slack,
                json!({"ok": false, "error": "invalid_auth"}),
                Verdict::Refused,
            ),
            (
                Provider::Slack,
                json!({"ok": false, "error": "ratelimited"}),
                Verdict::Unreachable,
            ),
            (
                Provider::Slack,
                json!({"user": "ada"}),
                Verdict::Unreachable,
            ),
        ] {
            assert_eq!(judge(provider, &answer), expected, "{answer}");
        }
        let long = json!({"login": "x".repeat(10_000)});
        let expected = accepted(&"x".repeat(MAX_ACCOUNT_CHARS));
        assert_eq!(judge(Provider::GitHub, &long), expected);
    }
}
