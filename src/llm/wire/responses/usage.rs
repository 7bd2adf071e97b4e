//! The tokens of an answer.

use serde_json::{Map, Value};

use crate::llm::model::Usage;
use crate::llm::wire::counts::{clamped, count};

/// The counts in the order that [`Usage`] promises. `input_tokens` includes what the cache gave, and
/// `output_tokens` includes reasoning.
pub(super) fn of(counts: &Map<String, Value>) -> Option<Usage> {
    let usage = &Value::Object(counts.clone());
    let (input, output) = (
        count(usage, "/input_tokens"),
        count(usage, "/output_tokens"),
    );
    if input.is_none() && output.is_none() {
        return None;
    }
    let number = |pointer| count(usage, pointer).unwrap_or(0);
    Some(clamped(Usage {
        input: input.unwrap_or(0),
        cache_read: number("/input_tokens_details/cached_tokens"),
        cache_write: number("/input_tokens_details/cache_write_tokens"),
        output: output.unwrap_or(0),
        reasoning: number("/output_tokens_details/reasoning_tokens"),
    }))
}
