//! Event streams in the description of the API.
//!
//! OpenAPI 3.1 has no words for a stream. What generates clients takes it as a text, so a text is its schema, and
//! `contentSchema` names what its frames hold. Each event is a component of its own: generators name types after
//! components, and drop a variant whose inner objects have no name.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::schema::{AnyOf, Discriminator, Object, OneOf, SchemaType, Type};
use utoipa::openapi::{ObjectBuilder, Ref, RefOr, Schema};

/// Components of a description, by name.
pub type Components = Vec<(String, RefOr<Schema>)>;

/// The `data` of the last frame of every stream.
const LAST: &str = "[DONE]";

/// The member of an event that says what it is.
const TYPE: &str = "type";

/// An event, as a component.
#[derive(Clone)]
pub struct EventShape {
    /// The value of its `type`.
    pub kind: String,
    /// The name of the component.
    pub name: String,
    /// Its members.
    pub object: Object,
}

/// The variants of an enum that is tagged by `type`; those without the tag are left out. Their names begin with
/// `prefix`.
pub fn shapes(tagged: RefOr<Schema>, prefix: &str) -> Vec<EventShape> {
    let RefOr::T(Schema::OneOf(variants)) = tagged else {
        return Vec::new();
    };
    variants
        .items
        .into_iter()
        .filter_map(|variant| match variant {
            RefOr::T(Schema::Object(object)) => {
                let kind = kind(&object)?;
                Some(EventShape::new(prefix, &kind, object))
            }
            RefOr::T(_) | RefOr::Ref(_) => None,
        })
        .collect()
}

/// The value of `type` that a variant is known by.
fn kind(object: &Object) -> Option<String> {
    let RefOr::T(Schema::Object(kind)) = object.properties.get(TYPE)? else {
        return None;
    };
    let word = kind.enum_values.as_ref()?.first()?.as_str()?;
    Some(word.to_owned())
}

impl EventShape {
    /// An event of this type with these members.
    pub fn new(prefix: &str, kind: &str, mut object: Object) -> Self {
        let name = format!("{prefix}{}Event", pascal(kind));
        object.title = Some(name.clone());
        object.properties.insert(TYPE.to_owned(), word(kind));
        if !object.required.iter().any(|name| name == TYPE) {
            object.required.push(TYPE.to_owned());
        }
        Self {
            kind: kind.to_owned(),
            name,
            object,
        }
    }

    /// Says that the members which it may lack are never null.
    pub fn sends_no_null(&mut self) {
        for (name, member) in &mut self.object.properties {
            if !self.object.required.contains(name) {
                never_null(member);
            }
        }
    }

    /// Sets the schema of a member.
    pub fn set(&mut self, member: &str, schema: RefOr<Schema>) {
        self.object.properties.insert(member.to_owned(), schema);
    }
}

/// `command.consent_required` as `ConsentRequired`.
fn pascal(kind: &str) -> String {
    let last = kind.rsplit('.').next().unwrap_or(kind);
    let words = last.split('_').map(|word| {
        let (first, rest) = word.split_at(usize::from(!word.is_empty()));
        first.to_ascii_uppercase() + rest
    });
    words.collect()
}

/// A text that is always this one.
fn word(text: &str) -> RefOr<Schema> {
    let mut object = ObjectBuilder::new().schema_type(Type::String).build();
    object.extensions = Some(Extensions::from_iter([("const", text)]));
    Schema::Object(object).into()
}

fn never_null(member: &mut RefOr<Schema>) {
    if let RefOr::T(Schema::Object(object)) = member
        && let SchemaType::Array(types) = &object.schema_type
        && let Some(one) = types.iter().find(|one| **one != Type::Null)
    {
        object.schema_type = SchemaType::Type(one.clone());
    }
}

/// A union of components that differ in their `type`: pairs of a type and a component.
pub fn union<'a>(
    description: &str,
    events: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> RefOr<Schema> {
    let mut mapping = BTreeMap::new();
    let mut items = Vec::new();
    for (kind, name) in events {
        let event = Ref::from_schema_name(name);
        mapping.insert(kind.to_owned(), event.ref_location.clone());
        items.push(RefOr::Ref(event));
    }
    let mut discriminator = Discriminator::new(TYPE);
    discriminator.mapping = mapping;
    let union = OneOf {
        items,
        description: Some(description.to_owned()),
        discriminator: Some(discriminator),
        ..OneOf::default()
    };
    Schema::OneOf(union).into()
}

