//! Expanding words as bash would, as far as it is known what comes out.

use crate::policy::judge::call::{Certainty, Field, HOLE};

/// The most words one word may become.
const MAX_FIELDS: usize = 256;

/// One character of a word, or a part of it that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Atom {
    /// An unquoted character of the text.
    Plain(char),
    /// A character that stands for itself.
    Quoted(char),
    /// A character of an unquoted value: it splits words and is a pattern, but makes no braces.
    Value(char),
    /// A part that is not known.
    Hole(Certainty),
    /// Quotes with nothing inside: a word, though an empty one.
    Empty,
}

/// Expands braces, splits words and marks patterns.
pub fn fields(atoms: Vec<Atom>) -> Vec<Field> {
    let mut words = Vec::new();
    if atoms.contains(&Atom::Plain('{')) {
        braces(atoms, &mut words, 0);
    } else {
        words.push(atoms);
    }
    words.into_iter().flat_map(split).collect()
}

/// Expands the first pair of braces of a word, and then the others.
fn braces(word: Vec<Atom>, into: &mut Vec<Vec<Atom>>, depth: usize) {
    let expanded = if depth < 16 && into.len() < MAX_FIELDS {
        first_braces(&word)
    } else {
        None
    };
    let Some((start, end, parts)) = expanded else {
        // Too many, or braces that are no expansion: what the rest would be is not known.
        let too_many = depth >= 16 || into.len() >= MAX_FIELDS;
        into.push(if too_many {
            vec![Atom::Hole(Certainty::Wild)]
        } else {
            word
        });
        return;
    };
    for part in parts {
        let mut next = word[..start].to_vec();
        next.extend(part);
        next.extend_from_slice(&word[end + 1..]);
        braces(next, into, depth + 1);
        if into.len() > MAX_FIELDS {
            return;
        }
    }
}

type Parts = (usize, usize, Vec<Vec<Atom>>);

fn first_braces(word: &[Atom]) -> Option<Parts> {
    let opening = (0..word.len()).filter(|at| word[*at] == Atom::Plain('{'));
    for start in opening.take(16) {
        let mut depth = 0_usize;
        let mut commas = vec![start];
        for (at, atom) in word.iter().enumerate().skip(start) {
            match atom {
                Atom::Plain('{') => depth += 1,
                Atom::Plain(',') if depth == 1 => commas.push(at),
                Atom::Plain('}') => {
                    depth -= 1;
                    if depth > 0 {
                        continue;
                    }
                    commas.push(at);
                    if commas.len() > 2 {
                        let parts = commas
                            .windows(2)
                            .map(|pair| word[pair[0] + 1..pair[1]].to_vec());
                        return Some((start, at, parts.collect()));
                    }
                    if let Some(parts) = sequence(&word[start + 1..at]) {
                        return Some((start, at, parts));
                    }
                    break;
                }
                Atom::Plain(_) | Atom::Quoted(_) | Atom::Value(_) | Atom::Hole(_) | Atom::Empty => {
                }
            }
        }
    }
    None
}

/// `a..e` and `1..9..2`.
fn sequence(inner: &[Atom]) -> Option<Vec<Vec<Atom>>> {
    let text: Option<String> = inner
        .iter()
        .map(|atom| match atom {
            Atom::Plain(c) => Some(*c),
            Atom::Quoted(_) | Atom::Value(_) | Atom::Hole(_) | Atom::Empty => None,
        })
        .collect();
    let text = text?;
    let mut parts = text.split("..");
    let (from, to) = (parts.next()?, parts.next()?);
    if let (Ok(_), Ok(_)) = (from.parse::<i64>(), to.parse::<i64>()) {
        // Numbers are as harmless as each other.
        return Some(vec![vec![Atom::Hole(Certainty::Tame)]]);
    }
    let one = |text: &str| {
        text.chars()
            .next()
            .filter(|c| text.len() == 1 && c.is_ascii())
    };
    let (from, to) = (one(from)?, one(to)?);
    let (low, high) = (from.min(to), from.max(to));
    Some((low..=high).map(|c| vec![Atom::Plain(c)]).collect())
}

fn split(atoms: Vec<Atom>) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut field = Field::default();
    let mut begun = false;
    for (at, atom) in atoms.into_iter().enumerate() {
        match atom {
            Atom::Value(' ' | '\t' | '\n') => {
                if begun {
                    fields.push(std::mem::take(&mut field));
                }
                begun = false;
                continue;
            }
            // A quoted tilde is the name of a file, not the home directory.
            Atom::Quoted('~') if at == 0 => field.text.push_str("./~"),
            Atom::Quoted(c) => field.text.push(c),
            Atom::Plain(c) | Atom::Value(c) => {
                field.glob |= matches!(c, '*' | '?' | '[');
                field.text.push(c);
            }
            Atom::Hole(certainty) => {
                field.certainty = field.certainty.max(certainty);
                field.text.push(HOLE);
            }
            Atom::Empty => {}
        }
        begun = true;
    }
    if begun {
        fields.push(field);
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Vec<String> {
        let words = fields(text.chars().map(Atom::Plain).collect());
        words.into_iter().map(|field| field.text).collect()
    }

    #[test]
    fn braces_become_words() {
        assert_eq!(plain("{r,}m"), ["rm", "m"]);
        assert_eq!(plain("a{b,{c,d}}e"), ["abe", "ace", "ade"]);
        assert_eq!(plain("{a..c}"), ["a", "b", "c"]);
        assert_eq!(plain("{}"), ["{}"]);
        assert_eq!(plain("{a}"), ["{a}"]);
        assert_eq!(plain("a{b"), ["a{b"]);
    }

    #[test]
    fn braces_without_end_are_bounded() {
        let text = "{a,b}".repeat(40);
        assert!(plain(&text).len() <= MAX_FIELDS + 2);
    }
}
