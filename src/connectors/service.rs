//! Storing tokens, verifying them, forgetting them.

use std::sync::Arc;

use url::Url;

use crate::audit::event::Event;
use crate::audit::model::{Actor, ActorKind, Ending, Log, NewEntry, Outcome};
use crate::audit::service::Audit;
use crate::auth::principal::Principal;
use crate::connectors::config::ConnectorConfig;
use crate::connectors::error::Error;
use crate::connectors::model::{
    Connection, MAX_EMAIL_BYTES, MAX_TOKEN_BYTES, NewToken, Owner, Provider, Shown, Stored,
    TokenPlace, Verdict, Verification, base_url,
};
use crate::connectors::provider::Providers;
use crate::connectors::store;
use crate::connectors::store::Old;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::outbound::error::OutboundError;
use crate::platform::secret::{ExposeSecret, SecretString};
use crate::vault;
use crate::vault::service::Vault;

/// The tokens of all people; cheap to clone.
#[derive(Clone, Debug)]
pub struct Connectors {
    db: Pool,
    clock: Clock,
    vault: Vault,
    audit: Audit,
    config: Arc<ConnectorConfig>,
    providers: Providers,
}

impl Connectors {
    /// Over a database and a vault.
    pub fn new(
        db: Pool,
        clock: Clock,
        vault: Vault,
        audit: Audit,
        config: &ConnectorConfig,
    ) -> Result<Self, OutboundError> {
        Ok(Self {
            db,
            clock,
            vault,
            audit,
            providers: Providers::new(config)?,
            config: Arc::new(config.clone()),
        })
    }

    /// Stores a token, in place of the one that was there, unless its provider refuses it.
    pub async fn put(
        &self,
        principal: &Principal,
        provider: &str,
        new: NewToken,
    ) -> Result<Connection, Error> {
        let owner = self.owner(principal, provider)?;
        let token = checked_token(&new.token)?;
        let named = new.base_url.as_deref().map(base_url).transpose()?;
        let email = checked_email(owner.provider, new.email)?;
        // A token that could not be stored afterwards is not sent anywhere.
        if !self.vault.is_configured() {
            return Err(Error::Vault(vault::error::Error::NotConfigured));
        }
        let base = self.base(owner.provider, named.as_ref())?;
        let verdict = self
            .providers
            .verify(owner.provider, base, email.as_deref(), &token)
            .await?;
        let now = self.clock.now();
        let (account, verified_at) = match &verdict {
            Verdict::Refused => return Err(Error::Refused(owner.provider)),
            Verdict::Accepted(account) => (Some(account.clone()), Some(now)),
            Verdict::Unreachable => (None, None),
        };
        let base_url = named.as_ref().map(written);
        let place = TokenPlace::new(&owner, base_url.as_deref());
        let sealed = self
            .vault
            .seal(&place.place(), token.expose_secret().as_bytes())
            .await
            .map_err(Error::Vault)?;
        let stored = Stored {
            base_url,
            account,
            email,
            sealed: sealed.bytes,
            verified_at,
            updated_at: now,
        };
        let mut conn = self.db.acquire().await?;
        store::put(&mut conn, &owner, &stored, &sealed.with).await?;
        Ok(self.shown(owner.provider, Some(stored), Some((&verdict).into())))
    }

    /// The state of a person's connection; with `verify` the provider is asked again, and its answer is
    /// stored.
    pub async fn find(
        &self,
        principal: &Principal,
        provider: &str,
        verify: bool,
    ) -> Result<Connection, Error> {
        let owner = self.owner(principal, provider)?;
        let mut conn = self.db.acquire().await?;
        let stored = store::find(&mut conn, &owner).await?;
        // The provider may take its time.
        drop(conn);
        let mut stored = match stored {
            Some(stored) if verify => stored,
            stored => return Ok(self.shown(owner.provider, stored, None)),
        };
        let verdict = self.verdict(&owner, &stored).await?;
        match &verdict {
            Verdict::Accepted(account) => {
                stored.account = Some(account.clone());
                stored.verified_at = Some(self.clock.now());
            }
            Verdict::Refused => stored.verified_at = None,
            Verdict::Unreachable => {}
        }
        if verdict != Verdict::Unreachable {
            let mut conn = self.db.acquire().await?;
            store::set_verified(&mut conn, &owner, &stored).await?;
        }
        Ok(self.shown(owner.provider, Some(stored), Some((&verdict).into())))
    }

    /// A person's connections to every provider that the operator enables, also those that are not made.
    pub async fn list(&self, principal: &Principal) -> Result<Vec<Connection>, Error> {
        let mut conn = self.db.acquire().await?;
        let held = store::of_person(&mut conn, &principal.org_id, &principal.user_id).await?;
        let connection = |provider| Connection {
            provider,
            stored: held
                .iter()
                .find(|held| held.provider == provider)
                .map(|held| Shown {
                    base_url: held.base_url.clone().or_else(|| self.default(provider)),
                    account: held.account.clone(),
                    verified_at: held.verified_at,
                    updated_at: held.updated_at,
                }),
            verification: None,
        };
        Ok(self.offered().map(connection).collect())
    }

    /// Forgets a person's token. The provider is not told: that it is worth nothing any more, the
    /// person has to see to there.
    pub async fn delete(&self, principal: &Principal, provider: &str) -> Result<(), Error> {
        let owner = self.owner(principal, provider)?;
        let mut conn = self.db.acquire().await?;
        if store::delete(&mut conn, &owner).await? {
            Ok(())
        } else {
            Err(Error::NotConnected(owner.provider))
        }
    }

