//! Expanding words while their substitutions are walked through.

use crate::policy::judge::call::{Certainty, Field, HOLE, Stdin};
use crate::policy::judge::fields::{Atom, fields};
use crate::policy::judge::trace::tree::StepKind;
use crate::policy::judge::walker::Walker;
use crate::policy::paths::Place;
use crate::policy::shell::ast::{Operation, Piece, Script, Word};

impl Walker<'_> {
    /// Expands a word, and walks through what its expansion runs.
    pub(super) fn expand(&mut self, word: &Word) -> Vec<Field> {
        let mut atoms = Vec::new();
        for piece in &word.pieces {
            self.piece(piece, &mut atoms);
        }
        if let [Atom::Plain('~'), rest @ ..] = atoms.as_slice() {
            // Another user's home, or `~+`: somewhere else.
            let elsewhere = !matches!(rest.first(), None | Some(Atom::Plain('/')));
            if elsewhere {
                atoms[0] = Atom::Hole(Certainty::Wild);
            }
        }
        fields(atoms)
    }

    fn piece(&mut self, piece: &Piece, atoms: &mut Vec<Atom>) {
        match piece {
            Piece::Text(text) => atoms.extend(text.chars().map(Atom::Plain)),
            Piece::Quoted(text) if text.is_empty() => atoms.push(Atom::Empty),
            Piece::Quoted(text) => atoms.extend(text.chars().map(Atom::Quoted)),
            Piece::Parameter {
                name,
                operation,
                nested,
                quoted,
            } => {
                self.expand(nested);
                self.parameter(name, *operation, *quoted, atoms);
            }
            Piece::Substitution { script, quoted } => {
                let value = self.output_of(script);
                push(&value, *quoted, atoms);
            }
            Piece::Process { script, reads } => {
                let outer = self.scope.clone();
                let input = if *reads {
                    Stdin::Unknown
                } else {
                    self.input.clone()
                };
                let passes_on = std::mem::replace(&mut self.passes_on, true);
                self.begin(StepKind::Process, &script.text);
                self.fed_with(input, |walker| walker.script(script));
                self.done();
                self.passes_on = passes_on;
                self.scope = outer;
                atoms.extend("/dev/fd/".chars().map(Atom::Quoted));
                atoms.push(Atom::Hole(Certainty::Tame));
            }
            Piece::Arithmetic(word) => {
                self.expand(word);
                atoms.push(Atom::Hole(Certainty::Tame));
            }
        }
    }

    fn parameter(&mut self, name: &str, operation: Operation, quoted: bool, atoms: &mut Vec<Atom>) {
        let root = self.places.root_text();
        let value = self.scope.value(name, &root);
        match operation {
            Operation::Plain => {
                // An unquoted variable that was never set is no word at all, or many.
                push(&value, quoted, atoms);
            }
            Operation::Length => atoms.push(Atom::Hole(Certainty::Tame)),
            Operation::Shorten => {
                let place = self.places.of(&value.text, &self.scope.directory);
                let inside = matches!(place, Place::Inside(_)) && !value.text.starts_with('/');
                let certainty = if value.certainty <= Certainty::Tame && inside {
                    Certainty::Tame
                } else {
                    value.certainty.max(Certainty::Unknown)
                };
                atoms.push(Atom::Hole(certainty));
            }
            Operation::Other => atoms.push(Atom::Hole(Certainty::Wild)),
        }
    }

    /// The output of commands, as far as it is known; they are judged too.
    fn output_of(&mut self, script: &Script) -> Field {
        let outer = self.scope.clone();
        let passes_on = std::mem::replace(&mut self.passes_on, true);
        self.begin(StepKind::Substitution, &script.text);
        let input = self.input.clone();
        let text = self.fed_with(input, |walker| walker.script(script));
        self.done();
        self.passes_on = passes_on;
        let value = self.known_output(script, text);
        self.scope = outer;
        value
    }

    /// The output of the words that were walked through last.
    fn known_output(&mut self, script: &Script, text: Option<String>) -> Field {
        let [pipeline] = script.pipelines.as_slice() else {
            return Field::hole(Certainty::Wild);
        };
        let given = std::mem::take(&mut self.last);
        let words = given.iter().take(3);
        let names: Vec<_> = words.map(|field| field.text.as_str()).collect();
        if pipeline.len() == 1 {
            if matches!(
                names.as_slice(),
                ["pwd"] | ["git", "rev-parse", "--show-toplevel"]
            ) {
                return Field::of(self.places.root_text());
            }
            if let Some(text) = text {
                return Field::of(text.trim_end_matches('\n').to_owned());
            }
        }
        // Programs that count or cut lines of harmless output stay harmless.
        Field::hole(if self.rules.is_tame(&names) {
            Certainty::Tame
        } else {
            Certainty::Wild
        })
    }
}

/// One field from several, as an assignment or a here-document joins them.
pub(super) fn join(values: Vec<Field>) -> Field {
    let mut values = values.into_iter();
    let mut joined = values.next().unwrap_or_default();
    for value in values {
        joined.text.push(' ');
        joined.text.push_str(&value.text);
        joined.certainty = joined.certainty.max(value.certainty);
        joined.glob |= value.glob;
    }
    joined
}

fn push(value: &Field, quoted: bool, atoms: &mut Vec<Atom>) {
    if value.text.is_empty() && quoted {
        atoms.push(Atom::Empty);
    }
    for c in value.text.chars() {
        atoms.push(match c {
            HOLE => Atom::Hole(value.certainty),
            // The home directory stays one, though a value's tilde is no longer expanded.
            '~' => Atom::Plain(c),
            c if quoted && !value.glob => Atom::Quoted(c),
            c => Atom::Value(c),
        });
    }
}

/// The output of `echo`, `printf` and `cat`, when it is known.
pub(super) fn printed(given: &[Field], stdin: &Stdin) -> Option<String> {
    let (name, args) = given.split_first()?;
    if !given.iter().all(|field| field.is_static() && !field.glob) {
        return None;
    }
    let texts: Vec<_> = args.iter().map(|arg| arg.text.as_str()).collect();
    match (name.text.as_str(), texts.as_slice()) {
        ("echo", rest) => {
            let options = rest.iter().take_while(|arg| {
                arg.len() > 1 && arg.starts_with('-') && arg[1..].chars().all(|c| "neE".contains(c))
            });
            let options: Vec<_> = options.collect();
            let text = rest[options.len()..].join(" ");
            let escaped = options.iter().any(|option| option.contains('e'));
            if escaped { unescape(&text) } else { Some(text) }
        }
        ("printf", ["%s" | "%s\\n", text]) => Some((*text).to_owned()),
        ("printf", [text]) if !text.contains('%') => unescape(text),
        ("cat", [] | ["-"]) => match stdin {
            Stdin::Text(text) => Some(text.clone()),
            Stdin::Nothing | Stdin::File(_) | Stdin::Unknown => None,
        },
        _ => None,
    }
}

fn unescape(text: &str) -> Option<String> {
    let quoted = format!("{}'", text.replace('\'', "\\'"));
    crate::policy::shell::ansi::decode(&quoted).map(|(text, _)| text)
}
