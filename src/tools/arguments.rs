//! Arguments of a tool call, read strictly about meaning and leniently about form.

use serde_json::{Map, Value};

use crate::platform::text::cut_bytes;
use crate::policy::request::Request;
use crate::policy::wall::widening::CallNeeds;
use crate::tools::outcome::ToolError;

/// The arguments of one call.
///
/// Models send `"5"` for 5 and `"true"` for true, and null for what they leave out; these are
/// understood. Everything else of the wrong type is told to the model, with the argument's name.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a> {
    object: &'a Map<String, Value>,
}

impl<'a> Arguments<'a> {
    /// Reads from a call's JSON object.
    pub fn of(object: &'a Map<String, Value>) -> Self {
        Self { object }
    }

    fn get(self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// A value as it was sent; none for null.
    pub fn raw(self, name: &str) -> Option<&'a Value> {
        self.get(name)
    }

    /// A text as it was sent; none for anything else, of which the tool itself says what is wrong.
    pub fn raw_text(self, name: &str) -> Option<&'a str> {
        self.get(name)?.as_str()
    }

    /// The request about a text that must be there. Without it the tool refuses the call, so there is
    /// nothing to judge.
    pub fn request(self, name: &str, of: impl FnOnce(&'a str) -> Request<'a>) -> Request<'a> {
        let refused = Request::Harmless { reads_only: false };
        self.raw_text(name).map_or(refused, of)
    }

    fn missing(self, name: &str, wanted: &str) -> ToolError {
        let sent: Vec<_> = self.object.keys().take(10).map(String::as_str).collect();
        let sent = if sent.is_empty() {
            "no arguments were sent".to_owned()
        } else {
            format!("sent were: {}", sent.join(", "))
        };
        ToolError::Tell(format!(
            "the argument `{name}` ({wanted}) is missing; {sent}"
        ))
    }

    /// A text that must be there.
    pub fn text(self, name: &str) -> Result<String, ToolError> {
        self.optional_text(name)?
            .ok_or_else(|| self.missing(name, "a string"))
    }

    /// The call's needs beyond the wall.
    pub fn needs(self) -> Result<CallNeeds, ToolError> {
        CallNeeds::parse(self.get("needs")).map_err(|error| ToolError::Tell(error.to_string()))
    }

    /// A text that may be left out.
    pub fn optional_text(self, name: &str) -> Result<Option<String>, ToolError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(wrong(name, "a string", other)),
        }
    }

    /// A whole number from `range` that may be left out.
    pub fn optional_whole(
        self,
        name: &str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<Option<u64>, ToolError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        let number = match value {
            // `5.0` is how some models write 5.
            Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
            Value::String(text) => text.trim().parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        match number.filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(wrong(name, &wanted, value)),
        }
    }

    /// A whole number from `range` that must be there.
    pub fn whole(self, name: &str, range: std::ops::RangeInclusive<u64>) -> Result<u64, ToolError> {
        self.optional_whole(name, range)?
            .ok_or_else(|| self.missing(name, "a whole number"))
    }

    /// A truth value, false when left out.
    pub fn flag(self, name: &str) -> Result<bool, ToolError> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(other) => Err(wrong(name, "true or false", other)),
        }
    }

    /// An array that may be left out; a JSON array inside a string is understood.
    pub fn optional_list(self, name: &str) -> Result<Option<Vec<Value>>, ToolError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items.clone())),
            Some(other) => {
                let inside = other
                    .as_str()
                    .and_then(|text| serde_json::from_str(text).ok());
                inside
                    .map(Some)
                    .ok_or_else(|| wrong(name, "an array", other))
            }
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is checked to be a whole number below 2^53"
)]
fn whole(number: f64) -> Option<u64> {
    let fits = number.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&number);
    fits.then_some(number as u64)
}

fn wrong(name: &str, wanted: &str, found: &Value) -> ToolError {
    let shown = cut_bytes(&found.to_string(), 60);
    ToolError::Tell(format!(
        "the argument `{name}` must be {wanted}, not {shown}"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(object) = value else {
            panic!("no object: {value}");
        };
        object
    }

    #[test]
    fn numbers_in_strings_and_whole_floats_are_understood() {
        for value in [json!("5"), json!(5), json!(5.0), json!(" 5 ")] {
            let object = object(json!({ "n": value }));
            assert_eq!(Arguments::of(&object).whole("n", 1..=9), Ok(5));
        }
    }

    #[test]
    fn a_wrong_number_is_told_with_its_name_and_range() {
        for value in [
            json!(0),
            json!(10),
            json!(-1),
            json!(2.5),
            json!("x"),
            json!([5]),
        ] {
            let object = object(json!({ "n": value }));
            let Err(ToolError::Tell(told)) = Arguments::of(&object).whole("n", 1..=9) else {
                panic!("accepted");
            };
            assert!(
                told.contains("`n` must be a whole number from 1 to 9"),
                "{told}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_told_beside_what_was_sent() {
        let object = object(json!({ "file": "a", "path": null }));
        let told = Arguments::of(&object).text("path").unwrap_err();
        insta::assert_snapshot!(told, @"the argument `path` (a string) is missing; sent were: file, path");
    }

    #[test]
    fn a_list_inside_a_string_is_understood() {
        let object = object(json!({ "options": "[\"a\", \"b\"]" }));
        let list = Arguments::of(&object).optional_list("options");
        assert_eq!(list, Ok(Some(vec![json!("a"), json!("b")])));
    }
}
