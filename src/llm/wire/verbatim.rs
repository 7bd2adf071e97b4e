//! JSON that is kept as a text within other JSON.
//!
//! A `jsonb` column sorts the members of objects. What was sent to a provider once has to be sent again as
//! it was, byte by byte, or nothing of the prompt comes from the provider's cache.

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Writes a value as the text of it.
pub(in crate::llm) fn serialize<T: Serialize, S: Serializer>(
    value: &T,
    to: S,
) -> Result<S::Ok, S::Error> {
    let text = serde_json::to_string(value).map_err(S::Error::custom)?;
    to.serialize_str(&text)
}

/// Reads a value from the text of it, and from itself, as versions before this one kept it.
pub(in crate::llm) fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    from: D,
) -> Result<T, D::Error> {
    let read = match Value::deserialize(from)? {
        Value::String(text) => serde_json::from_str(&text),
        value @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Object(_)) => serde_json::from_value(value),
    };
    read.map_err(D::Error::custom)
}
