//! The world outside: people with hidden preferences, and a model that does as its prompt says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// The traits of an answer, each with two values: the subject, both values, and the sentence that asks
/// for each of them in a prompt.
pub(crate) const TRAITS: &[(&str, [&str; 2], [&str; 2])] = &[
    (
        "length",
        ["brief", "detailed"],
        ["Answer briefly", "Answer in detail"],
    ),
    (
        "lists",
        ["bullets", "prose"],
        [
            "Structure answers with bullet points",
            "Answer in prose, without bullet points",
        ],
    ),
    (
        "quotes@python",
        ["single", "double"],
        [
            "Use single quotes for strings",
            "Use double quotes for strings",
        ],
    ),
    (
        "indent@python",
        ["tabs", "4_spaces"],
        ["Indent with tabs", "Indent with four spaces"],
    ),
    (
        "comments@python",
        ["some", "none"],
        ["Explain code with comments", "Write code without comments"],
    ),
    (
        "types@python",
        ["annotated", "bare"],
        [
            "Annotate the types of functions",
            "Leave out type annotations",
        ],
    ),
    (
        "names@python",
        ["snake_case", "camel_case"],
        [
            "Name functions and variables in snake_case",
            "Name functions and variables in camelCase",
        ],
    ),
];

/// The manner of an answer: an index into the values of every trait.
pub(crate) type Manner = [usize; 7];

/// A number between 0 and 1 that depends on nothing but these (`SplitMix64`, Steele et al. 2014): the same
/// person with the same task draws the same under every condition, so conditions differ by what was
/// learned and by nothing else.
pub(crate) fn draw(seed: u64, a: usize, b: usize, c: usize) -> f64 {
    let mut z = seed;
    for part in [a, b, c] {
        z = z
            .wrapping_add(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(part as u64);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
    }
    (z >> 11) as f64 / (1_u64 << 53) as f64
}

/// A person with hidden preferences.
#[derive(Clone, Debug)]
pub(crate) struct Persona {
    pub(crate) number: usize,
    pub(crate) org: usize,
    /// The traits they care about, and the value they want of each.
    pub(crate) wants: BTreeMap<usize, usize>,
}

/// People of two organisations. Each house has two preferences that all in it share; each person has two
/// of their own.
pub(crate) fn personas(seed: u64, count: usize) -> Vec<Persona> {
    let all = TRAITS.len();
    let pick = |a: usize, b: usize, c: usize, below: usize| {
        (draw(seed, a, b, c) * below as f64) as usize % below
    };
    let persona = |number: usize| {
        let org = number % 2;
        let mut wants = BTreeMap::new();
        for n in 0..2 {
            wants.insert((org * 2 + n * 3) % all, pick(1_000 + org, n, 0, 2));
        }
        let mut n = 0;
        while wants.len() < 4 {
            let (want, value) = (pick(number, n, 1, all), pick(number, n, 2, 2));
            wants.entry(want).or_insert(value);
            n += 1;
        }
        Persona { number, org, wants }
    };
    (0..count).map(persona).collect()
}

impl Persona {
    /// True if they like an answer: nearly always if all is as they want it, every second time if one
    /// trait is wrong, hardly ever if more are.
    pub(crate) fn likes(&self, seed: u64, task: usize, manner: &Manner) -> bool {
        let amiss = self
            .wants
            .iter()
            .filter(|(want, value)| manner[**want] != **value)
            .count();
        let chance = match amiss {
            0 => 0.95,
            1 => 0.5,
            _ => 0.1,
        };
        draw(seed, self.number, task, 500) < chance
    }
}

/// Answers that were given, by person and task of a condition.
pub(crate) type Given = Arc<Mutex<BTreeMap<(String, usize, usize), Manner>>>;

/// The share of instructions that the model follows.
const OBEYS: f64 = 0.95;

/// The model's answer to a prompt: as instructed for traits with an instruction, by chance for the others.
pub(crate) fn manner(seed: u64, person: usize, task: usize, learned: &str) -> Manner {
    let mut manner = Manner::default();
    for (index, (_, _, sentences)) in TRAITS.iter().enumerate() {
        manner[index] = usize::from(draw(seed, person, task, index) < 0.5);
        let told = sentences.iter().position(|sentence| {
            let mut lines = learned.lines();
            lines.any(|line| line.contains(sentence) && !line.starts_with('✗'))
        });
        if let Some(told) = told
            && draw(seed, person, task, 100 + index) < OBEYS
        {
            manner[index] = told;
        }
    }
    manner
}

/// An answer of this manner.
pub(crate) fn answer(manner: &Manner) -> String {
    let is = |index: usize, value: &str| TRAITS[index].1[manner[index]] == value;
    let quote = if is(2, "single") { '\'' } else { '"' };
    let indent = if is(3, "tabs") { "\t" } else { "    " };
    let (name, first, last, both) = if is(6, "snake_case") {
        ("load_name", "first_part", "last_part", "both_parts")
    } else {
        ("loadName", "firstPart", "lastPart", "bothParts")
    };
    let signature = if is(5, "annotated") {
        format!("def {name}(given: str, family: str) -> str:")
    } else {
        format!("def {name}(given, family):")
    };
    let mut code = vec![signature];
    if is(4, "some") {
        code.push(format!("{indent}# Both parts are taken as they come,"));
        code.push(format!("{indent}# and joined at the end."));
    }
    code.extend([
        format!("{indent}{first} = given or {quote}nobody{quote}"),
        format!("{indent}{last} = family or {quote}at all{quote}"),
        format!("{indent}{both} = {first} + {quote} {quote} + {last}"),
        format!("{indent}return {both}.strip()"),
    ]);
    let sentences = [
        "The function takes both parts and joins them with a blank.",
        "A part that is missing is replaced, so that the result is never empty.",
        "Nothing else of the module had to change.",
    ];
    let times = if is(0, "brief") { 1 } else { 8 };
    let prose: Vec<&str> = sentences.iter().copied().cycle().take(times * 3).collect();
    let prose = if is(1, "bullets") {
        format!("- {}", prose.join("\n- "))
    } else {
        prose.join(" ")
    };
    format!("{prose}\n\n```python\n{}\n```\n", code.join("\n"))
}
