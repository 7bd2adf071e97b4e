//! Schemas of the events of runs and their streams, for the description of the API.
//!
//! The order of events in a stream is described in `docs/api.md`.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::approvals::consents::shown::ConsentRequest;
use crate::approvals::questions::shown::PromptRequest;
use crate::platform::problem::error_code;
use crate::platform::sse::described::{
    Components, EventShape, frame, reference, shapes, stream, union,
};
use crate::runs::event::Event;
use crate::runs::model::RunStatus;
use crate::runs::stream::shapes::{BesideLog, RouterInfo, RouterInfoFrame};

/// An example of each event, by its type, as the stream of a job has it.
const EXAMPLES: &str = include_str!("examples.json");

/// The union of all events.
const EVENT: &str = "RunEvent";
/// Frames of the two kinds of streams.
const RUN_FRAME: &str = "RunFrame";
const JOB_FRAME: &str = "JobFrame";

/// The stream of a run. It is only described, never made: frames are written by axum.
pub enum RunStream {}

impl PartialSchema for RunStream {
    fn schema() -> RefOr<Schema> {
        stream("The events of a run as they happen", RUN_FRAME)
    }
}

impl ToSchema for RunStream {
    fn name() -> Cow<'static, str> {
        "RunStream".into()
    }

    fn schemas(schemas: &mut Components) {
        schemas.push((RUN_FRAME.to_owned(), frame(&[EVENT, "RouterInfoFrame"])));
        schemas.push(component::<RouterInfoFrame>());
        RouterInfoFrame::schemas(schemas);
        events(schemas);
    }
}

/// The stream of a job, likewise.
pub enum JobStream {}

impl PartialSchema for JobStream {
    fn schema() -> RefOr<Schema> {
        stream("The events of a job, from any point", JOB_FRAME)
    }
}

impl ToSchema for JobStream {
    fn name() -> Cow<'static, str> {
        "JobStream".into()
    }

    fn schemas(schemas: &mut Components) {
        schemas.push((JOB_FRAME.to_owned(), frame(&[EVENT])));
        events(schemas);
    }
}

/// The union of all events, each of them, and what they hold.
fn events(schemas: &mut Components) {
    let mut all = logged();
    all.extend(shapes(BesideLog::schema(), ""));
    let examples: HashMap<String, Value> = serde_json::from_str(EXAMPLES).unwrap_or_default();
    let names = all
        .iter()
        .map(|event| (event.kind.as_str(), event.name.as_str()));
    let union = union(
        "An event of a run; `type` names its kind. Ignore unknown types: new ones may be added.",
        names,
    );
    schemas.push((EVENT.to_owned(), union));
    for mut event in all {
        event.object.examples = examples.get(&event.kind).cloned().into_iter().collect();
        schemas.push((event.name, Schema::Object(event.object).into()));
    }
    Event::schemas(schemas);
    schemas.push(component::<RunStatus>());
    schemas.push(component::<RouterInfo>());
    RouterInfo::schemas(schemas);
    schemas.push(component::<ConsentRequest>());
    ConsentRequest::schemas(schemas);
    schemas.push(component::<PromptRequest>());
    PromptRequest::schemas(schemas);
}

fn component<T: ToSchema>() -> (String, RefOr<Schema>) {
    (T::name().into_owned(), T::schema())
}

/// The events of a log, as streams show them: with their place in it, and with names for what they hold.
fn logged() -> Vec<EventShape> {
    let mut events = shapes(Event::schema(), "");
    for event in &mut events {
        event.sends_no_null();
        match event.kind.as_str() {
            "router_info" => event.set("router_info", reference("RouterInfo")),
            "command.consent_required" => event.set("data", reference("ConsentRequest")),
            "prompt_request" => event.set("data", reference("PromptRequest")),
            "job_paused" => event.set("reason", error_code()),
            "error" => {
                event.set("code", error_code());
                event.set("events_url", events_url());
            }
            _ => {}
        }
        place(event);
    }
    events
}

/// Adds what only the streams of jobs say of an event.
fn place(event: &mut EventShape) {
    let number = |text: &str| {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .description(Some(text))
            .into()
    };
    event.set(
        "sequence",
        number("The event's number, in the streams of jobs."),
    );
    event.set(
        "job_id",
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
            .description(Some("The job, in its stream."))
            .into(),
    );
    event.set("job_status", reference("JobStatus"));
    if !event.object.properties.contains_key("timestamp") {
        event.set(
            "timestamp",
            number("Milliseconds since the epoch, in the streams of jobs."),
        );
    }
}

fn events_url() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(
            "With the code `RUN_CONTINUES`: where the run continues.",
        ))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_an_example_that_is_one() {
        let examples: HashMap<String, Value> = serde_json::from_str(EXAMPLES).unwrap();
        for event in logged() {
            let example = &examples[&event.kind];
            let read: Event = serde_json::from_value(example.clone()).unwrap();
            assert_eq!(read.kind(), event.kind);
            let members = example.as_object().unwrap();
            for name in &event.object.required {
                assert!(members.contains_key(name), "{}: no {name}", event.kind);
            }
            for name in members.keys() {
                let is_described = event.object.properties.contains_key(name);
                assert!(is_described, "{}: {name} is not described", event.kind);
            }
        }
        let mut expected: Vec<_> = logged().into_iter().map(|event| event.kind).collect();
        expected.extend(
            shapes(BesideLog::schema(), "")
                .into_iter()
                .map(|event| event.kind),
        );
        expected.sort();
        let mut found: Vec<_> = examples.into_keys().collect();
        found.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_union_has_every_event_once_and_none_without_a_type() {
        let mut schemas = Components::new();
        RunStream::schemas(&mut schemas);
        let (_, union) = schemas.iter().find(|(name, _)| name == EVENT).unwrap();
        let union = serde_json::to_value(union).unwrap();
        let mapping = union["discriminator"]["mapping"].as_object().unwrap();
        assert_eq!(union["oneOf"].as_array().unwrap().len(), mapping.len());
        for (kind, reference) in mapping {
            let name = reference.as_str().unwrap().rsplit('/').next().unwrap();
            let (_, schema) = schemas.iter().find(|(one, _)| one == name).unwrap();
            let schema = serde_json::to_value(schema).unwrap();
            assert_eq!(&schema["properties"]["type"]["const"], kind);
            assert_eq!(schema["title"], name);
        }
        assert!(mapping.len() > 30, "{mapping:?}");
    }
}
