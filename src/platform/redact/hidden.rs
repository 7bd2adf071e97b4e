//! A text without its invisible parts: escapes of a terminal, controls, characters without width.
//!
//! Such a character within a token hides the token from every rule and from no reader. So secrets are
//! looked for in the text without them, too, and taken out of the text with all that is among them. A
//! text that holds none of these, as most do, is not copied.
//!
//! Where a program prints such a text as source code would write it, `\u{200b}` stands for one of them,
//! and nothing is hidden from readers who know that.

use crate::platform::text::{are_eight_plain, is_plain_ascii, is_unseen};

const BACKSPACE: u8 = 0x08;
const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;
/// The longest escape that is taken for one, in bytes; an address may be part of it.
const MAX_ESCAPE: usize = 512;

/// A text without its invisible parts, and the places of its bytes in the whole text.
#[derive(Debug)]
pub(super) struct BareText {
    /// The remaining text.
    pub(super) text: String,
    /// Where something was taken out, and how much was up to there.
    cuts: Vec<(usize, usize)>,
}

/// The reading of text that may be read in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sense {
    /// Every escape is one, and a backspace is a sign of its own.
    Escapes,
    /// Only what has a bracket is an escape, and a backspace takes away the character before it.
    Erases,
    /// Escapes in source code for invisible characters are invisible, too.
    Written,
}

/// The text without its invisible parts, once for each way to read it; none when it has no such part.
pub(super) fn bare_texts(text: &str) -> Vec<BareText> {
    if is_plain_ascii(text.as_bytes()) || next_unseen(text, 0, Sense::Escapes).is_none() {
        return Vec::new();
    }
    let bare = BareText::of(text, Sense::Escapes);
    let erased = BareText::of(text, Sense::Erases);
    if erased.text == bare.text {
        vec![bare]
    } else {
        vec![bare, erased]
    }
}

/// The text without its invisible parts, as it is or as source code writes it.
pub(super) fn without_written(text: &str) -> BareText {
    BareText::of(text, Sense::Written)
}

/// Something that is not seen is written here.
pub(super) fn is_written(text: &str, at: usize) -> bool {
    written(text.as_bytes(), at) > 0
}

impl BareText {
    fn of(text: &str, sense: Sense) -> Self {
        let bytes = text.as_bytes();
        let mut bare = Self {
            text: String::with_capacity(text.len()),
            cuts: Vec::new(),
        };
        let mut from = 0;
        while let Some((at, unseen)) = next_unseen(text, from, sense) {
            bare.text.push_str(&text[from..at]);
            if sense == Sense::Erases && bytes[at] == BACKSPACE && !bare.text.ends_with('\n') {
                bare.text.pop();
            }
            from = at + unseen;
            bare.cut(from);
        }
        bare.text.push_str(&text[from..]);
        bare
    }

    /// Marks that the text before this place of the whole text was taken out.
    fn cut(&mut self, place: usize) {
        let at = self.text.len();
        while self.cuts.last().is_some_and(|(last, _)| *last >= at) {
            self.cuts.pop();
        }
        self.cuts.push((at, place - at));
    }

    /// The place in the whole text of what begins here.
    pub(super) fn start(&self, at: usize) -> usize {
        at + self.taken(|cut| cut <= at)
    }

    /// The place in the whole text of what ends here.
    pub(super) fn end(&self, at: usize) -> usize {
        at + self.taken(|cut| cut < at)
    }

    fn taken(&self, is_before: impl Fn(usize) -> bool) -> usize {
        let cuts = self.cuts.partition_point(|(cut, _)| is_before(*cut));
        cuts.checked_sub(1).map_or(0, |last| self.cuts[last].1)
    }
}

/// The first place from `from` on where something is not seen, and how many bytes are not.
fn next_unseen(text: &str, from: usize, sense: Sense) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        if sense != Sense::Written && are_eight_plain(bytes, at) {
            at += 8;
            continue;
        }
        let unseen = unseen(text, at, sense);
        if unseen > 0 {
            return Some((at, unseen));
        }
        at += width(bytes[at]);
    }
    None
}

/// Length of the character that begins with this byte.
fn width(byte: u8) -> usize {
    match byte {
        0..0xc0 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0.. => 4,
    }
}

/// The number of invisible bytes from here on. The end of a line is visible, in one byte or two.
fn unseen(text: &str, at: usize, sense: Sense) -> usize {
    let bytes = text.as_bytes();
    match bytes[at] {
        b'\\' if sense == Sense::Written => written(bytes, at),
        b'\t' | b'\n' | 0x20..0x7f => 0,
        ESCAPE => escape(bytes, at + 1, sense).map_or(1, |length| 1 + length),
        b'\r' => usize::from(bytes.get(at + 1) != Some(&b'\n')),
        0..0x20 | 0x7f => 1,
        _ => match text[at..].chars().next() {
            Some('\u{9b}') => 2 + control_sequence(&bytes[at + 2..]),
            Some(sign) if sign.is_control() || is_unseen(sign) => sign.len_utf8(),
            Some(_) | None => 0,
        },
    }
}

