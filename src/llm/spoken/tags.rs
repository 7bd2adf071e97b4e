//! Calls whose arguments stand between tags: `<parameter=path>a.rs</parameter>` and its like.

use serde_json::{Map, Value};

/// The end of the value of an argument.
const AFTER: &[&str] = &[
    "<parameter",
    "</function",
    "</invoke",
    "</tool_call",
    "</function_calls",
];

/// Reads arguments of the form `<parameter=NAME>…</parameter>` or `<parameter name='NAME'>…</parameter>`, up
/// to something else. Answers with them and with what follows.
pub(super) fn parameters(mut text: &str) -> Option<(Map<String, Value>, &str)> {
    let mut found = Map::new();
    loop {
        text = text.trim_start();
        let Some(rest) = text.strip_prefix("<parameter") else {
            return Some((found, text));
        };
        let (head, rest) = rest.split_once('>')?;
        let (value, rest) = value(rest);
        found.insert(name(head)?, Value::from(value));
        text = rest;
    }
}

/// The name in `=NAME` or ` name='NAME' string="true"`.
pub(super) fn name(head: &str) -> Option<String> {
    let head = head.trim();
    let (_, name) = head.split_once('=')?;
    let name = name.trim_start();
    let name = match name.chars().next()? {
        quote @ ('"' | '\'') => name[1..].split(quote).next()?,
        _ => name.split_whitespace().next()?,
    };
    (!name.is_empty()).then(|| name.to_owned())
}

/// The value up to the end tag that ends it: one within the value is followed by more of the value.
fn value(text: &str) -> (&str, &str) {
    const END: &str = "</parameter>";
    let mut from = 0;
    while let Some(at) = text[from..].find(END).map(|at| at + from) {
        let rest = &text[at + END.len()..];
        let next = rest.trim_start();
        if next.is_empty() || AFTER.iter().any(|tag| next.starts_with(tag)) {
            return (bare(&text[..at]), rest);
        }
        from = at + END.len();
    }
    // A model that forgets the end tag goes on with the next argument.
    let next = AFTER.iter().filter_map(|tag| text.find(tag)).min();
    let end = next.unwrap_or(text.len());
    (bare(&text[..end]), &text[end..])
}

/// A value without the line breaks that only set it apart from its tags.
fn bare(value: &str) -> &str {
    let value = value.strip_prefix('\n').unwrap_or(value);
    value.strip_suffix('\n').unwrap_or(value)
}

/// Reads arguments of the form `<arg_key>NAME</arg_key><arg_value>…</arg_value>`.
pub(super) fn keys_and_values(mut text: &str) -> Option<(Map<String, Value>, &str)> {
    let mut found = Map::new();
    loop {
        text = text.trim_start();
        let Some(rest) = text.strip_prefix("<arg_key>") else {
            return Some((found, text));
        };
        let (key, rest) = rest.split_once("</arg_key>")?;
        let rest = rest.trim_start().strip_prefix("<arg_value>")?;
        let (value, rest) = rest.split_once("</arg_value>")?;
        found.insert(key.trim().to_owned(), Value::from(bare(value)));
        text = rest;
    }
}

/// Reads the arguments within `<TOOL>…</TOOL>`, each between tags of its own name.
pub(super) fn children(mut text: &str) -> Option<Map<String, Value>> {
    let mut found = Map::new();
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return Some(found);
        }
        let (name, rest) = text.strip_prefix('<')?.split_once('>')?;
        let (value, rest) = rest.split_once(&format!("</{name}>"))?;
        found.insert(name.to_owned(), Value::from(bare(value)));
        text = rest;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_between_tags_are_read_as_they_are() {
        let text = "<parameter=path>\na.rs\n</parameter>\n<parameter name=\"content\">\n  x\n\n</parameter></function>!";
        let (found, rest) = parameters(text).unwrap();
        assert_eq!(json!(found), json!({"path": "a.rs", "content": "  x\n"}));
        assert_eq!(rest, "</function>!");
    }

    #[test]
    fn a_value_may_hold_an_end_tag_and_may_lack_its_own() {
        let text = "<parameter=content>a</parameter> b</parameter></function>";
        assert_eq!(
            json!(parameters(text).unwrap().0),
            json!({"content": "a</parameter> b"})
        );
        let text = "<parameter=path>a\n<parameter=content>b</function>";
        let (found, _) = parameters(text).unwrap();
        assert_eq!(json!(found), json!({"path": "a", "content": "b"}));
    }

    #[test]
    fn other_tags_name_their_arguments_too() {
        let text = "\n<arg_key>path</arg_key>\n<arg_value>a</arg_value></tool_call>";
        let (found, rest) = keys_and_values(text).unwrap();
        assert_eq!((json!(found), rest), (json!({"path": "a"}), "</tool_call>"));
        assert_eq!(
            json!(children("<path>a</path>\n<b>c</b>").unwrap()),
            json!({"path": "a", "b": "c"})
        );
        assert_eq!(children("words"), None);
    }
}
