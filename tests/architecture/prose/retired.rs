//! Phrases that were given up: private words, and clauses in the place of the field's word.

use crate::house::House;
use crate::prose::lines::{documentation, holds, lines};
use crate::tree::Tree;

/// Phrases that neither documentation nor a text may hold, and the words in their place.
const RETIRED: &[(&str, &str)] = &[
    ("none that a list gave out", "`cursor` is not valid"),
    ("there is no job", "job X not found"),
    (
        "no such place in a log",
        "the name of the parameter, and `is not valid`",
    ),
    ("as many as this server takes", "at its limit of N"),
    ("what was said of answers", "ratings"),
    ("is kept without what is private", "private data is removed"),
    ("who follows which run", "streams, subscribers"),
    ("how far its log is known to be", "the last known event"),
    ("what is found by looking", "polling"),
    (
        "it queues for one before it goes on",
        "acquires a slot before it continues",
    ),
    ("voices of a scope", "votes"),
];

/// Phrases that no text for people may hold, and the words in their place.
const RETIRED_IN_TEXTS: &[(&str, &str)] = &[
    ("nobody", "no user, no process"),
    ("somebody", "a user, a process"),
    ("whoever", "the one who is meant"),
    ("anew", "again"),
    ("is none that", "is not valid"),
    ("cannot be had", "is not available"),
    (
        "could not be had",
        "could not be loaded, could not be acquired",
    ),
    ("to be had", "available"),
    ("as many as may be", "at its limit of N"),
    (
        "answered otherwise",
        "already answered with a different choice",
    ),
    ("be worked with", "is not valid"),
    ("of yours", "X not found"),
    ("does not come to", "has fewer than"),
    ("which comes first", "the reason in a sentence of its own"),
    ("is told", "receives"),
];

/// Texts that stay as they are: in runs of older servers they are recognised by these words, and
/// checks of settings have a wording of their own.
const KEPT: &[(&str, &str)] = &[
    ("agent/prompt/facts.rs", "nobody"),
    ("config/production.rs", "nobody"),
    ("config/production.rs", "whoever"),
];

/// Texts of the program, its error texts among them, that hold a phrase that was given up.
pub(crate) fn texts(tree: &Tree, _: &House) -> Vec<String> {
    let phrases = || RETIRED.iter().chain(RETIRED_IN_TEXTS);
    let mut wrong = Vec::new();
    for source in &tree.sources {
        let sentences = source
            .tokens
            .iter()
            .filter(|token| token.content.contains(' '));
        for token in sentences {
            let text = token.content.to_lowercase();
            for (phrase, instead) in phrases().filter(|(phrase, _)| holds(&text, phrase)) {
                if !KEPT.contains(&(source.path.as_str(), *phrase)) {
                    let place = format!("{}:{}", source.path, token.line);
                    wrong.push(format!("{place}: a text says `{phrase}`; say: {instead}"));
                }
            }
        }
    }
    wrong
}

#[test]
fn no_documentation_line_holds_a_retired_phrase() {
    let mut wrong = Vec::new();
    for line in documentation() {
        let text = line.text.to_lowercase();
        for (phrase, instead) in RETIRED.iter().filter(|(phrase, _)| holds(&text, phrase)) {
            let place = format!("{}:{}", line.path, line.number);
            wrong.push(format!("{place}: says `{phrase}`; say: {instead}"));
        }
    }
    crate::report(&wrong);
}

#[test]
fn a_phrase_is_found_in_any_case_and_not_within_a_longer_word() {
    let text = "/// `cursor` is None that a list gave out.\n/// Jobs: there is no jobless one.";
    let found = lines("src/a.rs", text);
    let holding = |phrase| {
        let of = |text: &str| holds(&text.to_lowercase(), phrase);
        found.iter().filter(|line| of(&line.text)).count()
    };
    assert_eq!(holding("none that a list gave out"), 1);
    assert_eq!(holding("there is no job"), 0);
}