/// The number of bytes from a backslash on that write something invisible: `\u{200b}`, `\x1b[1m`, `\r`. A
/// sequence that the end of the text cuts off may become that.
fn written(bytes: &[u8], at: usize) -> usize {
    let behind = bytes[at..]
        .iter()
        .take_while(|byte| **byte == b'\\')
        .count();
    let from = at + behind;
    let Some(sign) = bytes.get(from) else {
        return behind;
    };
    if behind == 0 {
        return 0;
    }
    let (code, length) = match sign {
        b'u' if bytes.get(from + 1) == Some(&b'{') => {
            let (code, digits) = digits(bytes, from + 2, 6, 16);
            let closes = bytes.get(from + 2 + digits) == Some(&b'}');
            (code, 2 + digits + usize::from(closes))
        }
        b'u' => length_of(digits(bytes, from + 1, 4, 16)),
        b'U' => length_of(digits(bytes, from + 1, 8, 16)),
        b'x' => length_of(digits(bytes, from + 1, 2, 16)),
        b'0' => length_of(digits(bytes, from + 1, 2, 8)),
        b'e' => (u32::from(ESCAPE), 1),
        b'b' => (u32::from(BACKSPACE), 1),
        b'r' if !bytes[from + 1..].starts_with(b"\\n") => (u32::from(b'\r'), 1),
        _ => return 0,
    };
    let end = from + length;
    let more = match code {
        0x1b => escape(bytes, end, Sense::Escapes).unwrap_or_default(),
        0x9b => control_sequence(bytes.get(end..).unwrap_or_default()),
        _ => 0,
    };
    let is_hidden = char::from_u32(code)
        .is_some_and(|sign| (sign.is_control() && !matches!(sign, '\n' | '\t')) || is_unseen(sign));
    if is_hidden || end >= bytes.len() {
        end + more - at
    } else {
        0
    }
}

fn length_of((code, digits): (u32, usize)) -> (u32, usize) {
    (code, 1 + digits)
}

/// The number that at most so many digits write here, and how many there are.
fn digits(bytes: &[u8], at: usize, most: usize, radix: u32) -> (u32, usize) {
    let rest = bytes.get(at..).unwrap_or_default().iter().take(most);
    let digits = rest.map_while(|byte| char::from(*byte).to_digit(radix));
    digits.fold((0, 0), |(code, count), digit| {
        (code * radix + digit, count + 1)
    })
}

/// Length of what belongs to an escape, after the escape itself.
fn escape(bytes: &[u8], at: usize, sense: Sense) -> Option<usize> {
    let rest = &bytes[at..];
    match rest.first()? {
        b'[' => Some(1 + control_sequence(&rest[1..])),
        b']' | b'P' | b'_' | b'^' | b'X' => Some(1 + string(&rest[1..])),
        0x20..=0x2f => Some((1 + usize::from(rest.len() > 1)).min(ascii(rest))),
        0x30..=0x7e if sense != Sense::Erases => Some(1),
        _ => None,
    }
}

/// Length of a control sequence after its bracket; what a text's end cuts off is one, too.
fn control_sequence(rest: &[u8]) -> usize {
    let inner = rest
        .iter()
        .take(MAX_ESCAPE)
        .take_while(|byte| matches!(byte, 0x20..=0x3f))
        .count();
    inner + usize::from(matches!(rest.get(inner), Some(0x40..=0x7e)))
}

/// Length of a string for the terminal: up to the bell or the string's end, within the line.
fn string(rest: &[u8]) -> usize {
    let inner = rest
        .iter()
        .take(MAX_ESCAPE)
        .take_while(|byte| !matches!(**byte, BELL | ESCAPE | b'\n'))
        .count();
    match rest.get(inner) {
        Some(&BELL) => inner + 1,
        Some(&ESCAPE) if rest.get(inner + 1) == Some(&b'\\') => inner + 2,
        None => inner,
        Some(_) => 0,
    }
}

/// The number of bytes from the beginning that are ASCII.
fn ascii(rest: &[u8]) -> usize {
    rest.iter().take_while(|byte| byte.is_ascii()).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_seen_is_taken_out_and_every_place_is_found_again() {
        for (text, bare) in [
            ("a\u{1b}[31mb\u{1b}[0mc", "abc"),
            ("a\u{9b}1mb", "ab"),
            ("a\u{200b}b\u{ad}c\u{feff}d", "abcd"),
            ("a\rb\r\nc", "ab\r\nc"),
            ("a\u{1b}]0;title\u{7}b", "ab"),
            ("a\u{1b}]8;;http://x\u{1b}\\b", "ab"),
            ("a\u{1b}(Bb\u{1b}[", "ab"),
            ("ä\u{8}€", "ä€"),
        ] {
            let texts = bare_texts(text);
            assert_eq!(texts[0].text, bare, "{text:?}");
        }
        assert!(bare_texts("plain\ttext\n").is_empty());
        assert!(bare_texts("déjà vu\r\n").is_empty());
        let erased = bare_texts("g\u{8}gh\u{8}hp\u{8}p");
        assert_eq!(erased[1].text, "ghp");
    }

    proptest! {
        #[test]
        fn places_are_those_of_the_same_characters(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "a", "bc", "é", "\u{200b}", "\u{1b}[1m", "\u{8}", "\r", "\n", "\u{1b}", "[", "€",
                ]),
                0..20,
            ),
        ) {
            let text = parts.concat();
            for bare in bare_texts(&text) {
                for (at, sign) in bare.text.char_indices() {
                    let (start, end) = (bare.start(at), bare.end(at + sign.len_utf8()));
                    prop_assert_eq!(&text[start..end], &bare.text[at..at + sign.len_utf8()]);
                }
            }
        }
    }
}
