//! Retrieval over real folders.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use navi::ledger::model::CallPhase;
use navi::platform::clock::Clock;
use navi::platform::db::MIGRATOR;
use navi::platform::ids::RunId;
use navi::platform::metrics::Metrics;
use navi::policy::secret_files::SecretFiles;
use navi::policy::service::Policy;
use navi::retrieval::error::Error;
use navi::retrieval::model::{CodeQuery, Limits, RagMetric, Retrieved};
use navi::retrieval::service::Retrieval;
use navi::retrieval::store;
use navi::retrieval::walk::Root;
use proptest::prelude::*;
use sqlx::PgPool;
use tempfile::TempDir;

/// As it runs by default, but with time to read the whole workspace on a busy machine.
fn retrieval() -> Retrieval {
    with(Limits {
        refresh_time: Duration::from_mins(2),
        ..Limits::default()
    })
}

fn with(limits: Limits) -> Retrieval {
    Retrieval::new(limits, Clock::System, Metrics::new(&[], &[]).unwrap())
}

async fn search(retrieval: &Retrieval, root: &Path, query: &str) -> Retrieved {
    let org = "acme".parse().unwrap();
    let secrets = secrets(root);
    let question = question(&secrets, query, 4_000);
    let found = retrieval.search(&org, CallPhase::Autonomous, root, question);
    found.await.unwrap()
}

fn secrets(root: &Path) -> SecretFiles {
    Policy::built_in().unwrap().secret_files(root)
}

fn question<'a>(secrets: &'a SecretFiles, text: &'a str, budget_tokens: usize) -> CodeQuery<'a> {
    CodeQuery {
        text,
        budget_tokens,
        secrets,
    }
}

async fn paths(retrieval: &Retrieval, root: &Path, query: &str) -> BTreeSet<String> {
    let found = search(retrieval, root, query).await;
    found.chunks.into_iter().map(|chunk| chunk.path).collect()
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        write(folder.path(), path, text.as_bytes());
    }
    folder
}

fn write(root: &Path, path: &str, text: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[tokio::test]
async fn a_question_that_names_a_function_finds_where_it_is_defined() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let retrieval = retrieval();
    for (query, expected) in [
        ("uuid_v7", "platform/ids.rs"),
        ("what does uuidV7 do with the clock?", "platform/ids.rs"),
        (
            "make `without_date` accept names with a slash",
            "ledger/prices.rs",
        ),
        ("write_singly drops rows", "ledger/service.rs"),
        (
            "insert_generation returns the wrong gen_id",
            "feedback/store/generations.rs",
        ),
        ("is_foreign_folder should skip vendor", "retrieval/walk.rs"),
    ] {
        let found = search(&retrieval, &root, query).await;
        let best = &found.chunks[0];
        assert_eq!(best.path, expected, "{query}");
        let name = query.split_whitespace().find(|word| word.contains('_'));
        if let Some(name) = name {
            let name = name.trim_matches('`');
            assert!(
                best.text.contains(&format!("fn {name}")),
                "{query}: {}",
                best.text
            );
        }
        assert!(!found.partial);
    }
}

#[tokio::test]
async fn a_question_in_plain_words_finds_the_code() {
    let folder = folder(&[
        (
            "billing/invoice.py",
            "class Invoice:\n    def total(self):\n        return sum(line.amount for line in self.lines)\n",
        ),
        (
            "billing/tax.py",
            "def rate_for(country):\n    return RATES[country]\n",
        ),
        (
            "web/login.py",
            "def login(user, password):\n    check(user, password)\n",
        ),
        (
            "tests/test_invoice.py",
            "from billing.invoice import Invoice\n\ndef test_total():\n    assert Invoice([]).total() == 0\n",
        ),
        ("README.md", "# Shop\n\nA small shop.\n"),
    ]);
    let query = "The invoices' totals are wrong, please fix the failing tests";
    let found = search(&retrieval(), folder.path(), query).await;
    let best: Vec<_> = found
        .chunks
        .iter()
        .map(|chunk| chunk.path.as_str())
        .collect();
    assert_eq!(best, ["tests/test_invoice.py", "billing/invoice.py"]);
    assert_eq!((found.considered_files, found.indexed_files), (5, 5));
}

