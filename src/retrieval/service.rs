//! Searching workspaces, with one index for each organisation and folder.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::{OwnedMutexGuard, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::ledger::model::CallPhase;
use crate::platform::clock::Clock;
use crate::platform::ids::OrgId;
use crate::platform::metrics::Metrics;
use crate::platform::sync::lock;
use crate::platform::text::{first_bytes, first_chars};
use crate::policy::secret_files::SecretFiles;
use crate::retrieval::chunk::seen_of;
use crate::retrieval::error::Error;
use crate::retrieval::index::{Hit, Index};
use crate::retrieval::model::{Chunk, CodeQuery, Limits, Retrieved};
use crate::retrieval::walk;
use crate::retrieval::walk::{Refresh, Refreshed, Root};

/// Only the beginning of a question is looked at; a pasted log would drown its words.
const MAX_QUERY_BYTES: usize = 16 * 1024;
/// The most chunks that are weighed against the budget.
const MAX_HITS: usize = 50;
/// The most chunks of one file: an answer should show several places.
const MAX_CHUNKS_PER_FILE: usize = 3;
/// A chunk that scores less than this share of the best one shares a common word and no more.
const RELEVANT_SHARE: f64 = 0.2;
/// A token is about four characters of code; the budget is an estimate, not a bill.
const CHARS_PER_TOKEN: usize = 4;
/// The size of the lines around a chunk in a prompt besides its path, in characters.
const CHUNK_OVERHEAD_CHARS: usize = 24;

/// Searches workspaces; cheap to clone.
#[derive(Clone, Debug)]
pub struct Retrieval {
    limits: Limits,
    clock: Clock,
    metrics: Metrics,
    slots: Arc<Mutex<Slots>>,
    /// As many searches work at once as there are processors; the others wait without a thread.
    workers: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Slots {
    by_workspace: HashMap<(OrgId, PathBuf), Arc<Slot>>,
    /// Counts searches: the time of the least-recently-used rule.
    searches: u64,
}

/// The place of one workspace's index.
#[derive(Debug, Default)]
struct Slot {
    indexed: Arc<tokio::sync::Mutex<Indexed>>,
    /// The number of refreshes begun.
    begun: AtomicU64,
    last_used: AtomicU64,
    bytes: AtomicUsize,
}

#[derive(Debug, Default)]
struct Indexed {
    index: Index,
    /// The number of the last refresh that ended.
    round: u64,
    refreshed: Refreshed,
    /// True while it is being changed: found true, the change was never finished.
    torn: bool,
}

impl Retrieval {
    /// No index yet.
    pub fn new(limits: Limits, clock: Clock, metrics: Metrics) -> Self {
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            limits,
            clock,
            metrics,
            slots: Arc::default(),
            workers: Arc::new(Semaphore::new(workers)),
        }
    }

