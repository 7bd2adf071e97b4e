//! An inverted index with BM25 ranking that forgets and learns single files. Pure.
//!
//! Every statistic is an integer that removal takes back exactly, and scores are summed in the
//! order of the question's terms: an index that was changed file by file gives the same answers,
//! to the last bit, as one built from scratch.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::retrieval::chunk::{pieces, seen_of};
use crate::retrieval::model::Fingerprint;
use crate::retrieval::tokenize::each_term;
use crate::retrieval::weights::{
    DEFINED_PART, DEFINED_WHOLE, FILE_NAME, FOLDER_NAME, LENGTH_WEIGHT, MAX_QUERY_TERMS,
    SATURATION, SWEEP_SLACK,
};

/// A match.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The file, relative to the workspace.
    pub path: Arc<str>,
    /// The first line, counted from 1.
    pub start_line: u32,
    /// The last line, inclusive.
    pub end_line: u32,
    /// The BM25 score.
    pub score: f64,
}

#[derive(Debug)]
struct File {
    fingerprint: Option<Fingerprint>,
    seen: u64,
    /// True if it was left out for what it holds.
    secret: bool,
    chunks: Vec<u32>,
}

#[derive(Debug)]
struct Chunk {
    path: Arc<str>,
    start_line: u32,
    end_line: u32,
    length: u32,
    /// The amounts it adds to the terms' counts, to be taken back; empty once it is removed.
    terms: Box<[u32]>,
    live: bool,
}

#[derive(Debug, Default)]
struct Postings {
    /// Chunk and weighted number of occurrences; removed chunks stay until the next compaction.
    entries: Vec<(u32, u32)>,
    /// The number of live chunks that have the term.
    live: u32,
}

/// The index of one workspace.
#[derive(Debug, Default)]
pub struct Index {
    terms: HashMap<Box<str>, u32>,
    postings: Vec<Postings>,
    chunks: Vec<Chunk>,
    files: BTreeMap<Arc<str>, File>,
    live_chunks: u32,
    live_length: u64,
    live_entries: usize,
    dead_entries: usize,
    term_bytes: usize,
    /// Weighted occurrences in the chunk being read, by term; all zero between chunks.
    scratch: Vec<u32>,
}

impl Index {
    /// The number of files it holds, those without any text included.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// The number of files left out because they hold secrets.
    pub fn secret_files(&self) -> usize {
        self.files.values().filter(|file| file.secret).count()
    }

    /// Notes that a file holds secrets, in place of what it was before. None of its text is kept.
    pub fn put_secret(&mut self, path: &str, fingerprint: Option<Fingerprint>, round: u64) {
        self.put(path, fingerprint, "", round);
        if let Some(file) = self.files.get_mut(path) {
            file.secret = true;
        }
    }

    /// Roughly how much memory it takes, in bytes.
    pub fn bytes(&self) -> usize {
        const PER_FILE: usize = 200;
        const PER_CHUNK: usize = 72;
        const PER_TERM: usize = 100;
        // A posting, and the term's number in the chunk's own list.
        const PER_ENTRY: usize = 8 + 4;
        self.term_bytes
            + self.terms.len() * PER_TERM
            + self.files.len() * PER_FILE
            + self.chunks.len() * PER_CHUNK
            + (self.live_entries + self.dead_entries) * PER_ENTRY
    }

    /// True if this state of the file is indexed; marks the file as seen in `round`.
    pub fn is_current(&mut self, path: &str, fingerprint: &Fingerprint, round: u64) -> bool {
        self.files.get_mut(path).is_some_and(|file| {
            file.seen = round;
            file.fingerprint.as_ref() == Some(fingerprint)
        })
    }

