//! The lists of all providers, asked when something hangs on them.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;

use crate::llm::config::ProviderId;
use crate::llm::error::LlmError;
use crate::llm::served::list::ModelList;
use crate::llm::served::standing::Standings;

/// The lists of the configured providers, and what they last said.
#[derive(Debug, Default)]
pub struct ModelLists {
    lists: BTreeMap<ProviderId, ModelList>,
    standings: Standings,
}

impl ModelLists {
    /// Lists whose answers are remembered in `standings`.
    pub fn new(lists: BTreeMap<ProviderId, ModelList>, standings: Standings) -> Self {
        Self { lists, standings }
    }

    /// The providers that have one.
    pub fn providers(&self) -> impl Iterator<Item = ProviderId> + '_ {
        self.lists.keys().copied()
    }

    /// The list of a provider.
    pub fn of(&self, provider: ProviderId) -> Option<&ModelList> {
        self.lists.get(&provider)
    }

    /// The failure that was heard last of a provider; none when it answered, or was not asked.
    pub fn failure(&self, provider: ProviderId) -> Option<LlmError> {
        self.standings.failure(provider.as_str())
    }

    /// The models that a provider lists, if it has said so.
    pub fn served(&self, provider: ProviderId) -> Option<Arc<[String]>> {
        self.standings.served(provider.as_str())
    }

    /// Asks these providers at the same time, those left out that were asked lately.
    pub async fn refresh(&self, providers: impl IntoIterator<Item = ProviderId>) {
        let lists = providers.into_iter().filter_map(|id| self.lists.get(&id));
        join_all(lists.map(|list| self.refreshed(list))).await;
    }

    async fn refreshed(&self, list: &ModelList) {
        let provider = list.provider();
        let _turn = list.turn().await;
        if self.standings.is_due(provider) {
            let answer = list.ask().await;
            self.standings.listed(provider, answer);
        }
    }
}
