//! Words, quotes and expansions.

use crate::policy::shell::ansi;
use crate::policy::shell::ast::{Piece, Word};
use crate::policy::shell::lexer::{Parser, Trouble, is_meta};

impl Parser<'_> {
    /// Reads a word; none where none begins.
    pub(super) fn word(&mut self) -> Result<Option<Word>, Trouble> {
        let began = self.at;
        let pieces = self.deeper(Self::pieces)?;
        Ok((self.at > began).then_some(Word { pieces }))
    }

    fn pieces(&mut self) -> Result<Vec<Piece>, Trouble> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        while let Some(byte) = self.peek() {
            if self.eat("\\\n") {
                continue;
            }
            let piece = match byte {
                b'<' | b'>' if self.ahead("<(") || self.ahead(">(") => {
                    self.at += 2;
                    let script = self.deeper(|parser| parser.list_until(")"))?;
                    let reads = byte == b'>';
                    Some(Piece::Process { script, reads })
                }
                byte if is_meta(byte) => break,
                b'\\' => {
                    self.at += 1;
                    Some(Piece::Quoted(self.one()))
                }
                b'\'' => {
                    self.at += 1;
                    let rest = &self.text[self.at..];
                    let end = rest
                        .find('\'')
                        .ok_or(Trouble::Unknown("a quote has no end"))?;
                    let text = rest[..end].to_owned();
                    self.at += end + 1;
                    Some(Piece::Quoted(text))
                }
                b'"' => {
                    self.at += 1;
                    flush(&mut plain, &mut pieces);
                    self.double_quoted(&mut pieces)?;
                    continue;
                }
                b'$' if self.ahead("$'") => {
                    self.at += 2;
                    Some(Piece::Quoted(self.ansi_quoted()?))
                }
                b'$' if self.ahead("$\"") => {
                    self.at += 2;
                    flush(&mut plain, &mut pieces);
                    self.double_quoted(&mut pieces)?;
                    continue;
                }
                b'$' | b'`' => self.expansion(false)?,
                _ => None,
            };
            match piece {
                Some(piece) => {
                    flush(&mut plain, &mut pieces);
                    pieces.push(piece);
                }
                None => plain.push_str(&self.one()),
            }
        }
        flush(&mut plain, &mut pieces);
        Ok(pieces)
    }

    /// Takes one character.
    pub(super) fn one(&mut self) -> String {
        let next = self.text[self.at..].chars().next();
        self.at += next.map_or(0, char::len_utf8);
        next.map_or_else(String::new, String::from)
    }

    fn double_quoted(&mut self, pieces: &mut Vec<Piece>) -> Result<(), Trouble> {
        let inner = self.deeper(|parser| parser.expanded_text(Some(b'"')))?;
        if inner.pieces.is_empty() {
            pieces.push(Piece::Quoted(String::new()));
        }
        pieces.extend(inner.pieces);
        Ok(())
    }

    /// Text in which only `$`, backquotes and backslashes mean something, up to `end`.
    pub(super) fn expanded_text(&mut self, end: Option<u8>) -> Result<Word, Trouble> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        loop {
            let Some(byte) = self.peek() else {
                if end.is_some() {
                    return Err(Trouble::Unknown("a quote has no end"));
                }
                break;
            };
            if Some(byte) == end {
                self.at += 1;
                break;
            }
            if self.eat("\\\n") {
                continue;
            }
            match byte {
                b'\\' => {
                    self.at += 1;
                    let special = match self.peek() {
                        Some(b'$' | b'`' | b'\\') => true,
                        other => other.is_some() && other == end,
                    };
                    if !special {
                        plain.push('\\');
                        // A line's end after a backslash was joined above.
                    }
                    plain.push_str(&self.one());
                }
                b'$' | b'`' => match self.expansion(true)? {
                    Some(piece) => {
                        if !plain.is_empty() {
                            pieces.push(Piece::Quoted(std::mem::take(&mut plain)));
                        }
                        pieces.push(piece);
                    }
                    None => plain.push_str(&self.one()),
                },
                _ => plain.push_str(&self.one()),
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Quoted(plain));
        }
        Ok(Word { pieces })
    }

    fn ansi_quoted(&mut self) -> Result<String, Trouble> {
        let rest = &self.text[self.at..];
        let (text, taken) = ansi::decode(rest).ok_or(Trouble::Unknown("a quote has no end"))?;
        self.at += taken;
        Ok(text)
    }
}

fn flush(plain: &mut String, pieces: &mut Vec<Piece>) {
    if !plain.is_empty() {
        pieces.push(Piece::Text(std::mem::take(plain)));
    }
}
