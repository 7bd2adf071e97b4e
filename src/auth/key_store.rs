//! The keys of an identity provider: fetched in the background, kept while it is away.
//!
//! Looking a key up never waits. A token that names an unknown key may cause one fetch, because the
//! provider may have changed its keys; a storm of such tokens shares one fetch, and the next is made only
//! after [`Times::cooldown`]. The token's signature has no influence on any of this, so bad tokens cannot
//! make good ones fail.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use crate::auth::config::KeysAt;
use crate::auth::jwks;
use crate::auth::jwks::Keys;
use crate::auth::jws::PublicKey;
use crate::platform::clock::Clock;
use crate::platform::health::Probe;
use crate::platform::outbound::client::{CONNECT_TIMEOUT, Client, Method, innermost};
use crate::platform::outbound::error::OutboundError;
use crate::platform::outbound::reach::Reach;
use crate::platform::sync::{read, write};
use crate::platform::tasks::Tasks;

/// The longest that a fetch may take; requests may be waiting for it.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest document that is read; real ones have a few thousand bytes.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// The ages of keys.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The age at which they are fetched again.
    pub refresh: Duration,
    /// The pause after one fetch for an unknown key before the next one.
    pub cooldown: Duration,
    /// The age up to which they are good while the provider cannot be asked. A key that the
    /// provider withdrew is trusted no longer than this, whatever happens on the way there.
    pub stale: TimeDelta,
}

impl Times {
    /// Keys that are fetched again after so many seconds.
    pub fn refreshed_after(seconds: u64) -> Self {
        Self {
            refresh: Duration::from_secs(seconds),
            cooldown: Duration::from_secs(30),
            stale: TimeDelta::hours(24),
        }
    }
}

/// The outcome of a search for a key.
#[derive(Clone, Debug)]
pub enum Found {
    /// It is this one.
    Key(Arc<PublicKey>),
    /// The provider has no such key, as far as is known.
    Unknown,
    /// No keys are known, or only ones that are too old.
    NoKeys,
}

/// Reasons for which keys could not be fetched.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    /// The address may not be reached.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// There was no answer.
    #[error("no answer: {0}")]
    Network(String),
    /// There was no answer in time.
    #[error("no answer in time")]
    Late,
    /// It was another answer than a document.
    #[error("the answer was {0}")]
    Status(u16),
    /// It was larger than any such document.
    #[error("the answer was too large")]
    TooLarge,
    /// The discovery document is not that of the issuer.
    #[error("the discovery document is not valid, or belongs to another issuer")]
    Discovery,
    /// There is no key in it that could verify a token.
    #[error("the answer contains no usable key")]
    NoKeys,
}

impl From<reqwest::Error> for FetchError {
    fn from(error: reqwest::Error) -> Self {
        Self::Network(innermost(&error.without_url()))
    }
}

/// The keys that are known, and since when.
#[derive(Debug, Default)]
struct Known {
    keys: Keys,
    fetched_at: Option<DateTime<Utc>>,
}

/// The keys of an identity provider.
#[derive(Debug)]
pub struct KeyStore {
    at: KeysAt,
    times: Times,
    clock: Clock,
    tasks: Tasks,
    client: Client,
    known: RwLock<Arc<Known>>,
    /// The time at which a fetch for an unknown key began. Held while it goes on, so that there is
    /// only one.
    asked_at: Mutex<Option<Instant>>,
}

impl KeyStore {
    /// No keys yet. [`Self::keep_fresh`] fetches them.
    pub fn new(
        at: KeysAt,
        times: Times,
        clock: Clock,
        tasks: Tasks,
    ) -> Result<Arc<Self>, OutboundError> {
        let reach = Reach::public().and_named(at.url());
        Ok(Arc::new(Self {
            client: Client::new(reach, CONNECT_TIMEOUT.min(FETCH_TIMEOUT))?,
            at,
            times,
            clock,
            tasks,
            known: RwLock::default(),
            asked_at: Mutex::default(),
        }))
    }

