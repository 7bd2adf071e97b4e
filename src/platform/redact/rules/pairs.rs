//! Secrets that a text calls by their names: `password=…`, `"apiKey": "…"`, `--token …`.
//!
//! The difficulty is not to find them but to leave code alone: `let token = lexer.next_token()` and
//! `password: string` name something and hold no secret. So it matters how the value is written: what
//! stands in quotes is one unless it is plainly a placeholder, and what stands without them must look
//! like one.

use crate::platform::redact::rules::below;
use crate::platform::redact::rules::below::{block, line_after_next, next_line, value_of_pair};
use crate::platform::redact::rules::bytes::{has_digit, is_word, line_end, plain, run};
use crate::platform::redact::rules::commands::files::{password_of_netrc, value_of_netrc};
use crate::platform::redact::rules::keys;
use crate::platform::redact::rules::keys::{MAX_NAME, Named};
use crate::platform::redact::rules::plausible::{
    is_chosen, is_placeholder, is_reference, is_strong, is_value,
};
use crate::platform::redact::rules::quotes::{list, open_list, quoted};
use crate::platform::redact::rules::span::Span;
use crate::platform::redact::rules::tie::{Tie, tie};

/// A value without quotes that is longer than this is a secret whatever it looks like, in bytes.
const MAX_PLAIN: usize = 512;
/// The shortest value that is alone with its name on a line.
const MIN_LINE: usize = 10;
/// Parameters of URLs that are secrets there and nowhere else.
const PARAMETERS: &str = "code key sig signature session sessionid sid assertion ticket samlresponse \
    x-amz-signature x-goog-signature hapikey auth";
/// The beginnings of the value of an `Authorization`.
const SCHEMES: &str = "bearer basic token digest negotiate ntlm apikey api-key oauth hawk aws4-hmac-sha256 \
    sso-key splunk key jwt dpop genie-key bot";

/// The value that belongs to the name around an anchor, if that is the name of a secret. If it is the
/// first of a list, the others are put into `more`.
pub(super) fn value_of_name(text: &str, at: usize, more: &mut Vec<Span>) -> Option<Span> {
    let (start, end) = name_around(text, at)?;
    let name = &text[start..end];
    let bytes = text.as_bytes();
    let mark = start.checked_sub(1).map_or(0, |before| bytes[before]);
    // Most names are followed by nothing that could be a value: the cheaper question first.
    let Some(tied) = tie(text, start, end) else {
        return untied(text, start, end);
    };
    let named = named_by(text, start, name, mark)?;
    let from = tied.value;
    if tied.by == Tie::Colon
        && let Some(list) = list(text, from)
    {
        return Some(list);
    }
    if let Some(quoted) = quoted(text, from) {
        return quoted.span(text, named, tied.by);
    }
    match tied.by {
        Tie::Nothing | Tie::Argument => None,
        Tie::Tag => of_element(text, from),
        Tie::Flag => {
            let end = from + plain(&bytes[from..]);
            Span::checked(text, from, end, |value| {
                !value.starts_with('-') && is_value(value, named)
            })
        }
        Tie::Line => untied(text, start, end).or_else(|| {
            let end = from + plain(&bytes[from..]);
            Span::checked(text, from, end, |value| {
                value.len() >= MIN_LINE
                    && has_digit(value)
                    && is_strong(value)
                    && !is_reference(value, true)
                    && is_value(value, named)
            })
        }),
        Tie::Set => {
            let end = from + plain(&bytes[from..]);
            Span::checked(text, from, end, |value| {
                is_strong(value) && !is_reference(value, true) && is_value(value, named)
            })
        }
        Tie::Equals | Tie::Colon | Tie::Spaced if line_end(bytes, from) > 0 => {
            below::secret(text, from, named, more)
        }
        Tie::Colon if matches!(bytes.get(from), Some(b'|' | b'>')) => {
            below::secret_of_block(text, start, from)
        }
        Tie::Equals | Tie::Colon | Tie::Spaced => {
            let span = after_sign(text, from, named, tied.by, mark)?;
            let is_setting = is_setting(bytes, start, named, tied.by);
            Some(if is_setting {
                whole_line(bytes, span)
            } else {
                span
            })
        }
    }
}

