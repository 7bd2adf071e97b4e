//! Bytes from outside as text that can be shown and stored.

/// The number of bytes at a file's beginning that decide whether it is text.
pub const PROBE_BYTES: usize = 8 * 1024;

/// The text of `bytes`, and whether all of it was UTF-8. NUL characters, which the database cannot
/// store, become replacement characters like everything else that is not text.
pub fn lossy(bytes: &[u8]) -> (String, bool) {
    let text = String::from_utf8_lossy(bytes);
    let clean = matches!(text, std::borrow::Cow::Borrowed(_)) && !text.contains('\0');
    (text.replace('\0', "\u{fffd}"), clean)
}

/// The reason that `bytes`, the beginning of a file, cannot be shown as text.
pub fn not_text(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        Some("UTF-16 text")
    } else if bytes.contains(&0) {
        Some("binary data")
    } else {
        None
    }
}

/// The number of bytes at the end of `bytes` that begin a UTF-8 character without finishing it.
pub fn unfinished(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(3);
    bytes[tail..]
        .iter()
        .rposition(|byte| byte & 0b1100_0000 == 0b1100_0000)
        .filter(|start| {
            let first = bytes[tail + start];
            let length = if first >= 0xf0 {
                4
            } else if first >= 0xe0 {
                3
            } else {
                2
            };
            bytes.len() - tail - start < length
        })
        .map_or(0, |start| bytes.len() - tail - start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_character_is_recognised() {
        let text = "aé€😀";
        for end in 0..=text.len() {
            let bytes = &text.as_bytes()[..end];
            let whole = &bytes[..end - unfinished(bytes)];
            assert!(std::str::from_utf8(whole).is_ok(), "cut at {end}");
        }
    }

    #[test]
    fn a_nul_character_never_comes_through() {
        assert_eq!(lossy(b"a\0b"), ("a\u{fffd}b".to_owned(), false));
        assert_eq!(lossy(b"plain"), ("plain".to_owned(), true));
    }
}
