//! Bodies as the description of the API says they are.

use navi::http::openapi::walk;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

/// A route that takes a body.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Its method.
    pub(crate) method: String,
    /// Its address, with something in the place of every parameter.
    pub(crate) path: String,
    /// Its template.
    pub(crate) template: String,
    /// The fields that must be there, with values of their type.
    pub(crate) required: Map<String, Value>,
    /// The schema of every field.
    pub(crate) fields: Map<String, Value>,
}

impl Shape {
    /// A body with what must be there, and this beside it.
    pub(crate) fn with(&self, name: &str, value: Value) -> Value {
        let mut body = self.required.clone();
        body.insert(name.to_owned(), value);
        Value::Object(body)
    }
}

/// Every route of a description that takes a body.
pub(crate) fn shapes(document: &OpenApi) -> Vec<Shape> {
    let text = serde_json::to_value(document).unwrap();
    let shape = |route: navi::http::openapi::Route<'_>| {
        let operation = serde_json::to_value(route.operation).unwrap();
        let content = &operation["requestBody"]["content"]["application/json"];
        let schema = content.get("schema")?;
        let (mut fields, mut required) = (Map::new(), Vec::new());
        collect(&text, schema, &mut fields, &mut required);
        let values = required.iter().map(|name| {
            let value = sample(&text, &fields[name]);
            (name.clone(), value)
        });
        Some(Shape {
            method: route.method.to_owned(),
            path: filled(route.path, &operation["parameters"]),
            template: route.path.to_owned(),
            required: values.collect(),
            fields,
        })
    };
    let found: Vec<_> = walk(document).into_iter().filter_map(shape).collect();
    assert!(found.len() > 15, "{found:#?}");
    found
}

/// The schema that a schema refers to; of alternatives the first that is not null.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(to) = schema["$ref"].as_str() {
        let pointer = to.strip_prefix('#').unwrap();
        return resolved(document, document.pointer(pointer).unwrap());
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(some) = schema[key].as_array() {
            let one = some.iter().find(|one| one["type"] != "null");
            return resolved(document, one.unwrap());
        }
    }
    schema
}

fn collect(
    document: &Value,
    schema: &Value,
    fields: &mut Map<String, Value>,
    required: &mut Vec<String>,
) {
    let schema = resolved(document, schema);
    for part in schema["allOf"].as_array().into_iter().flatten() {
        collect(document, part, fields, required);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        fields.insert(name.clone(), resolved(document, field).clone());
    }
    let names = schema["required"].as_array().into_iter().flatten();
    required.extend(names.map(|name| name.as_str().unwrap().to_owned()));
}

/// The type of a value, but for null; none when it may be anything.
pub(crate) fn type_of(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::String(kind) => Some(kind),
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|k| *k != "null"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

fn sample(document: &Value, schema: &Value) -> Value {
    let schema = resolved(document, schema);
    if let Some(words) = schema["enum"].as_array() {
        return words[0].clone();
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return sample(document, &parts[0]);
    }
    // One of the words that are described one by one.
    if !schema["const"].is_null() {
        return schema["const"].clone();
    }
    if !schema["example"].is_null() {
        return schema["example"].clone();
    }
    match (type_of(schema), schema["format"].as_str()) {
        (Some("string"), Some("uuid")) => json!("01890a5d-ac96-774b-bcce-b302099a8057"),
        (Some("integer" | "number"), _) => json!(1),
        (Some("boolean"), _) => json!(true),
        (Some("array"), _) => json!([]),
        (Some("object"), _) => {
            let names = schema["required"].as_array().into_iter().flatten();
            let fields = names.map(|name| {
                let name = name.as_str().unwrap();
                let value = sample(document, &schema["properties"][name]);
                (name.to_owned(), value)
            });
            Value::Object(fields.collect())
        }
        (Some(_) | None, _) => json!("x"),
    }
}

/// A template with a value for every parameter.
fn filled(template: &str, parameters: &Value) -> String {
    let mut path = template.to_owned();
    for parameter in parameters.as_array().into_iter().flatten() {
        if parameter["in"] == "path" {
            let value = match sample(&Value::Null, &parameter["schema"]) {
                Value::String(text) => text,
                other @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Array(_)
                | Value::Object(_)) => other.to_string(),
            };
            let name = parameter["name"].as_str().unwrap();
            path = path.replace(&format!("{{{name}}}"), &value);
        }
    }
    assert!(!path.contains('{'), "{path}");
    path
}