/// A password that begins its line, as in a file of settings, and so goes on to the end of it: people
/// choose signs that would end it elsewhere.
fn is_setting(bytes: &[u8], start: usize, named: Named, by: Tie) -> bool {
    let before = bytes[..start].iter().rev();
    let mut before = before.skip_while(|byte| matches!(byte, b' ' | b'\t'));
    named == Named::Password
        && matches!(by, Tie::Equals | Tie::Spaced)
        && matches!(before.next(), None | Some(b'\n'))
}

/// The rest of the line, if it is one word, without what ends an argument or a statement.
fn whole_line(bytes: &[u8], span: Span) -> Span {
    let word = run(&bytes[span.end..], |byte| !ends_setting(byte));
    let end = span.end + word;
    let is_last = bytes
        .get(end)
        .is_none_or(|byte| matches!(byte, b'\n' | b'\r'));
    if !is_last {
        return span;
    }
    let closing = bytes[span.end..end].iter().rev();
    let closing = closing.take_while(|byte| matches!(byte, b',' | b';' | b')' | b']' | b'}'));
    let end = end - closing.count();
    Span { end, ..span }
}

fn ends_setting(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'\\' | 0x1b)
}

/// The value of a name that no sign ties to it: in `.netrc`, and in a pair of a name and a value.
fn untied(text: &str, start: usize, end: usize) -> Option<Span> {
    if let Some(password) = password_of_netrc(text, start, end) {
        return Some(password);
    }
    if text[start..].starts_with('-')
        && let Some(value) = below::next_item(text, start, end)
    {
        let named = keys::named(&text[start..end])?;
        return Span::checked(text, value.start, value.end, |value| {
            !value.starts_with('-') && is_value(value, named)
        });
    }
    let value = value_of_pair(text, start, end)?;
    below::secret_of_pair(text, value, keys::named(&text[start..end])?)
}

/// The text of an element whose name gives it away, on the same line or the next.
fn of_element(text: &str, from: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let from = next_line(bytes, from).unwrap_or(from);
    let end = from + run(&bytes[from..], |byte| byte != b'<' && byte != b'\n');
    let close = end + run(&bytes[end..], |byte| byte.is_ascii_whitespace());
    let is_element = bytes[close..].starts_with(b"</");
    let end = from + text.get(from..end)?.trim_end().len();
    Span::checked(text, from, end, |value| {
        is_element && !is_placeholder(value)
    })
}

/// The beginning of the text of an element whose end is not there yet.
fn open_element(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let from = next_line(bytes, from).unwrap_or(from);
    let end = from + run(&bytes[from..], |byte| byte != b'<' && byte != b'\n');
    let close = end + run(&bytes[end..], |byte| byte.is_ascii_whitespace());
    (close + 1 >= bytes.len()).then_some(from)
}

/// The beginning of the value of the name around an anchor, if that is the name of a secret and the
/// value may go on beyond the end of the text.
pub(in crate::platform::redact) fn open_value(text: &str, at: usize) -> Option<usize> {
    let (start, end) = name_around(text, at)?;
    let bytes = text.as_bytes();
    let Some(tied) = tie(text, start, end) else {
        return open_untied(text, start, end);
    };
    let mark = start.checked_sub(1).map_or(0, |before| bytes[before]);
    let name = &text[start..end];
    let named = named_by(text, start, name, mark)?;
    if tied.by == Tie::Colon {
        if let Some(block) = block(text, start, tied.value) {
            return block.is_open.then_some(block.start);
        }
        if let Some(list) = open_list(text, tied.value) {
            return Some(list);
        }
    }
    if tied.by == Tie::Line
        && let Some(open) = open_untied(text, start, end)
    {
        return Some(open);
    }
    if tied.by == Tie::Tag {
        return open_element(text, tied.value);
    }
    open_lines(text, tied.value).or_else(|| {
        let rest = text.get(tied.value..)?;
        let is_open = match quoted(text, tied.value) {
            Some(quoted) if quoted.has_lines => {
                return (!quoted.is_closed).then_some(tied.value);
            }
            Some(quoted) => !quoted.is_closed,
            None if named == Named::Header => true,
            None if is_setting(bytes, start, named, tied.by) => !rest.bytes().any(ends_setting),
            None => plain(rest.as_bytes()) == rest.len(),
        };
        (is_open && !rest.contains('\n')).then_some(tied.value)
    })
}

