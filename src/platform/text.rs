//! Cutting texts: by bytes or by characters, never inside a character, with a mark or without.

/// The mark of a text that was cut.
const ELLIPSIS: &str = "…";

/// The beginning of a text, at most this many bytes.
pub fn first_bytes(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// The beginning of a text, at most this many characters.
pub fn first_chars(text: &str, chars: usize) -> &str {
    // No text has more characters than bytes: most are known to fit without counting.
    if text.len() <= chars {
        return text;
    }
    let end = text.char_indices().nth(chars);
    end.map_or(text, |(end, _)| &text[..end])
}

/// At most this many bytes of a text, and `…` after them when that is not all.
pub fn cut_bytes(text: &str, bytes: usize) -> String {
    marked(text, first_bytes(text, bytes), ELLIPSIS)
}

/// At most this many characters of a text, and `…` after them when that is not all.
pub fn cut_chars(text: &str, chars: usize) -> String {
    marked(text, first_chars(text, chars), ELLIPSIS)
}

/// At most this many characters, of which the last is `…` when that is not all.
pub fn within_chars(text: &str, chars: usize) -> String {
    if first_chars(text, chars).len() == text.len() {
        return text.to_owned();
    }
    cut_chars(text, chars.saturating_sub(1))
}

/// The beginning of a text, with a mark after it when it is not the whole text.
pub fn marked(text: &str, beginning: &str, mark: &str) -> String {
    let mark = if beginning.len() == text.len() {
        ""
    } else {
        mark
    };
    [beginning, mark].concat()
}

/// The beginning and the end of a text, half of this many bytes each, with a note of how much is
/// missing between them.
pub fn head_and_tail(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let head = first_bytes(text, bytes / 2);
    let tail = &text[text.ceil_char_boundary(text.len() - bytes / 2)..];
    let missing = text.len() - head.len() - tail.len();
    format!("{head}\n[… {missing} bytes left out …]\n{tail}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_cut_is_a_beginning_as_long_as_it_may_be(text in "\\PC{0,40}", most in 0_usize..60) {
            let chars = first_chars(&text, most);
            prop_assert!(text.starts_with(chars));
            prop_assert_eq!(chars.chars().count(), text.chars().count().min(most));
            let bytes = first_bytes(&text, most);
            prop_assert!(text.starts_with(bytes) && bytes.len() <= most);
            let next = text[bytes.len()..].chars().next();
            prop_assert!(next.is_none_or(|next| bytes.len() + next.len_utf8() > most));
        }

        #[test]
        fn a_mark_says_that_something_is_missing(text in "[a-zé€]{0,40}", most in 1_usize..60) {
            for cut in [cut_bytes(&text, most), cut_chars(&text, most), within_chars(&text, most)] {
                prop_assert_eq!(cut.ends_with('…'), cut != text);
            }
            prop_assert!(within_chars(&text, most).chars().count() <= most);
        }

        #[test]
        fn the_parts_between_head_and_tail_are_counted(text in "[a-zé€]{0,60}", most in 0_usize..80) {
            let shown = head_and_tail(&text, most);
            if text.len() <= most {
                prop_assert_eq!(shown, text);
            } else {
                let (head, rest) = shown.split_once("\n[… ").unwrap();
                let (missing, tail) = rest.split_once(" bytes left out …]\n").unwrap();
                prop_assert!(text.starts_with(head) && text.ends_with(tail));
                prop_assert!(head.len().max(tail.len()) <= most / 2);
                let missing: usize = missing.parse().unwrap();
                prop_assert_eq!(head.len() + missing + tail.len(), text.len());
            }
        }
    }

    #[test]
    fn texts_are_cut_between_two_characters() {
        assert_eq!(cut_bytes("git push", 8), "git push");
        assert_eq!(cut_bytes("€€", 5), "€…");
        assert_eq!(cut_chars("äöü", 2), "äö…");
        assert_eq!(within_chars("äöü", 3), "äöü");
        assert_eq!(within_chars("äöü", 2), "ä…");
        let command = "€".repeat(4);
        assert_eq!(marked(&command, first_bytes(&command, 10), " …"), "€€€ …");
    }
}
