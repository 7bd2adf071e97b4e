//! Actions and usage of a run: files, commands, calls, tokens, cost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::agent::spend::SpendTotal;
use crate::retrieval::model::Retrieved;
use crate::runs::verdict::Obstacles;
use crate::tools::outcome::Effect;
use crate::workspace::snapshot::SnapshotDiff;

/// The most hashes of what files were that are kept.
const MOST_HASHES: usize = 50;

/// The counts of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct RunUsage {
    /// Calls to the model.
    pub llm_calls: u32,
    /// Time spent waiting for the model.
    pub llm_time: Duration,
    /// Tokens and cost of all calls. Not part of what is stored: a run that goes on elsewhere takes
    /// them from the rows of its calls.
    #[serde(skip)]
    pub spent: SpendTotal,
    /// Tool calls.
    pub tool_calls: u32,
    /// Retrievals, as they will be recorded.
    pub retrievals: Vec<Retrieval>,
    /// Files that were read.
    pub read: BTreeSet<String>,
    /// Files that existed and were changed.
    pub modified: BTreeSet<String>,
    /// Files that were made.
    pub created: BTreeSet<String>,
    /// Files that existed and are gone.
    pub deleted: BTreeSet<String>,
    /// Files that existed under another path, by that.
    pub renamed: BTreeMap<String, String>,
    /// True if files that commands changed may be missing.
    pub missed_changes: bool,
    /// Hashes of what files were before commands changed them; none of those that were not there.
    pub hashes_before: BTreeMap<String, Option<String>>,
    /// Effects on files.
    pub changes: u32,
    /// Commands that were run.
    pub commands: u32,
    /// Its obstacles.
    pub obstacles: Obstacles,
}

/// One retrieval.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Retrieval {
    /// The query.
    pub query: String,
    /// Chunks that were put into the prompt.
    pub chunks: usize,
    /// The duration of the search.
    pub took: Duration,
    /// Their mean score.
    pub relevance: Option<f64>,
}

impl Default for RunUsage {
    fn default() -> Self {
        Self {
            llm_calls: 0,
            llm_time: Duration::ZERO,
            spent: SpendTotal::default(),
            tool_calls: 0,
            retrievals: Vec::new(),
            read: BTreeSet::new(),
            modified: BTreeSet::new(),
            created: BTreeSet::new(),
            deleted: BTreeSet::new(),
            renamed: BTreeMap::new(),
            missed_changes: false,
            hashes_before: BTreeMap::new(),
            changes: 0,
            commands: 0,
            obstacles: Obstacles::default(),
        }
    }
}

impl RunUsage {
    /// The files that the run changed, made or removed; of one that moved, both its paths.
    pub fn changed_files(&self) -> BTreeSet<String> {
        let moved = self.renamed.iter().flat_map(|(from, to)| [from, to]);
        let all = self.modified.iter().chain(&self.created);
        all.chain(&self.deleted).chain(moved).cloned().collect()
    }

    /// The number of files that are other than before.
    pub(crate) fn count_changed(&self) -> usize {
        let lists = [&self.modified, &self.created, &self.deleted];
        lists.iter().map(|list| list.len()).sum::<usize>() + self.renamed.len()
    }