    async fn verdict(&self, owner: &Owner, stored: &Stored) -> Result<Verdict, Error> {
        let named = stored.base_url.as_deref().map(base_url).transpose()?;
        let base = self.base(owner.provider, named.as_ref())?;
        let token = self.open_token(owner, stored).await?;
        let email = stored.email.as_deref();
        self.providers
            .verify(owner.provider, base, email, &token)
            .await
    }

    /// Opens a stored token: the only place that does. It is audited before it happens.
    async fn open_token(&self, owner: &Owner, stored: &Stored) -> Result<SecretString, Error> {
        let entry = NewEntry {
            resource: Some(format!("connector_tokens/{}", owner.provider)),
            ..NewEntry::new(
                Log::Org(owner.org_id.clone()),
                Event::SecretOpened,
                Actor {
                    kind: ActorKind::User,
                    id: Some(owner.user_id.as_str().to_owned()),
                    role: None,
                },
            )
        };
        let open = self.audit.begin(entry).await?;
        let token = self.opened_token(owner, stored).await;
        let outcome = match &token {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Failure,
        };
        open.hand_over(Ending::from(outcome)).await;
        token
    }

    async fn opened_token(&self, owner: &Owner, stored: &Stored) -> Result<SecretString, Error> {
        let unreadable = || Error::Unreadable(owner.provider);
        let place = TokenPlace::new(owner, stored.base_url.as_deref());
        let opened = self.vault.open(&place.place(), &stored.sealed).await;
        let text = opened.map_err(|error| {
            if error.is_of_the_value() {
                tracing::error!(
                    %error, org.id = %owner.org_id, user.id = %owner.user_id,
                    provider = %owner.provider, "a stored token does not open"
                );
                unreadable()
            } else {
                Error::Vault(error)
            }
        })?;
        if !Vault::is_bound(&stored.sealed) {
            self.bind(owner, stored, &text).await;
        }
        let text = std::str::from_utf8(&text).map_err(|_| unreadable())?;
        Ok(SecretString::from(text))
    }

    /// Seals a token of the service before this one for its place, where it lies when it is first
    /// read: from then on it opens for no other owner. What fails now is tried at the next reading.
    async fn bind(&self, owner: &Owner, stored: &Stored, text: &[u8]) {
        let place = TokenPlace::new(owner, stored.base_url.as_deref());
        let bound = async {
            let sealed = self.vault.seal(&place.place(), text).await;
            let sealed = sealed.map_err(Error::Vault)?;
            let old = Old {
                org_id: owner.org_id.clone(),
                user_id: owner.user_id.clone(),
                provider: owner.provider,
                base_url: stored.base_url.clone(),
                sealed: stored.sealed.clone(),
            };
            let mut conn = self.db.acquire().await?;
            store::renew(&mut conn, &[(old, sealed)]).await?;
            Ok::<_, Error>(())
        };
        if let Err(error) = bound.await {
            tracing::warn!(%error, org.id = %owner.org_id, "a token was not bound to its place");
        }
    }

    /// The providers that the operator enables.
    fn offered(&self) -> impl Iterator<Item = Provider> {
        let all = Provider::ALL.into_iter();
        all.filter(|provider| self.config.offers(*provider))
    }

    fn not_enabled(&self) -> Error {
        let names: Vec<_> = self.offered().map(Provider::as_str).collect();
        let offered = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        };
        Error::NotEnabled { offered }
    }

    fn owner(&self, principal: &Principal, provider: &str) -> Result<Owner, Error> {
        let provider = Provider::from_name(provider)
            .filter(|provider| self.config.offers(*provider))
            .ok_or_else(|| self.not_enabled())?;
        Ok(Owner {
            org_id: principal.org_id.clone(),
            user_id: principal.user_id.clone(),
            provider,
        })
    }

    fn base<'a>(&'a self, provider: Provider, named: Option<&'a Url>) -> Result<&'a Url, Error> {
        named
            .or_else(|| self.config.base_url(provider))
            .ok_or(Error::BaseUrlMissing)
    }

    /// The address of those who name none.
    fn default(&self, provider: Provider) -> Option<String> {
        self.config.base_url(provider).map(written)
    }

    fn shown(
        &self,
        provider: Provider,
        stored: Option<Stored>,
        verification: Option<Verification>,
    ) -> Connection {
        let stored = stored.map(|stored| Shown {
            base_url: stored.base_url.or_else(|| self.default(provider)),
            account: stored.account,
            verified_at: stored.verified_at,
            updated_at: stored.updated_at,
        });
        Connection {
            provider,
            stored,
            verification,
        }
    }
}

/// The address as it is stored and shown: without the slash that stands for an empty path.
fn written(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// The token without the space that comes along when it is copied.
fn checked_token(token: &SecretString) -> Result<SecretString, Error> {
    let text = token.expose_secret().trim();
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && (1..=MAX_TOKEN_BYTES).contains(&text.len()) {
        Ok(SecretString::from(text))
    } else {
        Err(Error::Token)
    }
}

/// The email address that Jira wants beside a token, and no other provider does.
fn checked_email(provider: Provider, email: Option<String>) -> Result<Option<String>, Error> {
    let Some(email) = email else {
        return match provider {
            Provider::Jira => Err(Error::EmailMissing),
            Provider::GitHub | Provider::Slack => Ok(None),
        };
    };
    let email = email.trim();
    let plain = !email.chars().any(|c| c == ':' || c.is_control());
    let fits = plain && (1..=MAX_EMAIL_BYTES).contains(&email.len());
    if provider == Provider::Jira && fits {
        Ok(Some(email.to_owned()))
    } else {
        Err(Error::Email)
    }
}
