//! JSON as clients write it, made what the parser takes.

use std::borrow::Cow;

use memchr::memchr_iter;
use memchr::memmem::find;
use serde_json::Value;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The escape of U+FFFD, as long as the one it replaces, so that positions stay what they are.
const REPLACEMENT: &[u8] = br"\ufffd";

/// Takes a byte order mark away, and writes U+FFFD for every half of a surrogate pair: an editor that
/// cuts a text through an emoji sends one, and no parser of ours takes it. Anything else is left as it
/// is; what needs no mending is not copied.
pub fn mended(json: &[u8]) -> Cow<'_, [u8]> {
    let json = json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json);
    if find(json, br"\ud").is_none() && find(json, br"\uD").is_none() {
        return Cow::Borrowed(json);
    }
    let mut mended = Cow::Borrowed(json);
    let mut read = 0;
    for start in memchr_iter(b'\\', json) {
        // It belongs to the escape before.
        if start < read {
            continue;
        }
        read = start + 2;
        match (
            half_at(json, start),
            half_at(json, start + REPLACEMENT.len()),
        ) {
            (None, _) => {}
            (Some(Half::High), Some(Half::Low)) => read = start + 2 * REPLACEMENT.len(),
            (Some(_), _) => {
                read = start + REPLACEMENT.len();
                mended.to_mut()[start..read].copy_from_slice(REPLACEMENT);
            }
        }
    }
    mended
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    High,
    Low,
}

/// Returns the half of a pair whose escape begins here.
fn half_at(json: &[u8], start: usize) -> Option<Half> {
    let escape = json.get(start..start + REPLACEMENT.len())?;
    let digits = escape.strip_prefix(br"\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let digits = std::str::from_utf8(digits).ok()?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xD800..=0xDBFF => Some(Half::High),
        0xDC00..=0xDFFF => Some(Half::Low),
        _ => None,
    }
}

/// The text without NUL characters, which no Postgres text can hold.
pub fn strip_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', ""))
    } else {
        Cow::Borrowed(text)
    }
}

/// A value as it goes into a `jsonb` column: serialised, without NUL characters.
pub fn to_jsonb(value: &impl serde::Serialize) -> Value {
    let mut value = serde_json::to_value(value).unwrap_or_default();
    strip_nul_json(&mut value);
    value
}