#[tokio::test]
async fn what_people_did_not_write_is_left_out() {
    let text = "needle";
    let folder = folder(&[
        ("kept.rs", text),
        ("sub/kept.py", text),
        (".gitignore", "ignored/\n*.log\n!keep.log\n"),
        ("ignored/a.rs", text),
        ("a.log", text),
        ("keep.log", text),
        ("sub/.ignore", "secret.py"),
        ("sub/secret.py", text),
        (".hidden/a.rs", text),
        (".env", text),
        ("node_modules/x/index.js", text),
        ("build/CACHEDIR.TAG", ""),
        ("build/out.rs", text),
        ("env/pyvenv.cfg", ""),
        ("env/lib.py", text),
        ("Cargo.lock", text),
        ("app.min.js", text),
        ("binary.bin", "needle\0needle"),
        ("large.txt", &"needle ".repeat(200_000)),
    ]);
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "a.rs", text.as_bytes());
    symlink(outside.path().join("a.rs"), folder.path().join("link.rs")).unwrap();
    symlink(outside.path(), folder.path().join("linked")).unwrap();
    symlink(folder.path(), folder.path().join("loop")).unwrap();
    let found = paths(&retrieval(), folder.path(), "needle").await;
    let expected = ["keep.log", "kept.rs", "sub/kept.py"].map(str::to_owned);
    assert_eq!(found, BTreeSet::from(expected));
}

#[tokio::test]
async fn ignore_files_above_the_workspace_have_no_say() {
    let above = folder(&[
        (".gitignore", "*"),
        (".ignore", "*"),
        ("work/a.rs", "needle"),
    ]);
    let found = paths(&retrieval(), &above.path().join("work"), "needle").await;
    assert_eq!(found.len(), 1);
}

#[test]
fn nothing_outside_the_workspace_can_be_opened() {
    let outside = folder(&[("secret.txt", "secret"), ("work/a.txt", "fine")]);
    let work = outside.path().join("work");
    symlink(outside.path().join("secret.txt"), work.join("link.txt")).unwrap();
    symlink(outside.path(), work.join("linked")).unwrap();
    symlink("a.txt", work.join("inner.txt")).unwrap();
    let root = Root::open(&work).unwrap();
    assert_eq!(root.read("a.txt", 100).unwrap().0, b"fine");
    let absolute = outside.path().join("secret.txt");
    for path in [
        "link.txt",
        "linked/secret.txt",
        "../secret.txt",
        "x/../../secret.txt",
        absolute.to_str().unwrap(),
        "inner.txt",
        ".",
        "",
    ] {
        root.read(path, 100).unwrap_err();
    }
    root.read("a.txt", 3).unwrap_err();
}

