//! Where a token can begin.

use crate::platform::redact::rules::bytes::{is_word, run};

/// So many bytes of base64 are a piece of something longer and not of an address.
const BASE64: usize = 32;

/// A token can begin here: not in the middle of a word. An escaped line end (`\n`), the two digits after
/// a percent sign, other escapes of one character and the end of a terminal's colour are no part of a
/// word.
pub(in crate::platform::redact) fn begins_token(bytes: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else {
        return true;
    };
    let previous = bytes[before];
    if !is_word(previous) {
        return true;
    }
    let back = |count: usize| before.checked_sub(count).map_or(0, |place| bytes[place]);
    let is_escape = matches!(previous, b'n' | b'r' | b't') && back(1) == b'\\';
    let ends_pair = previous.is_ascii_hexdigit() && back(1).is_ascii_hexdigit();
    let is_coded = ends_pair
        && (matches!(back(2), b'%' | b'=')
            || (back(2) == b'x' && back(3) == b'\\')
            || (back(2).is_ascii_hexdigit()
                && back(3).is_ascii_hexdigit()
                && matches!(back(4), b'u' | b'U')
                && back(5) == b'\\'));
    is_escape || is_coded || (previous == b'm' && ends_colour(&bytes[..before]))
}

/// True after a digit or a sign, where something new may begin all the same: in a line of a diff, after a
/// number, after a name that was put in front.
pub(in crate::platform::redact) fn follows_sign(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| bytes[before]);
    before.is_some_and(|before| before.is_ascii_digit() || matches!(before, b'-' | b'_'))
}

/// True after the sign of a diff's line, `+` or `-`.
pub(super) fn follows_sign_of_line(bytes: &[u8], at: usize) -> bool {
    let back = |count: usize| at.checked_sub(count).map(|place| bytes[place]);
    matches!(back(1), Some(b'+' | b'-')) && matches!(back(2), None | Some(b'\n'))
}

/// True after base64, of which anything may be a piece.
pub(super) fn is_in_base64(bytes: &[u8], at: usize) -> bool {
    let of = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let before = bytes[..at].iter().rev().take(BASE64);
    before.take_while(of).count() == BASE64
}

/// These bytes are followed by the `m` that ends a terminal's colour. The escape itself may be written in
/// one of the ways in which source code writes it.
fn ends_colour(bytes: &[u8]) -> bool {
    let parameters = bytes
        .iter()
        .rev()
        .take(12)
        .take_while(|byte| byte.is_ascii_digit() || **byte == b';')
        .count();
    let before = &bytes[..bytes.len() - parameters];
    let is_written = || {
        let escape = before.strip_suffix(b"[").unwrap_or_default();
        let digits = run_back(escape);
        let mark = escape[..escape.len() - digits].last();
        let in_code = matches!(mark, Some(b'\\' | b'x' | b'u' | b'{'));
        digits > 0 && in_code || escape.ends_with(b"\\e") || escape.ends_with(b"}")
    };
    before.ends_with(b"\x1b[") || (before.ends_with(b"[") && is_written())
}

/// The number of hexadecimal digits at the end, at most four.
fn run_back(bytes: &[u8]) -> usize {
    let last = &bytes[bytes.len().saturating_sub(4)..];
    last.iter()
        .rev()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count()
}

/// Counts the bytes of a token that begins here, of which no more than `most` are looked at.
pub(super) fn length(bytes: &[u8], most: usize, of: impl Fn(u8) -> bool) -> usize {
    run(&bytes[..bytes.len().min(most)], of)
}
