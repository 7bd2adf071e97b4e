//! `$'…'`: the escapes of ANSI C.

/// Decodes up to the closing quote. Answers with the text and how much was taken, quote included.
pub fn decode(text: &str) -> Option<(String, usize)> {
    let mut bytes: Vec<u8> = Vec::new();
    let mut chars = text.char_indices().peekable();
    // A NUL ends the text as bash sees it, though the quote goes on.
    let mut ended = false;
    let mut push = |ended: &mut bool, piece: &[u8]| {
        if piece == [0] {
            *ended = true;
        }
        if !*ended {
            bytes.extend_from_slice(piece);
        }
    };
    let mut buffer = [0_u8; 4];
    while let Some((at, c)) = chars.next() {
        if c == '\'' {
            return Some((String::from_utf8_lossy(&bytes).into_owned(), at + 1));
        }
        if c != '\\' {
            push(&mut ended, c.encode_utf8(&mut buffer).as_bytes());
            continue;
        }
        let (_, escape) = chars.next()?;
        let mut number = |base: u32, most: usize, first: Option<u32>| {
            let mut value = first;
            let mut count = usize::from(first.is_some());
            while count < most {
                let Some(digit) = chars.peek().and_then(|(_, c)| c.to_digit(base)) else {
                    break;
                };
                chars.next();
                value = Some(value.unwrap_or(0).wrapping_mul(base).wrapping_add(digit));
                count += 1;
            }
            value
        };
        let code = match escape {
            'x' => number(16, 2, None).map(|value| (value, false)),
            'u' => number(16, 4, None).map(|value| (value, true)),
            'U' => number(16, 8, None).map(|value| (value, true)),
            '0'..='7' => number(8, 3, escape.to_digit(8)).map(|value| (value & 0xff, false)),
            'c' => chars.next().map(|(_, c)| ((u32::from(c) & 0x1f), false)),
            'a' => Some((7, false)),
            'b' => Some((8, false)),
            'e' | 'E' => Some((27, false)),
            'f' => Some((12, false)),
            'n' => Some((10, false)),
            'r' => Some((13, false)),
            't' => Some((9, false)),
            'v' => Some((11, false)),
            '\\' | '\'' | '"' | '?' => Some((u32::from(escape), false)),
            _ => None,
        };
        match code {
            Some((value, true)) => {
                let c = char::from_u32(value).unwrap_or('\u{fffd}');
                push(&mut ended, c.encode_utf8(&mut buffer).as_bytes());
            }
            Some((value, false)) => push(&mut ended, &[u8::try_from(value & 0xff).unwrap_or(0)]),
            None => {
                push(&mut ended, b"\\");
                push(&mut ended, escape.encode_utf8(&mut buffer).as_bytes());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_what_bash_makes_of_them() {
        for (text, expected) in [
            (r"rm'", "rm"),
            (r"\x72\x6d'", "rm"),
            (r"\162m'", "rm"),
            (r"\u0072m'", "rm"),
            (r"a\'b'", "a'b"),
            (r"\q'", "\\q"),
            (r"rm\0x'", "rm"),
        ] {
            assert_eq!(
                decode(text),
                Some((expected.to_owned(), text.len())),
                "{text}"
            );
        }
        assert_eq!(decode("no end"), None);
    }
}
