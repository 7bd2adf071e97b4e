//! Files that code names which a program is given as an argument.

use std::path::Path;

use crate::policy::judge::call::{Call, Field};
use crate::policy::judge::reading::folders::SEARCH_VALUED;
use crate::policy::judge::walker::Walker;
use crate::policy::paths::Place;

/// Readers whose first operand is what they look for or do.
const TAKE_SCRIPTS: &[&str] = &[
    "grep", "egrep", "fgrep", "rg", "ag", "ack", "zgrep", "awk", "gawk", "mawk", "nawk", "sed",
    "jq", "yq", "perl",
];

/// The most words of a piece of code that are looked at.
const MAX_WORDS: usize = 2_000;

/// True for programs whose arguments may be code.
pub(super) fn is_code(program: &str) -> bool {
    let names = [
        "node",
        "nodejs",
        "deno",
        "bun",
        "ruby",
        "perl",
        "php",
        "awk",
        "gawk",
        "mawk",
        "nawk",
        "sed",
        "gsed",
        "lua",
        "jq",
        "yq",
        "R",
        "Rscript",
        "julia",
        "sqlite3",
        "duckdb",
        "psql",
        "mysql",
        "tclsh",
        "raku",
        "ghc",
        "elixir",
        "groovy",
        "scala",
        "osascript",
    ];
    program.starts_with("python") || names.contains(&program)
}

/// The operand of a program that says what it looks for or does, when no option does.
pub(super) fn script(call: &Call) -> Option<String> {
    let options = ["-e", "--regexp", "-f", "--expression", "--file"];
    let takes = TAKE_SCRIPTS.contains(&call.program.as_str()) && !call.has(&options);
    let searches = ["grep", "egrep", "fgrep", "zgrep", "rg", "ag", "ack"];
    let valued = if searches.contains(&call.program.as_str()) {
        SEARCH_VALUED
    } else {
        &["-F", "-v", "--arg", "--argjson"]
    };
    let first = call
        .operands(valued)
        .first()
        .map(|first| first.text.clone());
    first.filter(|_| takes)
}

impl Walker<'_> {
    /// Judges the files that a piece of code names, as far as its words are files here or paths that
    /// lead out.
    pub(super) fn reads_in_code(&mut self, code: &str, call: &Call) {
        let signs = [
            '"', '\'', '`', ' ', '(', ')', '[', ']', '{', '}', ',', ';', '<', '>', '|', '=', '\n',
            '\t',
        ];
        let words = code.split(signs).filter(|word| !word.is_empty());
        for word in words.take(MAX_WORDS) {
            let file = Field::of(word);
            let leads_out = match word.chars().next() {
                Some('/') => word.len() > 1 && Path::new(word).exists(),
                Some('~') => word.len() > 1,
                _ => word.starts_with("../"),
            };
            let is_here = match self.said(&file) {
                Place::Inside(inside) => self.places.root().join(inside).is_file(),
                Place::Temporary(_) | Place::Outside(_) | Place::Unknown => false,
            };
            if leads_out || is_here {
                self.reads(&file, &call.program, &call.segment);
            }
        }
    }
}
