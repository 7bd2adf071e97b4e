//! Classes of bytes, and how far a run of them reaches.

/// A byte of a token of letters, digits, `_` and `-`.
pub(in crate::platform::redact) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Counts the bytes from the beginning for which `is` holds.
pub(in crate::platform::redact) fn run(bytes: &[u8], is: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| is(**byte)).count()
}

/// A digit stands somewhere in the text.
pub(super) fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Length of a value without quotes.
pub(super) fn plain(bytes: &[u8]) -> usize {
    run(bytes, |byte| {
        !(byte.is_ascii_whitespace()
            || matches!(
                byte,
                b',' | b';'
                    | b'&'
                    | b'"'
                    | b'\''
                    | b'`'
                    | b'<'
                    | b'>'
                    | b'|'
                    | b'('
                    | b')'
                    | b'['
                    | b']'
                    | b'{'
                    | b'}'
                    | b'\\'
                    | 0x1b
            ))
    })
}

/// Length of the line end that begins here, as it is or as JSON and source code write it; nothing when
/// there is none.
pub(in crate::platform::redact) fn line_end(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..).unwrap_or_default() {
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] | [b'\\', b'n', ..] => 2,
        [b'\\', b'r', b'\\', b'n', ..] => 4,
        _ => 0,
    }
}

/// Counts the blanks from a place on.
pub(super) fn blanks(bytes: &[u8], at: usize) -> usize {
    run(bytes.get(at..).unwrap_or_default(), |byte| {
        matches!(byte, b' ' | b'\t')
    })
}
