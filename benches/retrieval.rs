//! Finding code in a workspace of five thousand files: building the index, searching with it, and,
//! beside them, what an agent without an index does: read every file and count the question's words.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first surprise"
)]

use std::fmt::Write;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{BatchSize, Criterion, Throughput};
use ignore::WalkBuilder;
use navi::ledger::model::CallPhase;
use navi::platform::clock::Clock;
use navi::platform::ids::OrgId;
use navi::platform::metrics::Metrics;
use navi::policy::service::Policy;
use navi::retrieval::model::{CodeQuery, DEFAULT_BUDGET_TOKENS, Limits, Retrieved};
use navi::retrieval::service::Retrieval;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const FILES: usize = 5_000;
const FUNCTIONS_PER_FILE: usize = 8;
const QUERY: &str = "the retry of load_invoice_4711 loses the customer's address";

const WORDS: &[&str] = &[
    "load", "store", "parse", "render", "invoice", "customer", "address", "retry", "queue",
    "token", "session", "ledger", "price", "event", "stream", "header", "config", "worker",
    "cache", "index",
];

/// A tree of source files; the same one every time, about 4 KB each.
fn workspace() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let word = |n: usize| WORDS[n % WORDS.len()];
    for file in 0..FILES {
        let mut text = String::new();
        for number in 0..FUNCTIONS_PER_FILE {
            let n = file * FUNCTIONS_PER_FILE + number;
            let (verb, noun, other) = (word(n % 4), word(n / 3), word(n / 7));
            writeln!(
                text,
                "/// Makes the {noun} of a {other} ready, or says why not."
            )
            .unwrap();
            writeln!(
                text,
                "pub fn {verb}_{noun}_{n}({other}: &str) -> Result<String, Error> {{"
            )
            .unwrap();
            for line in 0..8 {
                let callee = word(n + line);
                writeln!(
                    text,
                    "    let {callee}_{line} = {other}.{verb}_{callee}({line})?;"
                )
                .unwrap();
            }
            writeln!(text, "    Ok({other}.to_owned())\n}}\n").unwrap();
        }
        let place = folder.path().join(format!("{}/{}", word(file), file % 50));
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join(format!("{}_{file}.rs", word(file / 2))), text).unwrap();
    }
    let wanted = "pub fn load_invoice_4711(customer: &str) -> Address {\n    retry(customer)\n}\n";
    fs::write(folder.path().join("wanted.rs"), wanted).unwrap();
    folder
}

fn search(runtime: &Runtime, retrieval: &Retrieval, org: &OrgId, root: &Path) -> Retrieved {
    let secrets = Policy::built_in().unwrap().secret_files(root);
    let search = retrieval.search(
        org,
        CallPhase::Autonomous,
        root,
        CodeQuery {
            text: QUERY,
            budget_tokens: DEFAULT_BUDGET_TOKENS,
            secrets: &secrets,
        },
    );
    runtime.block_on(search).unwrap()
}

/// Without an index: the files with the most occurrences of the question's words.
fn count_words(root: &Path) -> Vec<(usize, PathBuf)> {
    let words: Vec<String> = QUERY
        .split_whitespace()
        .filter(|word| word.len() > 3)
        .map(str::to_lowercase)
        .collect();
    let mut counts: Vec<(usize, PathBuf)> = WalkBuilder::new(root)
        .build()
        .flatten()
        .filter_map(|entry| {
            let text = fs::read_to_string(entry.path()).ok()?.to_lowercase();
            let count = words.iter().map(|word| text.matches(word.as_str()).count());
            Some((count.sum(), entry.into_path()))
        })
        .collect();
    counts.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    counts.truncate(20);
    counts
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    let folder = workspace();
    let root = folder.path();
    let runtime = Runtime::new().unwrap();
    let org: OrgId = "bench".parse().unwrap();
    let metrics = Metrics::new(&[], &[]).unwrap();
    let limits = Limits {
        refresh_time: std::time::Duration::from_mins(10),
        ..Limits::default()
    };
    let fresh = || Retrieval::new(limits, Clock::System, metrics.clone());

    // Files younger than two seconds are read again by every search; a workspace in use is older.
    let age = std::time::Duration::from_secs(3);
    runtime.block_on(async { tokio::time::sleep(age).await });
    let warm = fresh();
    let found = search(&runtime, &warm, &org, root);
    assert_eq!(found.chunks.first().unwrap().path, "wanted.rs");
    assert_eq!(found.indexed_files, FILES + 1);

    let mut group = criterion.benchmark_group("retrieval_5000_files");
    group.throughput(Throughput::Elements(FILES as u64));
    group.bench_function("cold_index_and_search", |bencher| {
        bencher.iter_batched(
            fresh,
            |retrieval| black_box(search(&runtime, &retrieval, &org, root)),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("warm_search", |bencher| {
        bencher.iter(|| black_box(search(&runtime, &warm, &org, root)));
    });
    group.bench_function("baseline_count_words_in_every_file", |bencher| {
        bencher.iter(|| black_box(count_words(root)));
    });
    group.finish();
    criterion.final_summary();
}
