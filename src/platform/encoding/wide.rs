//! UTF-16 without a byte order mark.

use crate::platform::encoding::charset::Charset;
use crate::platform::encoding::stored::StoredText;

/// The share of characters that must be ASCII, as a divisor.
const SHARE_OF_ASCII: usize = 16;
/// The factor by which ASCII must be more frequent in one order of the bytes than in the other. By chance, some
/// common characters are ASCII in the wrong order: the Chinese sign for one is `N`.
const TIMES: usize = 8;

/// Reads bytes among which NUL stands. One order of the bytes must make them text with ASCII in it, and the
/// other must not.
pub(super) fn read(bytes: &[u8]) -> Option<StoredText> {
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    let low_first = ascii_in(Charset::Utf16Le, bytes);
    let high_first = ascii_in(Charset::Utf16Be, bytes);
    let (charset, ascii, other) = if low_first > high_first {
        (Charset::Utf16Le, low_first, high_first)
    } else {
        (Charset::Utf16Be, high_first, low_first)
    };
    let is_enough = ascii >= 2 && ascii * SHARE_OF_ASCII >= bytes.len() / 2;
    if !is_enough || ascii < other * TIMES {
        return None;
    }
    let stored = StoredText::read(charset, bytes)?;
    let is_text = !stored.form.has_mark() && stored.text.chars().all(is_of_texts);
    is_text.then_some(stored)
}

fn ascii_in(charset: Charset, bytes: &[u8]) -> usize {
    let units = charset.units(bytes);
    let is_ascii = |unit: &&u16| matches!(**unit, 0x20..=0x7e | 0x9 | 0xa | 0xd);
    units.iter().filter(is_ascii).count()
}

/// True if texts have such a character: it is no control character and not for private use.
fn is_of_texts(character: char) -> bool {
    let is_private = matches!(character, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}');
    let is_none = u32::from(character) & 0xfffe == 0xfffe;
    let is_control = character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\u{c}');
    !(is_private || is_none || is_control)
}
