//! Requests and answers as `docs/api.md` shows them, whose examples a test sends.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, RefOr};

/// The examples of the page that leave nothing out; a test regenerates this file from it.
const EXAMPLES: &str = include_str!("examples.json");

/// The examples of every operation, by its method and template.
#[derive(Default, Deserialize)]
pub struct Examples(HashMap<String, Example>);

/// The request and the answers of one operation.
#[derive(Default, Deserialize)]
struct Example {
    /// The body of a request.
    request: Option<Value>,
    /// The statuses and bodies of answers.
    answers: Vec<(String, Value)>,
}

impl Examples {
    /// All of them.
    pub fn new() -> Self {
        serde_json::from_str(EXAMPLES).unwrap_or_default()
    }

    /// Shows an operation by its examples.
    pub fn show(&self, method: &str, path: &str, operation: &mut Operation) {
        let Some(example) = self.0.get(&format!("{method} {path}")) else {
            return;
        };
        if let Some(RefOr::T(body)) = &mut operation.request_body
            && let Some(request) = &example.request
        {
            show_all(body.content.values_mut(), request);
        }
        for (status, answer) in &example.answers {
            if let Some(RefOr::T(response)) = operation.responses.responses.get_mut(status) {
                // A stream is a text, all else is not; an answer that can be both is shown as what it is.
                let contents = response
                    .content
                    .iter_mut()
                    .filter(|(kind, _)| kind.as_str().starts_with("text/") == answer.is_string());
                show_all(contents.map(|(_, content)| content), answer);
            }
        }
    }
}

fn show_all<'a>(contents: impl Iterator<Item = &'a mut RefOr<Content>>, value: &Value) {
    for content in contents {
        if let RefOr::T(content) = content {
            content.example = Some(value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_can_be_read() {
        assert!(Examples::new().0.len() > 20);
    }
}