/// Takes the NUL characters out of every string and key, which no `jsonb` can hold. Answers whether
/// there were any.
pub fn strip_nul_json(value: &mut Value) -> bool {
    match value {
        Value::String(text) => {
            let found = text.contains('\0');
            if found {
                text.retain(|character| character != '\0');
            }
            found
        }
        Value::Array(items) => {
            items
                .iter_mut()
                .map(strip_nul_json)
                .filter(|found| *found)
                .count()
                > 0
        }
        Value::Object(map) => {
            let found = map.keys().any(|key| key.contains('\0'));
            if found {
                *map = std::mem::take(map)
                    .into_iter()
                    .map(|(key, value)| (strip_nul(&key).into_owned(), value))
                    .collect();
            }
            let below = map.values_mut().map(strip_nul_json).filter(|found| *found);
            below.count() > 0 || found
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Shows every string and every name of a member as `shown` does. Answers whether anything changed.
pub fn show_json(value: &mut Value, shown: fn(&str) -> Cow<'_, str>) -> bool {
    match value {
        Value::String(text) => match shown(text) {
            Cow::Borrowed(_) => false,
            Cow::Owned(other) => {
                *text = other;
                true
            }
        },
        Value::Array(items) => {
            let changed = items.iter_mut().map(|item| show_json(item, shown));
            changed.filter(|changed| *changed).count() > 0
        }
        Value::Object(map) => {
            let has_trick = map.keys().any(|key| matches!(shown(key), Cow::Owned(_)));
            if has_trick {
                *map = std::mem::take(map)
                    .into_iter()
                    .map(|(key, value)| (shown(&key).into_owned(), value))
                    .collect();
            }
            let below = map.values_mut().map(|below| show_json(below, shown));
            below.filter(|changed| *changed).count() > 0 || has_trick
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn text(json: &str) -> String {
        String::from_utf8(mended(json.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn halves_become_a_replacement_and_whole_characters_stay() {
        for (json, expected) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\uDE00 \uDbFf!""#, r#""\ufffd \ufffd!""#),
            (r#"{"\ud83d": "a\udfff"}"#, r#"{"\ufffd": "a\ufffd"}"#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83dx\ude00""#, r#""\ufffdx\ufffd""#),
            (r#""\ud83d\\ude00""#, r#""\ufffd\\ude00""#),
            (r#""\ud83d\n""#, r#""\ufffd\n""#),
        ] {
            assert_eq!(text(json), expected, "{json}");
        }
        for same in [
            "",
            "{}",
            r#""\ud83d\ude00""#,
            r#""\uD83D\uDE00""#,
            r#""\\ud83d""#,
            r#""\\\\ud83d""#,
            r#""\u0041\ufffd""#,
            r#""\ud83"#,
            r#""\ud83g""#,
            r#""\ud7ff\ue000""#,
            "\"😀\"",
        ] {
            assert!(
                matches!(mended(same.as_bytes()), Cow::Borrowed(_)),
                "{same}"
            );
            assert_eq!(text(same), same);
        }
    }

    #[test]
    fn a_byte_order_mark_is_taken_away_once() {
        assert_eq!(text("\u{feff}{}"), "{}");
        assert_eq!(text("\u{feff}\u{feff}{}"), "\u{feff}{}");
        assert_eq!(text("\u{feff}\"\\ud83d\""), r#""\ufffd""#);
    }

    /// A string's units of UTF-16, many of them halves, each as it is or as an escape.
    fn units() -> impl Strategy<Value = Vec<(u16, bool)>> {
        let unit = prop_oneof![
            0xD800..=0xDBFFu16,
            0xDC00..=0xDFFFu16,
            Just(u16::from(b'\\')),
            Just(u16::from(b'"')),
            Just(u16::from(b'u')),
            any::<u16>(),
        ];
        prop::collection::vec((unit, any::<bool>()), 0..24)
    }

    fn escaped(unit: u16, is_upper: bool) -> String {
        match unit {
            0x5c => r"\\".to_owned(),
            0x22 => r#"\""#.to_owned(),
            0x20..=0x7e => char::from(u8::try_from(unit).unwrap()).to_string(),
            _ if is_upper => format!("\\u{unit:04X}"),
            _ => format!("\\u{unit:04x}"),
        }
    }

    proptest! {
        /// The oracle is the standard library's reading of UTF-16.
        #[test]
        fn every_text_is_read_as_utf_16_would_be(units in units()) {
            let plain: Vec<u16> = units.iter().map(|(unit, _)| *unit).collect();
            let expected = String::from_utf16_lossy(&plain);
            let body: String = units.iter().map(|(unit, upper)| escaped(*unit, *upper)).collect();
            let json = format!("{{\"{body}\": \"{body}\"}}");
            let read: Value = serde_json::from_slice(&mended(json.as_bytes())).unwrap();
            let (key, value) = read.as_object().unwrap().iter().next().unwrap();
            prop_assert_eq!(key, &expected);
            prop_assert_eq!(value, &Value::from(expected));
        }

        #[test]
        fn what_a_serialiser_writes_is_not_touched(text in any::<String>()) {
            let json = serde_json::to_vec(&text).unwrap();
            let read = mended(&json);
            prop_assert_eq!(&*read, &json[..]);
        }

        #[test]
        fn bytes_of_any_kind_keep_their_length(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let without_mark = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
            prop_assert_eq!(mended(&bytes).len(), without_mark.len());
        }
    }
}
