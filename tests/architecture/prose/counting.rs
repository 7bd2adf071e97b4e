//! Documentation lines in slow English: a clause where a noun exists, or a person without a name.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::prose::lines::{Line, documentation, holds, is_word_part, lines};

/// Words that a sentence does not begin with: the noun or the verb comes first.
const OPENERS: &[&str] = &["What", "How", "Whether"];
/// Words in whose place stands who is meant, or `again`.
const WORDS: &[&str] = &[
    "nobody", "Nobody", "somebody", "Somebody", "whoever", "Whoever", "anew", "Anew",
];
/// The bound for the whole repository.
const MOST: usize = 400;
/// Slow lines of migrations. Their checksums are kept, so these lines stay as they are.
const FROZEN: usize = 93;

fn is_slow(line: &Line) -> bool {
    let opens = OPENERS.iter().any(|word| {
        let rest = line.text.strip_prefix(word);
        rest.is_some_and(|rest| !rest.starts_with(is_word_part))
    });
    opens || WORDS.iter().any(|word| holds(&line.text, word))
}

/// The files that are kept as they are, by their paths.
fn frozen() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/CHECKSUMS");
    let checksums = fs::read_to_string(path).unwrap();
    let names = checksums
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1));
    names.map(|name| format!("migrations/{name}")).collect()
}

#[test]
fn slow_lines_are_few_and_migrations_gain_none() {
    let kept = frozen();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in documentation().iter().filter(|line| is_slow(line)) {
        *counts.entry(line.path.clone()).or_default() += 1;
    }
    let in_migrations: usize = kept.iter().filter_map(|path| counts.remove(path)).sum();
    assert_eq!(
        in_migrations, FROZEN,
        "a new migration begins its lines with nouns and verbs, and says who is meant"
    );
    let all = counts.values().sum::<usize>() + FROZEN;
    assert!(
        all < MOST,
        "{all} slow lines, under {MOST} are allowed: {counts:#?}"
    );
}

#[test]
fn a_line_is_slow_by_its_first_word_or_by_a_person_without_a_name() {
    let count = |path: &str, text: &str| {
        let lines = lines(path, text);
        lines.iter().filter(|line| is_slow(line)).count()
    };
    let comments = "\
/// What it costs.
//! How long it takes.
    // Whether it is full.
/// The cost, whoever pays.
/// Counted anew.
let nobody = 1; // a name in code, and a comment behind it
/// Whatever it costs, However long, Whetherable.
/// The cost of what runs, and how long it takes.
/// The nobody_s of a renewal.
\"nobody\"";
    assert_eq!(count("src/a.rs", comments), 5);
    assert_eq!(count("a.sql", "-- What it holds.\nselect 'What'"), 1);
    assert_eq!(count("a.sh", "# How to run it.\necho What"), 1);
    let document = "\
What this is
- How it works
| Whether it runs | yes |
| a | What runs |
> Nobody reads this.
# What a heading says
Somebody's order, and nobody-s";
    assert_eq!(count("docs/a.md", document), 5);
}