    /// Puts a file in, in place of what it was before. Without a fingerprint it is never current,
    /// so the next refresh reads it again.
    pub fn put(&mut self, path: &str, fingerprint: Option<Fingerprint>, text: &str, round: u64) {
        self.remove(path);
        let name: Arc<str> = path.into();
        let in_path = self.path_terms(path);
        let mut chunks = Vec::new();
        for piece in pieces(text) {
            let body = text.get(piece.bytes).unwrap_or_default();
            let (length, occurrences) = self.read_chunk(body, &in_path);
            let Ok(id) = u32::try_from(self.chunks.len()) else {
                break;
            };
            let mut terms = Vec::with_capacity(occurrences.len());
            for (term, count) in occurrences {
                if let Some(postings) = self.postings.get_mut(term as usize) {
                    postings.entries.push((id, count));
                    postings.live += 1;
                }
                terms.push(term);
            }
            self.live_entries += terms.len();
            self.live_chunks += 1;
            self.live_length += u64::from(length);
            self.chunks.push(Chunk {
                path: Arc::clone(&name),
                start_line: piece.start_line,
                end_line: piece.end_line,
                length,
                terms: terms.into_boxed_slice(),
                live: true,
            });
            chunks.push(id);
        }
        let file = File {
            fingerprint,
            seen: round,
            secret: false,
            chunks,
        };
        self.files.insert(name, file);
    }

    /// Forgets a file.
    pub fn remove(&mut self, path: &str) {
        let Some(file) = self.files.remove(path) else {
            return;
        };
        for id in file.chunks {
            let Some(chunk) = self.chunks.get_mut(id as usize) else {
                continue;
            };
            chunk.live = false;
            self.live_chunks -= 1;
            self.live_length -= u64::from(chunk.length);
            let terms = std::mem::take(&mut chunk.terms);
            self.live_entries -= terms.len();
            self.dead_entries += terms.len();
            for term in terms {
                if let Some(postings) = self.postings.get_mut(term as usize) {
                    postings.live -= 1;
                }
            }
        }
        if self.dead_entries > self.live_entries / 2 + SWEEP_SLACK {
            self.compact();
        }
    }

    /// Forgets every file that was not seen in `round`.
    pub fn retain_seen(&mut self, round: u64) {
        let gone: Vec<Arc<str>> = self
            .files
            .iter()
            .filter(|(_, file)| file.seen != round)
            .map(|(path, _)| Arc::clone(path))
            .collect();
        for path in gone {
            self.remove(&path);
        }
    }