#[tokio::test]
async fn strange_files_are_read_as_far_as_they_are_text() {
    let folder = folder(&[("empty.rs", ""), ("blank.rs", "\n\n \n")]);
    let root = folder.path();
    write(root, "latin1.txt", b"caf\xe9 needle \xff\xfe\n");
    write(root, "one_line.txt", &b"needle word, ".repeat(70_000));
    write(root, "crlf.txt", b"first\r\nneedle\r\n");
    nix::unistd::mkfifo(&root.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let found = search(&retrieval(), root, "needle").await;
    let seen: Vec<_> = found
        .chunks
        .iter()
        .map(|chunk| chunk.path.as_str())
        .collect();
    assert_eq!(seen, ["one_line.txt", "crlf.txt", "latin1.txt"]);
    assert!(found.chunks[0].text.len() < 600 && found.chunks[0].text.ends_with("…\n"));
    assert!(found.chunks[2].text.contains('\u{fffd}'));
}

#[tokio::test]
async fn the_answer_keeps_to_the_budget_and_shows_the_best_in_part_rather_than_not() {
    let files: Vec<_> = (0..30)
        .map(|n| {
            (
                format!("f{n:02}.rs"),
                format!("needle {n}\n{}", "filler text\n".repeat(30)),
            )
        })
        .collect();
    let files: Vec<_> = files
        .iter()
        .map(|(p, t)| (p.as_str(), t.as_str()))
        .collect();
    let folder = folder(&files);
    let secrets = secrets(folder.path());
    let retrieval = retrieval();
    let org = "acme".parse().unwrap();
    for (budget, chunks) in [
        (0, 0),
        (20, 1),
        (100, 1),
        (500, 5),
        (2_000, 20),
        (100_000, 30),
    ] {
        let found = retrieval
            .search(
                &org,
                CallPhase::Chat,
                folder.path(),
                question(&secrets, "needle", budget),
            )
            .await
            .unwrap();
        let chars: usize = found.chunks.iter().map(|c| c.text.chars().count()).sum();
        assert!(chars <= budget * 4, "{chars} for {budget}");
        assert_eq!(found.chunks.len(), chunks, "budget {budget}");
        if let Some(best) = found.chunks.first() {
            assert!(best.text.starts_with("needle"));
            let lines = u32::try_from(best.text.lines().count()).unwrap();
            assert_eq!(best.end_line, lines);
        }
    }
}

#[tokio::test]
async fn a_change_is_seen_by_the_next_search_even_when_size_and_time_stay() {
    let folder = folder(&[("a.rs", "alpha"), ("b.rs", "other")]);
    let retrieval = retrieval();
    let file = folder.path().join("a.rs");
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    for word in ["alpha", "gamma", "delta", "kappa"] {
        fs::write(&file, word).unwrap();
        let handle = fs::File::options().write(true).open(&file).unwrap();
        handle.set_modified(modified).unwrap();
        assert_eq!(
            paths(&retrieval, folder.path(), word).await.len(),
            1,
            "{word}"
        );
    }
    fs::remove_file(&file).unwrap();
    assert!(paths(&retrieval, folder.path(), "kappa").await.is_empty());
}

#[tokio::test]
async fn a_folder_that_becomes_ignored_is_forgotten() {
    let folder = folder(&[("gen/a.rs", "needle"), ("b.rs", "needle")]);
    let retrieval = retrieval();
    assert_eq!(paths(&retrieval, folder.path(), "needle").await.len(), 2);
    write(folder.path(), ".gitignore", b"gen/");
    assert_eq!(paths(&retrieval, folder.path(), "needle").await.len(), 1);
}

#[tokio::test]
async fn bounds_leave_files_out_and_say_so() {
    let folder = folder(&[("a.rs", "needle"), ("b.rs", "needle"), ("c.rs", "needle")]);
    let bounded = with(Limits {
        max_files: 2,
        ..Limits::default()
    });
    let found = search(&bounded, folder.path(), "needle").await;
    assert_eq!((found.chunks.len(), found.partial), (2, true));
    // A file that comes before the others moves the last one beyond the bound.
    write(folder.path(), "A.rs", b"needle");
    let found = paths(&bounded, folder.path(), "needle").await;
    assert_eq!(found, BTreeSet::from(["A.rs", "a.rs"].map(str::to_owned)));
    let bytes = with(Limits {
        max_total_bytes: 12,
        ..Limits::default()
    });
    assert_eq!(
        search(&bytes, folder.path(), "needle").await.chunks.len(),
        2
    );
    let no_time = with(Limits {
        refresh_time: Duration::ZERO,
        ..Limits::default()
    });
    let found = search(&no_time, folder.path(), "needle").await;
    assert_eq!((found.chunks.len(), found.partial), (0, true));
}

#[tokio::test]
async fn a_search_that_is_given_up_harms_no_later_one() {
    let files: Vec<_> = (0..300).map(|n| format!("f{n}.rs")).collect();
    let files: Vec<_> = files
        .iter()
        .map(|path| (path.as_str(), "needle text"))
        .collect();
    let folder = folder(&files);
    let secrets = secrets(folder.path());
    let retrieval = retrieval();
    let org = "acme".parse().unwrap();
    for patience in 0..30 {
        let question = question(&secrets, "needle", 100);
        let found = retrieval.search(&org, CallPhase::Chat, folder.path(), question);
        let _ = tokio::time::timeout(Duration::from_micros(patience * 200), found).await;
    }
    let found = search(&retrieval, folder.path(), "needle").await;
    assert_eq!((found.indexed_files, found.partial), (300, false));
}

#[tokio::test]
async fn a_workspace_that_is_none_is_an_error_that_says_why() {
    let folder = folder(&[("file", "")]);
    let org = "acme".parse().unwrap();
    let retrieval = retrieval();
    let search = async |path: &Path| {
        let found = retrieval
            .search(
                &org,
                CallPhase::Chat,
                path,
                question(&secrets(path), "x", 100),
            )
            .await;
        found.unwrap_err()
    };
    let absent = search(&folder.path().join("absent")).await;
    insta::assert_snapshot!(absent, @"the workspace cannot be read: No such file or directory (os error 2)");
    let file = search(&folder.path().join("file")).await;
    assert!(matches!(file, Error::NotAFolder), "{file:?}");
}

#[tokio::test]
async fn a_hostile_question_is_only_words() {
    let folder = folder(&[("a.rs", "needle")]);
    let retrieval = retrieval();
    for query in [
        "",
        "\0",
        "../../etc/passwd",
        "💣é\u{202e}",
        &"é needle ".repeat(300_000),
    ] {
        search(&retrieval, folder.path(), query).await;
    }
    let long = format!("{} needle", "padding ".repeat(10));
    assert_eq!(paths(&retrieval, folder.path(), &long).await.len(), 1);
}

#[tokio::test]
async fn retrievals_are_counted() {
    let folder = folder(&[("a.rs", "needle"), ("b.rs", "needle")]);
    let metrics = Metrics::new(&[], &[]).unwrap();
    let retrieval = Retrieval::new(Limits::default(), Clock::System, metrics.clone());
    search(&retrieval, folder.path(), "needle").await;
    search(&retrieval, folder.path(), "nothing").await;
    let latency = metrics
        .aep_rag_retrieval_latency_ms
        .with_label_values(&["autonomous"]);
    assert_eq!(latency.get_sample_count(), 2);
    let chunks = metrics
        .aep_rag_chunks_retrieved_total
        .with_label_values(&["autonomous"]);
    assert_eq!(chunks.get(), 2);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_retrieval_leaves_a_row(db: PgPool) {
    let metric = RagMetric {
        org_id: "acme".parse().unwrap(),
        user_id: "ada".parse().unwrap(),
        run_id: Some(RunId(uuid::Uuid::from_u128(7))),
        trace_id: None,
        phase: CallPhase::Plan,
        query: format!("why\0 {}", "é".repeat(5_000)),
        chunks_retrieved: 7,
        chunks_used: 5,
        latency: Duration::from_millis(12),
        relevance_score: Some(4.25),
        created_at: "2026-06-01T12:00:00Z".parse().unwrap(),
    };
    let mut conn = db.acquire().await.unwrap();
    store::insert_rag_metric(&mut conn, &metric).await.unwrap();
    let row: String = sqlx::query_scalar(
        "select (to_jsonb(m) - 'id' - 'retrieval_id'
                 || jsonb_build_object('query', length(query)))::text from rag_metrics m",
    )
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    let row: serde_json::Value = serde_json::from_str(&row).unwrap();
    insta::assert_json_snapshot!(row, @r#"
    {
      "phase": "plan",
      "query": 1000,
      "org_id": "acme",
      "run_id": "00000000-0000-0000-0000-000000000007",
      "task_id": "00000000-0000-0000-0000-000000000007",
      "user_id": "ada",
      "trace_id": null,
      "created_at": "2026-06-01T12:00:00+00:00",
      "session_id": null,
      "chunks_used": 5,
      "extra_metadata": null,
      "relevance_score": 4.25,
      "chunks_retrieved": 7,
      "retrieval_latency_ms": 12
    }
    "#);
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, String),
    Remove(usize),
    Rename(usize, usize),
    Ignore(usize),
}

const FILES: &[&str] = &[
    "a.rs",
    "b.rs",
    "alpha/c.rs",
    "alpha/beta/d.rs",
    "beta.py",
    "z/e.txt",
];

fn any_change() -> impl Strategy<Value = Change> {
    let file = 0..FILES.len();
    // Few words of one length: many edits keep the size.
    let text = proptest::collection::vec(
        proptest::sample::select(&["alpha", "betas", "gamma"][..]),
        1..4,
    );
    prop_oneof![
        4 => (file.clone(), text).prop_map(|(file, words)| Change::Write(file, words.join(" "))),
        1 => file.clone().prop_map(Change::Remove),
        1 => (file.clone(), file.clone()).prop_map(|(from, to)| Change::Rename(from, to)),
        1 => file.prop_map(Change::Ignore),
    ]
}

fn apply(root: &Path, change: &Change) {
    let path = |file: &usize| root.join(FILES[*file]);
    match change {
        Change::Write(file, text) => write(root, FILES[*file], text.as_bytes()),
        Change::Remove(file) => drop(fs::remove_file(path(file))),
        Change::Rename(from, to) => {
            fs::create_dir_all(path(to).parent().unwrap()).unwrap();
            drop(fs::rename(path(from), path(to)));
        }
        Change::Ignore(file) => write(root, ".gitignore", FILES[*file].as_bytes()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn an_index_that_followed_every_change_equals_a_fresh_one(
        changes in proptest::collection::vec(any_change(), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let followed = retrieval();
            for change in &changes {
                apply(folder.path(), change);
                for query in ["alpha", "beta gamma"] {
                    let old = search(&followed, folder.path(), query).await;
                    let new = search(&retrieval(), folder.path(), query).await;
                    assert_eq!(old.chunks, new.chunks, "{query}");
                    assert_eq!(old.indexed_files, new.indexed_files);
                }
            }
        });
    }
}

/// A value that looks random, and the same every time; no secret stands in this file.
fn noise(length: usize) -> String {
    let letters: Vec<char> = ('a'..='z').chain('0'..='9').chain('A'..='Z').collect();
    let mut at = 7_usize;
    let mut next = || {
        at = (at * 1_103_515_245 + 12_345) % 2_147_483_648;
        letters[(at >> 8) % letters.len()]
    };
    std::iter::repeat_with(&mut next).take(length).collect()
}

#[tokio::test]
async fn secret_files_are_left_out_by_name_by_content_and_counted() {
    let key = format!(
        "-----BEGIN {0} KEY-----\nneedle{1}\n-----END {0} KEY-----\n",
        "PRIVATE",
        noise(128)
    );
    let random = format!("needle = 1\napi_secret = \"{}\"\n", noise(40));
    let named = [
        "id_rsa",
        "server.key",
        "deploy/prod.env",
        "terraform.tfstate",
        "infra/state.tfstate.backup",
        "kubeconfig",
        "clusters/kubeconfig.yaml",
        "credentials",
        "credentials.json",
        "gcp-service-account.json",
        "vault.kdbx",
        "secrets.yml",
        "release.jks",
        "vars.tfvars",
        "htpasswd",
    ];
    let mut files: Vec<(&str, &str)> = named.iter().map(|path| (*path, "needle")).collect();
    files.extend([
        ("notes.txt", key.as_str()),
        ("app/config.py", &random),
        ("ok.py", "needle"),
    ]);
    let folder = folder(&files);
    let retrieval = retrieval();
    let found = search(&retrieval, folder.path(), "needle").await;
    let shown: Vec<_> = found
        .chunks
        .iter()
        .map(|chunk| chunk.path.as_str())
        .collect();
    assert_eq!(shown, ["ok.py"]);
    assert_eq!(
        (found.indexed_files, found.secret_files),
        (1, named.len() + 2)
    );
    // Once the secret is out of it, a file is code like any other.
    write(folder.path(), "app/config.py", b"needle = 1\n");
    assert!(
        paths(&retrieval, folder.path(), "needle")
            .await
            .contains("app/config.py")
    );
    // And the other way round, even between being indexed and being shown.
    write(folder.path(), "ok.py", random.as_bytes());
    assert!(
        !paths(&retrieval, folder.path(), "needle")
            .await
            .contains("ok.py")
    );
}

#[tokio::test]
async fn in_a_workspace_that_is_a_place_of_secrets_every_file_is_secret() {
    let home = folder(&[
        (".kube/notes", "needle"),
        (".config/gh/hosts.yml", "needle"),
        (".docker/x/config", "needle"),
        (".ssh/known", "needle"),
        ("code/main.rs", "needle"),
    ]);
    let retrieval = retrieval();
    for place in [".kube", ".config/gh", ".docker", ".docker/x", ".ssh"] {
        let found = search(&retrieval, &home.path().join(place), "needle").await;
        assert_eq!((found.chunks.len(), found.indexed_files), (0, 0), "{place}");
        assert!(found.secret_files > 0, "{place}");
    }
    let link = home.path().join("link");
    symlink(home.path().join(".kube"), &link).unwrap();
    assert_eq!(search(&retrieval, &link, "needle").await.chunks, []);
    let code = search(&retrieval, &home.path().join("code"), "needle").await;
    assert_eq!(code.chunks.len(), 1);
}
