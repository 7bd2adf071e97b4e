//! AWS KMS: data keys, wrapped and unwrapped. The only file that knows its client.
//!
//! A key is used only if a setting names it. Without that rule, an attacker who can write to the database
//! could store a value whose data key is wrapped with a key of their own that lets everybody decrypt, and
//! the server would take their text for one of its own.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use crate::platform::text::first_chars;
use crate::vault::envelope::{DataKey, KEY_BYTES};
use crate::vault::error::Error;
use crate::vault::model::{Context, Wrapped};

/// The timeout of one attempt. KMS answers within tens of milliseconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// The timeout of all attempts together: a request of a client waits for them.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);
/// The names in the encryption context; they appear in `CloudTrail` and may stand in key policies.
const ORG: &str = "org";
const PURPOSE: &str = "purpose";

/// KMS with the keys that may be used there.
#[derive(Debug)]
pub struct Kms {
    client: Client,
    current: String,
    previous: Vec<String>,
    /// The keys' ARNs, the current one first. An alias is looked up once, so that sealing and opening
    /// stay in step when it is pointed elsewhere; that takes effect with a restart.
    arns: OnceCell<Vec<String>>,
}

impl Kms {
    /// Over the region and the credentials that the environment gives, as for all AWS tools.
    pub async fn connect(current: &str, previous: &[String]) -> Self {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(region) = region(current) {
            loader = loader.region(Region::new(region.to_owned()));
        }
        // The client's own futures are large.
        Self::over(&Box::pin(loader.load()).await, current, previous)
    }

    /// Over a connection that is configured already.
    pub fn over(sdk: &SdkConfig, current: &str, previous: &[String]) -> Self {
        let patience = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let config = aws_sdk_kms::config::Builder::from(sdk)
            .timeout_config(patience)
            .retry_config(RetryConfig::standard())
            .build();
        Self {
            client: Client::from_conf(config),
            current: current.to_owned(),
            previous: previous.to_vec(),
            arns: OnceCell::new(),
        }
    }

    /// The ARN of the key that wraps new data keys.
    pub async fn current(&self) -> Result<&str, Error> {
        let arns = self.arns().await?;
        arns.first().map(String::as_str).ok_or(Error::Garbled)
    }

    /// A new data key for this context.
    pub async fn generate(&self, context: Context<'_>) -> Result<Wrapped, Error> {
        let arn = self.current().await?;
        let answer = self
            .client
            .generate_data_key()
            .key_id(arn)
            .key_spec(DataKeySpec::Aes256)
            .encryption_context(ORG, context.org)
            .encryption_context(PURPOSE, context.purpose)
            .send()
            .await
            .map_err(|error| failure(&error, arn))?;
        if answer.key_id.as_deref() != Some(arn) {
            return Err(Error::Garbled);
        }
        let wrapped = answer.ciphertext_blob.ok_or(Error::Garbled)?;
        Ok(Wrapped {
            key: data_key(answer.plaintext)?,
            key_id: arn.to_owned(),
            bytes: wrapped.into_inner(),
        })
    }

    /// The data key that the key `key_id` wrapped for this context.
    pub async fn open(
        &self,
        key_id: &str,
        wrapped: &[u8],
        context: Context<'_>,
    ) -> Result<DataKey, Error> {
        if !self.may_use(key_id).await? {
            return Err(Error::UnknownKey(key_id.to_owned()));
        }
        let answer = self
            .client
            .decrypt()
            .key_id(key_id)
            .ciphertext_blob(Blob::new(wrapped))
            .encryption_context(ORG, context.org)
            .encryption_context(PURPOSE, context.purpose)
            .send()
            .await
            .map_err(|error| failure(&error, key_id))?;
        if answer.key_id.as_deref() != Some(key_id) {
            return Err(Error::WrongKey(key_id.to_owned()));
        }
        data_key(answer.plaintext)
    }

    /// A data key as the original wrapped it: its values name neither key nor context. That the key
    /// is one of ours is seen from the answer.
    pub async fn open_original(&self, wrapped: &[u8]) -> Result<DataKey, Error> {
        let answer = self
            .client
            .decrypt()
            .ciphertext_blob(Blob::new(wrapped))
            .send()
            .await
            .map_err(|error| failure(&error, &self.current))?;
        let used = answer.key_id.ok_or(Error::Garbled)?;
        if !self.may_use(&used).await? {
            return Err(Error::UnknownKey(used));
        }
        data_key(answer.plaintext)
    }

