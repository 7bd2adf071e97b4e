//! The expansions that `$` and backquotes begin.

use crate::policy::shell::ast::{Operation, Piece, Word};
use crate::policy::shell::commands::parse_at;
use crate::policy::shell::lexer::{Parser, Trouble};

impl Parser<'_> {
    /// Reads an expansion at `$` or a backquote; none when the `$` stands for itself.
    pub(super) fn expansion(&mut self, quoted: bool) -> Result<Option<Piece>, Trouble> {
        if self.eat("`") {
            return self.backquoted(quoted).map(Some);
        }
        if self.ahead("$((")
            && let Some(end) = self.arithmetic_end(self.at + 3)
        {
            let inner = &self.text[self.at + 3..end];
            let word = self.expanded(inner)?;
            self.at = end + 2;
            return Ok(Some(Piece::Arithmetic(word)));
        }
        if self.eat("$(") {
            let script = self.deeper(|parser| parser.list_until(")"))?;
            return Ok(Some(Piece::Substitution { script, quoted }));
        }
        if self.ahead("$[") {
            return Err(Trouble::Unknown("the old form of arithmetic"));
        }
        if self.eat("${") {
            return self.braced(quoted).map(Some);
        }
        let rest = &self.text[self.at + 1..];
        let length = match rest.bytes().next() {
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => identifier(rest),
            Some(b'0'..=b'9' | b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!') => 1,
            _ => return Ok(None),
        };
        let name = rest[..length].to_owned();
        self.at += 1 + length;
        Ok(Some(Piece::Parameter {
            name,
            operation: Operation::Plain,
            nested: Word::default(),
            quoted,
        }))
    }

    /// Expands a text that is part of this one.
    pub(super) fn expanded(&self, text: &str) -> Result<Word, Trouble> {
        let mut inner = Parser::new(text, self.depth);
        inner.deeper(|parser| parser.expanded_text(None))
    }

    /// Where `))` closes an arithmetic expression that begins at `from`. The inner parenthesis must
    /// be closed right before the outer one, else bash reads a subshell in a substitution.
    pub(super) fn arithmetic_end(&self, from: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut depth = 0_usize;
        for (at, byte) in bytes.iter().enumerate().skip(from) {
            match byte {
                b'(' => depth += 1,
                b')' if depth == 0 => {
                    return (bytes.get(at + 1) == Some(&b')')).then_some(at);
                }
                b')' => depth -= 1,
                // Quotes may hold parentheses, and arithmetic hardly ever has quotes.
                b'\'' | b'"' => return None,
                _ => {}
            }
        }
        None
    }

    fn backquoted(&mut self, quoted: bool) -> Result<Piece, Trouble> {
        let mut inner = String::new();
        loop {
            match self.peek() {
                None => return Err(Trouble::Unknown("a backquote has no end")),
                Some(b'`') => {
                    self.at += 1;
                    break;
                }
                Some(b'\\') => {
                    self.at += 1;
                    let special = matches!(self.peek(), Some(b'$' | b'`' | b'\\'))
                        || (quoted && self.peek() == Some(b'"'));
                    if !special {
                        inner.push('\\');
                    }
                    inner.push_str(&self.one());
                }
                Some(_) => inner.push_str(&self.one()),
            }
        }
        let script = self.deeper(|parser| parse_at(&inner, parser.depth))?;
        Ok(Piece::Substitution { script, quoted })
    }

    /// `${…}` after the opening brace.
    fn braced(&mut self, quoted: bool) -> Result<Piece, Trouble> {
        let mut operation = Operation::Plain;
        if self.ahead("#") && !self.ahead("#}") {
            self.at += 1;
            operation = Operation::Length;
        } else if self.eat("!") {
            operation = Operation::Other;
        }
        let rest = &self.text[self.at..];
        let length = match rest.bytes().next() {
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => identifier(rest),
            Some(b'0'..=b'9') => rest.bytes().take_while(u8::is_ascii_digit).count(),
            Some(b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!') => 1,
            _ if operation == Operation::Other => 0,
            _ => return Err(Trouble::Unknown("a form of `${` that is not known")),
        };
        let name = rest[..length].to_owned();
        self.at += length;
        if self.eat("}") {
            return Ok(Piece::Parameter {
                name,
                operation,
                nested: Word::default(),
                quoted,
            });
        }
        if operation == Operation::Plain {
            // `%` and `##*/` cut a path, and the rest of a harmless path is harmless.
            operation = if self.ahead("%") || self.ahead("##*/}") {
                Operation::Shorten
            } else {
                Operation::Other
            };
        }
        let nested = self.deeper(Self::until_brace)?;
        Ok(Piece::Parameter {
            name,
            operation,
            nested,
            quoted,
        })
    }

    /// The rest of `${…}`: whatever it is, substitutions within it run.
    fn until_brace(&mut self) -> Result<Word, Trouble> {
        let mut pieces = Vec::new();
        loop {
            match self.peek() {
                None => return Err(Trouble::Unknown("`${` has no end")),
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Word { pieces });
                }
                Some(b'\\') => {
                    self.at += 1;
                    pieces.push(Piece::Quoted(self.one()));
                }
                Some(b'"') => {
                    self.at += 1;
                    let inner = self.deeper(|parser| parser.expanded_text(Some(b'"')))?;
                    pieces.extend(inner.pieces);
                }
                // The meaning of a single quote here depends on the text around it.
                Some(b'\'') => return Err(Trouble::Unknown("a quote inside `${`")),
                Some(b'$' | b'`') => match self.expansion(true)? {
                    Some(piece) => pieces.push(piece),
                    None => pieces.push(Piece::Quoted(self.one())),
                },
                Some(_) => pieces.push(Piece::Text(self.one())),
            }
        }
    }
}

/// The length of the name at the beginning of `text`.
pub(super) fn identifier(text: &str) -> usize {
    text.bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        .count()
}
