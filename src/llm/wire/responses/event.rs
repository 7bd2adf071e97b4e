//! The events of the Responses API.

use serde::Deserialize;
use serde_json::Value;

/// A frame's `data`. Kinds that are not listed, such as those of the server's own tools, are ignored.
#[derive(Deserialize)]
#[serde(tag = "type")]
pub(super) enum ResponsesEvent {
    #[serde(
        rename = "response.created",
        alias = "response.queued",
        alias = "response.in_progress"
    )]
    Begun { response: Value },
    #[serde(rename = "response.output_item.added")]
    ItemAdded {
        #[serde(default)]
        output_index: Option<u64>,
        item: Value,
    },
    #[serde(rename = "response.output_item.done")]
    ItemDone {
        #[serde(default)]
        output_index: Option<u64>,
        item: Value,
    },
    #[serde(rename = "response.output_text.delta")]
    Text {
        #[serde(flatten)]
        place: ItemPlace,
        delta: String,
    },
    #[serde(rename = "response.refusal.delta")]
    Refusal {
        #[serde(flatten)]
        place: ItemPlace,
        delta: String,
    },
    #[serde(
        rename = "response.reasoning_summary_text.delta",
        alias = "response.reasoning_text.delta"
    )]
    Reasoning {
        #[serde(flatten)]
        place: ItemPlace,
        delta: String,
    },
    #[serde(rename = "response.reasoning_summary_part.added")]
    SummaryPart {
        #[serde(flatten)]
        place: ItemPlace,
    },
    #[serde(rename = "response.function_call_arguments.delta")]
    Arguments {
        #[serde(flatten)]
        place: ItemPlace,
        delta: String,
    },
    #[serde(rename = "response.function_call_arguments.done")]
    ArgumentsDone {
        #[serde(flatten)]
        place: ItemPlace,
        #[serde(default)]
        arguments: Value,
    },
    #[serde(rename = "response.completed", alias = "response.done")]
    Completed { response: Value },
    #[serde(rename = "response.incomplete")]
    Incomplete { response: Value },
    #[serde(rename = "response.failed")]
    Failed { response: Value },
    /// A failure of the server; some wrap it once more.
    #[serde(rename = "error")]
    Error {
        #[serde(default)]
        error: Value,
        #[serde(default)]
        code: Value,
        #[serde(default)]
        message: Value,
        #[serde(default)]
        param: Value,
    },
    #[serde(other)]
    Unknown,
}

/// The item that an event belongs to.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ItemPlace {
    /// The item's id; with some servers that of its call.
    #[serde(default)]
    pub(super) item_id: Option<String>,
    /// Its position in the answer; with some servers always the same.
    #[serde(default)]
    pub(super) output_index: Option<u64>,
}
