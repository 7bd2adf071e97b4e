//! Replaces `NaN`, `Infinity` and `-Infinity`, which some serialisers write and JSON does not have.
//!
//! Such a number rejects its event, not the batch, so the rest of the batch must be parsed.

use memchr::memchr2;

const LITERALS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];
const REPLACEMENT: &str = "null";

/// A text with `null` in place of such literals.
pub(super) struct NonFiniteNumbers {
    text: String,
    /// Offsets of the replacements, ascending.
    offsets: Vec<usize>,
}

impl NonFiniteNumbers {
    /// Replaces every such literal outside strings; none if there are none.
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut finite = Self {
            text: String::with_capacity(text.len()),
            offsets: Vec::new(),
        };
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let word = LITERALS.iter().find(|word| rest.starts_with(**word));
            let length = match (first, word) {
                ('"', _) => string_length(rest),
                (_, Some(word)) => {
                    finite.offsets.push(finite.text.len());
                    finite.text.push_str(REPLACEMENT);
                    rest = &rest[word.len()..];
                    continue;
                }
                (_, None) => first.len_utf8(),
            };
            finite.text.push_str(&rest[..length]);
            rest = &rest[length..];
        }
        (!finite.offsets.is_empty()).then_some(finite)
    }

    /// Returns the text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the number of replacements.
    pub(super) fn count(&self) -> usize {
        self.offsets.len()
    }

    /// Returns the number of replacements in a part of the text, which must be borrowed from it.
    pub(super) fn count_in(&self, part: &str) -> usize {
        let start = part.as_ptr().addr() - self.text.as_ptr().addr();
        let before = |end| self.offsets.partition_point(|offset| *offset < end);
        before(start + part.len()) - before(start)
    }
}

/// Returns the length of the string that the text starts with, quotes included.
fn string_length(text: &str) -> usize {
    let mut at = 1;
    while let Some(next) = memchr2(b'"', b'\\', &text.as_bytes()[at..]) {
        at += next;
        if text.as_bytes()[at] == b'"' {
            return at + 1;
        }
        // The escaped character may have several bytes.
        let escaped = text[at + 1..].chars().next();
        at += 1 + escaped.map_or(0, char::len_utf8);
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finite(text: &str) -> Option<(String, Vec<usize>)> {
        NonFiniteNumbers::of(text).map(|finite| (finite.text, finite.offsets))
    }

    #[test]
    fn words_are_replaced_outside_strings() {
        assert_eq!(
            finite(r#"[NaN,-Infinity,{"NaN":Infinity}]"#),
            Some((r#"[null,null,{"NaN":null}]"#.to_owned(), vec![1, 6, 18]))
        );
        for same in [
            "",
            "{}",
            r#"["NaN", "a\"NaN", "\\", "-Infinity"]"#,
            r#"["NaN"#,
            r#"["\"#,
            "[nan, infinity]",
            r#"["\é NaN"]"#,
        ] {
            assert_eq!(finite(same), None, "{same}");
        }
    }

    #[test]
    fn parts_are_told_apart() {
        let finite = NonFiniteNumbers::of(r"[[NaN,1],[2],[NaN,NaN]]").unwrap();
        assert_eq!(finite.text(), "[[null,1],[2],[null,null]]");
        let counts = [1..9, 10..13, 14..25].map(|part| finite.count_in(&finite.text()[part]));
        assert_eq!((counts, finite.count()), ([1, 0, 2], 3));
    }

    proptest! {
        #[test]
        fn a_text_without_them_has_none_and_any_text_is_survived(
            text in "[\"\\\\NaInfity,:{}\\[\\] é-]{0,40}",
        ) {
            let has_word = text.contains("NaN") || text.contains("Infinity");
            let found = finite(&text);
            prop_assert!(found.is_none() || has_word);
        }
    }
}
