//! Commands as a tree. Only what matters to a judgement is kept.

/// A list of pipelines. Whether `;`, `&&`, `||` or `&` joins them does not matter: any may run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The pipelines in order.
    pub pipelines: Vec<Vec<Command>>,
    /// The text of the script.
    pub text: String,
}

/// A command with its redirections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The command itself.
    pub node: Node,
    /// Where its input and output go.
    pub redirects: Vec<Redirect>,
    /// Its text.
    pub text: String,
}

/// The kinds of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Assignments and words.
    Simple {
        /// Assignments before the words.
        assignments: Vec<Assignment>,
        /// The program and its arguments.
        words: Vec<Word>,
    },
    /// `if`, `while`, `case`, groups and subshells: lists that may run, and words that are expanded.
    Compound {
        /// The lists.
        lists: Vec<Script>,
        /// The words.
        words: Vec<Word>,
    },
    /// `for name in words`.
    For {
        /// The variable.
        name: String,
        /// Its values; none for the positional parameters.
        values: Option<Vec<Word>>,
        /// The repeated commands.
        body: Script,
    },
    /// A function.
    Function {
        /// Its name.
        name: String,
        /// The commands of the function.
        body: Script,
    },
}

/// `name=value`, `name+=value`, `name=(values)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// True when the whole variable is set to one value, rather than added to or an array.
    pub plain: bool,
    /// The value; several for an array.
    pub values: Vec<Word>,
    /// Expansions inside the subscript.
    pub subscript: Option<Word>,
}

/// One redirection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The kind of redirection.
    pub kind: RedirectKind,
    /// The file, or the text of a here-document or here-string.
    pub target: Word,
    /// True when it replaces the standard input; `<>` and `<&` do so too.
    pub is_input: bool,
}

/// The effect of a redirection on its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectKind {
    /// Reads a file.
    Read,
    /// Writes or appends to a file.
    Write,
    /// Duplicates or closes a descriptor.
    Duplicate,
    /// Gives a text.
    Text,
}

/// A word: pieces side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// The pieces.
    pub pieces: Vec<Piece>,
}

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Unquoted text: globs, braces and the tilde mean something in it.
    Text(String),
    /// Text that stands for itself.
    Quoted(String),
    /// A parameter.
    Parameter {
        /// Its name; `@`, `1`, `?` and the like too.
        name: String,
        /// The operation on its value.
        operation: Operation,
        /// Words within the braces.
        nested: Word,
        /// True within double quotes.
        quoted: bool,
    },
    /// The output of commands.
    Substitution {
        /// The commands.
        script: Script,
        /// True within double quotes.
        quoted: bool,
    },
    /// `<( )` and `>( )`.
    Process {
        /// The commands.
        script: Script,
        /// True for `>( )`, whose commands read the text that is written to it.
        reads: bool,
    },
    /// An arithmetic expression, with the expansions inside it.
    Arithmetic(Word),
}

/// The operation of `${name…}` on the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Takes it as it is.
    Plain,
    /// Takes its length, or a part of it without a `/`-led beginning: the result is as harmless as
    /// the value.
    Shorten,
    /// Takes its length.
    Length,
    /// Anything else.
    Other,
}

impl Word {
    /// The word without quotes when nothing in it is expanded.
    pub fn literal(&self) -> Option<String> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(part) | Piece::Quoted(part) => text.push_str(part),
                Piece::Parameter { .. }
                | Piece::Substitution { .. }
                | Piece::Process { .. }
                | Piece::Arithmetic(_) => return None,
            }
        }
        Some(text)
    }

    /// The text of a word that is one unquoted piece: only such a word can be a reserved word.
    pub fn bare(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }
}
