//! The examples of answers in the description of the API.

use std::collections::BTreeMap;

use navi::http::router::document;
use serde_json::Value;
use sqlx::PgPool;

use crate::support::app::TestApp;

/// A schema of the description, and where it stands.
struct Described {
    all: Value,
    /// The misfits, each with its place.
    wrong: Vec<String>,
}

impl Described {
    fn component<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(reference) => {
                let pointer = reference.trim_start_matches('#');
                self.all.pointer(pointer).unwrap()
            }
            None => schema,
        }
    }

    /// The members that an object may have, and those that it must.
    fn members(&self, schema: &Value) -> (BTreeMap<String, Value>, Vec<String>) {
        let schema = self.component(schema);
        let mut may = BTreeMap::new();
        let mut must = Vec::new();
        for part in schema["allOf"].as_array().into_iter().flatten() {
            let (more, needed) = self.members(part);
            may.extend(more);
            must.extend(needed);
        }
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            may.insert(name.clone(), member.clone());
        }
        let needed = schema["required"].as_array().into_iter().flatten();
        must.extend(needed.map(|name| name.as_str().unwrap().to_owned()));
        (may, must)
    }

    /// Compares a value with its schema.
    fn hold(&mut self, at: &str, schema: &Value, value: &Value) {
        let schema = self.component(schema).clone();
        for union in ["oneOf", "anyOf"] {
            if let Some(items) = schema[union].as_array() {
                self.hold_one(at, items, value);
            }
        }
        if let Some(words) = schema["enum"].as_array()
            && !words.contains(value)
        {
            self.wrong
                .push(format!("{at}: {value} is none of {words:?}"));
        }
        if schema.get("const").is_some_and(|word| word != value) {
            self.wrong
                .push(format!("{at}: {value} is not {}", schema["const"]));
        }
        if !is_of_type(&schema["type"], value) {
            self.wrong
                .push(format!("{at}: {value} is no {}", schema["type"]));
        }
        if let Value::Object(object) = value {
            self.hold_object(at, &schema, object);
        }
        let items = value.as_array().filter(|_| schema["items"].is_object());
        for (n, item) in items.into_iter().flatten().enumerate() {
            self.hold(&format!("{at}[{n}]"), &schema["items"], item);
        }
    }

    /// Holds a value against the one of several schemas that it fits best.
    fn hold_one(&mut self, at: &str, items: &[Value], value: &Value) {
        let before = std::mem::take(&mut self.wrong);
        let mut best: Option<Vec<String>> = None;
        for item in items {
            self.hold(at, item, value);
            let wrong = std::mem::take(&mut self.wrong);
            if best.as_ref().is_none_or(|best| wrong.len() < best.len()) {
                best = Some(wrong);
            }
        }
        self.wrong = before;
        self.wrong.extend(best.into_iter().flatten());
    }

    fn hold_object(&mut self, at: &str, schema: &Value, object: &serde_json::Map<String, Value>) {
        let (may, must) = self.members(schema);
        for name in must.iter().filter(|name| !object.contains_key(*name)) {
            self.wrong.push(format!("{at}: `{name}` is missing"));
        }
        let others = &schema["additionalProperties"];
        for (name, value) in object {
            let at = format!("{at}.{name}");
            match may.get(name) {
                Some(member) => self.hold(&at, member, value),
                None if others.is_object() => self.hold(&at, others, value),
                None if !may.is_empty() => self.wrong.push(format!("{at} is not described")),
                None => {}
            }
        }
    }

    /// Holds each frame of a stream against what its text is said to hold.
    fn hold_stream(&mut self, at: &str, schema: &Value, text: &str) {
        let frame = self.component(schema)["contentSchema"].clone();
        assert!(frame["$ref"].is_string(), "{at}: {schema}");
        let data = self.component(&frame)["properties"]["data"].clone();
        let frames: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .collect();
        assert_eq!(frames.last(), Some(&"[DONE]"), "{at}");
        for (n, frame) in frames.into_iter().enumerate() {
            let read = serde_json::from_str(frame).unwrap_or_else(|_| Value::from(frame));
            self.hold(&format!("{at} frame {n}"), &data, &read);
        }
    }
}

fn is_of_type(kinds: &Value, value: &Value) -> bool {
    let fits = |kind: &str| match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    if let Some(kinds) = kinds.as_array() {
        return kinds.iter().any(|kind| fits(kind.as_str().unwrap()));
    }
    kinds.as_str().is_none_or(fits)
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_success_has_an_example_that_is_what_its_schema_says(db: PgPool) {
    let app = TestApp::new(db).await;
    let all = serde_json::to_value(document(&app.app)).unwrap();
    let paths = all["paths"].as_object().unwrap().clone();
    let mut described = Described {
        all,
        wrong: Vec::new(),
    };
    let (mut shown, mut missing) = (0, Vec::new());
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().into_iter().flatten();
            for (status, response) in responses.filter(|(status, _)| status.starts_with('2')) {
                let contents = response["content"].as_object().into_iter().flatten();
                for (kind, content) in contents {
                    let at = format!("{method} {path} {status} {kind}");
                    match content.get("example") {
                        None => missing.push(at),
                        Some(Value::String(text)) if kind == "text/event-stream" => {
                            described.hold_stream(&at, &content["schema"], text);
                        }
                        Some(example) => described.hold(&at, &content["schema"], example),
                    }
                    shown += 1;
                }
            }
        }
    }
    assert!(
        missing.is_empty(),
        "{} without: {missing:#?}",
        missing.len()
    );
    assert!(shown > 90, "{shown}");
    let problem = described.all["components"]["schemas"]["Problem"].clone();
    described.hold("Problem", &problem, &problem["example"]);
    assert!(described.wrong.is_empty(), "{:#?}", described.wrong);
}

/// The words of a description that is a list of them, such as "`a`, `b` or `c`."
fn listed(description: &str) -> Vec<&str> {
    let text = description.trim_end_matches('.');
    let text = text.rsplit(": ").next().unwrap_or(text);
    let words: Vec<_> = text
        .split(", ")
        .flat_map(|part| part.split(" or "))
        .map(|word| word.strip_prefix('`')?.strip_suffix('`'))
        .collect::<Option<_>>()
        .unwrap_or_default();
    if words.len() > 1 { words } else { Vec::new() }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_is_one_of_a_few_words_is_an_enumeration_of_them(db: PgPool) {
    assert_eq!(
        listed("The reason: `queued` or `held`."),
        ["queued", "held"]
    );
    assert!(listed("`read`, and more.").is_empty());
    let app = TestApp::new(db).await;
    let all = serde_json::to_value(document(&app.app)).unwrap();
    let mut found = 0;
    for (name, schema) in all["components"]["schemas"].as_object().unwrap() {
        for (member, value) in schema["properties"].as_object().into_iter().flatten() {
            let description = value["description"].as_str().unwrap_or_default();
            let description: Vec<_> = description.split_whitespace().collect();
            let description = description.join(" ");
            let words = listed(&description);
            if words.is_empty() || value["type"].is_null() || value["type"] == "object" {
                continue;
            }
            let enumerated = value["enum"].as_array();
            assert!(enumerated.is_some(), "{name}.{member} is a text: {value}");
            let enumerated = enumerated.unwrap().iter().filter_map(Value::as_str);
            assert_eq!(enumerated.collect::<Vec<_>>(), words, "{name}.{member}");
            found += 1;
        }
    }
    assert!(found > 5, "{found}");
}
