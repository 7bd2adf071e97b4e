//! Which paths a file names, by whatever short name it knows them.

use std::collections::BTreeMap;

use crate::tokens::Token;

/// The name of the library in the binary.
const LIBRARY: &str = "navi";

/// The names of other places that a file uses.
#[derive(Default)]
pub(crate) struct Names {
    /// Every path that the file names in full or by an alias, and the first line that does. Paths
    /// of ours begin with `crate`, others with the name of a crate.
    pub(crate) paths: BTreeMap<Vec<String>, usize>,
    /// The declarations of `use`: a short name, and the path that it stands for.
    pub(crate) aliases: BTreeMap<String, Vec<String>>,
}

/// A path as it is written, before what its first word means is known.
struct Written {
    path: Vec<String>,
    line: usize,
    /// The modules inside the file that it is written in.
    inside: Vec<String>,
    /// The name that a `use` gives it.
    alias: Option<String>,
}

/// Reads the names of a file that is the module `home`.
pub(crate) fn names(tokens: &[Token], home: &[String]) -> Names {
    let written = written(tokens);
    let mut names = Names::default();
    for one in written.iter().filter(|one| one.alias.is_some()) {
        let absolute = absolute(one, home, &BTreeMap::new());
        names.aliases.extend(one.alias.clone().zip(absolute));
    }
    for one in &written {
        if let Some(path) = absolute(one, home, &names.aliases) {
            names.paths.entry(path).or_insert(one.line);
        }
    }
    names
}

/// The path from the crate's root, or from that of another crate. None for a path of one word, and
/// for one that begins with something the file defines itself.
fn absolute(
    written: &Written,
    home: &[String],
    aliases: &BTreeMap<String, Vec<String>>,
) -> Option<Vec<String>> {
    let root = vec!["crate".to_owned()];
    let here = [&root, home, &written.inside].concat();
    let mut parts = written.path.iter();
    let mut path = match parts.next()?.as_str() {
        "crate" => root,
        LIBRARY if home == ["main"] => root,
        "self" => here,
        "super" => here[..here.len() - 1].to_vec(),
        first => match aliases.get(first) {
            Some(path) => path.clone(),
            None => vec![first.to_owned()],
        },
    };
    for part in parts {
        if part == "super" {
            path.pop();
        } else {
            path.push(part.clone());
        }
    }
    (path.len() > 1).then_some(path)
}

/// Every path of a file, as it is written.
fn written(tokens: &[Token]) -> Vec<Written> {
    let mut found = Vec::new();
    let mut inside: Vec<String> = Vec::new();
    // The number of open braces, now and at the beginning of each module inside the file.
    let mut depth = 0usize;
    let mut begun: Vec<usize> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        let next = |step: usize| {
            tokens
                .get(at + step)
                .map_or("", |token| token.text.as_str())
        };
        match token.text.as_str() {
            "mod" if next(2) == "{" => {
                inside.push(next(1).to_owned());
                begun.push(depth);
                at += 2; // At its brace.
                continue;
            }
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                if begun.last() == Some(&depth) {
                    begun.pop();
                    inside.pop();
                }
            }
            "use" if next(1) != "<" => {
                at = used(tokens, at + 1, &[], &inside, &mut found);
                continue;
            }
            _ if token.is_word() => {
                let continues = at > 0 && [".", "::"].contains(&tokens[at - 1].text.as_str());
                let (path, after) = path(tokens, at);
                if path.len() > 1 && !continues {
                    found.push(Written {
                        path,
                        line: token.line,
                        inside: inside.clone(),
                        alias: None,
                    });
                }
                at = after;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// The words between `::` from a place on, and the place after them.
fn path(tokens: &[Token], start: usize) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    let mut at = start;
    while let Some(word) = tokens.get(at).filter(|token| token.is_word()) {
        path.push(word.text.clone());
        at += 1;
        let more = tokens.get(at + 1).is_some_and(Token::is_word);
        if !more || !tokens[at].is("::") {
            break;
        }
        at += 1;
    }
    (path, at)
}

/// Reads one path of a `use`, or a group in braces, and answers with the place after it.
fn used(
    tokens: &[Token],
    start: usize,
    before: &[String],
    inside: &[String],
    found: &mut Vec<Written>,
) -> usize {
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token| token.is(text));
    let start = if is(start, "::") { start + 1 } else { start };
    let (words, mut at) = path(tokens, start);
    let mut path = [before, &words].concat();
    if is(at, "::") {
        at += 1;
    }
    if is(at, "{") {
        at += 1;
        while at < tokens.len() && !is(at, "}") {
            at = used(tokens, at, &path, inside, found);
            if is(at, ",") {
                at += 1;
            }
        }
        return at + 1;
    }
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let mut alias = path.last().cloned();
    if is(at, "*") {
        alias = None;
        at += 1;
    }
    if is(at, "as") {
        alias = tokens.get(at + 1).map(|token| token.text.clone());
        at += 2;
    }
    let line = tokens.get(start).map_or(0, |token| token.line);
    found.push(Written {
        path,
        line,
        inside: inside.to_vec(),
        alias: alias.filter(|name| name != "_"),
    });
    // Whatever else follows is no path; the next word must be looked at all the same.
    at.max(start + 1)
}
