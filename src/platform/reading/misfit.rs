//! Sentences about what cannot be read, in place of the parser's own words.

use std::borrow::Cow;

/// Sentences of parsers of texts, and their meaning.
const MEANT: &[(&str, &str)] = &[
    (
        "provided string was not `true` or `false`",
        "must be `true` or `false`",
    ),
    ("invalid digit found in string", "must be a whole number"),
    (
        "cannot parse integer from empty string",
        "must be a whole number",
    ),
    (
        "number too large to fit in target type",
        "must be a smaller number",
    ),
    (
        "number too small to fit in target type",
        "must be a larger number",
    ),
    ("number out of range", "must be a smaller number"),
    ("invalid float literal", "must be a number"),
    ("UUID parsing failed", "must be an id, which is a UUID"),
    ("input contains invalid characters", RFC_3339),
    ("input is not enough", RFC_3339),
    ("input is out of range", RFC_3339),
    ("premature end of input", RFC_3339),
    ("trailing input", RFC_3339),
    ("recursion limit exceeded", "is nested too deeply"),
    (
        "data did not match any variant",
        "has none of the forms that are taken here",
    ),
];
const RFC_3339: &str = "must be a time as in RFC 3339, such as `2026-01-31T09:00:00Z`";

/// Faults of a text that is no JSON, by the beginning of the parser's sentence.
const BROKEN: &[(&str, &str)] = &[
    ("EOF", "it ends in the middle"),
    (
        "expected value",
        "a value is missing, or is written wrongly",
    ),
    (
        "expected ident",
        "a value is missing, or is written wrongly",
    ),
    ("expected `:`", "a `:` is missing after a name"),
    ("expected `,` or `}`", "a `,` or a `}` is missing"),
    ("expected `,` or `]`", "a `,` or a `]` is missing"),
    ("trailing characters", "something follows after its end"),
    ("trailing comma", "a `,` has nothing after it"),
    ("key must be a string", "a name is not in double quotes"),
    (
        "control character",
        "a text has a line break or another control character that is not escaped",
    ),
    ("invalid escape", "a text has a `\\` that escapes nothing"),
    ("invalid number", "a number is written wrongly"),
    ("number out of range", "a number is too large"),
    ("invalid unicode code point", "a text is not UTF-8"),
    ("recursion limit exceeded", "it is nested too deeply"),
];

/// Says why a value cannot be taken: where it stands, as a path of names, and the words of its parser.
pub fn misfit(path: &str, words: &str) -> String {
    let words = without_position(words);
    for (says, what) in [
        ("missing field", "is missing"),
        ("duplicate field", "is there twice"),
        ("unknown field", "is not known here"),
    ] {
        let name = words.strip_prefix(says).and_then(quoted);
        if let Some(name) = name {
            return format!("`{}` {what}", below(path, name));
        }
    }
    let whole = is_root(path);
    let what = expectation(words);
    match (what, whole) {
        (Some(what), true) => format!("the body {what}"),
        (Some(what), false) => format!("`{path}` {what}"),
        (None, true) => words.to_owned(),
        (None, false) => format!("`{path}`: {words}"),
    }
}

/// Says why a text is no JSON, and where.
pub fn broken_json(error: &serde_json::Error) -> String {
    if error.is_eof() && error.line() <= 1 && error.column() == 0 {
        return "the body is empty; send a JSON object".to_owned();
    }
    let words = error.to_string();
    let known = BROKEN.iter().find(|(says, _)| words.starts_with(says));
    let what = known.map_or(without_position(&words), |(_, what)| *what);
    let (line, column) = (error.line(), error.column());
    format!("the body is not valid JSON: {what}; see line {line}, column {column}")
}

/// Says why a query cannot be taken, from the words of its reader: the name, maybe, and those of its parser.
pub fn misfit_query(words: &str) -> String {
    let words = words
        .strip_prefix("Failed to deserialize query string: ")
        .unwrap_or(words);
    match words.split_once(": ") {
        Some((name, words)) if !name.contains(' ') => misfit(name, words),
        Some(_) | None => misfit("", words),
    }
}