/// The beginning of a value on the last of the lines below a name, of which each may be one of a list.
fn open_lines(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = next_line(bytes, from).or_else(|| line_after_next(bytes, from))?;
    loop {
        let word = run(&bytes[at..], |byte| byte != b'\n');
        let line = &text[at..at + word];
        if at + word == bytes.len() {
            // Words are no value, unless they are in quotes or begin with the dash of a list.
            let may_have_blanks = line.starts_with(['"', '\'', '`', '-']);
            let has_blanks = line.trim_end().contains([' ', '\t']);
            return (may_have_blanks || !has_blanks).then_some(at);
        }
        let next = next_line(bytes, at + line.trim_end().len())?;
        let is_list = line.starts_with("- ") && (next == bytes.len() || bytes[next] == b'-');
        if !is_list {
            return None;
        }
        at = next;
    }
}

/// The same for a name that no sign ties to its value.
fn open_untied(text: &str, start: usize, end: usize) -> Option<usize> {
    if let Some((from, to)) = value_of_netrc(text, start, end) {
        return (to == text.len()).then_some(from);
    }
    if text[start..].starts_with('-')
        && let Some(value) = below::next_item(text, start, end)
    {
        return (value.end == text.len()).then_some(value.start);
    }
    let value = value_of_pair(text, start, end)?;
    let rest = text.get(value..)?;
    let is_open = match quoted(text, value) {
        Some(quoted) => !quoted.is_closed,
        None => plain(rest.as_bytes()) == rest.len(),
    };
    (is_open && !rest.contains('\n')).then_some(value)
}

/// The whole name of which a piece is at `at`.
fn name_around(text: &str, at: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    // The anchor may begin with what stands before a parameter.
    let inside = at + usize::from(matches!(bytes[at], b'?' | b'&'));
    let is_name = |byte: &&u8| is_word(**byte) || **byte == b'.';
    let before = bytes[..inside]
        .iter()
        .rev()
        .take(MAX_NAME)
        .take_while(is_name)
        .count();
    let after = bytes[inside..]
        .iter()
        .take(MAX_NAME)
        .take_while(is_name)
        .count();
    let (mut start, end) = (inside - before, inside + after);
    if end - start > MAX_NAME {
        return None;
    }
    let mark = start.checked_sub(1).map_or(0, |place| bytes[place]);
    match bytes[start..end] {
        // An escaped line end, or the end of a terminal's colour, is no part of the name.
        [b'n' | b'r' | b't', ..] if mark == b'\\' => start += 1,
        _ if mark == b'[' || mark == b';' => {
            let digits = run(&bytes[start..end], |byte| byte.is_ascii_digit());
            if digits > 0 && bytes.get(start + digits) == Some(&b'm') {
                start += digits + 1;
            }
        }
        _ => {}
    }
    (start < end).then_some((start, end))
}

/// The kind that a name gives, with the word before it if it has two: `API key`.
fn named_by(text: &str, start: usize, name: &str, mark: u8) -> Option<Named> {
    let two_words = || {
        let before = text[..start].strip_suffix(' ')?;
        let is_second = matches!(mark, b' ')
            && ["key", "keys", "code", "codes", "phrase"]
                .iter()
                .any(|word| name.eq_ignore_ascii_case(word));
        let bytes = before.as_bytes();
        let first = bytes
            .iter()
            .rev()
            .take(MAX_NAME / 2)
            .take_while(|byte| is_word(**byte))
            .count();
        let both = &text[bytes.len() - first..start + name.len()];
        if is_second { keys::named(both) } else { None }
    };
    // A property that a program is given.
    let property = ["-D", "-P", "-J"]
        .iter()
        .find_map(|option| name.strip_prefix(option));
    keys::named(name)
        .or_else(|| property.and_then(keys::named))
        .or_else(|| is_parameter(name, mark).then_some(Named::Credential))
        .or_else(two_words)
}