    /// Finds the chunks of `root` that answer the question best.
    ///
    /// Sees every change made to the folder before the call. Dropping the future stops the work.
    /// Searches of one workspace that wait for each other share the next refresh.
    pub async fn search(
        &self,
        org_id: &OrgId,
        phase: CallPhase,
        root: &Path,
        question: CodeQuery<'_>,
    ) -> Result<Retrieved, Error> {
        let started = Instant::now();
        let root = tokio::fs::canonicalize(root)
            .await
            .map_err(Error::Unreadable)?;
        let key = (org_id.clone(), root);
        let slot = self.slot(&key);
        // A refresh that began before this call may have missed a change made just before it.
        let needed_round = slot.begun.load(Ordering::SeqCst) + 1;
        let indexed = Arc::clone(&slot.indexed).lock_owned().await;
        let permit = Arc::clone(&self.workers).acquire_owned().await;
        let cancelled = CancellationToken::new();
        let stop_when_dropped = cancelled.clone().drop_guard();
        let work = Work {
            root: key.1.clone(),
            query: first_bytes(question.text, MAX_QUERY_BYTES).to_owned(),
            budget_chars: question.budget_tokens.saturating_mul(CHARS_PER_TOKEN),
            secrets: question.secrets.clone(),
            limits: self.limits,
            clock: self.clock.clone(),
            slot: Arc::clone(&slot),
            needed_round,
            cancelled,
        };
        let found = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work.run(indexed)
        })
        .await;
        drop(stop_when_dropped);
        let answer = found.unwrap_or(Err(Error::IndexFailed));
        self.make_room(&key, answer.is_ok());
        let mut retrieved = answer?;
        retrieved.took = started.elapsed();
        self.observe(phase, &retrieved);
        Ok(retrieved)
    }

    fn observe(&self, phase: CallPhase, retrieved: &Retrieved) {
        let label = [phase.label()];
        self.metrics
            .aep_rag_retrieval_latency_ms
            .with_label_values(&label)
            .observe(retrieved.took.as_secs_f64() * 1_000.0);
        self.metrics
            .aep_rag_chunks_retrieved_total
            .with_label_values(&label)
            .inc_by(retrieved.chunks.len() as u64);
    }

    fn slot(&self, key: &(OrgId, PathBuf)) -> Arc<Slot> {
        let mut slots = lock(&self.slots);
        slots.searches += 1;
        let now = slots.searches;
        let slot = slots.by_workspace.entry(key.clone()).or_default();
        slot.last_used.store(now, Ordering::Relaxed);
        Arc::clone(slot)
    }

    /// Drops the least recently used indexes until the bounds hold, and the one of a workspace that
    /// could not be searched. A search that is still using one keeps it until it ends.
    fn make_room(&self, key: &(OrgId, PathBuf), keep: bool) {
        let mut slots = lock(&self.slots);
        if !keep {
            slots.by_workspace.remove(key);
        }
        loop {
            let bytes: usize = slots
                .by_workspace
                .values()
                .map(|slot| slot.bytes.load(Ordering::Relaxed))
                .sum();
            let fits = slots.by_workspace.len() <= self.limits.max_indexes
                && bytes <= self.limits.max_index_bytes;
            let oldest = slots
                .by_workspace
                .iter()
                .min_by_key(|(_, slot)| slot.last_used.load(Ordering::Relaxed))
                .map(|(key, _)| key.clone());
            match oldest {
                Some(oldest) if !fits => slots.by_workspace.remove(&oldest),
                Some(_) | None => return,
            };
        }
    }
}

/// One search, on a thread that may block.
struct Work {
    root: PathBuf,
    query: String,
    budget_chars: usize,
    secrets: SecretFiles,
    limits: Limits,
    clock: Clock,
    slot: Arc<Slot>,
    needed_round: u64,
    cancelled: CancellationToken,
}