/// The wanted form of a value, where the parser's words hold it.
fn expectation(words: &str) -> Option<Cow<'static, str>> {
    if let Some(rest) = words.strip_prefix("invalid type: ") {
        let (found, wanted) = rest.rsplit_once(", expected ")?;
        let (found, wanted) = (found_kind(found), expected(wanted));
        return Some(format!("must be {wanted}, not {found}").into());
    }
    if let Some(rest) = words
        .strip_prefix("invalid value: ")
        .or_else(|| words.strip_prefix("invalid length "))
    {
        let (found, wanted) = rest.rsplit_once(", expected ")?;
        let is_number = found.starts_with("integer") || found.starts_with("floating");
        let within = range(wanted).filter(|_| is_number);
        let wanted = within.map_or_else(|| expected(wanted), Cow::Owned);
        return Some(format!("must be {wanted}").into());
    }
    if let Some(rest) = words.strip_prefix("unknown variant ") {
        let (_, known) = rest.rsplit_once(", expected ")?;
        let known = known.strip_prefix("one of ").unwrap_or(known);
        let one_of = if known.contains(',') { "one of " } else { "" };
        return Some(format!("must be {one_of}{known}").into());
    }
    let known = MEANT.iter().find(|(says, _)| words.starts_with(says));
    known.map(|(_, what)| Cow::Borrowed(*what))
}

/// The kind of a value that was found. Its text is not repeated: it may be a secret that belongs elsewhere.
fn found_kind(found: &str) -> &str {
    match found.split(' ').next() {
        Some("string" | "character") => "a text",
        Some("integer") => "a whole number",
        Some("floating") => "a fraction",
        Some("boolean") => "a truth value",
        Some("null" | "unit" | "Option") => "null",
        Some("sequence") => "a list",
        Some("map") => "an object",
        _ => found,
    }
}

/// An expected form, in words.
pub fn expected(wanted: &str) -> Cow<'static, str> {
    let wanted = wanted.trim_end_matches(',');
    match wanted {
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".into(),
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0".into(),
        "f32" | "f64" => "a number".into(),
        "a boolean" | "bool" => "`true` or `false`".into(),
        "a string" | "a borrowed string" | "str" | "String" | "string" | "a character" => {
            "a text".into()
        }
        "a sequence" => "a list".into(),
        "a map" => "an object".into(),
        "a formatted UUID string" => "an id, which is a UUID".into(),
        "string or map" => "one of its words".into(),
        "an RFC 3339 formatted date and time string" => {
            RFC_3339.trim_start_matches("must be ").to_owned().into()
        }
        _ if wanted.starts_with("struct ") => "an object".into(),
        _ if wanted.starts_with("tuple ") => "a list".into(),
        _ if wanted.starts_with("variant ") => "one of its words".into(),
        _ => wanted.to_owned().into(),
    }
}

/// The bounds of a type of whole numbers.
fn range(wanted: &str) -> Option<String> {
    let (least, most) = match wanted {
        "u8" => (0, i128::from(u8::MAX)),
        "u16" => (0, i128::from(u16::MAX)),
        "u32" => (0, i128::from(u32::MAX)),
        "u64" | "usize" => (0, i128::from(u64::MAX)),
        "i32" => (i128::from(i32::MIN), i128::from(i32::MAX)),
        "i64" => (i128::from(i64::MIN), i128::from(i64::MAX)),
        _ => return None,
    };
    Some(format!("a whole number from {least} to {most}"))
}

/// The words without the place in the text: a path says better where a value stands.
fn without_position(words: &str) -> &str {
    let cut = words.rsplit_once(" at line ");
    let words = cut.map_or(words, |(words, _)| words);
    words.trim_end_matches(',')
}

/// The first name in backticks.
fn quoted(words: &str) -> Option<&str> {
    words.split('`').nth(1)
}

fn is_root(path: &str) -> bool {
    path.is_empty() || path == "."
}

