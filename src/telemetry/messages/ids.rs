//! Words that are ids: what a generator of ids writes, and people do not. Pure.
//!
//! People write words, in one of a few ways: `getUserById`, `user_by_id`, `USER_BY_ID`. The pieces of such a
//! name, between its changes of case and its digits, are some letters long. Those of a random text are not.

/// Letters and digits of a ULID.
const ULID: usize = 26;
/// The usual length of a nanoid.
const NANOID: usize = 21;
/// The shortest text of mixed letters that is taken for an id.
const MIN_MIXED: usize = 10;
/// The shortest text of small letters and digits that is taken for an id.
const MIN_SMALL: usize = 16;
/// Groups of digits that a text of small letters has at least, when it is an id.
const MIN_GROUPS: usize = 3;
/// The longest mark before an id, as `cus_` in `cus_NffrFeUfNV2Hib`.
const MAX_MARK: usize = 12;
/// The end of a pod's name.
const POD: usize = 5;

/// A word with a placeholder for the id that it is or holds; none when it is none.
pub fn general_word(word: &str) -> Option<String> {
    marked(word)
        .or_else(|| is_id(word).then(|| "<id>".to_owned()))
        .or_else(|| pod_name(word, false))
}

/// An id after a mark that says of what.
fn marked(word: &str) -> Option<String> {
    let (mark, id) = word.split_once('_')?;
    let is_mark =
        (1..=MAX_MARK).contains(&mark.len()) && mark.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_id = is_id(id) || (is_mixed(id) && is_short_pieced(id, 26));
    (is_mark && is_id).then(|| format!("{mark}_<id>"))
}

/// The name of a pod without what its cluster added: five letters, and before these a hash when it is one
/// of a deployment. `is_named` says that the word before has called it a pod.
pub fn pod_name(word: &str, is_named: bool) -> Option<String> {
    let (rest, end) = word.rsplit_once('-')?;
    if end.len() != POD || !is_small(end) || !is_no_word(end) {
        return None;
    }
    let is_hash = |hash: &str| (7..=10).contains(&hash.len()) && is_small(hash) && has_digit(hash);
    let name = match rest.rsplit_once('-') {
        Some((name, hash)) if is_hash(hash) => name,
        _ if is_named || digit_groups(end) > 1 => rest,
        _ => return None,
    };
    let is_label =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let is_name = has_letter(name) && name.bytes().all(is_label);
    is_name.then(|| format!("{name}-<id>"))
}

fn is_id(word: &str) -> bool {
    // The longer a text, the less it can be short-pieced by chance.
    let tenths = if word.len() < 20 { 22 } else { 25 };
    is_ulid(word)
        || (word.len() == NANOID && is_varied(word) && is_short_pieced(word, tenths))
        || (is_mixed(word) && is_short_pieced(word, tenths))
        || (word.len() >= MIN_SMALL && is_small(word) && digit_groups(word) >= MIN_GROUPS)
}

/// Crockford's letters and digits, in either case.
fn is_ulid(word: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() && !b"ILOUilou".contains(&byte);
    word.len() == ULID
        && word.bytes().next().is_some_and(|first| first <= b'7')
        && word.bytes().all(is_letter)
        && has_letter(word)
}

/// Both cases and a digit, as in base 62.
fn is_mixed(word: &str) -> bool {
    word.len() >= MIN_MIXED && has_digit(word) && is_varied(word)
}

fn is_varied(word: &str) -> bool {
    let has = |is: fn(&u8) -> bool| word.bytes().any(|byte| is(&byte));
    has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase)
}

fn is_small(word: &str) -> bool {
    word.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn has_digit(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit())
}

fn has_letter(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// True if five letters are none that a person would write: they have a digit, or no vowel.
fn is_no_word(word: &str) -> bool {
    has_digit(word) || !word.bytes().any(|byte| b"aeiouy".contains(&byte))
}

fn digit_groups(word: &str) -> usize {
    let mut groups = 0;
    let mut in_digits = false;
    for byte in word.bytes() {
        let is_digit = byte.is_ascii_digit();
        groups += usize::from(is_digit && !in_digits);
        in_digits = is_digit;
    }
    groups
}

/// True if the pieces of a text are at most `tenths` of a letter long, on average.
fn is_short_pieced(word: &str, tenths: usize) -> bool {
    let (mut letters, mut pieces, mut run) = (0, 0, 0);
    let mut last = Kind::Mark;
    for byte in word.bytes() {
        let kind = Kind::of(byte);
        letters += usize::from(kind != Kind::Mark);
        // The last of some capitals begins the piece of the small letters after it.
        let goes_on = kind == last || (last == Kind::Large && kind == Kind::Small && run == 1);
        pieces += usize::from(kind != Kind::Mark && !goes_on);
        run = if kind == last { run + 1 } else { 1 };
        last = kind;
    }
    letters * 10 <= pieces * tenths
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Small,
    Large,
    Digit,
    Mark,
}

impl Kind {
    fn of(byte: u8) -> Self {
        match byte {
            b'a'..=b'z' => Self::Small,
            b'A'..=b'Z' => Self::Large,
            b'0'..=b'9' => Self::Digit,
            _ => Self::Mark,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_generators_write_is_an_id() {
        for word in [
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "01arz3ndektsv4rrffq69g5fav",
            "V1StGXR8_Z5jdHi6B-myT",
            "Uakgb_J5m9g-0JDMbcJqL",
            "1srOrx2ZWZBpBUvZwXKQmoEYga2",
            "cjld2cjxh0000qzrmn831i7rn",
        ] {
            assert_eq!(general_word(word).as_deref(), Some("<id>"), "{word}");
        }
    }

    #[test]
    fn what_people_write_is_none() {
        for word in [
            "getUserById2FromCache",
            "utf8mb4_0900_ai_ci",
            "ECONNREFUSED",
            "IOErrorOnRead2",
            "OAuth2Callback",
            "x86_64",
            "sha256",
            "web-0",
            "stream-https",
            "foo-http2",
            "us-east-1",
            "user_id",
            "",
        ] {
            assert_eq!(general_word(word), None, "{word}");
        }
    }
}