impl Work {
    fn run(&self, mut indexed: OwnedMutexGuard<Indexed>) -> Result<Retrieved, Error> {
        let root = Root::open(&self.root).map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotADirectory {
                Error::NotAFolder
            } else {
                Error::Unreadable(error)
            }
        })?;
        if indexed.torn {
            *indexed = Indexed::default();
        }
        if indexed.round < self.needed_round {
            indexed.torn = true;
            let round = self.slot.begun.fetch_add(1, Ordering::SeqCst) + 1;
            let refresh = Refresh {
                root: &root,
                limits: &self.limits,
                secrets: &self.secrets,
                round,
                now: self.clock.now(),
                cancelled: &self.cancelled,
            };
            let refreshed = walk::refresh(&mut indexed.index, &refresh);
            if !self.cancelled.is_cancelled() {
                indexed.round = round;
                indexed.refreshed = refreshed;
            }
            indexed.torn = false;
            let bytes = indexed.index.bytes();
            self.slot.bytes.store(bytes, Ordering::Relaxed);
        }
        let hits = indexed.index.search(&self.query, MAX_HITS);
        let chunks = self.within_budget(&root, &hits);
        Ok(Retrieved {
            chunks,
            considered_files: indexed.refreshed.considered,
            indexed_files: indexed.index.files() - indexed.index.secret_files(),
            secret_files: indexed.refreshed.secret + indexed.index.secret_files(),
            partial: !indexed.refreshed.complete,
            took: std::time::Duration::ZERO,
        })
    }

    /// The hits' text, best first, as far as the budget goes; a hit that does not fit makes room
    /// for a smaller one, but the best one is shown in part rather than not at all.
    fn within_budget(&self, root: &Root<'_>, hits: &[Hit]) -> Vec<Chunk> {
        let threshold = hits.first().map_or(0.0, |best| best.score * RELEVANT_SHARE);
        let mut left = self.budget_chars;
        let mut chunks: Vec<Chunk> = Vec::new();
        for hit in hits.iter().take_while(|hit| hit.score >= threshold) {
            let shown = chunks.iter().filter(|c| *c.path == *hit.path).count();
            let overhead = hit.path.chars().count() + CHUNK_OVERHEAD_CHARS;
            let space = left.saturating_sub(overhead);
            if shown >= MAX_CHUNKS_PER_FILE || space == 0 || self.cancelled.is_cancelled() {
                continue;
            }
            let Ok((bytes, _)) = root.read(&hit.path, self.limits.max_file_bytes) else {
                continue;
            };
            // It may have changed since it was indexed.
            let text = walk::text_of(&bytes);
            if self.secrets.is_secret(&hit.path, &text) {
                continue;
            }
            let Some((text, end_line)) = excerpt(&text, hit, space) else {
                continue;
            };
            if end_line < hit.end_line && !chunks.is_empty() {
                continue;
            }
            left = space.saturating_sub(text.chars().count());
            chunks.push(Chunk {
                path: hit.path.as_ref().to_owned(),
                start_line: hit.start_line,
                end_line,
                text,
                score: hit.score,
            });
        }
        chunks
    }
}

