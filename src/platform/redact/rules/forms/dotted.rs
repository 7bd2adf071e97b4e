//! Tokens of several pieces with dots between them, and nothing else of their own.

use crate::platform::redact::rules::bytes::{is_word, run};
use crate::platform::redact::rules::forms::begins::{begins_token, follows_sign, length};
use crate::platform::redact::rules::span::Span;

/// No such token is shorter but those of Vault, in bytes.
const SHORTEST: usize = 56;
/// The lengths of the number of a Discord bot, which is written in base64.
const BOT: std::ops::RangeInclusive<usize> = 23..=28;
/// The second piece of a Discord bot's token.
const BOT_TIME: usize = 6;
/// The sign in the middle of a token of HCP Terraform, and how much stands before it.
const TERRAFORM: (&str, usize) = (".atlasv1.", 14);
/// Letters and digits of an early token of Vault, and those of a namespace after it.
const VAULT: usize = 24;
const NAMESPACE: usize = 5;
/// The length of the part before the dot of a token of Airtable.
const AIRTABLE: usize = 17;
/// The beginnings of a client's key for Authress.
const AUTHRESS: &[&str] = &["sc_", "ext_", "scauth_", "authress_"];
/// The longest beginning of such a key, up to its sign.
const MAX_AUTHRESS: usize = 48;
/// The longest token of these, and so how far back one may begin that the end of a text cuts off.
pub(in crate::platform::redact) const MAX_DOTTED: usize = 320;

/// A piece after a dot: at least this many bytes of an alphabet, and at most that many.
struct PartRule {
    least: usize,
    most: usize,
    of: fn(u8) -> bool,
}

const fn part(least: usize, most: usize, of: fn(u8) -> bool) -> PartRule {
    PartRule { least, most, of }
}

/// A token that is known by a word before its first dot.
struct DottedForm {
    first: &'static str,
    kind: &'static str,
    parts: &'static [PartRule],
}

const DOTTED: &[DottedForm] = &[
    dotted("pat", "harness-key", HARNESS),
    dotted("sat", "harness-key", HARNESS),
    dotted("pk", "mapbox-token", MAPBOX),
    dotted("sk", "mapbox-token", MAPBOX),
    dotted("tk", "mapbox-token", MAPBOX),
    dotted("t1", "yandex-token", YANDEX),
    dotted("b", "vault-token", &[part(90, 300, is_word)]),
    dotted("sl", "dropbox-token", &[part(100, 1500, is_word_or_equals)]),
];
const HARNESS: &[PartRule] = &[
    part(20, 24, is_word),
    part(22, 26, is_alnum),
    part(18, 22, is_alnum),
];
const MAPBOX: &[PartRule] = &[part(50, 200, is_word), part(20, 30, is_word)];
const YANDEX: &[PartRule] = &[
    part(1, 200, is_word_or_equals),
    part(80, 90, is_word_or_equals),
];

const fn dotted(first: &'static str, kind: &'static str, parts: &'static [PartRule]) -> DottedForm {
    DottedForm { first, kind, parts }
}

fn is_alnum(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'a'..=b'f')
}

fn is_word_or_equals(byte: u8) -> bool {
    is_word(byte) || byte == b'='
}

fn is_in_base64(byte: u8) -> bool {
    is_word_or_equals(byte) || matches!(byte, b'+' | b'/')
}

/// Hands over every such token in a text.
pub(in crate::platform::redact::rules) fn find(text: &str, more: &mut Vec<Span>) {
    let bytes = text.as_bytes();
    if bytes.len() < SHORTEST {
        // Only the shortest kind is left.
        if bytes.len() > 1 + VAULT {
            more.extend(memchr::memchr_iter(b'.', bytes).filter_map(|at| vault(bytes, at)));
        }
        return;
    }
    let mut done = 0;
    // More than eight bytes follow the first dot of each.
    let (eights, _) = bytes.as_chunks::<8>();
    for (place, eight) in eights.iter().enumerate() {
        let mut dots = dots(u64::from_le_bytes(*eight));
        while dots != 0 {
            let at = place * 8 + dots.trailing_zeros() as usize / 8;
            dots &= dots - 1;
            if at >= done
                && let Some(span) = at_dot(bytes, at)
            {
                done = span.end;
                more.push(span);
            }
        }
    }
}

/// The highest bit of each of eight bytes that is a dot, and maybe of a slash after one.
fn dots(eight: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const DOTS: u64 = 0x2e2e_2e2e_2e2e_2e2e;
    let differs = eight ^ DOTS;
    differs.wrapping_sub(ONES) & !differs & (ONES << 7)
}

