//! The sum of the usage and cost of calls to models.

use std::sync::{Arc, Mutex};

use crate::ledger::model::CallRow;
use crate::ledger::money::Nanos;
use crate::llm::model::Usage;
use crate::platform::sync::lock;

/// Usage and cost of calls to models. Shared with the calls themselves, because also those that fail or are
/// dropped halfway have been paid for: the sum here is the sum of their rows.
#[derive(Clone, Debug, Default)]
pub struct SpendTotal(Arc<Mutex<Spent>>);

/// A sum over calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Tokens of all calls that said how many.
    pub usage: Usage,
    /// Cost of all calls; `None` once that of one was unknown.
    pub cost: Option<Nanos>,
}

impl Default for Spent {
    fn default() -> Self {
        Self {
            usage: Usage::default(),
            cost: Some(Nanos::ZERO),
        }
    }
}

impl SpendTotal {
    /// The sum over these calls.
    pub fn of(calls: &[CallRow]) -> Self {
        let spending = Self::default();
        for call in calls {
            spending.add(Some(call.usage), call.cost);
        }
        spending
    }

    /// Adds a call. One whose cost is unknown makes the whole sum unknown.
    pub fn add(&self, usage: Option<Usage>, cost: Option<Nanos>) {
        let mut spent = lock(&self.0);
        if let Some(usage) = usage {
            spent.usage += usage;
        }
        spent.cost = match (spent.cost, cost) {
            (Some(sum), Some(cost)) => sum.checked_add(cost),
            (None, _) | (_, None) => None,
        };
    }

    /// The sum until now.
    pub fn total(&self) -> Spent {
        *lock(&self.0)
    }
}