    /// The best `limit` chunks for a question; ties go to the earlier path and line.
    pub fn search(&self, query: &str, limit: usize) -> Vec<Hit> {
        let mut scores = vec![0.0_f64; self.chunks.len()];
        let average = self.average_length();
        for postings in self.query_postings(query) {
            let having = f64::from(postings.live);
            let idf = ((f64::from(self.live_chunks) - having + 0.5) / (having + 0.5)).ln_1p();
            for (id, count) in &postings.entries {
                let Some(chunk) = self.chunks.get(*id as usize).filter(|chunk| chunk.live) else {
                    continue;
                };
                let relative = f64::from(chunk.length) / average.max(1.0);
                let damping = SATURATION * (1.0 - LENGTH_WEIGHT + LENGTH_WEIGHT * relative);
                let count = f64::from(*count);
                scores[*id as usize] += idf * count * (SATURATION + 1.0) / (count + damping);
            }
        }
        let mut hits: Vec<Hit> = self
            .chunks
            .iter()
            .zip(scores)
            .filter(|(_, score)| *score > 0.0)
            .map(|(chunk, score)| Hit {
                path: Arc::clone(&chunk.path),
                start_line: chunk.start_line,
                end_line: chunk.end_line,
                score,
            })
            .collect();
        hits.sort_unstable_by(|a, b| {
            b.score
                .total_cmp(&a.score)
                .then_with(|| a.path.cmp(&b.path))
                .then_with(|| a.start_line.cmp(&b.start_line))
        });
        hits.truncate(limit);
        hits
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "no workspace within the bounds has 2^52 terms"
    )]
    fn average_length(&self) -> f64 {
        self.live_length as f64 / f64::from(self.live_chunks.max(1))
    }

    /// The postings of the question's terms, in the terms' order; the rarest when there are many.
    fn query_postings(&self, query: &str) -> Vec<&Postings> {
        let mut terms: BTreeSet<Box<str>> = BTreeSet::new();
        each_term(query, |term| {
            if self.terms.contains_key(term.text) {
                terms.insert(term.text.into());
            }
        });
        let mut found: Vec<(Box<str>, &Postings)> = terms
            .into_iter()
            .filter_map(|term| {
                let id = *self.terms.get(&term)?;
                let postings = self.postings.get(id as usize)?;
                (postings.live > 0).then_some((term, postings))
            })
            .collect();
        if found.len() > MAX_QUERY_TERMS {
            found.sort_by(|(a, x), (b, y)| x.live.cmp(&y.live).then_with(|| a.cmp(b)));
            found.truncate(MAX_QUERY_TERMS);
            found.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        found.into_iter().map(|(_, postings)| postings).collect()
    }

    fn path_terms(&mut self, path: &str) -> Vec<(u32, u32)> {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut found = Vec::new();
        for (text, weight) in [(folders, FOLDER_NAME), (name, FILE_NAME)] {
            each_term(text, |term| {
                if let Some(id) = intern(
                    &mut self.terms,
                    &mut self.postings,
                    &mut self.term_bytes,
                    term.text,
                ) {
                    found.push((id, weight));
                }
            });
        }
        found
    }

    /// The number of terms in a chunk and, sorted by term, how often each occurs, weighted.
    fn read_chunk(&mut self, body: &str, in_path: &[(u32, u32)]) -> (u32, Vec<(u32, u32)>) {
        let mut length: u32 = 0;
        let mut touched = Vec::new();
        let (terms, postings, term_bytes, scratch) = (
            &mut self.terms,
            &mut self.postings,
            &mut self.term_bytes,
            &mut self.scratch,
        );
        let mut add = |id: u32, weight: u32, scratch: &mut Vec<u32>| {
            let at = id as usize;
            if scratch.len() <= at {
                scratch.resize(at + 1, 0);
            }
            if let Some(count) = scratch.get_mut(at) {
                if *count == 0 {
                    touched.push(id);
                }
                *count = count.saturating_add(weight);
            }
        };
        for line in body.lines() {
            each_term(seen_of(line).0, |term| {
                length = length.saturating_add(1);
                if let Some(id) = intern(terms, postings, term_bytes, term.text) {
                    let bonus = match (term.defined, term.whole) {
                        (false, _) => 0,
                        (true, true) => DEFINED_WHOLE,
                        (true, false) => DEFINED_PART,
                    };
                    add(id, 1 + bonus, scratch);
                }
            });
        }
        for (id, weight) in in_path {
            add(*id, *weight, scratch);
        }
        touched.sort_unstable();
        let occurrences = touched
            .into_iter()
            .map(|id| (id, scratch.get_mut(id as usize).map_or(0, std::mem::take)))
            .collect();
        (length, occurrences)
    }

    /// Drops what was removed, and the terms that only removed chunks had.
    fn compact(&mut self) {
        let mut new_ids = vec![None; self.chunks.len()];
        let mut kept: u32 = 0;
        for (chunk, new_id) in self.chunks.iter().zip(&mut new_ids) {
            if chunk.live {
                *new_id = Some(kept);
                kept += 1;
            }
        }
        let renumber = |id: u32| new_ids.get(id as usize).copied().flatten();
        self.chunks.retain(|chunk| chunk.live);
        for file in self.files.values_mut() {
            file.chunks = file.chunks.iter().copied().filter_map(renumber).collect();
        }
        let mut new_terms = vec![0; self.postings.len()];
        let mut postings = Vec::new();
        let mut count: u32 = 0;
        for (mut old, new_term) in std::mem::take(&mut self.postings)
            .into_iter()
            .zip(&mut new_terms)
        {
            if old.live > 0 {
                old.entries = old
                    .entries
                    .into_iter()
                    .filter_map(|(id, occurrences)| Some((renumber(id)?, occurrences)))
                    .collect();
                *new_term = count;
                count += 1;
                postings.push(old);
            } else {
                *new_term = u32::MAX;
            }
        }
        self.postings = postings;
        self.terms.retain(|_, id| {
            *id = new_terms.get(*id as usize).copied().unwrap_or(u32::MAX);
            *id != u32::MAX
        });
        for chunk in &mut self.chunks {
            for term in &mut chunk.terms {
                *term = new_terms.get(*term as usize).copied().unwrap_or(u32::MAX);
            }
        }
        self.term_bytes = self.terms.keys().map(|term| term.len()).sum();
        self.scratch = Vec::new();
        self.dead_entries = 0;
    }
}

