//! `ask_user`: a question to a person. The loop asks it and waits; here it is only understood.

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use crate::platform::text::cut_bytes;
use crate::policy::request::Request;
use crate::tools::arguments::Arguments;
use crate::tools::context::ToolContext;
use crate::tools::outcome::{Outcome, ToolError};
use crate::tools::tool::{Access, Probe, Tool, object, text};

const QUESTION_BYTES: usize = 4_000;
const LABEL_BYTES: usize = 200;
const MOST_OPTIONS: usize = 20;

/// Time limit for an answer when the model sets none, in seconds.
const TIMEOUT_SECONDS: u64 = 300;

/// `ask_user`.
#[derive(Clone, Copy, Debug)]
pub struct AskUser;

impl Tool for AskUser {
    fn name(&self) -> &'static str {
        "ask_user"
    }

    fn description(&self) -> &'static str {
        "Asks the user a question and waits for the answer. Only for what cannot be found out otherwise."
    }

    fn parameters(&self) -> Value {
        object(
            &json!({
                "question": text("The question."),
                "prompt_type": {
                    "type": "string",
                    "enum": ["text", "select", "confirm", "multiselect"],
                },
                "title": text("A short heading."),
                "options": {
                    "type": "array",
                    "items": { "type": "string" },
                    "description": "What can be chosen, for select and multiselect.",
                },
                "placeholder": text("What an empty text field shows."),
            }),
            &["question", "prompt_type"],
        )
    }

    fn access(&self) -> Access {
        Access::Person
    }

    fn request<'a>(&self, _arguments: Arguments<'a>) -> Request<'a> {
        Request::Harmless { reads_only: false }
    }

    fn probe(&self, _arguments: Arguments<'_>, _context: &ToolContext) -> Probe {
        Probe::Repeatable
    }

    fn call<'a>(
        &'a self,
        _call_id: &'a str,
        arguments: Map<String, Value>,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<Outcome, ToolError>> {
        Box::pin(async move {
            let _ = (arguments, context);
            Err(ToolError::Stop(
                "`ask_user` waits for a person and is not executed as a tool".to_owned(),
            ))
        })
    }
}

/// The kind of answer that a question wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptType {
    /// Free text.
    Text,
    /// One of the options.
    Select,
    /// Yes or no.
    Confirm,
    /// Any of the options.
    Multiselect,
}

impl PromptType {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Select => "select",
            Self::Confirm => "confirm",
            Self::Multiselect => "multiselect",
        }
    }

    fn has_options(self) -> bool {
        match self {
            Self::Select | Self::Multiselect => true,
            Self::Text | Self::Confirm => false,
        }
    }
}

/// An answer to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The value sent back.
    pub value: String,
    /// The text shown.
    pub label: String,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The kind of answer.
    pub prompt_type: PromptType,
    /// A heading.
    pub title: String,
    /// The question itself; `description` on the wire.
    pub question: String,
    /// The text of an empty field.
    pub placeholder: Option<String>,
    /// The value chosen unless the user changes it.
    pub default_value: Option<String>,
    /// The options; empty unless the kind of answer has options.
    pub options: Vec<Choice>,
    /// Time limit for the answer, in seconds, 30 to 3600.
    pub timeout_seconds: u64,
}

impl Question {
    /// Reads the arguments of a call.
    pub fn parse(arguments: &Map<String, Value>) -> Result<Self, ToolError> {
        let given = Arguments::of(arguments);
        let question = match given.optional_text("question")? {
            Some(question) => question,
            None => given.optional_text("description")?.unwrap_or_default(),
        };
        if question.trim().is_empty() {
            return Err(ToolError::Tell(
                "the argument `question` (a string) is missing".to_owned(),
            ));
        }
        let options = options(given)?;
        let prompt_type = match given.optional_text("prompt_type")?.as_deref() {
            Some("text") => PromptType::Text,
            None if options.is_empty() => PromptType::Text,
            Some("select") | None => PromptType::Select,
            Some("confirm") => PromptType::Confirm,
            Some("multiselect") => PromptType::Multiselect,
            Some(other) => {
                return Err(ToolError::Tell(format!(
                    "the argument `prompt_type` must be text, select, confirm or multiselect, not `{}`",
                    cut_bytes(other, 60)
                )));
            }
        };
        if prompt_type.has_options() && options.is_empty() {
            return Err(ToolError::Tell(format!(
                "a question of type {} needs `options`, an array of strings",
                prompt_type.name()
            )));
        }
        let optional = |name| {
            let found = given.optional_text(name);
            found.map(|found| found.map(|found| cut_bytes(&found, LABEL_BYTES)))
        };
        let title = optional("title")?.filter(|title| !title.trim().is_empty());
        Ok(Self {
            prompt_type,
            title: title.unwrap_or_else(|| "Question".to_owned()),
            question: cut_bytes(&question, QUESTION_BYTES),
            placeholder: optional("placeholder")?,
            default_value: optional("default_value")?,
            options: if prompt_type.has_options() {
                options
            } else {
                Vec::new()
            },
            timeout_seconds: given
                .optional_whole("timeout_seconds", 0..=u64::MAX)?
                .unwrap_or(TIMEOUT_SECONDS)
                .clamp(30, 3600),
        })
    }

