//! The time of a judgement: of usual commands, of a long one and of a file.

use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use navi::policy::request::Request;
use navi::policy::service::Policy;

const COMMANDS: &[(&str, &str)] = &[
    ("ls", "ls -la"),
    ("test", "cd web && npm ci && npm test 2>&1 | tail -n 50"),
    (
        "commit",
        "git add -A && git commit -m 'fix: the total' && git status --short",
    ),
    (
        "loop",
        "for f in src/*.ts; do grep -n TODO \"$f\" || true; done",
    ),
    (
        "nested",
        "bash -c 'cd web && env NODE_ENV=test timeout 60 npm test'",
    ),
    ("push", "git push --force origin main"),
    ("delete", "rm -rf node_modules src"),
    (
        "inline",
        "python3 -c 'import json; print(json.load(open(\"a.json\"))[\"b\"])'",
    ),
];

fn command_request(text: &str) -> Request<'_> {
    Request::Command {
        text,
        directory: ".",
        in_background: false,
        needs: None,
    }
}

#[expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first surprise"
)]
fn judging(criterion: &mut Criterion) {
    let policy = Policy::built_in().unwrap();
    let root = Path::new("/nowhere/workspace");
    let mut group = criterion.benchmark_group("judge");
    for (name, command) in COMMANDS {
        group.bench_function(*name, |bencher| {
            bencher.iter(|| policy.judge("run_command", command_request(command), root));
        });
    }
    let script = "echo one two three > out.txt\n".repeat(200);
    group.bench_function("200 lines", |bencher| {
        bencher.iter(|| policy.judge("run_command", command_request(&script), root));
    });
    let path = "src/main.rs";
    group.bench_function("write_file", |bencher| {
        bencher.iter(|| policy.judge("write_file", Request::Write { path }, root));
    });
    group.finish();
    // The built-in policy is built once in a process. A workspace's rules check all examples again.
    criterion.bench_function("check all rules for a workspace", |bencher| {
        bencher.iter(|| policy.stricter(""));
    });
}

criterion_group!(benches, judging);
criterion_main!(benches);
