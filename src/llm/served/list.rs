//! The list of models of one provider.

use std::fmt::Write as _;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use tokio::sync::{Mutex, MutexGuard};
use url::Url;

use crate::llm::answer::hide_key;
use crate::llm::error::LlmError;
use crate::llm::failure::classify::{Failure, classify};
use crate::llm::failure::unreached::{Address, unreached};
use crate::llm::http_provider::headers;
use crate::llm::wire::codec::Codec;
use crate::platform::outbound::client::{Client, Method};
use crate::platform::secret::SecretString;

/// The longest that a list is waited for: a request of a person may wait behind it.
const PATIENCE: Duration = Duration::from_secs(3);
/// The largest list that is read, in bytes; gateways describe hundreds of models.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// The part of a refusal that is read, in bytes.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// The most names that are kept of a list.
const MAX_NAMES: usize = 2_000;
/// The most names that a sentence holds.
const MAX_NAMED: usize = 12;

/// The way to a provider's list of models, `GET …/models`.
#[derive(Debug)]
pub struct ModelList {
    provider: &'static str,
    client: Client,
    url: Url,
    at: Address,
    headers: Result<HeaderMap, LlmError>,
    key: Option<SecretString>,
    turn: Mutex<()>,
}

/// A list as all providers write it, as far as it matters here.
#[derive(Deserialize)]
struct WrittenList {
    data: Vec<ListedModel>,
}

#[derive(Deserialize)]
struct ListedModel {
    id: String,
}

impl ModelList {
    /// The list of the provider behind `base`.
    pub(in crate::llm) fn new(
        codec: &dyn Codec,
        client: Client,
        base: &Url,
        key: Option<SecretString>,
        at: Address,
    ) -> Self {
        let mut url = base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(codec.list_path().split('/'));
        }
        Self {
            provider: codec.provider(),
            client,
            url,
            at,
            headers: headers(codec, key.as_ref()),
            key,
            turn: Mutex::default(),
        }
    }

    /// The provider's configured name.
    pub fn provider(&self) -> &'static str {
        self.provider
    }

    /// The place of the provider.
    pub fn at(&self) -> &Address {
        &self.at
    }

    /// Keeps others from asking at the same time: they wait for the answer to this question.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Asks for the names of the models. None when the provider is there and has no such list.
    pub async fn ask(&self) -> Result<Option<Vec<String>>, LlmError> {
        let asking = tokio::time::timeout(PATIENCE, self.get());
        let answer = asking.await.map_err(|_| LlmError::TimedOut {
            provider: self.provider,
            waited: PATIENCE,
        });
        answer
            .and_then(|answer| answer)
            .map_err(|error| hide_key(error, self.key.as_ref()))
    }

    async fn get(&self) -> Result<Option<Vec<String>>, LlmError> {
        let provider = self.provider;
        let sending = self
            .client
            .request(Method::GET, self.url.clone())
            .map_err(|error| LlmError::Network {
                provider,
                reason: format!("{} may not be reached: {error}", self.at),
            })?
            .headers(self.headers.clone()?)
            .header("accept", "application/json")
            .header("accept-encoding", "identity");
        let answer = sending.send().await;
        let response = answer.map_err(|error| unreached(provider, &self.at, error))?;
        let status = response.status();
        if status.is_success() {
            let body = self.read(response, MAX_BYTES).await?;
            return Ok(names(&body));
        }
        let body = self.read(response, MAX_ERROR_BYTES).await?;
        let error = classify(Failure {
            provider,
            model: "",
            status: status.as_u16(),
            retry_after: None,
            body: &String::from_utf8_lossy(&body),
        });
        match status.as_u16() {
            404 | 405 | 501 => Ok(None),
            _ => Err(error),
        }
    }

    async fn read(&self, mut response: Response, most: usize) -> Result<Vec<u8>, LlmError> {
        let mut body = Vec::new();
        while let Some(packet) = response
            .chunk()
            .await
            .map_err(|error| unreached(self.provider, &self.at, error))?
        {
            body.extend_from_slice(&packet);
            if body.len() >= most {
                break;
            }
        }
        Ok(body)
    }
}

/// The names in a list; none when it is no list. Google writes `models/` before each.
fn names(body: &[u8]) -> Option<Vec<String>> {
    let listed: WrittenList = serde_json::from_slice(body).ok()?;
    let names = listed.data.into_iter().map(|entry| entry.id);
    let bare = names.map(|id| id.strip_prefix("models/").unwrap_or(&id).trim().to_owned());
    let kept = bare.filter(|id| !id.is_empty()).take(MAX_NAMES);
    Some(kept.collect())
}

/// Names as a part of a sentence.
pub fn in_words(names: &[String]) -> String {
    let mut text = String::new();
    for (number, name) in names.iter().take(MAX_NAMED).enumerate() {
        let comma = if number == 0 { "" } else { ", " };
        // Writing to a text cannot fail.
        let _ = write!(text, "{comma}`{name}`");
    }
    if let Some(more) = names.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
        let _ = write!(text, " and {more} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_all_providers_are_read_and_nothing_else_is() {
        let list = |text: &str| names(text.as_bytes());
        let one = |name: &str| Some(vec![name.to_owned()]);
        let vllm = r#"{"object":"list","data":[{"id":"Qwen/Qwen3-8B","object":"model","max_model_len":40960}]}"#;
        assert_eq!(list(vllm), one("Qwen/Qwen3-8B"));
        let llama_cpp = r#"{"models":[{"name":"a.gguf"}],"object":"list","data":[{"id":"a.gguf","meta":{"n_ctx_train":8192}}]}"#;
        assert_eq!(list(llama_cpp), one("a.gguf"));
        let google = r#"{"object":"list","data":[{"id":"models/gemini-3.8-flash"}]}"#;
        assert_eq!(list(google), one("gemini-3.8-flash"));
        assert_eq!(list(r#"{"data":[]}"#), Some(Vec::new()));
        for other in ["", "<html>", "[]", r#"{"error":"no"}"#, r#"{"data":{}}"#] {
            assert_eq!(list(other), None, "{other}");
        }
    }

    #[test]
    fn many_names_are_counted_and_not_in_words() {
        let names: Vec<_> = (0..14).map(|number| format!("m{number}")).collect();
        assert!(in_words(&names).ends_with("`m11` and 2 more"));
        assert_eq!(in_words(&names[..2]), "`m0`, `m1`");
    }
}