    /// The `data` of the `prompt_request` event, without its `prompt_id`.
    pub fn data(&self) -> Map<String, Value> {
        let option = |choice: &Choice| json!({ "value": choice.value, "label": choice.label });
        let options: Vec<_> = self.options.iter().map(option).collect();
        let fields = [
            ("prompt_type", json!(self.prompt_type.name())),
            ("title", json!(self.title)),
            ("description", json!(self.question)),
            ("placeholder", json!(self.placeholder)),
            ("default_value", json!(self.default_value)),
            ("options", json!(options)),
            ("validation_pattern", Value::Null),
            ("required", json!(true)),
            ("timeout_seconds", json!(self.timeout_seconds)),
        ];
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

fn options(given: Arguments<'_>) -> Result<Vec<Choice>, ToolError> {
    let listed = given.optional_list("options")?.unwrap_or_default();
    if listed.len() > MOST_OPTIONS {
        return Err(ToolError::Tell(format!(
            "`options` may have at most {MOST_OPTIONS} entries"
        )));
    }
    let wrong = || {
        ToolError::Tell(
            "each of `options` must be a string, or an object with `value` and `label`".to_owned(),
        )
    };
    let choice = |value: &Value| {
        let (value, label) = match value {
            Value::String(text) => (text, text),
            Value::Object(object) => {
                let text = |name| object.get(name).and_then(as_text);
                let value = text("value").or_else(|| text("label"));
                let label = text("label").or_else(|| text("value"));
                (value.ok_or_else(wrong)?, label.ok_or_else(wrong)?)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                return Err(wrong());
            }
        };
        Ok(Choice {
            value: cut_bytes(value, LABEL_BYTES),
            label: cut_bytes(label, LABEL_BYTES),
        })
    };
    listed.iter().map(choice).collect()
}

fn as_text(value: &Value) -> Option<&String> {
    match value {
        Value::String(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: Value) -> Result<Question, ToolError> {
        let Value::Object(object) = arguments else {
            panic!("no object: {arguments}");
        };
        Question::parse(&object)
    }

    #[test]
    fn a_question_becomes_the_fields_of_the_event() {
        let question = parsed(json!({
            "question": "Which one?", "prompt_type": "select",
            "options": ["a", { "value": "b", "label": "The b" }], "title": "Choose",
        }));
        insta::assert_json_snapshot!(question.unwrap().data(), @r#"
        {
          "prompt_type": "select",
          "title": "Choose",
          "description": "Which one?",
          "placeholder": null,
          "default_value": null,
          "options": [
            {
              "value": "a",
              "label": "a"
            },
            {
              "value": "b",
              "label": "The b"
            }
          ],
          "validation_pattern": null,
          "required": true,
          "timeout_seconds": 300
        }
        "#);
    }

    #[test]
    fn a_choice_without_options_is_told() {
        let told = parsed(json!({ "question": "?", "prompt_type": "select" }));
        assert!(matches!(told, Err(ToolError::Tell(_))), "{told:?}");
        let told = parsed(json!({ "question": "?", "prompt_type": "color" }));
        assert!(matches!(told, Err(ToolError::Tell(_))), "{told:?}");
        let told = parsed(json!({ "question": " " }));
        assert!(matches!(told, Err(ToolError::Tell(_))), "{told:?}");
    }

    #[test]
    fn options_make_it_a_choice_and_free_text_has_none() {
        let question = parsed(json!({ "question": "?", "options": ["a"] })).unwrap();
        assert_eq!(question.prompt_type, PromptType::Select);
        let question = parsed(json!({ "question": "?", "options": ["a"], "prompt_type": "text" }));
        assert!(question.unwrap().options.is_empty());
    }
}