fn is_parameter(name: &str, mark: u8) -> bool {
    matches!(mark, b'?' | b'&')
        && PARAMETERS
            .split(' ')
            .any(|other| name.eq_ignore_ascii_case(other))
}

/// The secret that follows `=` or `:` without quotes.
fn after_sign(text: &str, from: usize, named: Named, by: Tie, mark: u8) -> Option<Span> {
    let bytes = text.as_bytes();
    if named == Named::Header
        && let Some(span) = header(text, from, by, mark)
    {
        return Some(span);
    }
    // In a URL or a form, a value ends where the next parameter begins and nowhere else.
    let end = from + plain(&bytes[from..]);
    let value = text.get(from..end)?;
    if value.len() > MAX_PLAIN {
        return Some(Span::new(from, end, ""));
    }
    let next = bytes.get(end).copied();
    if named == Named::Address && value.contains("://") {
        return None;
    }
    // `token=next_token(…)`, `token: Option<…>`, `token = tokens[0]`.
    let opens = matches!(next, Some(b'(' | b'[' | b'<' | b'{'));
    let is_code = value.is_empty()
        || opens
            && value
                .bytes()
                .all(|byte| is_word(byte) || matches!(byte, b'.' | b':' | b'!'));
    if is_code
        || is_placeholder(value)
        || is_reference(value, by != Tie::Equals) && !is_chosen(value, named)
    {
        return None;
    }
    let ends_line = matches!(
        next,
        None | Some(b'\n' | b'\r' | b'"' | b'\'' | b'\\' | b'`')
    );
    let fits = if by == Tie::Equals {
        is_value(value, named) && (!matches!(mark, b'?' | b'&') || value.len() >= 4)
    } else {
        // `passwd:name` is a key of some other list.
        let is_apart = bytes[from - 1] != b':';
        let chosen = is_apart && ends_line && named == Named::Password;
        is_strong(value) || (chosen && is_value(value, named))
    };
    fits.then(|| Span::new(from, end, ""))
}

/// The value of an `Authorization` or a `Cookie`: more than one word.
fn header(text: &str, from: usize, by: Tie, mark: u8) -> Option<Span> {
    let bytes = text.as_bytes();
    let rest = &bytes[from..];
    // Some schemes quote the parts of their values.
    let is_digest = rest.len() > 7 && rest[..7].eq_ignore_ascii_case(b"digest ");
    let may_quote = is_digest && !matches!(mark, b'"' | b'\'');
    let line = run(rest, |byte| match byte {
        b'\n' | b'\r' | b'`' | b'\\' | 0x1b => false,
        b'"' | b'\'' => may_quote,
        _ => true,
    });
    let line = text.get(from..from + line)?;
    let (first, rest) = line.split_once([' ', '=']).unwrap_or((line, ""));
    let has_scheme = SCHEMES
        .split(' ')
        .any(|scheme| first.eq_ignore_ascii_case(scheme));
    let is_cookie =
        !first.is_empty() && first.bytes().all(is_word) && line[first.len()..].starts_with('=');
    if !(has_scheme || is_cookie) || is_placeholder(rest.trim()) || rest.trim().len() < 3 {
        return None;
    }
    let end = if by == Tie::Colon {
        from + line.trim_end().len()
    } else {
        // In a list of fields, only the scheme's credential or the one cookie.
        let skip = if has_scheme { first.len() + 1 } else { 0 };
        from + skip + plain(&bytes[from + skip..])
    };
    // `Bearer token` in a sentence.
    let is_prose = has_scheme && !has_digit(&text[from..end]) && end - from < first.len() + 20;
    (!is_prose).then(|| Span::new(from, end, ""))
}