fn below(path: &str, name: &str) -> String {
    // A member that is there twice is already the end of the path.
    let ends = path.rsplit('.').next() == Some(name);
    if is_root(path) || ends {
        let whole = if is_root(path) { name } else { path };
        return whole.to_owned();
    }
    format!("{path}.{name}")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is only read")]
    struct Asked {
        flag: bool,
        #[serde(default)]
        count: u8,
        #[serde(default)]
        word: Option<Word>,
        #[serde(default)]
        id: Option<uuid::Uuid>,
        #[serde(default)]
        at: Option<chrono::DateTime<chrono::Utc>>,
        #[serde(default)]
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is only read")]
    struct Inner {
        names: Vec<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        Yes,
        No,
        Maybe,
    }

    fn told(json: &str) -> String {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let read: Result<Asked, _> = serde_path_to_error::deserialize(&mut deserializer);
        let error = read.unwrap_err();
        misfit(&error.path().to_string(), &error.inner().to_string())
    }

    #[test]
    fn a_misfit_names_the_field_and_what_it_must_be() {
        for (json, sentence) in [
            ("{}", "`flag` is missing"),
            (
                r#"{"flag":"yes"}"#,
                "`flag` must be `true` or `false`, not a text",
            ),
            (
                r#"{"flag":null}"#,
                "`flag` must be `true` or `false`, not null",
            ),
            (r#"{"flag":true,"flag":true}"#, "`flag` is there twice"),
            (
                r#"{"flag":true,"count":1.5}"#,
                "`count` must be a whole number from 0, not a fraction",
            ),
            (
                r#"{"flag":true,"count":300}"#,
                "`count` must be a whole number from 0 to 255",
            ),
            (
                r#"{"flag":true,"word":"perhaps"}"#,
                "`word` must be one of `yes`, `no`, `maybe`",
            ),
            (
                r#"{"flag":true,"id":"JOB_ID"}"#,
                "`id` must be an id, which is a UUID",
            ),
            (
                r#"{"flag":true,"at":"tomorrow"}"#,
                "`at` must be a time as in RFC 3339, such as `2026-01-31T09:00:00Z`",
            ),
            (r#"{"flag":true,"inner":{}}"#, "`inner.names` is missing"),
            (
                r#"{"flag":true,"inner":{"names":[1]}}"#,
                "`inner.names[0]` must be a text, not a whole number",
            ),
            (
                r#"{"flag":true,"inner":{"names":{}}}"#,
                "`inner.names` must be a list, not an object",
            ),
        ] {
            assert_eq!(told(json), sentence, "{json}");
        }
    }

    #[test]
    fn a_broken_text_is_told_without_the_words_of_the_parser() {
        for (json, sentence) in [
            ("", "the body is empty; send a JSON object"),
            (
                "{",
                "the body is not valid JSON: it ends in the middle; see line 1, column 1",
            ),
            (
                "{\"a\": oops}",
                "the body is not valid JSON: a value is missing, or is written wrongly; see line 1, column 7",
            ),
            (
                "{'a': 1}",
                "the body is not valid JSON: a name is not in double quotes; see line 1, column 2",
            ),
            (
                "{\"a\": 1,}",
                "the body is not valid JSON: a `,` has nothing after it; see line 1, column 9",
            ),
        ] {
            let error = serde_json::from_str::<serde_json::Value>(json).unwrap_err();
            assert_eq!(broken_json(&error), sentence, "{json}");
        }
    }

    #[test]
    fn a_query_names_its_parameter() {
        for (words, sentence) in [
            (
                "Failed to deserialize query string: limit: invalid digit found in string",
                "`limit` must be a whole number",
            ),
            (
                "Failed to deserialize query string: missing field `path`",
                "`path` is missing",
            ),
            (
                "Failed to deserialize query string: status: unknown variant `x`, expected `a` or `b`",
                "`status` must be `a` or `b`",
            ),
        ] {
            assert_eq!(misfit_query(words), sentence);
        }
    }
}