/// The token whose first dot, or whose sign, is here. Nearly every dot is ruled out by a few bytes, which
/// are looked at without a branch for each.
fn at_dot(bytes: &[u8], at: usize) -> Option<Span> {
    let after: &[u8; 16] = bytes.get(at + 1..)?.first_chunk()?;
    let is_bot = after[BOT_TIME] == b'.';
    let is_terraform = after[TERRAFORM.0.len() - 2] == b'.';
    let is_long = [0, 2, 4, 7, 10, 12, 15]
        .into_iter()
        .fold(true, |is_long, place| {
            is_long & IS_WORD[usize::from(after[place])]
        });
    let before = |count: usize| at.checked_sub(count).map_or(0, |place| bytes[place]);
    let is_yandex = (before(1) == b'1') & (before(2) == b't');
    if !(is_bot | is_terraform | is_long | is_yandex) || bytes[at] != b'.' {
        return None;
    }
    if is_bot && let Some(span) = discord(bytes, at) {
        return Some(span);
    }
    if is_terraform && let Some(span) = terraform(bytes, at) {
        return Some(span);
    }
    if !is_long && !is_yandex {
        return None;
    }
    vault(bytes, at)
        .or_else(|| of_table(bytes, at))
        .or_else(|| authress(bytes, at))
        .or_else(|| airtable(bytes, at))
}

/// [`is_word`] for every byte.
static IS_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    loop {
        table[byte as usize] =
            matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'-');
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

fn of_table(bytes: &[u8], at: usize) -> Option<Span> {
    DOTTED.iter().find_map(|form| {
        let start = at.checked_sub(form.first.len())?;
        if &bytes[start..at] != form.first.as_bytes() || !may_begin(bytes, start) {
            return None;
        }
        let end = parts(bytes, at, form.parts)?;
        // A member of an object may be as long as a piece, and is a word.
        let body = &bytes[at + 1..end];
        let is_random = body.iter().filter(|byte| byte.is_ascii_digit()).count() > 1
            && body.iter().any(u8::is_ascii_alphabetic);
        is_random.then(|| Span::new(start, end, form.kind))
    })
}

/// The end of these pieces, each of which follows a dot.
fn parts(bytes: &[u8], at: usize, parts: &[PartRule]) -> Option<usize> {
    let mut end = at;
    for part in parts {
        if bytes.get(end) != Some(&b'.') {
            return None;
        }
        let found = length(&bytes[end + 1..], part.most + 1, part.of);
        if !(part.least..=part.most).contains(&found) {
            return None;
        }
        end += 1 + found;
    }
    Some(end)
}

/// The token of a Discord bot: its number in base64, a time, and a signature.
fn discord(bytes: &[u8], at: usize) -> Option<Span> {
    let found = BOT.rev().find_map(|number| {
        let start = at.checked_sub(number)?;
        let is_number = is_digits_in_base64(&bytes[start..at]);
        (is_number && may_begin(bytes, start)).then_some(start)
    });
    let start = found?;
    let rest = [part(BOT_TIME, BOT_TIME, is_word), part(25, 50, is_word)];
    let end = parts(bytes, at, &rest)?;
    Some(Span::new(start, end, "discord-token"))
}

/// True for digits of a number in base64, or their beginning: three digits are four bytes, and the last
/// ones are filled up with zeros.
fn is_digits_in_base64(bytes: &[u8]) -> bool {
    let last = bytes.len().saturating_sub(1);
    bytes.iter().enumerate().all(|(at, byte)| match at % 4 {
        0 => matches!(byte, b'M'..=b'O'),
        1 if at == last && matches!(byte, b'A' | b'Q' | b'g' | b'w') => true,
        1 => matches!(byte, b'D' | b'T' | b'j' | b'z'),
        2 => b"AEIMQUYcgk".contains(byte),
        _ => matches!(byte, b'w'..=b'z' | b'0'..=b'5'),
    })
}

fn terraform(bytes: &[u8], at: usize) -> Option<Span> {
    let (sign, before) = TERRAFORM;
    let start = at.checked_sub(before)?;
    let body = bytes[at..].strip_prefix(sign.as_bytes())?;
    let found = run(body, is_word_or_equals);
    let is_token = bytes[start..at].iter().all(|byte| is_alnum(*byte)) && found >= 50;
    is_token.then(|| Span::new(start, at + sign.len() + found, "terraform-token"))
}

