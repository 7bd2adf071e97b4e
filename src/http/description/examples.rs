//! Requests and answers as `docs/api.md` shows them, whose examples a test sends.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, RefOr};

/// The examples of the page that leave nothing out; a test regenerates this file from it.
const EXAMPLES: &str = include_str!("examples.json");
/// Real answers of what the page shows in part, or not at all.
const ANSWERS: &str = include_str!("answers.json");
/// Routes that are the same as others below another path.
const TWINS: (&str, &str) = ("/api/navi/jobs", "/api/jobs");

/// The examples of every operation, by its method and template.
#[derive(Default)]
pub struct Examples {
    shown: HashMap<String, Example>,
    /// By their content type; all of them are successes.
    answers: HashMap<String, HashMap<String, Value>>,
}

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
        Self {
            shown: serde_json::from_str(EXAMPLES).unwrap_or_default(),
            answers: serde_json::from_str(ANSWERS).unwrap_or_default(),
        }
    }

    /// Shows an operation by its examples.
    pub fn show(&self, method: &str, path: &str, operation: &mut Operation) {
        let twin = path.strip_prefix(TWINS.0);
        let twin = twin.map(|rest| format!("{method} {}{rest}", TWINS.1));
        let names = [Some(format!("{method} {path}")), twin];
        for name in names.into_iter().flatten() {
            self.show_by(&name, operation);
        }
    }

    fn show_by(&self, name: &str, operation: &mut Operation) {
        if let Some(example) = self.shown.get(name) {
            example.show(operation);
        }
        let Some(answers) = self.answers.get(name) else {
            return;
        };
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response
                && status.starts_with('2')
            {
                for (kind, answer) in answers {
                    let content = response.content.get_mut(kind);
                    show_all(content.into_iter(), answer);
                }
            }
        }
    }
}

impl Example {
    fn show(&self, operation: &mut Operation) {
        if let Some(RefOr::T(body)) = &mut operation.request_body
            && let Some(request) = &self.request
        {
            show_all(body.content.values_mut(), request);
        }
        for (status, answer) in &self.answers {
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
        if let RefOr::T(content) = content
            && content.example.is_none()
        {
            content.example = Some(value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_can_be_read() {
        let examples = Examples::new();
        assert!(examples.shown.len() > 20 && examples.answers.len() > 20);
    }
}
