//! The words of the body of a failed answer, out of every wrapper.
//!
//! A body is `{"error": {…}}`, `{"error": "…"}`, `[{"error": …}]`, `{"message": …}`, `{"detail": […]}`, a
//! web page or plain text; and gateways put one of them, as text, into another. So texts, codes and names
//! of fields are gathered from all levels, and the innermost text is the reason.

use std::fmt::Write as _;

use serde_json::Value;

use crate::platform::text::first_bytes;

/// The most of a provider's explanation that is kept, in bytes.
const MAX_REASON: usize = 300;
/// The depth to which a body is read, wrappers that are texts included.
const MAX_DEPTH: usize = 12;
/// The most texts that are gathered of one body.
const MAX_TEXTS: usize = 64;

/// Keys that hold an explanation.
const TEXTS: &[&str] = &[
    "message",
    "msg",
    "error",
    "errors",
    "detail",
    "details",
    "description",
    "error_message",
    "error_msg",
    "errormessage",
    "error_description",
    "status_msg",
    "faultstring",
    "raw",
    "title",
    "cause",
];
/// Keys that hold a code.
const CODES: &[&str] = &[
    "code",
    "type",
    "__type",
    "kind",
    "status",
    "status_code",
    "reason",
    "error_code",
    "errorcode",
    "error_type",
];
/// Keys that name a field of the request.
const NAMES: &[&str] = &["param", "loc", "field", "parameter"];
/// Keys that repeat the request or the model's words, which say nothing about what failed.
const ECHOES: &[&str] = &["input", "failed_generation", "request", "body", "ctx"];
/// Texts that explain nothing; what stands around or within them may.
const EMPTY: &[&str] = &[
    "",
    "error",
    "bad request",
    "invalid request",
    "internal server error",
    "provider returned error",
    "upstream error",
    "unknown error",
    "request failed",
    "none",
    "null",
];

/// The words of a failed answer.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Codes and types, in lower case.
    codes: Vec<String>,
    /// Explanations with their depth, outermost first.
    texts: Vec<(usize, String)>,
    /// Names of fields, in lower case.
    names: Vec<String>,
    /// All explanations in lower case.
    lower: String,
    /// The title of a web page that came instead.
    page: Option<String>,
}

impl Said {
    /// Reads a body, or as much of it as came.
    pub(super) fn read(body: &str) -> Self {
        let mut said = Self {
            page: page(body),
            ..Self::default()
        };
        if said.page.is_none() {
            match serde_json::from_str::<Value>(body) {
                Ok(value) => said.visit("error", &value, 0),
                Err(_) => said.text(body, 0),
            }
        }
        let texts = said.texts.iter().map(|(_, text)| text.as_str());
        said.lower = texts.collect::<Vec<_>>().join("\n").to_lowercase();
        said
    }

    fn visit(&mut self, key: &str, value: &Value, depth: usize) {
        let key = key.to_ascii_lowercase();
        let is = |keys: &[&str]| keys.contains(&key.as_str());
        if depth > MAX_DEPTH || is(ECHOES) {
            return;
        }
        match value {
            Value::String(text) => {
                if is(NAMES) {
                    self.names.push(text.to_lowercase());
                } else if is(CODES) {
                    self.codes.push(text.to_lowercase());
                } else if is(TEXTS) {
                    self.text(text, depth);
                }
            }
            Value::Number(number) if is(CODES) => self.codes.push(number.to_string()),
            Value::Array(items) => {
                for item in items {
                    self.visit(&key, item, depth + 1);
                }
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.visit(name, value, depth + 1);
                }
            }
            Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
    }

    /// Takes a text, and what it wraps.
    fn text(&mut self, text: &str, depth: usize) {
        let text = text.trim();
        if text.is_empty() || self.texts.len() >= MAX_TEXTS || depth > MAX_DEPTH {
            return;
        }
        let place = self.texts.len();
        self.texts.push((depth, text.to_owned()));
        if let Some(wrapped) = wrapped(text) {
            let found = (self.texts.len(), self.codes.len());
            self.visit("error", &wrapped, depth + 1);
            if self.texts.len() > found.0 {
                // The wrapper is no reason of its own, but its words before what it wraps still count.
                let before = text.split(['{', '[']).next().unwrap_or_default();
                before.trim().clone_into(&mut self.texts[place].1);
            }
        }
    }

    /// True if one of these is a code of the answer.
    pub(super) fn has_code(&self, codes: &[&str]) -> bool {
        let mut said = self.codes.iter();
        said.any(|code| codes.contains(&code.as_str()))
    }

    /// All explanations in lower case, a line each.
    pub(super) fn lower(&self) -> &str {
        &self.lower
    }

    /// The title of the web page that came instead of an answer, which may be empty.
    pub(super) fn page(&self) -> Option<&str> {
        self.page.as_deref()
    }