/// The hit's lines, as many whole ones as fit into `room` characters (at least the beginning of the
/// first), and the last line shown; nothing when the file no longer has them.
fn excerpt(text: &str, hit: &Hit, room: usize) -> Option<(String, u32)> {
    let first = usize::try_from(hit.start_line).ok()?.checked_sub(1)?;
    let count = usize::try_from(hit.end_line).ok()?.checked_sub(first)?;
    let mut shown = String::new();
    let mut left = room;
    let mut end_line = hit.start_line;
    let lines = text.split_inclusive('\n').skip(first).take(count);
    for (line, number) in lines.zip(hit.start_line..) {
        let (seen, whole) = seen_of(line);
        let ending = if whole { "" } else { "…\n" };
        let length = seen.chars().count() + ending.chars().count();
        if length > left {
            if shown.is_empty() {
                shown.push_str(first_chars(seen, left));
            }
            break;
        }
        shown.push_str(seen);
        shown.push_str(ending);
        left -= length;
        end_line = number;
    }
    (!shown.trim().is_empty()).then_some((shown, end_line))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::Ordering;

    use super::{Hit, Retrieval, excerpt};
    use crate::ledger::model::CallPhase;
    use crate::platform::clock::Clock;
    use crate::platform::metrics::Metrics;
    use crate::policy::secret_files::SecretFiles;
    use crate::policy::service::Policy;
    use crate::retrieval::model::{CodeQuery, Limits};

    fn retrieval(limits: Limits) -> Retrieval {
        Retrieval::new(limits, Clock::System, Metrics::new(&[], &[]).unwrap())
    }

    fn secrets(root: &Path) -> SecretFiles {
        Policy::built_in().unwrap().secret_files(root)
    }

    fn question<'a>(secrets: &'a SecretFiles, text: &'a str) -> CodeQuery<'a> {
        CodeQuery {
            text,
            budget_tokens: 1_000,
            secrets,
        }
    }

    fn folder(files: usize) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..files {
            let text = format!("fn handler_{number}() {{}}\n");
            std::fs::write(folder.path().join(format!("f{number}.rs")), text).unwrap();
        }
        folder
    }

    #[tokio::test]
    async fn searches_that_wait_for_each_other_share_a_refresh() {
        let folder = folder(200);
        let secrets = secrets(folder.path());
        let retrieval = retrieval(Limits::default());
        let key = (
            "acme".parse().unwrap(),
            folder.path().canonicalize().unwrap(),
        );
        let slot = retrieval.slot(&key);
        let busy = slot.indexed.lock().await;
        let searches = (0..32).map(|_| {
            retrieval.search(
                &key.0,
                CallPhase::Chat,
                folder.path(),
                question(&secrets, "handler_7"),
            )
        });
        let mut searches = std::pin::pin!(futures_util::future::join_all(searches));
        let arriving = std::time::Duration::from_millis(300);
        tokio::time::timeout(arriving, &mut searches)
            .await
            .unwrap_err();
        drop(busy);
        for found in searches.await {
            assert_eq!(found.unwrap().chunks[0].path, "f7.rs");
        }
        // One for those who waited; a second one only for a straggler on a busy machine.
        assert!(slot.begun.load(Ordering::SeqCst) <= 2);
    }

    #[tokio::test]
    async fn the_same_folder_has_an_index_for_each_organisation() {
        let folder = folder(1);
        let secrets = secrets(folder.path());
        let retrieval = retrieval(Limits::default());
        for org in ["acme", "other"] {
            let org = org.parse().unwrap();
            retrieval
                .search(
                    &org,
                    CallPhase::Chat,
                    folder.path(),
                    question(&secrets, "handler"),
                )
                .await
                .unwrap();
        }
        assert_eq!(retrieval.slots.lock().unwrap().by_workspace.len(), 2);
    }

    #[tokio::test]
    async fn only_the_latest_indexes_are_kept_and_only_within_the_memory_bound() {
        let folders = [folder(1), folder(2), folder(3)];
        let secrets = secrets(folders[0].path());
        let org = "acme".parse().unwrap();
        for (limits, kept) in [
            (
                Limits {
                    max_indexes: 2,
                    ..Limits::default()
                },
                2,
            ),
            (
                Limits {
                    max_index_bytes: 10,
                    ..Limits::default()
                },
                0,
            ),
        ] {
            let retrieval = retrieval(limits);
            for folder in &folders {
                let found = retrieval.search(
                    &org,
                    CallPhase::Chat,
                    folder.path(),
                    question(&secrets, "handler"),
                );
                assert!(!found.await.unwrap().chunks.is_empty());
            }
            let slots = retrieval.slots.lock().unwrap();
            assert_eq!(slots.by_workspace.len(), kept);
            let first = folders[0].path().canonicalize().unwrap();
            assert!(slots.by_workspace.keys().all(|(_, path)| *path != first));
        }
    }

    #[tokio::test]
    async fn a_workspace_that_cannot_be_searched_keeps_no_index() {
        let folder = folder(1);
        let secrets = secrets(folder.path());
        let retrieval = retrieval(Limits::default());
        let org = "acme".parse().unwrap();
        let file = folder.path().join("f0.rs");
        let search = retrieval.search(&org, CallPhase::Chat, &file, question(&secrets, "handler"));
        search.await.unwrap_err();
        assert!(retrieval.slots.lock().unwrap().by_workspace.is_empty());
    }

    #[test]
    fn an_excerpt_ends_with_the_last_line_that_fits() {
        let hit = Hit {
            path: "a".into(),
            start_line: 2,
            end_line: 4,
            score: 1.0,
        };
        let text = "one\ntwo\nthree\nfour\nfive\n";
        let of = |space| excerpt(text, &hit, space);
        assert_eq!(of(100), Some(("two\nthree\nfour\n".to_owned(), 4)));
        assert_eq!(of(12), Some(("two\nthree\n".to_owned(), 3)));
        assert_eq!(of(2), Some(("tw".to_owned(), 2)));
        assert_eq!(excerpt("gone", &hit, 100), None);
    }
}