/// The number of a term, a new one if it has none yet.
fn intern(
    terms: &mut HashMap<Box<str>, u32>,
    postings: &mut Vec<Postings>,
    term_bytes: &mut usize,
    text: &str,
) -> Option<u32> {
    if let Some(id) = terms.get(text) {
        return Some(*id);
    }
    let id = u32::try_from(postings.len()).ok()?;
    terms.insert(text.into(), id);
    postings.push(Postings::default());
    *term_bytes += text.len();
    Some(id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::Index;

    fn index_of(files: &[(&str, &str)]) -> Index {
        let mut index = Index::default();
        for (path, text) in files {
            index.put(path, None, text, 1);
        }
        index
    }

    fn ranking(index: &Index, query: &str) -> Vec<String> {
        let hits = index.search(query, 10);
        hits.iter()
            .map(|hit| hit.path.as_ref().to_owned())
            .collect()
    }

    #[test]
    fn the_definition_comes_before_its_callers() {
        let calls = "    let config = parse_config(path)?;\n".repeat(12);
        let index = index_of(&[
            ("a/caller.rs", &calls),
            (
                "b/reader.rs",
                "pub fn parse_config(path: &Path) -> Config {\n    todo\n}\n",
            ),
            ("c/other.rs", "pub fn parse(text: &str) -> Tree {}\n"),
        ]);
        assert_eq!(
            ranking(&index, "parse_config"),
            ["b/reader.rs", "a/caller.rs", "c/other.rs"]
        );
        assert_eq!(
            ranking(&index, "where does parseConfig live?")[0],
            "b/reader.rs"
        );
    }

    #[test]
    fn a_file_is_found_by_its_name() {
        let index = index_of(&[
            (
                "src/invoice_totals.py",
                "def add(a, b):\n    return a + b\n",
            ),
            ("src/main.py", "import invoice\n"),
        ]);
        assert_eq!(
            ranking(&index, "fix the invoice totals")[0],
            "src/invoice_totals.py"
        );
    }

    #[test]
    fn ties_go_to_the_earlier_path_and_line() {
        let index = index_of(&[("b.txt", "same word"), ("a.txt", "same word")]);
        assert_eq!(ranking(&index, "word"), ["a.txt", "b.txt"]);
    }

    #[test]
    fn nothing_matches_nothing() {
        assert_eq!(ranking(&Index::default(), "anything"), [""; 0]);
        assert_eq!(ranking(&index_of(&[("a.rs", "alpha")]), "the of"), [""; 0]);
    }

    #[test]
    fn a_forgotten_workspace_leaves_no_memory_behind() {
        let text: Vec<_> = (0..2_000).map(|n| format!("name{n}")).collect();
        let text = text.join("\n");
        let mut index = index_of(&[("a.rs", &text), ("b.rs", "small")]);
        let full = index.bytes();
        index.remove("a.rs");
        assert!(index.bytes() < full / 50, "{} of {full}", index.bytes());
        index.remove("b.rs");
        assert_eq!(
            (index.files(), index.live_chunks, index.live_length),
            (0, 0, 0)
        );
    }

    const WORDS: &[&str] = &[
        "alpha",
        "beta",
        "gammaDelta",
        "fn",
        "beta_gamma",
        "x\n",
        "\n\n",
        "é",
        "class",
    ];

    fn any_text() -> impl Strategy<Value = String> {
        proptest::collection::vec(proptest::sample::select(WORDS), 0..200)
            .prop_map(|words| words.join(" "))
    }

    proptest! {
        #[test]
        fn changing_files_one_by_one_equals_starting_anew(
            changes in proptest::collection::vec((0..6_usize, proptest::option::of(any_text())), 0..40),
        ) {
            let paths = ["a.rs", "alpha/b.rs", "alpha/beta.py", "c/d/gamma.js", "é.txt", "z"];
            let mut index = Index::default();
            let mut files = BTreeMap::new();
            for (file, text) in changes {
                let path = paths[file];
                if let Some(text) = text {
                    index.put(path, None, &text, 1);
                    files.insert(path, text);
                } else {
                    index.remove(path);
                    files.remove(path);
                }
            }
            let mut fresh = Index::default();
            for (path, text) in &files {
                fresh.put(path, None, text, 1);
            }
            for query in ["alpha", "beta gamma", "gammaDelta class", "x é alpha beta_gamma"] {
                // Scores are compared too, to the last bit.
                prop_assert_eq!(index.search(query, 50), fresh.search(query, 50));
            }
            prop_assert_eq!(index.files(), fresh.files());
        }
    }
}