fn authress(bytes: &[u8], at: usize) -> Option<Span> {
    let after = &bytes[at..];
    if !after.starts_with(b".acc_") && !after.starts_with(b".acc-") {
        return None;
    }
    let of = |byte: &&u8| is_word(**byte) || **byte == b'.';
    let before = bytes[..at].iter().rev().take(MAX_AUTHRESS);
    let from = at - before.take_while(of).count();
    let mut starts = (from..at).filter(|start| may_begin(bytes, *start));
    let start = starts.find(|start| {
        let head = &bytes[*start..at];
        let mut firsts = AUTHRESS.iter();
        firsts.any(|first| head.starts_with(first.as_bytes())) && head.contains(&b'.')
    })?;
    let rest = [part(14, 40, is_word), part(30, 130, is_in_base64)];
    let end = parts(bytes, at, &rest)?;
    Some(Span::new(start, end, "authress-key"))
}

/// A token of Vault as its first versions made it: `s` or `r`, and 24 letters and digits; maybe a
/// namespace. A member of an object may be as long, and is made of words.
fn vault(bytes: &[u8], at: usize) -> Option<Span> {
    let start = at.checked_sub(1)?;
    if !matches!(bytes[start], b's' | b'r')
        || !begins_token(bytes, start) && !follows_sign(bytes, start)
    {
        return None;
    }
    let end = at + 1 + VAULT;
    let body = bytes.get(at + 1..end)?;
    let next = bytes.get(end).copied();
    let goes_on = next.is_some_and(|byte| is_word(byte) || byte == b'(');
    // No name begins with a digit.
    let is_random = body[0].is_ascii_digit() || is_drawn(body);
    if goes_on || !body.iter().all(|byte| is_alnum(*byte)) || !is_random {
        return None;
    }
    let rest = bytes.get(end + 1..).unwrap_or_default();
    let namespace = run(rest, is_alnum);
    let end = if next == Some(b'.') && namespace == NAMESPACE {
        end + 1 + namespace
    } else {
        end
    };
    Some(Span::new(start, end, "vault-token"))
}

/// Capitals, small letters and digits follow each other as they come, and not as words do.
fn is_drawn(body: &[u8]) -> bool {
    let class = |byte: &u8| (byte.is_ascii_digit(), byte.is_ascii_uppercase());
    let changes = body
        .windows(2)
        .filter(|pair| class(&pair[0]) != class(&pair[1]))
        .count();
    let digits = body.iter().filter(|byte| byte.is_ascii_digit()).count();
    // Each word adds two changes, and hardly any has a digit.
    let least = match digits {
        0 => 14,
        1 => 12,
        2 | 3 => 9,
        _ => 7,
    };
    changes >= least
}

fn airtable(bytes: &[u8], at: usize) -> Option<Span> {
    let start = at.checked_sub(AIRTABLE)?;
    let is_head = bytes[start..].starts_with(b"pat")
        && bytes[start..at].iter().all(|byte| is_alnum(*byte))
        && may_begin(bytes, start);
    if !is_head {
        return None;
    }
    let end = parts(bytes, at, &[part(64, 64, is_hex)])?;
    Some(Span::new(start, end, "airtable-token"))
}

fn may_begin(bytes: &[u8], at: usize) -> bool {
    begins_token(bytes, at) || follows_sign(bytes, at)
}

/// True when text that begins here and goes to the end may become such a token.
pub(in crate::platform::redact) fn may_be_dotted(rest: &str) -> bool {
    let (first, is_whole) = match rest.split_once('.') {
        Some((first, _)) => (first, true),
        None => (rest, false),
    };
    let bytes = first.as_bytes();
    let fits = |word: &str| {
        if is_whole {
            word == first
        } else {
            word.starts_with(first)
        }
    };
    let is_number = !first.is_empty()
        && bytes.len() <= *BOT.end()
        && is_digits_in_base64(bytes)
        && (!is_whole || bytes.len() >= *BOT.start());
    let is_alnum_only = bytes.iter().all(|byte| is_alnum(*byte));
    let is_airtable = first.starts_with("pat")
        && is_alnum_only
        && (first.len() == AIRTABLE || (!is_whole && first.len() < AIRTABLE));
    let (sign, before) = TERRAFORM;
    let is_terraform = first.len() == before && is_alnum_only && {
        let after = &rest[first.len()..];
        sign.starts_with(after) || after.starts_with(sign)
    };
    let is_authress = AUTHRESS.iter().any(|word| rest.starts_with(word));
    let is_vault =
        matches!(first, "s" | "r") && is_whole && rest.len() <= 2 + VAULT + 1 + NAMESPACE;
    is_number
        || is_vault
        || is_airtable
        || is_terraform
        || is_authress
        || DOTTED.iter().any(|form| fits(form.first))
}
