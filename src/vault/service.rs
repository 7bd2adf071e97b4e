//! Sealing and opening.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::platform::secret_file::development_secret;
use crate::platform::tasks::Tasks;
use crate::vault::config::{DEVELOPMENT_KEY_FILE, DevelopmentKey, KeyError, VaultConfig};
use crate::vault::development::Development;
use crate::vault::envelope::DataKey;
use crate::vault::error::Error;
use crate::vault::format::{Parts, Wrapping};
use crate::vault::kms::Kms;
use crate::vault::model::{Context, Place, Sealed, Wrapped};
use crate::vault::original::Original;
use crate::vault::shelf::{Bounds, Shelf};
use crate::vault::{envelope, format, original};

/// Limits of unwrapped data keys: the age, the number, and the amount that one of them may seal.
///
/// A cipher's key is derived for every value, so these are no limits of the cipher. They bound what
/// a data key that leaks from memory opens, and how long a key that was disabled in KMS still works.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// No data key stays in memory for longer.
    pub age: Duration,
    /// Data keys that seal; one for each organisation and purpose in use.
    pub sealing_keys: usize,
    /// Data keys that open; a few hundred bytes each.
    pub opening_keys: usize,
    /// Values that are sealed with one data key.
    pub messages: u64,
    /// Bytes of their plain texts.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            age: Duration::from_mins(5),
            sealing_keys: 1_024,
            opening_keys: 4_096,
            messages: 1 << 20,
            bytes: 1 << 30,
        }
    }
}

/// The interval at which old keys are dropped when the vault is idle.
const SWEEP_EVERY: Duration = Duration::from_secs(30);

/// The keys that wrap data keys here.
#[derive(Debug, Default)]
pub struct Keys {
    /// KMS; values are sealed with it when it is there.
    pub kms: Option<Kms>,
    /// The key of a developer's machine.
    pub development: Option<Development>,
}

impl Keys {
    /// The keys that settings name. KMS is not asked before a key is used.
    pub async fn of(
        config: &VaultConfig,
        development: DevelopmentKey<'_>,
    ) -> Result<Self, KeyError> {
        let current = config.token_encryption_key_id.as_deref().map(str::trim);
        let current = current.filter(|id| !id.is_empty());
        let development = match (development, &config.dev_encryption_key) {
            (DevelopmentKey::Never, _) | (DevelopmentKey::Set, None) => None,
            (DevelopmentKey::Set | DevelopmentKey::Made(_), Some(key)) => Some(key.clone()),
            // With KMS it only opens what it sealed before, so none is made for that.
            (DevelopmentKey::Made(folder), None)
                if current.is_some() && !folder.join(DEVELOPMENT_KEY_FILE).exists() =>
            {
                None
            }
            (DevelopmentKey::Made(folder), None) => {
                Some(development_secret(folder, DEVELOPMENT_KEY_FILE)?)
            }
        };
        let development = development.as_ref().map(Development::new).transpose();
        let kms = match current {
            Some(current) => Some(Kms::connect(current, &config.previous()).await),
            None => None,
        };
        Ok(Self {
            kms,
            development: development.map_err(KeyError::Development)?,
        })
    }
}

/// Seals values and opens them in their place; cheap to clone.
#[derive(Clone)]
pub struct Vault {
    keys: Arc<Keys>,
    limits: Limits,
    sealing: Arc<Shelf<Arc<SealingKey>>>,
    opening: Arc<Shelf<Arc<DataKey>>>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({:?})", self.keys)
    }
}

/// A data key with what it has sealed so far.
struct SealingKey {
    key: DataKey,
    header: Vec<u8>,
    with: String,
    messages: AtomicU64,
    bytes: AtomicU64,
}

impl SealingKey {
    /// Counts one more value, unless the key has sealed enough.
    fn take(&self, length: usize, limits: &Limits) -> bool {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        self.messages.fetch_add(1, Ordering::Relaxed) < limits.messages
            && self.bytes.fetch_add(length, Ordering::Relaxed) < limits.bytes
    }
}

impl Vault {
    /// Over these keys.
    pub fn new(keys: Keys, limits: Limits) -> Self {
        let bounds = |count| Bounds {
            count,
            age: limits.age,
        };
        Self {
            keys: Arc::new(keys),
            limits,
            sealing: Shelf::new(bounds(limits.sealing_keys)),
            opening: Shelf::new(bounds(limits.opening_keys)),
        }
    }

    /// True when there is a key to seal with.
    pub fn is_configured(&self) -> bool {
        self.keys.kms.is_some() || self.keys.development.is_some()
    }

