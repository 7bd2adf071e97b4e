//! Calls that are code: `read_file(path="a.rs")`, `functions.read_file({"path": "a.rs"})`.

use serde_json::{Map, Number, Value};

use crate::llm::spoken::json::{extent, parse};

/// Reads arguments from behind the opening bracket. Answers with them and with what follows the closing one.
pub(super) fn arguments(text: &str) -> Option<(Map<String, Value>, &str)> {
    let text = text.trim_start();
    if text.starts_with('{') {
        let end = extent(text)?;
        let object = parse(&text[..end])?.as_object()?.clone();
        let rest = text[end..].trim_start().strip_prefix(')')?;
        return Some((object, rest));
    }
    let (mut found, mut text) = (Map::new(), text);
    loop {
        text = text.trim_start().trim_start_matches(',').trim_start();
        if let Some(rest) = text.strip_prefix(')') {
            return Some((found, rest));
        }
        let (name, rest) = text.split_once('=')?;
        let name = name.trim();
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let (value, rest) = literal(rest.trim_start()).filter(|_| is_name)?;
        found.insert(name.to_owned(), value);
        text = rest;
    }
}

fn literal(text: &str) -> Option<(Value, &str)> {
    match text.chars().next()? {
        '"' | '\'' => quoted(text),
        '{' | '[' => {
            let end = extent(text)?;
            Some((parse(&text[..end])?, &text[end..]))
        }
        _ => {
            let end = text.find([',', ')', '\n'])?;
            let word = text[..end].trim();
            let value = match word {
                "True" | "true" => Value::Bool(true),
                "False" | "false" => Value::Bool(false),
                "None" | "null" => Value::Null,
                _ => Value::Number(word.parse::<Number>().ok()?),
            };
            Some((value, &text[end..]))
        }
    }
}

fn quoted(text: &str) -> Option<(Value, &str)> {
    let quote = text
        .get(..3)
        .filter(|three| ["\"\"\"", "'''"].contains(three));
    let quote = quote.unwrap_or(&text[..1]);
    let body = &text[quote.len()..];
    let mut value = String::new();
    let mut at = 0;
    while let Some(c) = body[at..].chars().next() {
        if body[at..].starts_with(quote) {
            return Some((Value::from(value), &body[at + quote.len()..]));
        }
        at += c.len_utf8();
        if c != '\\' {
            value.push(c);
            continue;
        }
        let escaped = body[at..].chars().next()?;
        at += escaped.len_utf8();
        match escaped {
            'n' => value.push('\n'),
            't' => value.push('\t'),
            'r' => value.push('\r'),
            '\\' | '\'' | '"' => value.push(escaped),
            // Other escapes are not guessed at.
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_of_code_are_values() {
        for (text, value) in [
            (
                r#"path="a b", n=3, all=True, x=None)"#,
                json!({"path": "a b", "n": 3, "all": true, "x": null}),
            ),
            (r#"{"path": "a)"})"#, json!({"path": "a)"})),
            (
                r"old_text='it\'s\n', list=[1, 2])",
                json!({"old_text": "it's\n", "list": [1, 2]}),
            ),
            (
                "content=\"\"\"a\n\"b\"\n\"\"\")",
                json!({"content": "a\n\"b\"\n"}),
            ),
            (")", json!({})),
        ] {
            let (found, rest) = arguments(text).unwrap();
            assert_eq!((json!(found), rest), (value, ""), "{text}");
        }
    }

    #[test]
    fn what_is_no_literal_is_not_guessed_at() {
        for text in [
            "path=name)",
            "\"a.rs\")",
            "path=\"a\"",
            "path=f(\"a\"))",
            r#"path="\x41")"#,
        ] {
            assert_eq!(arguments(text), None, "{text}");
        }
    }
}
