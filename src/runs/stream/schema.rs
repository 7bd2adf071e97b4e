//! How the description of the API shows the frames of a stream.
//!
//! An OpenAPI document has no words for what follows what in a stream, so `docs/api.md` says that;
//! here is the shape of a single frame, and of what its `data` holds.

use std::borrow::Cow;

use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::runs::event::Event;

/// A frame of a stream. It is only described, never made: frames are written by axum.
pub enum StreamFrame {}

impl PartialSchema for StreamFrame {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .description(Some("A frame of an event stream; what follows what is in `docs/api.md`."))
            .property(
                "id",
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some(
                        "The event's number, from 1 without gaps; heartbeats and `[DONE]` have none.",
                    )),
            )
            .property(
                "data",
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .content_media_type("application/json")
                    .description(Some(
                        "An event on one line, of a run a `RunEvent`; in the first frame \
                         `{\"router_info\": …}`, in the last the text `[DONE]`.",
                    )),
            )
            .required("data")
            .into()
    }
}

impl ToSchema for StreamFrame {
    fn name() -> Cow<'static, str> {
        "StreamFrame".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Event::name().into_owned(), Event::schema()));
        Event::schemas(schemas);
    }
}
