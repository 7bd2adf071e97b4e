//! Schema of the stream of a review, for the description of the API.

use std::borrow::Cow;

use serde_json::{Map, Value};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::platform::problem::error_code;
use crate::platform::sse::described::{Components, EventShape, frame, shapes, stream, union};
use crate::review::view::ReviewView;
use crate::runs::stream::schema::RunStream;

const EVENT: &str = "ReviewEvent";
const FRAME: &str = "ReviewFrame";

/// The stream of a review. It is only described, never made: frames are written by axum.
pub enum ReviewStream {}

impl PartialSchema for ReviewStream {
    fn schema() -> RefOr<Schema> {
        stream("A review as a stream", FRAME)
    }
}

impl ToSchema for ReviewStream {
    fn name() -> Cow<'static, str> {
        "ReviewStream".into()
    }

    fn schemas(schemas: &mut Components) {
        // For the heartbeat, which is the same everywhere.
        RunStream::schemas(schemas);
        ReviewView::schemas(schemas);
        let mut own = shapes(ReviewShape::schema(), "Review");
        if let RefOr::T(Schema::Object(whole)) = ReviewView::schema() {
            own.push(EventShape::new("Review", "complete", whole));
        }
        let names = own
            .iter()
            .map(|event| (event.kind.as_str(), event.name.as_str()));
        let union = union(
            "An event of a review; `type` names its kind. Ignore unknown types: new ones may be \
             added.",
            names.chain([("heartbeat", "HeartbeatEvent")]),
        );
        schemas.push((EVENT.to_owned(), union));
        schemas.push((FRAME.to_owned(), frame(&[EVENT])));
        for event in own {
            schemas.push((event.name, Schema::Object(event.object).into()));
        }
    }
}

/// The events of a review, but for the last, which is the whole review.
#[derive(ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ReviewShape {
    /// The progress of the review.
    Progress {
        /// A sentence for a person.
        step: String,
        /// In percent.
        progress: u8,
    },
    /// The review, for clients that read this event.
    #[serde(rename = "review")]
    Text {
        /// The text of `{"files": …, "summary": …, "warning": …}`.
        payload: String,
    },
    /// The review under older names.
    Result {
        /// `summary`, and `files` of `path` and `issues`.
        result: Map<String, Value>,
    },
    /// Something failed; nothing is claimed.
    Error {
        /// A sentence for a person.
        message: String,
        /// The same.
        error: String,
        /// A stable code.
        #[schema(schema_with = error_code)]
        code: String,
    },
}
