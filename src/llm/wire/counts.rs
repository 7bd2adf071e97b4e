//! Token counts as providers report them, brought into the order that [`Usage`] promises.

use serde_json::{Map, Value};

use crate::llm::model::Usage;

/// No call has more tokens of a kind than this; larger numbers are a provider's mistake and would
/// only overflow what is computed from them.
const MOST: u64 = u32::MAX as u64;

/// A count at a JSON pointer: `None` when it is absent or no number, never below zero.
pub(super) fn count(value: &Value, pointer: &str) -> Option<u64> {
    let found = value.pointer(pointer)?;
    let number = found.as_u64().or_else(|| {
        let float = found.as_f64()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates, and what is out of range is capped below anyway"
        )]
        Some(float as u64)
    })?;
    Some(number.min(MOST))
}

/// Takes later counts over earlier ones. A zero is a placeholder beside a number that was said before.
pub(super) fn merge(counts: &mut Map<String, Value>, later: &Value) {
    for (name, value) in later.as_object().into_iter().flatten() {
        let is_nothing = value.is_null() || value.as_f64() == Some(0.0);
        match (counts.get_mut(name), value) {
            (Some(Value::Object(known)), Value::Object(_)) => merge(known, value),
            (Some(_), _) if is_nothing => {}
            (_, Value::Null) => {}
            (_, _) => {
                counts.insert(name.clone(), value.clone());
            }
        }
    }
}

/// A usage whose parts never exceed their whole, whatever the numbers were.
pub(super) fn clamped(usage: Usage) -> Usage {
    let input = usage.input.min(MOST);
    let output = usage.output.min(MOST);
    let cache_read = usage.cache_read.min(input);
    Usage {
        input,
        cache_read,
        cache_write: usage.cache_write.min(input - cache_read),
        output,
        reasoning: usage.reasoning.min(output),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_count_is_a_number_from_zero_up() {
        let value = json!({"a": 0, "b": -3, "c": 2.0, "d": "7", "e": null, "f": 1e30});
        assert_eq!(count(&value, "/a"), Some(0));
        assert_eq!(count(&value, "/b"), Some(0));
        assert_eq!(count(&value, "/c"), Some(2));
        assert_eq!(count(&value, "/d"), None);
        assert_eq!(count(&value, "/e"), None);
        assert_eq!(count(&value, "/f"), Some(MOST));
        assert_eq!(count(&value, "/missing"), None);
    }

    #[test]
    fn a_zero_overwrites_no_count() {
        let mut counts = Map::new();
        for later in [
            json!({"input": 900, "output": 0, "details": {"cached": 100}}),
            json!({"input": 0, "output": 7, "details": {"cached": 0, "reasoning": 3}}),
            json!({"input": null, "output": 9, "details": null}),
            json!(null),
        ] {
            merge(&mut counts, &later);
        }
        let expected =
            json!({"input": 900, "output": 9, "details": {"cached": 100, "reasoning": 3}});
        assert_eq!(Value::Object(counts), expected);
    }

    proptest! {
        #[test]
        fn parts_never_exceed_their_whole(
            input: u64, cache_read: u64, cache_write: u64, output: u64, reasoning: u64,
        ) {
            let usage = clamped(Usage { input, cache_read, cache_write, output, reasoning });
            prop_assert!(usage.cache_read + usage.cache_write <= usage.input);
            prop_assert!(usage.reasoning <= usage.output);
        }
    }
}
