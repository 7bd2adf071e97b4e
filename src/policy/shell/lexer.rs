//! Where the parser stands in its text.

use crate::policy::shell::ast::{Piece, Word};

/// The longest text that is parsed, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// The deepest nesting of commands, substitutions and quotes.
pub const MAX_DEPTH: usize = 24;

/// Why a text is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It is too long.
    #[error("it is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// It nests too deep.
    #[error("it nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// It is no bash, or bash that is not known here.
    #[error("{0}")]
    Unknown(&'static str),
    /// It holds characters that a reader does not see.
    #[error("it holds invisible or control characters")]
    Invisible,
}

/// A here-document that was announced and whose text follows after the line.
pub(super) struct Pending {
    pub(super) delimiter: String,
    pub(super) literal: bool,
    pub(super) strip_tabs: bool,
    /// The number of the here-document in the text.
    pub(super) number: usize,
}

/// The parser.
pub struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) depth: usize,
    pub(super) pending: Vec<Pending>,
    /// The here-documents read so far, by number.
    pub(super) documents: Vec<Option<Word>>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, depth: usize) -> Self {
        Self {
            text,
            at: 0,
            depth,
            pending: Vec::new(),
            documents: Vec::new(),
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn ahead(&self, text: &str) -> bool {
        self.text.as_bytes()[self.at..].starts_with(text.as_bytes())
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        let found = self.ahead(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// Goes one level deeper for the time of `read`.
    pub(super) fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        if self.depth >= MAX_DEPTH {
            return Err(Trouble::TooDeep);
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Skips blanks, joined lines and a comment.
    pub(super) fn skip_blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\\') if self.ahead("\\\n") => self.at += 2,
                Some(b'#') => {
                    let rest = &self.text[self.at..];
                    self.at += rest.find('\n').unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    /// Takes a line's end, and the here-documents that follow it.
    pub(super) fn newline(&mut self) -> Result<bool, Trouble> {
        if !self.eat("\n") {
            return Ok(false);
        }
        for pending in std::mem::take(&mut self.pending) {
            let body = self.document(&pending)?;
            let word = if pending.literal {
                Word {
                    pieces: vec![Piece::Quoted(body)],
                }
            } else {
                let mut inner = Parser::new(&body, self.depth);
                inner.deeper(|parser| parser.expanded_text(None))?
            };
            self.documents[pending.number] = Some(word);
        }
        Ok(true)
    }

    fn document(&mut self, pending: &Pending) -> Result<String, Trouble> {
        let mut body = String::new();
        loop {
            let rest = &self.text[self.at..];
            if rest.is_empty() {
                return Err(Trouble::Unknown("a here-document has no end"));
            }
            let end = rest.find('\n');
            let line = &rest[..end.unwrap_or(rest.len())];
            self.at += end.map_or(rest.len(), |end| end + 1);
            let line = if pending.strip_tabs {
                line.trim_start_matches('\t')
            } else {
                line
            };
            if line == pending.delimiter {
                // The newline still ends the line for what comes after.
                return Ok(body);
            }
            body.push_str(line);
            body.push('\n');
        }
    }

    /// Skips blanks and lines.
    pub(super) fn skip_lines(&mut self) -> Result<(), Trouble> {
        loop {
            self.skip_blanks();
            if !self.newline()? {
                return Ok(());
            }
        }
    }
}

/// True when a character ends an unquoted word.
pub(super) fn is_meta(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>'
    )
}