    /// Fetches the keys now and then, until the process ends; sooner again when that fails.
    pub fn keep_fresh(self: &Arc<Self>) {
        let (store, stopping) = (self.clone(), self.tasks.stopping());
        self.tasks.spawn(async move {
            loop {
                let fetched = tokio::select! {
                    fetched = store.fetch() => fetched,
                    () = stopping.cancelled() => return,
                };
                let wait = if fetched {
                    store.times.refresh
                } else {
                    store.times.refresh.min(store.times.cooldown)
                };
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = stopping.cancelled() => return,
                }
            }
        });
    }

    /// The key with this id.
    pub fn find(&self, kid: &str) -> Found {
        let known = self.known();
        let oldest = self.clock.now() - self.times.stale;
        match known.fetched_at {
            Some(at) if at > oldest => known
                .keys
                .get(kid)
                .map_or(Found::Unknown, |key| Found::Key(key.clone())),
            _ => Found::NoKeys,
        }
    }

    /// Keys are known that tokens can be verified with.
    pub fn is_usable(&self) -> bool {
        !matches!(self.find(""), Found::NoKeys)
    }

    /// Looks whether tokens can be verified.
    pub fn probe(self: Arc<Self>) -> Probe {
        Box::new(move || {
            let usable = self.is_usable();
            Box::pin(async move {
                if usable {
                    Ok("ok".to_owned())
                } else {
                    Err("its keys are not known yet, or are too old".to_owned())
                }
            })
        })
    }

    /// Fetches the keys because this one is not known, unless that was tried a moment ago. Concurrent
    /// callers wait for the same fetch, which goes on when they go away.
    pub async fn look_for(self: &Arc<Self>, kid: String) {
        let store = self.clone();
        let looking = self.tasks.spawn(async move {
            let mut asked_at = store.asked_at.lock().await;
            // Another caller's fetch may have brought it while this one waited.
            if matches!(store.find(&kid), Found::Key(_)) {
                return;
            }
            let cooldown = store.times.cooldown;
            if asked_at.is_some_and(|at| at.elapsed() < cooldown) {
                return;
            }
            *asked_at = Some(Instant::now());
            store.fetch().await;
        });
        if let Err(error) = looking.await {
            tracing::error!(%error, "the search for a key ended early");
        }
    }

    /// Fetches the keys; answers whether that succeeded. If not, those that are known stay.
    async fn fetch(&self) -> bool {
        let fetched = tokio::time::timeout(FETCH_TIMEOUT, self.fetched())
            .await
            .unwrap_or(Err(FetchError::Late));
        match fetched {
            Ok(keys) => {
                self.learn(keys);
                true
            }
            Err(error) => {
                let host = self.at.url().host_str().unwrap_or_default();
                tracing::warn!(%error, host, "the identity provider's keys could not be fetched");
                false
            }
        }
    }

    async fn fetched(&self) -> Result<Keys, FetchError> {
        let address = match &self.at {
            KeysAt::Set(url) => url.clone(),
            KeysAt::Discovery { issuer, url } => {
                let document = self.document(url.clone()).await?;
                jwks::keys_address(&document, issuer).ok_or(FetchError::Discovery)?
            }
        };
        let document = self.document(address).await?;
        jwks::keys(&document).ok_or(FetchError::NoKeys)
    }

    async fn document(&self, url: Url) -> Result<Vec<u8>, FetchError> {
        let request = self.client.request(Method::GET, url)?;
        let mut response = request.header("accept", "application/json").send().await?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(FetchError::Status(status));
        }
        let mut document = Vec::new();
        while let Some(packet) = response.chunk().await? {
            if document.len() + packet.len() > MAX_DOCUMENT_BYTES {
                return Err(FetchError::TooLarge);
            }
            document.extend_from_slice(&packet);
        }
        Ok(document)
    }

    /// Keys that stay the same stay the same object, so that tokens verified with them stay known.
    fn learn(&self, mut keys: Keys) {
        let before = self.known();
        for (kid, key) in &mut keys {
            if let Some(same) = before.keys.get(kid).filter(|same| *same == key) {
                *key = same.clone();
            }
        }
        let known = Arc::new(Known {
            keys,
            fetched_at: Some(self.clock.now()),
        });
        *write(&self.known) = known;
    }

    fn known(&self) -> Arc<Known> {
        read(&self.known).clone()
    }
}
