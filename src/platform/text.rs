//! Texts for people: cut by bytes or by characters, never inside a character; and shown so that what
//! turns, hides or piles up text is seen.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

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

/// Combining marks beyond four on one character, of which no language needs as many. Spacing marks do
/// not pile up.
static PILE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[\p{Mn}\p{Me}]{4}([\p{Mn}\p{Me}]+)").ok());
/// The most tags that follow the black flag in the flag of a region, the one that ends it included.
const MAX_TAGS: usize = 7;
const BLACK_FLAG: char = '\u{1f3f4}';

/// A command, a path or another text that counts to the letter, as a person may read it: every
/// character that turns, hides or joins text, every control character but the line feed and the tab,
/// and every mark that is piled up is written as `\u{202e}` and its like.
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, |_, _| false)
}

/// The same for prose, in which line ends of two characters stay, and what makes one sign of several:
/// joiners and variation selectors after a letter or an emoji, and the tags of a flag.
pub fn visible_prose(text: &str) -> Cow<'_, str> {
    escaped(text, is_part_of_a_sign)
}

/// True if a character is never seen itself: it turns the text around it, joins or parts it, chooses a
/// form of the character before it, or is an empty place that looks like nothing.
pub fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// True if a text holds nothing but printable ASCII, line feeds and tabs. This holds for most texts, so
/// this check decides the cost of looking for anything else: it takes eight bytes at a time.
pub fn is_plain_ascii(bytes: &[u8]) -> bool {
    let is_plain = |eight: &[u8; 8]| {
        is_printable(u64::from_le_bytes(*eight)) || eight.iter().all(|byte| is_plain_byte(*byte))
    };
    let (eights, rest) = bytes.as_chunks::<8>();
    eights.iter().all(is_plain)
        && match bytes.last_chunk() {
            // It overlaps the one before.
            Some(last) => rest.is_empty() || is_plain(last),
            None => rest.iter().all(|byte| is_plain_byte(*byte)),
        }
}

/// True if the eight bytes from here on are such a text.
pub fn are_eight_plain(bytes: &[u8], at: usize) -> bool {
    let eight = bytes.get(at..).and_then(|rest| rest.first_chunk());
    eight.is_some_and(|eight| is_printable(u64::from_le_bytes(*eight)))
}

/// True if eight bytes are printable ASCII: in none of them is the highest bit set, and it is set
/// neither when 0x20 is subtracted nor when 1 is added.
fn is_printable(eight: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHEST: u64 = ONES << 7;
    let below = eight.wrapping_sub(0x20 * ONES);
    let above = eight.wrapping_add(ONES);
    (eight | below | above) & HIGHEST == 0
}

fn is_plain_byte(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\n' | b'\t')
}

