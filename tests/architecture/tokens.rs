//! Rust source as tokens, without comments and tests.

use std::ops::Range;

/// A word, a number, a lifetime, a string or a mark of punctuation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    /// The line, counted from 1.
    pub(crate) line: usize,
    /// The text between the quotes of a string, with its escapes; empty otherwise.
    pub(crate) content: String,
}

impl Token {
    pub(crate) fn is(&self, text: &str) -> bool {
        self.text == text
    }

    /// True if this is a name or a keyword.
    pub(crate) fn is_word(&self) -> bool {
        self.text.starts_with(is_word_start)
    }
}

fn is_word_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_word_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The tokens of a text. A string is one token `""`, except that a string that is a path from the
/// crate's root counts as that path: attributes name functions so.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let (token, after) = rest.split_at(length_of_token(rest));
        if first.is_whitespace() || is_comment(token) {
            // Nothing to keep.
        } else if let Some(path) = quoted_path(token) {
            let words = tokens(path);
            found.extend(words.into_iter().map(|token| Token { line, ..token }));
        } else {
            let is_string = length_of_string(token).is_some();
            let content = if is_string {
                content(token)
            } else {
                String::new()
            };
            let text = if is_string { "\"\"" } else { token };
            let text = text.strip_prefix("r#").unwrap_or(text).to_owned();
            found.push(Token {
                text,
                line,
                content,
            });
        }
        line += token.matches('\n').count();
        rest = after;
    }
    found
}

/// The text of a string literal as one line: a `\` at the end of a line joins it with the next.
fn content(token: &str) -> String {
    let inner = token.split_once('"').map_or("", |(_, rest)| rest);
    let inner = inner.rsplit_once('"').map_or(inner, |(inner, _)| inner);
    let mut pieces = inner.split("\\\n");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.trim_start())
}

fn is_comment(token: &str) -> bool {
    token.starts_with("//") || token.starts_with("/*")
}

/// The path that a string literal is, if it is one from the crate's root.
fn quoted_path(token: &str) -> Option<&str> {
    let text = token.strip_prefix('"')?.strip_suffix('"')?;
    text.starts_with("crate::").then_some(text)
}

/// The length of the token, the comment or the space at the beginning of `text`, in bytes.
fn length_of_token(text: &str) -> usize {
    let first = text.chars().next().unwrap();
    if first.is_whitespace() {
        return first.len_utf8();
    }
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return length_of_comment(text);
    }
    if let Some(length) = length_of_string(text) {
        return length;
    }
    if let Some(quoted) = text.strip_prefix('\'') {
        return 1 + length_after_quote(quoted);
    }
    if first.is_numeric() || is_word_start(first) {
        let start = if text.starts_with("r#") { 2 } else { 0 };
        let word = &text[start..];
        return start + word.find(|c| !is_word_part(c)).unwrap_or(word.len());
    }
    let long = ["::", "->", "=>"].iter().any(|mark| text.starts_with(mark));
    if long { 2 } else { first.len_utf8() }
}

/// Comments between `/*` and `*/` may contain others.
fn length_of_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let step = match text.as_bytes()[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                2
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                2
            }
            _ => 1,
        };
        at += step;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The length of a string literal of any kind, if one begins here.
fn length_of_string(text: &str) -> Option<usize> {
    let letters = text.find(|c| !"bcr".contains(c))?;
    let hashes = text[letters..].find(|c| c != '#')?;
    let start = letters + hashes + 1;
    let is_raw = text[..letters].ends_with('r');
    let opens = text[letters + hashes..].starts_with('"');
    if !opens || letters > 2 || (hashes > 0 && !is_raw) {
        return None;
    }
    if is_raw {
        let closing = format!("\"{}", &text[letters..letters + hashes]);
        let length = text[start..].find(&closing)?;
        return Some(start + length + closing.len());
    }
    let mut escaped = false;
    for (at, c) in text[start..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(start + at + 1),
            _ => {}
        }
    }
    Some(text.len())
}

/// The length of what follows a single quote: the rest of a character or of a lifetime.
fn length_after_quote(text: &str) -> usize {
    let mut chars = text.char_indices();
    let Some((_, first)) = chars.next() else {
        return 0;
    };
    if first == '\\' {
        let closing = text[2..].find('\'').map(|at| at + 3);
        return closing.unwrap_or(text.len());
    }
    match chars.next() {
        Some((at, '\'')) => at + 1,
        _ => text.find(|c| !is_word_part(c)).unwrap_or(text.len()),
    }
}

/// The place of the bracket that closes the one at `open`.
pub(crate) fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len().saturating_sub(1)
}

/// True if these texts stand at a place, one token each.
pub(crate) fn stands(tokens: &[Token], at: usize, texts: &[&str]) -> bool {
    let there = tokens.get(at..at + texts.len());
    there.is_some_and(|there| there.iter().zip(texts).all(|(token, text)| token.is(text)))
}

/// Removes every item that is compiled for tests only. Answers with the number of its lines too.
pub(crate) fn without_tests(tokens: &[Token]) -> (Vec<Token>, usize) {
    let mut kept = Vec::new();
    let mut lines = 0;
    let mut at = 0;
    while at < tokens.len() {
        if stands(tokens, at, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            let item = at..end_of_item(tokens, at);
            lines += lines_of(tokens, &item);
            at = item.end;
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    (kept, lines)
}

fn lines_of(tokens: &[Token], item: &Range<usize>) -> usize {
    tokens[item.end - 1].line + 1 - tokens[item.start].line
}

/// The end of the item that begins at a place with its attributes.
fn end_of_item(tokens: &[Token], start: usize) -> usize {
    let mut at = start;
    while stands(tokens, at, &["#", "["]) {
        at = closing(tokens, at + 1) + 1;
    }
    let is_statement = ["use", "const", "static", "type"]
        .iter()
        .any(|word| stands(tokens, at, &[word]));
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            ";" => return at + 1,
            "{" if !is_statement => return closing(tokens, at) + 1,
            "(" | "[" | "{" => at = closing(tokens, at) + 1,
            _ => at += 1,
        }
    }
    tokens.len()
}