/// A frame of a stream, whose `data` is one of these components once it is read as JSON, or the word of the last
/// frame.
pub fn frame(data: &[&str]) -> RefOr<Schema> {
    let mut items: Vec<_> = data.iter().map(|one| reference(one)).collect();
    // Last: what reads a union tries its items in their order.
    items.push(word(LAST));
    let data = Schema::AnyOf(AnyOf {
        items,
        description: Some(
            "Of the last frame the text `[DONE]`, which is no JSON; of the others an object, known by its `type`."
                .to_owned(),
        ),
        ..AnyOf::default()
    });
    ObjectBuilder::new()
        .description(Some(
            "A frame of an event stream, its `data` read as JSON; of the last frame it is the text `[DONE]`.",
        ))
        .property(
            "id",
            ObjectBuilder::new()
                .schema_type(Type::String)
                .description(Some(
                    "The event's number, from 1 without gaps; heartbeats and `[DONE]` have none.",
                )),
        )
        .property("data", data)
        .required("data")
        .into()
}

/// The text of a stream with such frames.
pub fn stream(description: &str, frame: &str) -> RefOr<Schema> {
    let text = format!(
        "{description}, as server-sent events: each `data:` line holds the `data` of a `{frame}`, the last one `[DONE]`.",
    );
    let mut stream = ObjectBuilder::new()
        .schema_type(Type::String)
        .content_media_type("text/event-stream")
        .description(Some(text))
        .build();
    let held: Value = json!({ "$ref": Ref::from_schema_name(frame).ref_location });
    stream.extensions = Some(Extensions::from_iter([("contentSchema", held)]));
    Schema::Object(stream).into()
}

/// A component, by its name.
pub fn reference(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(utoipa::ToSchema)]
    #[serde(tag = "type", rename_all = "snake_case")]
    #[expect(dead_code, reason = "it is only described")]
    enum Said {
        TwoWords {
            must: u8,
            may: Option<String>,
        },
        #[serde(rename = "with.a_point")]
        Point {
            must: Option<u8>,
        },
    }

    #[test]
    fn an_event_is_a_component_that_its_type_names() {
        let mut shapes = shapes(<Said as utoipa::PartialSchema>::schema(), "My");
        shapes[0].sends_no_null();
        let names: Vec<_> = shapes
            .iter()
            .map(|shape| (shape.kind.as_str(), shape.name.as_str()))
            .collect();
        assert_eq!(
            names,
            [
                ("two_words", "MyTwoWordsEvent"),
                ("with.a_point", "MyAPointEvent")
            ]
        );
        let union = serde_json::to_value(union("Said.", names)).unwrap();
        assert_eq!(union["discriminator"]["propertyName"], "type");
        assert_eq!(
            union["discriminator"]["mapping"]["with.a_point"],
            union["oneOf"][1]["$ref"]
        );
        let first = serde_json::to_value(&shapes[0].object).unwrap();
        assert_eq!(first["title"], "MyTwoWordsEvent");
        assert_eq!(first["properties"]["type"]["const"], "two_words");
        assert_eq!(first["properties"]["may"]["type"], "string");
        assert_eq!(first["required"], json!(["must", "type"]));
    }

    #[test]
    fn a_stream_is_a_text_that_names_its_frames() {
        let stream = serde_json::to_value(stream("A run", "RunFrame")).unwrap();
        assert_eq!(stream["type"], "string");
        assert_eq!(stream["contentMediaType"], "text/event-stream");
        assert_eq!(
            stream["contentSchema"]["$ref"],
            "#/components/schemas/RunFrame"
        );
        let frame = serde_json::to_value(frame(&["RunEvent"])).unwrap();
        let data = &frame["properties"]["data"]["anyOf"];
        assert_eq!(data[0]["$ref"], "#/components/schemas/RunEvent");
        assert_eq!(data[1]["const"], "[DONE]");
    }
}
