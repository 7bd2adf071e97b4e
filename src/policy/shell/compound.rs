//! Compound commands and functions; and here-documents put where they belong.

use crate::policy::shell::ast::{Command, Node, Piece, Redirect, Script, Word};
use crate::policy::shell::lexer::{Parser, Trouble};

/// Reserved words that begin no command, or one that is not known here.
const STRAY: &[&str] = &[
    "then", "elif", "else", "fi", "do", "done", "esac", "}", "]]", "coproc",
];

impl Parser<'_> {
    /// Reads a compound command; none where a simple one stands.
    pub(super) fn compound(&mut self) -> Result<Option<Node>, Trouble> {
        if self.ahead("((")
            && let Some(end) = self.arithmetic_end(self.at + 2)
        {
            let word = self.expanded(&self.text[self.at + 2..end])?;
            self.at = end + 2;
            let pieces = vec![Piece::Arithmetic(word)];
            return Ok(Some(compound(Vec::new(), vec![Word { pieces }])));
        }
        if self.eat("(") {
            let list = self.deeper(|parser| parser.list_until(")"))?;
            return Ok(Some(compound(vec![list], Vec::new())));
        }
        if self.eat_word("{") {
            return self
                .block(&["}"])
                .map(|list| Some(compound(vec![list], Vec::new())));
        }
        if self.eat_word("[[") {
            return self.test().map(Some);
        }
        if self.eat_word("if") {
            return self.conditional().map(Some);
        }
        if self.eat_word("while") || self.eat_word("until") {
            let condition = self.block(&["do"])?;
            let body = self.block(&["done"])?;
            return Ok(Some(compound(vec![condition, body], Vec::new())));
        }
        if self.eat_word("for") || self.eat_word("select") {
            return self.repeated().map(Some);
        }
        if self.eat_word("case") {
            return self.cases().map(Some);
        }
        if self.eat_word("function") {
            self.skip_blanks();
            let name = self.word()?.and_then(|word| word.literal());
            let name = name.ok_or(Trouble::Unknown("a function without a name"))?;
            self.skip_blanks();
            if self.eat("(") {
                self.skip_blanks();
                if !self.eat(")") {
                    return Err(Trouble::Unknown("a function with arguments"));
                }
            }
            let body = self.function_body()?;
            return Ok(Some(Node::Function { name, body }));
        }
        if STRAY.iter().any(|word| self.ahead_word(word)) {
            return Err(Trouble::Unknown("a reserved word stands alone"));
        }
        Ok(None)
    }

    /// A list up to a reserved word, which is taken.
    fn block(&mut self, ends: &[&str]) -> Result<Script, Trouble> {
        let list = self.deeper(|parser| parser.list(ends))?;
        if ends.iter().any(|end| self.eat_word(end)) {
            Ok(list)
        } else {
            Err(Trouble::Unknown("a compound command has no end"))
        }
    }

    fn conditional(&mut self) -> Result<Node, Trouble> {
        let mut lists = vec![self.block(&["then"])?];
        loop {
            let ends = ["elif", "else", "fi"];
            lists.push(self.deeper(|parser| parser.list(&ends))?);
            if self.eat_word("elif") {
                lists.push(self.block(&["then"])?);
            } else if self.eat_word("else") {
                lists.push(self.block(&["fi"])?);
                break;
            } else if self.eat_word("fi") {
                break;
            } else {
                return Err(Trouble::Unknown("an `if` has no end"));
            }
        }
        Ok(compound(lists, Vec::new()))
    }

    fn repeated(&mut self) -> Result<Node, Trouble> {
        self.skip_blanks();
        if self.ahead("((") {
            let end = self
                .arithmetic_end(self.at + 2)
                .ok_or(Trouble::Unknown("a `for` that is not known"))?;
            let word = self.expanded(&self.text[self.at + 2..end])?;
            self.at = end + 2;
            self.skip_blanks();
            self.eat(";");
            let body = self.loop_body()?;
            let pieces = vec![Piece::Arithmetic(word)];
            return Ok(compound(vec![body], vec![Word { pieces }]));
        }
        let name = self.word()?.and_then(|word| word.literal());
        let name = name.ok_or(Trouble::Unknown("a `for` without a name"))?;
        self.skip_lines()?;
        let mut values = None;
        if self.eat_word("in") {
            let mut words = Vec::new();
            loop {
                self.skip_blanks();
                match self.word()? {
                    Some(word) => words.push(word),
                    None => break,
                }
            }
            values = Some(words);
        }
        self.skip_blanks();
        self.eat(";");
        let body = self.loop_body()?;
        Ok(Node::For { name, values, body })
    }

    fn loop_body(&mut self) -> Result<Script, Trouble> {
        self.skip_lines()?;
        if self.eat_word("do") {
            return self.block(&["done"]);
        }
        if self.eat_word("{") {
            return self.block(&["}"]);
        }
        Err(Trouble::Unknown("a loop has no body"))
    }

    fn cases(&mut self) -> Result<Node, Trouble> {
        let mut lists = Vec::new();
        let mut words = Vec::new();
        self.skip_blanks();
        words.extend(self.word()?);
        self.skip_lines()?;
        if !self.eat_word("in") {
            return Err(Trouble::Unknown("a `case` without `in`"));
        }
        loop {
            self.skip_lines()?;
            if self.eat_word("esac") {
                return Ok(compound(lists, words));
            }
            self.eat("(");
            loop {
                self.skip_blanks();
                match self.word()? {
                    Some(word) => words.push(word),
                    None => return Err(Trouble::Unknown("a `case` without a pattern")),
                }
                self.skip_blanks();
                if !self.eat("|") {
                    break;
                }
            }
            if !self.eat(")") {
                return Err(Trouble::Unknown("a pattern has no end"));
            }
            lists.push(self.deeper(|parser| parser.list(&["esac"]))?);
            self.skip_lines()?;
            let _last = self.eat(";;&") || self.eat(";;") || self.eat(";&");
        }
    }

    /// `[[ … ]]`: whatever is compared, only the expansions matter.
    fn test(&mut self) -> Result<Node, Trouble> {
        let mut words = Vec::new();
        loop {
            self.skip_lines()?;
            if self.eat_word("]]") {
                return Ok(compound(Vec::new(), words));
            }
            if self.ahead("<(") || self.ahead(">(") {
                words.extend(self.word()?);
                continue;
            }
            let operators = ["&&", "||", "(", ")", "<", ">", "|"];
            if operators.iter().any(|operator| self.eat(operator)) {
                continue;
            }
            match self.word()? {
                Some(word) => words.push(word),
                None => return Err(Trouble::Unknown("a test has no end")),
            }
        }
    }

    pub(super) fn function_body(&mut self) -> Result<Script, Trouble> {
        self.skip_lines()?;
        let began = self.at;
        let Some(node) = self.deeper(Self::compound)? else {
            return Err(Trouble::Unknown("a function has no body"));
        };
        let text = self.text[began..self.at].to_owned();
        let command = Command {
            node,
            redirects: Vec::new(),
            text: text.clone(),
        };
        Ok(Script {
            pipelines: vec![vec![command]],
            text,
        })
    }

    /// Puts the texts of here-documents in the places of their marks.
    pub(super) fn fill(&self, script: &mut Script) {
        if self.documents.is_empty() {
            return;
        }
        for command in script.pipelines.iter_mut().flatten() {
            for Redirect { target, .. } in &mut command.redirects {
                let number = target
                    .bare()
                    .and_then(|text| text.strip_prefix('\0'))
                    .and_then(|number| number.parse::<usize>().ok());
                if let Some(number) = number {
                    *target = self
                        .documents
                        .get(number)
                        .cloned()
                        .flatten()
                        .unwrap_or_default();
                }
            }
            match &mut command.node {
                Node::Simple { assignments, words } => {
                    let values = assignments.iter_mut().flat_map(|one| &mut one.values);
                    words
                        .iter_mut()
                        .chain(values)
                        .for_each(|word| self.fill_word(word));
                }
                Node::Compound { lists, words } => {
                    for list in lists {
                        self.fill(list);
                    }
                    for word in words {
                        self.fill_word(word);
                    }
                }
                Node::For { values, body, .. } => {
                    let values = values.iter_mut().flatten();
                    values.for_each(|word| self.fill_word(word));
                    self.fill(body);
                }
                Node::Function { body, .. } => self.fill(body),
            }
        }
    }

    fn fill_word(&self, word: &mut Word) {
        for piece in &mut word.pieces {
            match piece {
                Piece::Substitution { script, .. } | Piece::Process { script, .. } => {
                    self.fill(script);
                }
                Piece::Parameter { nested, .. } => self.fill_word(nested),
                Piece::Arithmetic(word) => self.fill_word(word),
                Piece::Text(_) | Piece::Quoted(_) => {}
            }
        }
    }
}

fn compound(lists: Vec<Script>, words: Vec<Word>) -> Node {
    Node::Compound { lists, words }
}
