//! The definitions of a file: names, and types with methods of their own.

use std::collections::BTreeSet;

use crate::tokens::{Token, closing, stands};

/// A name that a file gives to something.
pub(crate) struct Definition {
    pub(crate) name: String,
    /// The keyword before the name.
    pub(crate) kind: String,
    pub(crate) line: usize,
    /// True if it stands in a module, and not in a function, a trait or an `impl`.
    pub(crate) in_module: bool,
}

impl Definition {
    /// True if other files can import it as a type.
    pub(crate) fn is_type(&self) -> bool {
        self.in_module && ["struct", "enum", "trait", "type"].contains(&self.kind.as_str())
    }
}

/// Keywords that are followed by the name of what they define.
const DEFINING: &[&str] = &[
    "struct", "enum", "trait", "type", "const", "static", "fn", "mod",
];

/// All that a file defines, by itself or by calling one of the macros that define a type.
pub(crate) fn definitions(tokens: &[Token], macros: &BTreeSet<String>) -> Vec<Definition> {
    let mut found = Vec::new();
    let mut in_module = vec![true];
    for (at, token) in tokens.iter().enumerate() {
        let here = *in_module.last().unwrap_or(&true);
        let kind = token.text.as_str();
        match kind {
            "{" => {
                let of_module = at > 1 && tokens[at - 2].is("mod");
                in_module.push(here && of_module);
            }
            "}" => drop(in_module.pop()),
            _ => {}
        }
        let next = tokens.get(at + 1).filter(|next| next.is_word());
        if let Some(name) = next
            && DEFINING.contains(&kind)
            && !DEFINING.contains(&name.text.as_str())
        {
            found.push(Definition {
                name: name.text.clone(),
                kind: kind.to_owned(),
                line: name.line,
                in_module: here,
            });
        }
        if here && macros.contains(kind) && stands(tokens, at + 1, &["!"]) {
            found.extend(defined_by_macro(tokens, at + 2));
        }
    }
    found
}

/// The type that a call of a macro defines: the first name that it is given.
fn defined_by_macro(tokens: &[Token], open: usize) -> Option<Definition> {
    let mut at = open + 1;
    while stands(tokens, at, &["#", "["]) {
        at = closing(tokens, at + 1) + 1;
    }
    let name = tokens.get(at).filter(|token| token.is_word())?;
    Some(Definition {
        name: name.text.clone(),
        kind: "struct".to_owned(),
        line: name.line,
        in_module: true,
    })
}

/// The names and the bodies of the macros in a file.
fn macros(tokens: &[Token]) -> impl Iterator<Item = (usize, &Token, &[Token])> {
    tokens.iter().enumerate().filter_map(|(at, token)| {
        let open = at + 3;
        let is_macro = token.is("macro_rules") && tokens.len() > open;
        is_macro.then(|| (at, &tokens[at + 2], &tokens[open..=closing(tokens, open)]))
    })
}

/// The macros of a file that define a type whose name they are given.
pub(crate) fn defining_macros(tokens: &[Token]) -> BTreeSet<String> {
    let defines = |body: &[Token]| {
        body.windows(2)
            .any(|pair| ["struct", "enum"].iter().any(|kind| pair[0].is(kind)) && pair[1].is("$"))
    };
    macros(tokens)
        .filter(|(_, _, body)| defines(body))
        .map(|(_, name, _)| name.text.clone())
        .collect()
}

/// The macros of a file that are reached from the crate's root.
pub(crate) fn exported_macros(tokens: &[Token]) -> impl Iterator<Item = String> {
    macros(tokens)
        .filter(|(at, _, _)| *at > 1 && stands(tokens, at - 2, &["macro_export", "]"]))
        .map(|(_, name, _)| name.text.clone())
}

/// The types that get methods in a file without a trait, as their paths are written.
pub(crate) fn inherent_impls(tokens: &[Token]) -> Vec<(Vec<String>, usize)> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        // `impl` in the place of a type follows another kind of token.
        let before = at.checked_sub(1).map_or(";", |at| tokens[at].text.as_str());
        let is_item = [";", "}", "{", "]", "unsafe"].contains(&before);
        if token.is("impl") && is_item {
            let path = implemented(tokens, after_generics(tokens, at + 1));
            found.extend(path.map(|path| (path, token.line)));
        }
    }
    found
}

/// The place after the parameters in angle brackets that begin at a place, if any do.
fn after_generics(tokens: &[Token], start: usize) -> usize {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.text.as_str() {
            "<" => depth += 1,
            ">" => depth = depth.saturating_sub(1),
            _ if depth == 0 => return at,
            _ => {}
        }
    }
    tokens.len()
}

/// The path of the type whose `impl` goes on at a place; none if it is that of a trait, or if a
/// macro puts the name in.
fn implemented(tokens: &[Token], start: usize) -> Option<Vec<String>> {
    let mut path = Vec::new();
    let mut at = start;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "for" | "$" => return None,
            "{" | "where" => break,
            "<" => {
                at = after_generics(tokens, at);
                continue;
            }
            "dyn" | "mut" => {}
            _ if token.is_word() => path.push(token.text.clone()),
            _ => {}
        }
        at += 1;
    }
    (!path.is_empty()).then_some(path)
}