    async fn may_use(&self, arn: &str) -> Result<bool, Error> {
        Ok(self.arns().await?.iter().any(|ours| ours == arn))
    }

    async fn arns(&self) -> Result<&Vec<String>, Error> {
        let look_up = async || {
            let mut arns = vec![self.arn(&self.current).await?];
            for id in &self.previous {
                match self.arn(id).await {
                    Ok(arn) => arns.push(arn),
                    // A key that is gone opens nothing any more and must not stop the others.
                    Err(Error::KeyNotFound(id)) => {
                        tracing::warn!(key = id, "a previous key of the vault is not in KMS");
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(arns)
        };
        self.arns.get_or_try_init(look_up).await
    }

    async fn arn(&self, id: &str) -> Result<String, Error> {
        if is_key_arn(id) {
            return Ok(id.to_owned());
        }
        let answer = self.client.describe_key().key_id(id).send().await;
        let answer = answer.map_err(|error| failure(&error, id))?;
        let arn = answer.key_metadata.and_then(|key| key.arn);
        arn.ok_or(Error::Garbled)
    }
}

fn is_key_arn(id: &str) -> bool {
    id.starts_with("arn:") && id.contains(":key/")
}

/// The region that an ARN names.
fn region(id: &str) -> Option<&str> {
    let mut parts = id.split(':');
    (parts.next() == Some("arn"))
        .then(|| parts.nth(2))
        .flatten()
        .filter(|region| !region.is_empty())
}

/// The key, whose first copy is wiped. Those that the client's buffers held are not ours to wipe.
fn data_key(plain: Option<Blob>) -> Result<DataKey, Error> {
    let bytes = Zeroizing::new(plain.ok_or(Error::Garbled)?.into_inner());
    let bytes = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).map_err(|_| Error::Garbled)?;
    Ok(DataKey::from_bytes(bytes))
}

/// The error of a failed call, with the key that it named. KMS's text for people is not repeated.
fn failure<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>, key: &str) -> Error {
    let key = key.to_owned();
    match error {
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or_default();
            match code.split('#').next_back().unwrap_or_default() {
                "ThrottlingException" | "LimitExceededException" | "TooManyRequestsException" => {
                    Error::Throttled
                }
                "DisabledException" | "KMSInvalidStateException" | "KmsInvalidStateException" => {
                    Error::KeyDisabled(key)
                }
                "NotFoundException" | "InvalidArnException" => Error::KeyNotFound(key),
                "IncorrectKeyException" | "InvalidKeyUsageException" => Error::WrongKey(key),
                "InvalidCiphertextException" => Error::InvalidDataKey,
                "AccessDeniedException"
                | "AccessDenied"
                | "UnrecognizedClientException"
                | "InvalidClientTokenId"
                | "InvalidSignatureException"
                | "ExpiredTokenException"
                | "ExpiredToken" => Error::Denied(key),
                "KMSInternalException"
                | "KmsInternalException"
                | "InternalFailure"
                | "ServiceUnavailableException"
                | "DependencyTimeoutException"
                | "KeyUnavailableException"
                // The answer of a broken proxy has no code.
                | "" => Error::Failing,
                other => Error::Refused(first_chars(other, 64).to_owned()),
            }
        }
        SdkError::TimeoutError(_) => Error::Unreachable,
        SdkError::DispatchFailure(failed) if failed.is_io() || failed.is_timeout() => {
            Error::Unreachable
        }
        SdkError::ResponseError(_) => Error::Failing,
        // No region, no credentials, or whatever later versions of the client add.
        SdkError::ConstructionFailure(_) | SdkError::DispatchFailure(_) | _ => Error::Unasked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_its_region_and_an_alias_none() {
        let arn = "arn:aws:kms:eu-west-1:111122223333:key/1234";
        assert_eq!(region(arn), Some("eu-west-1"));
        assert!(is_key_arn(arn));
        for id in ["alias/navi", "1234", "", "arn:aws:kms"] {
            assert_eq!(region(id), None, "{id}");
            assert!(!is_key_arn(id), "{id}");
        }
        assert!(!is_key_arn("arn:aws:kms:eu-west-1:111122223333:alias/navi"));
    }
}
