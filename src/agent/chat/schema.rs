//! Schemas of the streams of chats, for the description of the API.

use std::borrow::Cow;

use serde_json::{Map, Value};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::platform::problem::error_code;
use crate::platform::sse::described::{Components, frame, shapes, stream, union};
use crate::runs::event_data::ResumeReason;
use crate::runs::stream::schema::RunStream;
use crate::runs::stream::shapes::RouterInfo;

const EVENT: &str = "ChatEvent";
const FRAME: &str = "ChatFrame";

/// The events that are the same in the streams of runs.
const SHARED: [(&str, &str); 4] = [
    ("job_resumed", "JobResumedEvent"),
    ("generation_logged", "GenerationLoggedEvent"),
    ("error", "ErrorEvent"),
    ("heartbeat", "HeartbeatEvent"),
];

/// The stream of a chat. It is only described, never made: frames are written by axum.
pub enum ChatStream {}

impl PartialSchema for ChatStream {
    fn schema() -> RefOr<Schema> {
        stream("An answer as it arrives", FRAME)
    }
}

impl ToSchema for ChatStream {
    fn name() -> Cow<'static, str> {
        "ChatStream".into()
    }

    fn schemas(schemas: &mut Components) {
        RunStream::schemas(schemas);
        let own = shapes(ChatShape::schema(), "Chat");
        let names = own
            .iter()
            .map(|event| (event.kind.as_str(), event.name.as_str()));
        let union = union(
            "An event of a chat; `type` names its kind. Ignore unknown types: new ones may be \
             added.",
            names.chain(SHARED),
        );
        schemas.push((EVENT.to_owned(), union));
        schemas.push((FRAME.to_owned(), frame(&[EVENT, "RouterInfoFrame"])));
        ChatShape::schemas(schemas);
        for event in own {
            schemas.push((event.name, Schema::Object(event.object).into()));
        }
    }
}

/// The events that chats alone have.
#[derive(ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ChatShape {
    /// The current activity.
    Activity {
        /// The activity that begins or ends.
        activity: ChatActivity,
    },
    /// A piece of the answer.
    Text {
        /// The piece.
        text: String,
    },
    /// The answer is whole.
    Complete {
        /// Always empty.
        summary: Map<String, Value>,
    },
}

/// An activity of a chat.
#[derive(ToSchema)]
pub struct ChatActivity {
    /// `read` or `llm_call`.
    pub kind: String,
    /// A few words.
    pub label: String,
    /// The file, or a sentence.
    pub detail: String,
    /// Its status: running, done or failed.
    pub status: ActivityStatus,
    /// The file that was read.
    #[schema(rename = "filePath", required = false)]
    pub file_path: String,
}

/// Where an activity stands.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum ActivityStatus {
    /// It goes on.
    Running,
    /// It was done.
    Done,
    /// It failed.
    Error,
}

/// The stream of a chat in the frames of the oldest clients, likewise.
pub enum PlainChatStream {}

impl PartialSchema for PlainChatStream {
    fn schema() -> RefOr<Schema> {
        stream(
            "An answer as it arrives, for the oldest clients",
            "PlainChatFrame",
        )
    }
}

impl ToSchema for PlainChatStream {
    fn name() -> Cow<'static, str> {
        "PlainChatStream".into()
    }

    fn schemas(schemas: &mut Components) {
        schemas.push((
            PlainChatEvent::name().into_owned(),
            PlainChatEvent::schema(),
        ));
        PlainChatEvent::schemas(schemas);
        schemas.push((
            "PlainChatFrame".to_owned(),
            frame(&[PlainChatEvent::name().as_ref()]),
        ));
    }
}

/// An event as the oldest clients know it: most by their one key, and not by a `type`.
#[derive(ToSchema)]
pub struct PlainChatEvent {
    /// First: which model was chosen, and why.
    #[schema(required = false)]
    pub router_info: RouterInfo,
    /// The chat's activity.
    #[schema(required = false)]
    pub activity: ChatActivity,
    /// A piece of the answer.
    #[schema(required = false)]
    pub content: String,
    /// `generation_logged`, `job_resumed`, `result`, `error`, `done` or `heartbeat`; absent from the rest.
    #[schema(rename = "type", required = false)]
    pub kind: String,
    /// Of `result`: the whole answer.
    #[schema(required = false)]
    pub data: PlainChatResult,
    /// Of `generation_logged`: the id to send with a rating.
    #[schema(required = false)]
    pub gen_id: i64,
    /// Milliseconds since the epoch.
    #[schema(required = false)]
    pub timestamp: i64,
    /// Of `job_resumed`: why the pieces before it are void.
    #[schema(required = false)]
    pub reason: ResumeReason,
    /// Of `job_resumed`: always 0.
    #[schema(required = false)]
    pub discard_after: i64,
    /// Of `error`, `job_resumed` and `heartbeat`: a sentence for a person.
    #[schema(required = false)]
    pub message: String,
    /// Of `error`: the same sentence.
    #[schema(required = false)]
    pub error: String,
    /// Of `error`: its code.
    #[schema(schema_with = error_code, required = false)]
    pub code: String,
    /// Of `done`: always true.
    #[schema(required = false)]
    pub done: bool,
    /// Of `done`: `success`, and `files_read` or `message`.
    #[schema(required = false)]
    pub summary: PlainChatSummary,
    /// Of `heartbeat`: always true.
    #[schema(required = false)]
    pub heartbeat: bool,
}

/// The whole answer of a chat, for clients that show no pieces.
#[derive(ToSchema)]
pub struct PlainChatResult {
    /// The answer.
    pub content: String,
    /// The same.
    pub reply: String,
    /// Always empty.
    pub actions: Vec<String>,
    /// The model that answered.
    pub model: String,
    /// The id to send with a rating; null when the answer was not kept.
    #[schema(required = true)]
    pub gen_id: Option<i64>,
}

/// The end of a chat.
#[derive(ToSchema)]
pub struct PlainChatSummary {
    /// True if there is an answer.
    pub success: bool,
    /// The files that the model was shown.
    #[schema(required = false)]
    pub files_read: Vec<String>,
    /// Why there is no answer.
    #[schema(required = false)]
    pub message: String,
}