/// The text with escapes, except where `may_stay` lets a character be, which it is told with what stands
/// before it and what begins with it.
fn escaped(text: &str, may_stay: fn(&str, &str) -> bool) -> Cow<'_, str> {
    if is_plain_ascii(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let mut piles = piles(text).into_iter().peekable();
    let mut shown = String::new();
    let mut from = 0;
    for (at, character) in text.char_indices() {
        while piles.next_if(|pile| pile.end <= at).is_some() {}
        let is_piled = piles.peek().is_some_and(|pile| pile.contains(&at));
        let is_trick = match character {
            '\n' | '\t' => false,
            _ if character.is_control() || is_unseen(character) => {
                !may_stay(&text[..at], &text[at..])
            }
            _ => is_piled,
        };
        if is_trick {
            shown.push_str(&text[from..at]);
            // Writing into a text does not fail.
            let _written = write!(shown, "\\u{{{:x}}}", u32::from(character));
            from = at + character.len_utf8();
        }
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    shown.push_str(&text[from..]);
    Cow::Owned(shown)
}

/// Where marks are piled up beyond a few.
fn piles(text: &str) -> Vec<Range<usize>> {
    let Some(pile) = PILE.as_ref() else {
        return Vec::new();
    };
    let found = pile.captures_iter(text);
    found
        .filter_map(|found| found.get(1))
        .map(|found| found.range())
        .collect()
}

/// True when the text that begins here makes one sign with the text before it. A piece of a text may
/// begin in the middle of one.
fn is_part_of_a_sign(before: &str, from: &str) -> bool {
    let previous = before.chars().next_back();
    let is_base = |c: char| !(c.is_ascii() || c.is_control() || is_unseen(c));
    let is_selector = |c: char| matches!(c, '\u{fe00}'..='\u{fe0f}');
    let is_tag = |c: char| matches!(c, '\u{e0020}'..='\u{e007f}');
    match from.chars().next() {
        Some('\r') => from.starts_with("\r\n"),
        Some('\u{200c}' | '\u{200d}') => previous.is_none_or(|previous| {
            if is_selector(previous) {
                let (before, selector) = before.split_at(before.len() - previous.len_utf8());
                return is_part_of_a_sign(before, selector);
            }
            is_base(previous)
        }),
        Some(selector) if is_selector(selector) => previous.is_none_or(|previous| {
            // The keys of a telephone are emoji, too.
            matches!(previous, '#' | '*' | '0'..='9') || is_base(previous)
        }),
        Some(tag) if is_tag(tag) => {
            let flag = before.trim_end_matches(is_tag);
            let tags = (before.len() - flag.len()) / tag.len_utf8();
            flag.ends_with(BLACK_FLAG) && tags < MAX_TAGS
        }
        Some(_) | None => false,
    }
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

    /// One character of every kind, with its effect.
    const TRICKS: &[(&str, char)] = &[
        ("a control", '\u{0}'),
        ("the bell", '\u{7}'),
        ("a backspace", '\u{8}'),
        ("the beginning of the line", '\r'),
        ("the beginning of an escape", '\u{1b}'),
        ("delete", '\u{7f}'),
        ("the beginning of an escape, of the second set", '\u{9b}'),
        ("a soft hyphen", '\u{ad}'),
        ("a joiner of graphemes", '\u{34f}'),
        ("a mark of Arabic letters", '\u{61c}'),
        ("a filler", '\u{115f}'),
        ("another filler", '\u{1160}'),
        ("a vowel that is not seen", '\u{17b4}'),
        ("a separator of Mongolian vowels", '\u{180e}'),
        ("a space without width", '\u{200b}'),
        ("a joiner", '\u{200d}'),
        ("a mark from right to left", '\u{200f}'),
        ("a separator of lines", '\u{2028}'),
        ("an embedding from left to right", '\u{202a}'),
        ("an override from right to left", '\u{202e}'),
        ("a joiner of words", '\u{2060}'),
        ("a product that is not seen", '\u{2062}'),
        ("an isolate", '\u{2066}'),
        ("the end of an isolate", '\u{2069}'),
        ("a deprecated control", '\u{206a}'),
        ("an empty pattern", '\u{2800}'),
        ("a filler of Hangul", '\u{3164}'),
        ("a variation selector", '\u{fe0f}'),
        ("a byte order mark", '\u{feff}'),
        ("a filler of half width", '\u{ffa0}'),
        ("an annotation", '\u{fff9}'),
        ("a tag", '\u{e0041}'),
        ("a variation selector of the supplement", '\u{e0100}'),
    ];

    #[test]
    fn what_turns_or_hides_text_is_shown_as_an_escape() {
        for (about, trick) in TRICKS {
            let text = format!("git push {trick}main");
            let escape = format!("git push \\u{{{:x}}}main", u32::from(*trick));
            assert_eq!(visible(&text), escape, "{about}");
            assert_eq!(visible_prose(&text), escape, "{about}, in prose");
            assert_eq!(visible(&escape), escape, "{about}, twice");
        }
        let piled = format!("a{}", "\u{301}".repeat(6));
        let shown = format!("a{}{}", "\u{301}".repeat(4), "\\u{301}".repeat(2));
        assert_eq!(visible(&piled), shown);
        assert_eq!(visible_prose(&piled), shown);
    }

    #[test]
    fn texts_of_all_languages_stay_what_they_are() {
        for text in [
            "cargo test\n\tdone",
            "déjà vu, naïve, Ångström, Việt Nam, e\u{301}",
            "שָׁלוֹם עולם",
            "مَرْحَبًا بالعالم",
            "你好，世界 こんにちは 안녕하세요",
            "नमस्ते สวัสดีที่นี่ မြန်မာ",
            "🚀 ✓ → €",
        ] {
            assert!(matches!(visible(text), Cow::Borrowed(_)), "{text}");
            assert!(matches!(visible_prose(text), Cow::Borrowed(_)), "{text}");
        }
        // One sign of several characters is read as one in prose, and counts to the letter in a command.
        for text in [
            "a line\r\nand another",
            "👩\u{200d}👩\u{200d}👧 and ❤\u{fe0f}\u{200d}🔥, 1\u{fe0f}\u{20e3}",
            "می\u{200c}خواهم",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
        ] {
            assert!(matches!(visible_prose(text), Cow::Borrowed(_)), "{text}");
            assert!(visible(text).contains("\\u{"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_shown_turns_or_hides_text(text in "\\PC{0,20}|[\u{0}-\u{ff}\u{2000}-\u{2070}\u{e0000}-\u{e0fff}]{0,20}") {
            let shown = visible(&text);
            let is_trick = |c: char| is_unseen(c) || (c.is_control() && c != '\n' && c != '\t');
            prop_assert!(!shown.contains(is_trick));
            prop_assert_eq!(visible(&shown), shown.as_ref());
            let prose = visible_prose(&text);
            prop_assert_eq!(visible_prose(&prose), prose.as_ref());
        }

        #[test]
        fn a_plain_text_is_one_by_every_byte(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let each = bytes.iter().all(|byte| is_plain_byte(*byte));
            prop_assert_eq!(is_plain_ascii(&bytes), each);
        }
    }
}
