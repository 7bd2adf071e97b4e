//! Fields of a request that some servers do not know.

use std::cmp::Reverse;
use std::sync::LazyLock;

use regex::Regex;

/// Fields that a request may do without, still asking the same; names as servers write them. Of
/// two that are named, the first counts: the other is what the server would take instead.
pub(in crate::llm) const FIELDS: &[&str] = &[
    "stream_options",
    "temperature",
    "max_completion_tokens",
    "max_tokens",
    "reasoning_effort",
    "reasoning_content",
    "reasoning_details",
    "reasoning_split",
    "reasoning",
    "enable_thinking",
    "chat_template_kwargs",
    "thinking",
    "output_config",
    "verbosity",
    "cache_control",
    "extra_content",
    "is_error",
    "max_output_tokens",
    "reasoning.effort",
    "reasoning.summary",
    "text.verbosity",
    "prompt_cache_key",
];

/// More of them, whose names are words like any other: only a refusal that has a place for names means
/// them.
const NAMED: &[&str] = &["include", "store"];

/// Fields that ask for an amount of reasoning. A server that has no such thing may call it by any of them.
pub(in crate::llm) const REASONING: &[&str] = &[
    "reasoning_effort",
    "reasoning",
    "enable_thinking",
    "chat_template_kwargs",
    "output_config",
    "thinking",
];

/// Fields that servers insist on, by the names that they call them.
const MISSING: &[(&str, &str)] = &[
    ("reasoning_content", "reasoning_content"),
    ("reasoning_details", "reasoning_details"),
    ("thought_signature", "extra_content"),
    ("content[].thinking", "thinking"),
];

/// The field of a request for a streamed answer.
pub(in crate::llm) const STREAM: &str = "stream";

/// The words of a server that does not know a field.
static REFUSES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"unsupported|unknown|unrecogni[sz]ed|unexpected|extra (inputs?|fields?|forbidden)|extra_forbidden|not (be )?(supported|permitted|allowed|recogni[sz]ed|implemented|available|accepted)|(do|does)(n't| not) (support|accept|allow)|(is|are)n't supported|deprecated|additional propert|no longer|may only be|only the default|cannot be (set|used|specified)|must be verified|unmarshal|no such (field|parameter)|only [\d.]+ is allowed",
    )
    .ok()
});
/// The words of a server that insists on a field.
static INSISTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"must be (passed|sent|given|provided|included|returned|preserved)|(is|are) (missing|required)|missing an? |(is|are)n't (passed|sent|provided|included)",
    )
    .ok()
});
/// The words of a server that does not stream.
static STREAMS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(stream(ing)?( mode)?`?'?( is| are|=true is)? not (be )?(supported|allowed|available|implemented))|((do|does)(n't| not) support (tool use in )?stream(ing)?)|unsupported.{0,40}\bstream(ing)?\b",
    )
    .ok()
});

/// The field that a server insists on, from its words.
pub(super) fn missing(lower: &str) -> Option<&'static str> {
    let named = MISSING.iter().find(|(name, _)| lower.contains(name));
    let (_, field) = named?;
    INSISTS.as_ref()?.is_match(lower).then_some(*field)
}

/// The field that a refusal is about, from its words and the names in it.
pub(super) fn refused(lower: &str, names: &[String]) -> Option<&'static str> {
    if !REFUSES.as_ref()?.is_match(lower) {
        return None;
    }
    // The path of a member says more than any word.
    let is_path = |field: &&&str| field.contains('.') && names.iter().any(|name| name == *field);
    if let Some(field) = FIELDS.iter().find(is_path) {
        return Some(field);
    }
    let in_words = FIELDS
        .iter()
        .filter_map(|field| Some((place(lower, field)?, Reverse(field.len()), *field)));
    if let Some((_, _, field)) = in_words.min() {
        return Some(field);
    }
    let is_part = |path: &String, field: &str| {
        path == field || path.split(['.', '[', ']', '/']).any(|part| part == field)
    };
    let in_paths = |field: &&&str| names.iter().any(|path| is_part(path, field));
    if let Some(field) = FIELDS.iter().chain(NAMED).find(in_paths) {
        return Some(field);
    }
    STREAMS.as_ref()?.is_match(lower).then_some(STREAM)
}

/// Where a field is named; a longer name that holds it is another.
fn place(text: &str, field: &str) -> Option<usize> {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let bytes = text.as_bytes();
    text.match_indices(field).map(|(at, _)| at).find(|at| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        !is_word(before) && !is_word(bytes.get(at + field.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_field_that_a_refusal_names_is_the_one_that_is_refused() {
        for (text, names, expected) in [
            (
                "unsupported parameter: 'max_tokens' is not supported with this model. use 'max_completion_tokens' instead.",
                &[][..],
                Some("max_tokens"),
            ),
            (
                "unrecognized request argument supplied: stream_options",
                &[],
                Some("stream_options"),
            ),
            (
                "extra inputs are not permitted",
                &["body", "stream_options"],
                Some("stream_options"),
            ),
            (
                "unsupported value: 'temperature' does not support 0.2 with this model. only the default (1) value is supported.",
                &[],
                Some("temperature"),
            ),
            (
                "messages.0.content.0.text.cache_control: extra inputs are not permitted",
                &[],
                Some("cache_control"),
            ),
            (
                "extra inputs are not permitted",
                &["messages.0.content.0.cache_control"],
                Some("cache_control"),
            ),
            (
                "json: unknown field \"stream_options\"",
                &[],
                Some("stream_options"),
            ),
            (
                "this model doesn't support tool use in streaming mode.",
                &[],
                Some("stream"),
            ),
            (
                "unsupported parameter: 'reasoning.effort' is not supported with this model.",
                &["reasoning.effort"],
                Some("reasoning.effort"),
            ),
            (
                "your organization must be verified to generate reasoning summaries. please go to the settings.",
                &["reasoning.summary"],
                Some("reasoning.summary"),
            ),
            (
                "encrypted content is not supported with this model.",
                &["include"],
                Some("include"),
            ),
            ("images are not supported; include text", &[], None),
            ("streaming is not supported", &[], Some("stream")),
            ("temperature must be between 0 and 2", &[], None),
            ("unsupported image format", &[], None),
            ("property 'my_temperature_field' is unsupported", &[], None),
        ] {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(refused(text, &names), expected, "{text}");
        }
    }

    #[test]
    fn what_a_server_insists_on_is_told_from_what_it_refuses() {
        for (text, expected) in [
            (
                "the `reasoning_content` in the thinking mode must be passed back to the api.",
                Some("reasoning_content"),
            ),
            (
                "thinking is enabled but reasoning_content is missing in assistant tool call message at index 7",
                Some("reasoning_content"),
            ),
            (
                "function call is missing a thought_signature in functioncall parts.",
                Some("extra_content"),
            ),
            (
                "the `content[].thinking` in the thinking mode must be passed back to the api.",
                Some("thinking"),
            ),
            ("property 'reasoning_content' is unsupported", None),
            ("`model` is missing", None),
        ] {
            assert_eq!(missing(text), expected, "{text}");
        }
    }
}