    /// The names of fields that the answer is about.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The explanation on one line, shortened; none when nothing is explained.
    pub(super) fn explanation(&self) -> Option<String> {
        let is_empty = |text: &str| {
            let text = text.trim_end_matches(['.', '!', ':']).to_lowercase();
            EMPTY.contains(&text.trim())
        };
        let told = self.texts.iter().filter(|(_, text)| !is_empty(text));
        let deepest = told.clone().map(|(depth, _)| *depth).max();
        let told = told.clone().find(|(depth, _)| Some(*depth) == deepest);
        let (_, text) = told.or_else(|| self.texts.first())?;
        let mut line = one_line(text);
        for name in self.names.iter().filter(|name| *name != "body") {
            if !line.to_lowercase().contains(name.as_str()) {
                let _ = write!(line, " ({name})");
            }
        }
        let line = first_bytes(&line, MAX_REASON).to_owned();
        (!line.is_empty()).then_some(line)
    }

    /// The explanation, or what to look at when there is none.
    pub(super) fn reason(&self) -> String {
        if self.page.is_some() {
            return "a web page came back; check the provider's base URL".to_owned();
        }
        self.explanation()
            .unwrap_or_else(|| "no explanation was given; check the provider's base URL".to_owned())
    }
}

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace(char::is_control, "")
}

/// The JSON that a text holds, from its first brace to its last.
fn wrapped(text: &str) -> Option<Value> {
    let from = text.find(['{', '['])?;
    let to = text.rfind(['}', ']'])?;
    let value: Value = serde_json::from_str(text.get(from..=to)?).ok()?;
    (value.is_object() || value.is_array()).then_some(value)
}

/// The title of a web page; none when the body is something else.
fn page(body: &str) -> Option<String> {
    let beginning = body.trim_start().get(..9).unwrap_or_default();
    let beginning = beginning.to_ascii_lowercase();
    if !(beginning.starts_with("<html") || beginning.starts_with("<!doctype")) {
        return None;
    }
    let lower = body.to_ascii_lowercase();
    let title = lower.find("<title").and_then(|from| {
        let from = from + lower[from..].find('>')? + 1;
        let to = from + lower[from..].find("</title")?;
        body.get(from..to)
    });
    let title = one_line(title.unwrap_or_default());
    Some(first_bytes(&title, MAX_REASON).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(body: &str) -> String {
        Said::read(body).reason()
    }

    #[test]
    fn the_reason_is_the_innermost_text_that_explains_something() {
        for (body, expected) in [
            (
                r#"{"error":{"message":"Provider returned error","code":400,"metadata":{"provider_name":"X","raw":"{\"error\":{\"message\":\"at most 1 image\"}}"}}}"#,
                "at most 1 image",
            ),
            (
                r#"{"error":{"message":"Provider returned error","metadata":{"raw":"at most 1 image"}}}"#,
                "at most 1 image",
            ),
            (
                r#"{"error":{"message":"litellm.BadRequestError: OpenAIException - {\"error\":{\"message\":\"too hot\"}}"}}"#,
                "too hot",
            ),
            (
                r#"{"error_code":"BAD_REQUEST","message":"{\"external_model_message\":{\"error\":{\"message\":\"too hot\"}}}"}"#,
                "too hot",
            ),
            (
                r#"{"detail":[{"type":"missing","loc":["body","messages"],"msg":"Field required","input":{"message":"hidden"}}]}"#,
                "Field required (messages)",
            ),
            (
                r#"{"base_resp":{"status_code":2013,"status_msg":"invalid params"}}"#,
                "invalid params",
            ),
            (r#"{"error":"model is loading"}"#, "model is loading"),
            (
                r#"{"error":{"message":"Provider returned error"}}"#,
                "Provider returned error",
            ),
            ("upstream connect error", "upstream connect error"),
            (
                "",
                "no explanation was given; check the provider's base URL",
            ),
            (
                "{}",
                "no explanation was given; check the provider's base URL",
            ),
            (
                "<html><title>x</title></html>",
                "a web page came back; check the provider's base URL",
            ),
        ] {
            assert_eq!(reason(body), expected, "{body}");
        }
    }

    #[test]
    fn what_repeats_the_request_is_not_read() {
        let body = r#"{"error":{"message":"no","code":"tool_use_failed","failed_generation":"prompt is too long"}}"#;
        assert!(!Said::read(body).lower().contains("prompt"));
    }

    #[test]
    fn a_body_that_is_deep_or_long_is_read_so_far() {
        let deep = format!("{}1{}", "{\"error\":".repeat(100), "}".repeat(100));
        assert!(!reason(&deep).is_empty());
        let long = format!("{{\"message\": \"{}\"}}", "ä".repeat(10_000));
        assert!(reason(&long).len() <= MAX_REASON);
    }
}