    /// Wipes keys once they are old, also while the vault is idle.
    pub fn start(&self, tasks: &Tasks) {
        let (vault, stopping) = (self.clone(), tasks.stopping());
        tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(SWEEP_EVERY) => {}
                    () = stopping.cancelled() => return,
                }
                vault.sealing.forget_old(Instant::now());
                vault.opening.forget_old(Instant::now());
            }
        });
    }

    /// Seals a value for its place.
    pub async fn seal(&self, place: &Place<'_>, plain: &[u8]) -> Result<Sealed, Error> {
        let key = self.sealing_key(place.context(), plain.len()).await?;
        let envelope = envelope::seal(&key.key, &place.bytes(&key.header), plain)?;
        let mut bytes = Vec::with_capacity(key.header.len() + envelope.len());
        bytes.extend_from_slice(&key.header);
        bytes.extend_from_slice(&envelope);
        Ok(Sealed {
            bytes,
            with: key.with.clone(),
        })
    }

    /// True if a value opens in one place alone. Those of the service that this one replaces open
    /// wherever they lie.
    pub fn is_bound(sealed: &[u8]) -> bool {
        format::is_current(sealed)
    }

    /// Opens a value in its place. The text is wiped when dropped.
    pub async fn open(
        &self,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        if format::is_current(sealed) {
            let parts = format::parse(sealed)?;
            let key = self.opening_key(&parts, place.context()).await?;
            let place = place.bytes(parts.header);
            return Ok(envelope::open(&key, &place, parts.envelope)?);
        }
        match original::parse(sealed)? {
            Original::V1 {
                wrapped,
                nonce,
                text,
            } => {
                let key = self.original_key(wrapped).await?;
                Ok(original::open_v1(&key, nonce, &text)?)
            }
            Original::Dev(token) => {
                let unknown = || Error::UnknownKey("a development key".to_owned());
                let key = self.keys.development.as_ref().ok_or_else(unknown)?;
                Ok(key.open_original(&token)?)
            }
        }
    }

    /// The format and key of a value that is sealed now.
    pub async fn current(&self) -> Result<String, Error> {
        match (&self.keys.kms, &self.keys.development) {
            (Some(kms), _) => Ok(Wrapping::Kms.with(kms.current().await?)),
            (None, Some(key)) => Ok(Wrapping::Development.with(key.name())),
            (None, None) => Err(Error::NotConfigured),
        }
    }

    async fn sealing_key(
        &self,
        context: Context<'_>,
        length: usize,
    ) -> Result<Arc<SealingKey>, Error> {
        let name = context.bytes();
        let usable = |key: &Arc<SealingKey>| key.take(length, &self.limits);
        if let Some(key) = self.sealing.get(&name, Instant::now(), usable) {
            return Ok(key);
        }
        loop {
            let vault = self.clone();
            let (org, purpose) = (context.org.to_owned(), context.purpose.to_owned());
            let making = async move {
                let context = Context {
                    org: &org,
                    purpose: &purpose,
                };
                vault.new_sealing_key(context).await.map(Arc::new)
            };
            let key = self.sealing.make(name.clone(), usable, making).await?;
            // So many may have waited for it that it is used up already.
            if usable(&key) {
                return Ok(key);
            }
        }
    }

    async fn new_sealing_key(&self, context: Context<'_>) -> Result<SealingKey, Error> {
        let (wrapping, made) = match (&self.keys.kms, &self.keys.development) {
            (Some(kms), _) => (Wrapping::Kms, kms.generate(context).await?),
            (None, Some(key)) => (Wrapping::Development, key.generate(context)?),
            (None, None) => return Err(Error::NotConfigured),
        };
        let Wrapped { key, key_id, bytes } = made;
        let header = format::header(wrapping, &key_id, &bytes)?;
        // A new value is likely opened soon, and the key is known already.
        let opening = Arc::new(key.clone());
        let name = opening_name(&header, context);
        self.opening.put(name, opening, Instant::now());
        Ok(SealingKey {
            key,
            header,
            with: wrapping.with(&key_id),
            messages: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        })
    }

    async fn opening_key(
        &self,
        parts: &Parts<'_>,
        context: Context<'_>,
    ) -> Result<Arc<DataKey>, Error> {
        let name = opening_name(parts.header, context);
        if let Some(key) = self.opening.get(&name, Instant::now(), |_| true) {
            return Ok(key);
        }
        let (keys, wrapping) = (self.keys.clone(), parts.wrapping);
        let (key_id, wrapped) = (parts.key_id.to_owned(), parts.wrapped.to_vec());
        let (org, purpose) = (context.org.to_owned(), context.purpose.to_owned());
        let making = async move {
            let context = Context {
                org: &org,
                purpose: &purpose,
            };
            let key = match (wrapping, &keys.kms, &keys.development) {
                (Wrapping::Kms, Some(kms), _) => kms.open(&key_id, &wrapped, context).await?,
                (Wrapping::Development, _, Some(key)) if key.name() == key_id => {
                    key.open(&wrapped, context)?
                }
                (Wrapping::Kms | Wrapping::Development, _, _) => {
                    return Err(Error::UnknownKey(wrapping.with(&key_id)));
                }
            };
            Ok(Arc::new(key))
        };
        self.opening.make(name, |_| true, making).await
    }

    async fn original_key(&self, wrapped: Vec<u8>) -> Result<Arc<DataKey>, Error> {
        // The names of other keys begin with a length of eight bytes, so never with this.
        let mut name = b"v1".to_vec();
        name.extend_from_slice(&wrapped);
        if let Some(key) = self.opening.get(&name, Instant::now(), |_| true) {
            return Ok(key);
        }
        let keys = self.keys.clone();
        let making = async move {
            let kms = keys.kms.as_ref();
            let kms = kms.ok_or_else(|| Error::UnknownKey("a KMS key".to_owned()))?;
            kms.open_original(&wrapped).await.map(Arc::new)
        };
        self.opening.make(name, |_| true, making).await
    }
}

/// The name under which an opening data key is kept: everything that decides if it may be unwrapped.
fn opening_name(header: &[u8], context: Context<'_>) -> Vec<u8> {
    let mut name = context.bytes();
    name.extend_from_slice(header);
    name
}