    /// Adds what a tool did.
    pub fn add_effects(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Read(path) => {
                    self.read.insert(path.clone());
                }
                Effect::Created(path) => self.created(path),
                Effect::Modified(path) => self.modified(path),
                Effect::Deleted(path) => self.deleted(path),
                Effect::Renamed { from, to } => self.renamed(from, to),
                Effect::Ran { .. } => {
                    self.commands += 1;
                    continue;
                }
            }
            self.changes += u32::from(!matches!(effect, Effect::Read(_)));
        }
    }

    fn created(&mut self, path: &str) {
        // A file that is put back is the one that was there, with other content.
        let existed = self.deleted.remove(path) || self.modified.contains(path);
        let files = if existed {
            &mut self.modified
        } else {
            &mut self.created
        };
        files.insert(path.to_owned());
    }

    fn modified(&mut self, path: &str) {
        // A file the run made itself stays a created one.
        if !self.created.contains(path) {
            self.modified.insert(path.to_owned());
        }
    }

    fn deleted(&mut self, path: &str) {
        // Of a file the run made itself nothing is left.
        if !self.created.remove(path) {
            self.modified.remove(path);
            let former = self.former_path(path);
            self.deleted.insert(former);
        }
    }

    fn renamed(&mut self, from: &str, to: &str) {
        if self.created.remove(from) {
            return self.created(to);
        }
        if self.modified.remove(from) {
            self.modified.insert(to.to_owned());
        }
        let former = self.former_path(from);
        if former != to {
            self.renamed.insert(former, to.to_owned());
        }
    }

    /// The path that a file had before the run, which is forgotten.
    fn former_path(&mut self, path: &str) -> String {
        let mut renamed = self.renamed.iter();
        let former = renamed.find(|(_, to)| *to == path);
        match former.map(|(from, _)| from.clone()) {
            Some(former) => {
                self.renamed.remove(&former);
                former
            }
            None => path.to_owned(),
        }
    }

    /// Notes what files were before a command changed them, unless the run had changed them earlier.
    pub(crate) fn note_before(&mut self, difference: &SnapshotDiff) {
        let known = [&difference.modified, &difference.deleted];
        let known = known.into_iter().flatten().cloned();
        let new = difference.created.iter().map(|path| (path.clone(), None));
        let known = known.filter(|(_, hash)| hash.is_some());
        for (path, hash) in known.chain(new) {
            let is_first = !self.modified.contains(&path) && !self.created.contains(&path);
            if is_first && self.hashes_before.len() < MOST_HASHES {
                self.hashes_before.entry(path).or_insert(hash);
            }
        }
    }

    /// The number of actions that may have changed the workspace. A command may change any file, so it counts
    /// as much as a file tool does.
    pub fn deeds(&self) -> u32 {
        self.changes.saturating_add(self.commands)
    }

    /// Notes a retrieval.
    pub fn retrieved(&mut self, query: &str, found: &Retrieved) {
        self.retrievals.push(Retrieval {
            query: query.to_owned(),
            chunks: found.chunks.len(),
            took: found.took,
            relevance: found.mean_score(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(effects: &[Effect]) -> String {
        let mut usage = RunUsage::default();
        usage.add_effects(effects);
        let list = |paths: &BTreeSet<String>| paths.iter().cloned().collect::<Vec<_>>().join(" ");
        let renamed = usage
            .renamed
            .iter()
            .map(|(from, to)| format!("{from}>{to}"));
        format!(
            "+{} ~{} -{} {}",
            list(&usage.created),
            list(&usage.modified),
            list(&usage.deleted),
            renamed.collect::<Vec<_>>().join(" ")
        )
    }

    #[test]
    fn what_is_left_at_the_end_counts() {
        let created = |path: &str| Effect::Created(path.to_owned());
        let modified = |path: &str| Effect::Modified(path.to_owned());
        let deleted = |path: &str| Effect::Deleted(path.to_owned());
        let renamed = |from: &str, to: &str| Effect::Renamed {
            from: from.to_owned(),
            to: to.to_owned(),
        };
        for (effects, expected) in [
            (vec![created("a"), modified("a")], "+a ~ - "),
            (vec![created("a"), deleted("a")], "+ ~ - "),
            (vec![modified("a"), deleted("a")], "+ ~ -a "),
            (vec![deleted("a"), created("a")], "+ ~a - "),
            (vec![modified("a"), created("a")], "+ ~a - "),
            (vec![renamed("a", "b")], "+ ~ - a>b"),
            (vec![renamed("a", "b"), renamed("b", "c")], "+ ~ - a>c"),
            (vec![renamed("a", "b"), renamed("b", "a")], "+ ~ - "),
            (vec![renamed("a", "b"), deleted("b")], "+ ~ -a "),
            (vec![modified("a"), renamed("a", "b")], "+ ~b - a>b"),
            (vec![created("a"), renamed("a", "b")], "+b ~ - "),
        ] {
            assert_eq!(told(&effects), expected, "{effects:?}");
            // An effect that a lost process has told may be told again by the next.
            let twice: Vec<_> = effects.iter().chain(effects.last()).cloned().collect();
            if effects.len() == 1 {
                assert_eq!(told(&twice), expected, "{effects:?}, twice");
            }
        }
    }
}
