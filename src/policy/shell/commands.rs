//! Lists, pipelines, simple commands and redirections.

use crate::platform::text::is_unseen;
use crate::policy::shell::ast::{
    Assignment, Command, Node, Piece, Redirect, RedirectKind, Script, Word,
};
use crate::policy::shell::lexer::{MAX_BYTES, Parser, Pending, Trouble, is_meta};
use crate::policy::shell::substitution::identifier;

/// Parses a whole text.
pub fn parse(text: &str) -> Result<Script, Trouble> {
    if text.len() > MAX_BYTES {
        return Err(Trouble::TooLong);
    }
    if text.chars().any(is_invisible) {
        return Err(Trouble::Invisible);
    }
    parse_at(text, 0)
}

/// Characters that no command needs, and that make it read other than it runs.
pub(in crate::policy) fn is_invisible(c: char) -> bool {
    // Emoji in a message have forms, and these are shown to the person who is asked.
    let is_form = matches!(c, '\u{fe00}'..='\u{fe0f}');
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || (is_unseen(c) && !is_form)
        || (c.is_whitespace() && !c.is_ascii())
}

pub(super) fn parse_at(text: &str, depth: usize) -> Result<Script, Trouble> {
    let mut parser = Parser::new(text, depth);
    let mut script = parser.deeper(|parser| parser.list(&[]))?;
    if parser.at < text.len() {
        return Err(Trouble::Unknown("something stands where a command should"));
    }
    if !parser.pending.is_empty() {
        return Err(Trouble::Unknown("a here-document has no text"));
    }
    parser.fill(&mut script);
    Ok(script)
}

