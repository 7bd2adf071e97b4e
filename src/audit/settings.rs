//! Noting that a server starts with other settings than the one before.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::audit::error::Error;
use crate::audit::event::Event;
use crate::audit::model::{Actor, ActorKind, Log, NewEntry, Outcome};
use crate::audit::service::Audit;
use crate::platform::secret::{ExposeSecret, SecretString};

/// The time between two attempts to note settings that could not be noted.
const AGAIN: Duration = Duration::from_mins(1);

/// A setting as a process found it.
#[derive(Clone, Debug)]
pub enum Setting {
    /// One that anybody may know.
    Plain(String),
    /// One that is noted as a fingerprint alone, which only who has the audit key can compute.
    Secret(SecretString),
}

impl Audit {
    /// Notes which settings differ from those of the last start, if any do. Answers how many.
    ///
    /// Two servers with different settings that start in turn are noted each time, which is what
    /// happened.
    pub async fn note_settings(
        &self,
        settings: &BTreeMap<String, Setting>,
    ) -> Result<usize, Error> {
        let key = self.keys.current()?;
        let now: BTreeMap<&str, String> = settings
            .iter()
            .map(|(name, setting)| {
                let value = match setting {
                    Setting::Plain(value) => value.clone(),
                    Setting::Secret(value) => {
                        format!("secret {}", key.fingerprint(value.expose_secret()))
                    }
                };
                (name.as_str(), value)
            })
            .collect();
        let before = self.last_settings(&key.id).await;
        let names = now.keys().copied().chain(before.keys().map(String::as_str));
        let mut changes = serde_json::Map::new();
        for name in names {
            let (was, is) = (before.get(name), now.get(name));
            if was != is {
                changes.insert(name.to_owned(), json!({"before": was, "after": is}));
            }
        }
        if changes.is_empty() {
            return Ok(0);
        }
        let count = changes.len();
        let entry = NewEntry {
            payload: Some(json!({"key_id": key.id, "changes": changes, "settings": now})),
            ..NewEntry::new(
                Log::Server,
                Event::ConfigChanged,
                Actor::nameless(ActorKind::Operator),
            )
        };
        self.note(entry, Outcome::Success).await?;
        Ok(count)
    }

    /// Notes the settings of a start that could not be noted then, until they are or `stopping`.
    pub async fn keep_noting_settings(
        self,
        settings: BTreeMap<String, Setting>,
        stopping: CancellationToken,
    ) {
        while stopping
            .run_until_cancelled(tokio::time::sleep(AGAIN))
            .await
            .is_some()
        {
            match self.note_settings(&settings).await {
                Ok(_) => return,
                Err(error) => tracing::error!(%error, "changed settings are not noted yet"),
            }
        }
    }

    /// The settings of the last start, if the present key sealed them: fingerprints under another key
    /// cannot be compared.
    async fn last_settings(&self, key_id: &str) -> BTreeMap<String, String> {
        let last = match self.last_payload(&Log::Server, Event::ConfigChanged).await {
            Ok(last) => last,
            Err(error) => {
                tracing::warn!(%error, "the settings of the last start cannot be read");
                None
            }
        };
        last.filter(|last| last["key_id"] == key_id)
            .and_then(|last| last.get("settings").cloned())
            .and_then(|settings: Value| serde_json::from_value(settings).ok())
            .unwrap_or_default()
    }
}