impl Parser<'_> {
    /// A list up to an operator, which is taken.
    pub(super) fn list_until(&mut self, end: &str) -> Result<Script, Trouble> {
        let outside = self.pending.len();
        let script = self.list(&[])?;
        if self.pending.len() != outside {
            return Err(Trouble::Unknown("a here-document inside a substitution"));
        }
        if self.eat(end) {
            Ok(script)
        } else {
            Err(Trouble::Unknown("a parenthesis has no end"))
        }
    }

    /// A list up to one of these reserved words, which is not taken, or to what cannot begin a
    /// command.
    pub(super) fn list(&mut self, ends: &[&str]) -> Result<Script, Trouble> {
        let mut pipelines = Vec::new();
        self.skip_lines()?;
        let began = self.at;
        loop {
            self.skip_lines()?;
            if self.peek().is_none() || ends.iter().any(|end| self.ahead_word(end)) {
                break;
            }
            let before = self.at;
            let pipeline = self.pipeline()?;
            if self.at == before {
                break;
            }
            pipelines.push(pipeline);
            self.skip_blanks();
            let more = self.eat("&&") || self.eat("||");
            if more {
                self.skip_lines()?;
                continue;
            }
            if self.ahead(";;") || self.ahead(";&") {
                break;
            }
            if !(self.eat(";") || self.eat("&") || self.newline()?) {
                break;
            }
        }
        Ok(Script {
            pipelines,
            text: self.text[began.min(self.at)..self.at].trim().to_owned(),
        })
    }

    /// True when this reserved word stands here.
    pub(super) fn ahead_word(&self, word: &str) -> bool {
        let after = self.text.as_bytes().get(self.at + word.len());
        self.ahead(word) && after.is_none_or(|byte| is_meta(*byte))
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.ahead_word(word);
        if found {
            self.at += word.len();
        }
        found
    }

    fn pipeline(&mut self) -> Result<Vec<Command>, Trouble> {
        let mut commands = Vec::new();
        loop {
            self.skip_blanks();
            while self.eat_word("!") {
                self.skip_blanks();
            }
            if self.eat_word("time") {
                self.skip_blanks();
                while self.eat_word("-p") || self.eat_word("--") || self.eat_word("!") {
                    self.skip_blanks();
                }
            }
            let Some(command) = self.deeper(Self::command)? else {
                break;
            };
            commands.push(command);
            self.skip_blanks();
            if self.ahead("||") || !(self.eat("|&") || self.eat("|")) {
                break;
            }
            self.skip_lines()?;
        }
        Ok(commands)
    }

    fn command(&mut self) -> Result<Option<Command>, Trouble> {
        let began = self.at;
        let (node, redirects) = if let Some(node) = self.compound()? {
            let mut redirects = Vec::new();
            loop {
                self.skip_blanks();
                match self.redirect()? {
                    Some(redirect) => redirects.push(redirect),
                    None => break,
                }
            }
            (node, redirects)
        } else {
            self.simple()?
        };
        if self.at == began {
            return Ok(None);
        }
        let text = self.text[began..self.at].trim().to_owned();
        Ok(Some(Command {
            node,
            redirects,
            text,
        }))
    }

    fn simple(&mut self) -> Result<(Node, Vec<Redirect>), Trouble> {
        let mut assignments = Vec::new();
        let mut words: Vec<Word> = Vec::new();
        let mut redirects = Vec::new();
        loop {
            self.skip_blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            // After `declare` and its kin an assignment may be an array too.
            let declares = words.first().and_then(Word::bare).is_some_and(|name| {
                ["declare", "local", "export", "readonly", "typeset"].contains(&name)
            });
            if (words.is_empty() || declares)
                && let Some(assignment) = self.assignment()?
            {
                assignments.push(assignment);
                continue;
            }
            let Some(word) = self.word()? else {
                break;
            };
            words.push(word);
            if words.len() == 1 && self.function_follows() {
                let name = words[0].literal().unwrap_or_default();
                let body = self.function_body()?;
                return Ok((Node::Function { name, body }, redirects));
            }
        }
        Ok((Node::Simple { assignments, words }, redirects))
    }

    fn function_follows(&mut self) -> bool {
        let began = self.at;
        self.skip_blanks();
        if self.eat("(") {
            self.skip_blanks();
            if self.eat(")") {
                return true;
            }
        }
        self.at = began;
        false
    }

    /// `name=`, `name+=`, `name[subscript]=`, with a value or an array.
    fn assignment(&mut self) -> Result<Option<Assignment>, Trouble> {
        let began = self.at;
        let length = identifier(&self.text[self.at..]);
        if length == 0 || self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Ok(None);
        }
        let name = self.text[self.at..self.at + length].to_owned();
        self.at += length;
        let mut subscript = None;
        if self.ahead("[") {
            let rest = &self.text[self.at..];
            let Some(end) = rest.find("]=").or_else(|| rest.find("]+=")) else {
                self.at = began;
                return Ok(None);
            };
            subscript = Some(self.expanded(&rest[1..end])?);
            self.at += end + 1;
        }
        let added = self.eat("+=");
        if !added && !self.eat("=") {
            self.at = began;
            return Ok(None);
        }
        let mut values = Vec::new();
        let array = self.eat("(");
        if array {
            loop {
                self.skip_lines()?;
                if self.eat(")") {
                    break;
                }
                match self.word()? {
                    Some(word) => values.push(word),
                    None => return Err(Trouble::Unknown("an array has no end")),
                }
            }
        } else {
            values.push(self.word()?.unwrap_or_default());
        }
        Ok(Some(Assignment {
            plain: !added && !array && subscript.is_none(),
            name,
            values,
            subscript,
        }))
    }

    /// Reads a redirection, with the descriptor before it.
    fn redirect(&mut self) -> Result<Option<Redirect>, Trouble> {
        let began = self.at;
        let rest = &self.text[self.at..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let mut descriptor = rest[..digits].to_owned();
        self.at += digits;
        if digits == 0 && self.ahead("{") {
            let named = identifier(&rest[1..]);
            if named > 0 && rest[1 + named..].starts_with(['}']) {
                "variable".clone_into(&mut descriptor);
                self.at += named + 2;
            }
        }
        let is_input = descriptor.is_empty() || descriptor == "0";
        let reads = self.ahead("<");
        // The longer operators first. A process substitution is a word.
        let kind = if self.ahead("<(") || self.ahead(">(") {
            None
        } else if self.eat("<<<") {
            Some(RedirectKind::Text)
        } else if self.ahead("<<") {
            return self.document_redirect(is_input).map(Some);
        } else if self.eat("&>>") || self.eat("&>") || self.eat("<>") {
            Some(RedirectKind::Write)
        } else if self.eat(">&") || self.eat("<&") {
            Some(RedirectKind::Duplicate)
        } else if self.eat(">>") || self.eat(">|") || self.eat(">") {
            Some(RedirectKind::Write)
        } else if self.eat("<") {
            Some(RedirectKind::Read)
        } else {
            None
        };
        let Some(mut kind) = kind else {
            self.at = began;
            return Ok(None);
        };
        self.skip_blanks();
        let target = self
            .word()?
            .ok_or(Trouble::Unknown("a redirection has no target"))?;
        if kind == RedirectKind::Duplicate {
            let to = target.literal();
            let is_descriptor = to.as_deref().is_some_and(|to| {
                to == "-" || to.trim_end_matches('-').bytes().all(|b| b.is_ascii_digit())
            });
            if !is_descriptor {
                kind = RedirectKind::Write;
            }
        }
        Ok(Some(Redirect {
            is_input: is_input && reads,
            kind,
            target,
        }))
    }

    fn document_redirect(&mut self, is_input: bool) -> Result<Redirect, Trouble> {
        self.at += 2;
        let strip_tabs = self.eat("-");
        self.skip_blanks();
        let began = self.at;
        let delimiter = self
            .word()?
            .ok_or(Trouble::Unknown("a here-document has no delimiter"))?;
        let raw = &self.text[began..self.at];
        let literal = raw.contains(['\'', '"', '\\']);
        let delimiter = delimiter
            .literal()
            .filter(|delimiter| !delimiter.is_empty() && !delimiter.contains('\n'))
            .ok_or(Trouble::Unknown("a here-document's delimiter is expanded"))?;
        let number = self.documents.len();
        self.documents.push(None);
        self.pending.push(Pending {
            delimiter,
            literal,
            strip_tabs,
            number,
        });
        // The text is not known yet; `fill` puts it in the place of this mark.
        let mark = Piece::Text(format!("\0{number}"));
        Ok(Redirect {
            kind: RedirectKind::Text,
            target: Word { pieces: vec![mark] },
            is_input,
        })
    }
}
