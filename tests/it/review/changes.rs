//! The content of a review.

use std::os::unix::fs::PermissionsExt;

use axum::http::Method;
use navi::auth::principal::Role;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::review::repository::{
    Project, REVIEW, accept_json, answers, attempt, content, frames, git, listed,
};
use crate::support::client::json_request;

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_review_tells_what_it_does_and_what_it_found(db: PgPool) {
    let answer = json!({"summary": "Paging counts from 1.", "findings": [
        {"path": "paging.py", "line": 2, "severity": "high", "title": "Off by one",
         "body": "The last page is never shown.", "suggestion": "Add 1."},
        {"path": "paging.py", "line": 99, "severity": "nit", "title": "Somewhere else"},
        {"path": "other.py", "line": 1, "severity": "high", "title": "No such file"},
    ]});
    let files = [("paging.py", "def last(n):\n    return n\n")];
    let project = Project::new(db, answers(&answer), &files).await;
    project
        .stage
        .put("paging.py", "def last(n):\n    return n - 1\n");
    let mut stream = project.begin(&project.body()).await;
    stream.rest().await;
    assert!(stream.done);
    assert!(stream.frames.iter().all(|frame| frame.id.is_none()));
    let mut told = frames(&stream);
    for frame in &mut told {
        if let Some(results) = frame.get_mut("results") {
            let head = results[0]["diff"]
                .as_str()
                .unwrap()
                .split("@@")
                .next()
                .unwrap();
            assert!(
                head.starts_with("diff --git a/paging.py b/paging.py\n"),
                "{head}"
            );
            let diff = results[0]["diff"].as_str().unwrap().replace(head, "…");
            results[0]["diff"] = json!(diff);
        }
    }
    let review = told.remove(3);
    assert_eq!(review["type"], "review");
    let payload: Value = serde_json::from_str(review["payload"].as_str().unwrap()).unwrap();
    assert_eq!(payload["summary"], "Paging counts from 1.");
    assert_eq!(payload["files"][0]["issues"][0]["title"], "Off by one");
    insta::assert_snapshot!(
        told.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"),
        @r#"
    {"type":"progress","step":"Looking for the repository","progress":0}
    {"type":"progress","step":"Reading paging.py (1 of 1)","progress":10}
    {"type":"progress","step":"Reviewing paging.py","progress":30}
    {"type":"result","result":{"summary":"Paging counts from 1.","files":[{"path":"paging.py","issues":[{"type":"review","severity":"high","line":2,"message":"Off by one","description":"The last page is never shown.","suggestion":"Add 1."},{"type":"review","severity":"low","line":null,"message":"Somewhere else","description":"","suggestion":null}]}]}}
    {"type":"complete","success":true,"summary":"Paging counts from 1.","warning":"Remarks of the model that concern nothing that changed, left out: 1.","progress":100,"results":[{"path":"paging.py","from":null,"change":"modified","severity":"high","diff":"…@@ -1,2 +1,2 @@\n def last(n):\n-    return n\n+    return n - 1\n","issues":[{"id":"issue-1-1","title":"Off by one","body":"The last page is never shown.","severity":"high","line":2,"canAutoFix":false,"suggestion":"Add 1."},{"id":"issue-1-2","title":"Somewhere else","body":"","severity":"low","line":null,"canAutoFix":false,"suggestion":null}]}],"skipped":[],"model":"scripted/demo","additions":1,"deletions":1}
    "#
    );
    assert_eq!(project.stage.calls().await, ["chat success tokens cost"]);
    let kinds: Vec<String> = sqlx::query_scalar("select task_type from llm_metrics")
        .fetch_all(&project.stage.db)
        .await
        .unwrap();
    assert_eq!(kinds, ["review"]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_kind_of_change_is_reviewed_whatever_its_name(db: PgPool) {
    let odd = "a \"b\"\n'c' ü.txt";
    let moved = "one\ntwo\nthree\nfour\nfive\n";
    let files = [
        ("staged.txt", "old\n"),
        ("unstaged.txt", "old\n"),
        ("gone.txt", "old\n"),
        ("before.txt", moved),
        ("mode.sh", "true\n"),
        (odd, "old\n"),
        ("-p", "old\n"),
        ("untouched.txt", "old\n"),
    ];
    let project = Project::new(db, content(), &files).await;
    let stage = &project.stage;
    stage.put("staged.txt", "new\n");
    stage.put("added.txt", "new\n");
    project.git(&["add", "staged.txt", "added.txt"]);
    stage.put("staged.txt", "newer\n");
    stage.put("unstaged.txt", "new\n");
    std::fs::remove_file(stage.path("gone.txt")).unwrap();
    project.git(&["mv", "before.txt", "after.txt"]);
    std::fs::set_permissions(stage.path("mode.sh"), PermissionsExt::from_mode(0o755)).unwrap();
    stage.put(odd, "new\n");
    stage.put("-p", "new\n");
    stage.put("new folder/untracked.txt", "new\n");
    stage.put("empty.txt", "");
    stage.put(".gitignore", "ignored*\n");
    stage.put("ignored.txt", "new\n");
    std::fs::create_dir_all(stage.path(".git/info")).unwrap();
    stage.put(".git/info/exclude", "private.txt\n");
    stage.put("private.txt", "new\n");
    let review = project.reviewed().await;
    insta::assert_snapshot!(listed(&review), @r#"
    "-p" modified low
    "a \"b\"\n'c' ü.txt" modified low
    "added.txt" added low
    "after.txt" renamed from "before.txt" low
    "gone.txt" deleted low
    "mode.sh" modified low
    "staged.txt" modified low
    "unstaged.txt" modified low
    ".gitignore" untracked low
    "empty.txt" untracked low
    "new folder/untracked.txt" untracked low
    "#);
    assert_eq!(review["warning"], Value::Null);
    let diffs = review["results"].to_string();
    assert!(diffs.contains("newer"), "the working tree is what counts");
    let asked = project.asked();
    assert!(
        asked.contains("untracked.txt") && !asked.contains("private.txt"),
        "{asked}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_cannot_or_may_not_be_shown_is_left_out_and_said(db: PgPool) {
    let large = "x\n".repeat(600 * 1024);
    let files = [
        ("logo.png", "\0\u{1}old"),
        ("data.txt", "small\n"),
        (".env", "A=1\n"),
    ];
    let project = Project::new(db, content(), &files).await;
    let stage = &project.stage;
    stage.put("logo.png", b"\0\x01new");
    stage.put("data.txt", &large);
    stage.put("more.txt", &large);
    stage.put("photo.jpg", b"\xff\xd8\0\0");
    stage.put(".env", "API_KEY=tracked-value-1\n");
    stage.put("deploy/id_rsa", "untracked-value-2\n");
    std::os::unix::fs::symlink(".env", stage.path("notes.txt")).unwrap();
    stage.put("long.txt", "0123456789\n".repeat(5_000));
    stage.put("fine.txt", "fine\n");
    let nested = stage.path("nested");
    std::fs::create_dir(&nested).unwrap();
    git(&nested, &["init", "--quiet"]);
    stage.put("nested/a.txt", "a\n");
    git(&nested, &["add", "--all"]);
    git(&nested, &["commit", "--quiet", "--message=first"]);
    let review = project.reviewed().await;
    insta::assert_snapshot!(listed(&review), @r#"
    "fine.txt" untracked low
    "long.txt" untracked low
    "#);
    insta::assert_snapshot!(review["warning"].as_str().unwrap().replace(". ", ".\n"), @r"
    Not reviewed (it may hold secrets): `.env`, `deploy/id_rsa`.
    Not reviewed (no text): `logo.png`, `photo.jpg`.
    Not reviewed (too large): `data.txt`, `more.txt`.
    Not reviewed (a link): `notes.txt`.
    Not reviewed (a repository of its own): `nested/`.
    Reviewed only at the beginning (too long): `long.txt`.
    ");
    let skipped = review["skipped"].as_array().unwrap().iter();
    let skipped: Vec<_> = skipped
        .map(|file| format!("{} {}", file["reason"], file["path"]))
        .collect();
    insta::assert_snapshot!(skipped.join("\n"), @r#"
    "secret" ".env"
    "secret" "deploy/id_rsa"
    "binary" "logo.png"
    "binary" "photo.jpg"
    "large" "data.txt"
    "large" "more.txt"
    "link" "notes.txt"
    "nested_repository" "nested/"
    "#);
    let all = format!("{} {review}", project.asked());
    for secret in ["tracked-value-1", "untracked-value-2"] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn secrets_in_changes_reach_neither_the_model_nor_the_client(db: PgPool) {
    let key = ["-----BEGIN ", "PRIVATE KEY-----"].concat();
    let end = ["-----END ", "PRIVATE KEY-----"].concat();
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n".repeat(4);
    let token = ["ghp_", "0123456789abcdefABCDEF0123456789abcd"].concat();
    let pem = format!("a = 1\n{key}\n{body}{end}\nb = 2\n");
    // Of what makes it a secret, the difference shows one line.
    let manifest = |value: &str| {
        let labels = "  a: b\n".repeat(9);
        format!("kind: Secret\nmetadata:\n{labels}data:\n  a: eA==\n{labels}  password: {value}\n")
    };
    let old = manifest("b2xkb2xk");
    let files = [
        ("db.yaml", old.as_str()),
        ("keys.py", pem.as_str()),
        ("main.py", "import os\n"),
    ];
    let project = Project::new(db, content(), &files).await;
    project.stage.put("keys.py", "a = 1\nb = 2\n");
    let main = format!("import os\nTOKEN = \"{token}\"\npassword = \"hunter2x\"\nb = 2\n");
    project.stage.put("main.py", main);
    project.stage.put("new.py", &pem);
    project.stage.put("db.yaml", manifest("bmV3bmV3"));
    let review = project.reviewed().await;
    // A whole key keeps its file back; what only looks like a secret is redacted.
    assert_eq!(review["results"].as_array().unwrap().len(), 1);
    let warning = review["warning"].as_str().unwrap();
    assert!(
        warning.contains("may hold secrets): `db.yaml`, `keys.py`, `new.py`"),
        "{warning}"
    );
    let all = format!("{} {review}", project.asked());
    for secret in [
        token.as_str(),
        "hunter2x",
        "MIIEvQIBADANBg",
        "b2xkb2xk",
        "bmV3bmV3",
    ] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
    assert!(all.contains("[redacted"));
    // The lines behind the secret have the numbers that they have in the file.
    let asked = project.asked();
    assert!(asked.contains("     4 +b = 2"), "{asked}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_folder_without_changes_commits_or_repository_says_so_and_asks_no_model(db: PgPool) {
    let project = Project::new(db.clone(), content(), &[("a.txt", "a\n")]).await;
    let told = project.frames().await;
    let last = told.last().unwrap();
    assert_eq!(last["summary"], "There is nothing to review.");
    assert_eq!(
        (&last["results"], &last["warning"]),
        (&json!([]), &Value::Null)
    );
    let review = told.iter().find(|frame| frame["type"] == "review").unwrap();
    assert!(
        review["payload"]
            .as_str()
            .unwrap()
            .starts_with("{\"files\":[]")
    );
    std::fs::remove_dir_all(project.stage.path(".git")).unwrap();
    let review = project.reviewed().await;
    assert!(
        review["warning"].as_str().unwrap().contains("git init"),
        "{review}"
    );
    assert_eq!(project.stage.requests().len(), 0);

    project.git(&["init", "--quiet"]);
    let review = project.reviewed().await;
    assert_eq!(listed(&review), "\"a.txt\" untracked low");
    project.git(&["add", "a.txt"]);
    let review = project.reviewed().await;
    assert_eq!(listed(&review), "\"a.txt\" added low");
    assert!(
        review["warning"]
            .as_str()
            .unwrap()
            .contains("no commits yet"),
        "{review}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_folder_below_a_repository_is_reviewed_alone(db: PgPool) {
    let files = [("a.txt", "a\n"), ("web/b.txt", "b\n"), ("web/c.txt", "c\n")];
    let project = Project::new(db, content(), &files).await;
    project.stage.put("a.txt", "new\n");
    project.stage.put("d.txt", "new\n");
    project.stage.put("web/b.txt", "new\n");
    project.stage.put("web/d.txt", "new\n");
    project.git(&["mv", "web/c.txt", "moved.txt"]);
    let web = json!({ "workspace_root": project.stage.path("web") });
    let (status, review) = project.whole(&web).await;
    assert_eq!(status, 200, "{review}");
    assert_eq!(
        listed(&review),
        "\"b.txt\" modified low\n\"c.txt\" deleted low\n\"d.txt\" untracked low"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn linked_working_trees_conflicts_and_submodules_are_reviewed(db: PgPool) {
    let project = Project::new(db, content(), &[("a.txt", "one\n")]).await;
    let stage = &project.stage;
    let library = stage.path("library");
    std::fs::create_dir(&library).unwrap();
    git(&library, &["init", "--quiet"]);
    git(
        &library,
        &["commit", "--quiet", "--allow-empty", "--message=first"],
    );
    project.git(&["submodule", "--quiet", "add", "./library", "module"]);
    stage.put(".gitignore", "library\nside\n");
    project.git(&["add", "--all"]);
    project.git(&["commit", "--quiet", "--message=second"]);
    project.git(&["branch", "other"]);
    stage.put("a.txt", "two\n");
    project.git(&["commit", "--quiet", "--all", "--message=third"]);
    project.git(&["worktree", "add", "--quiet", "side", "other"]);
    stage.put("side/a.txt", "three\n");
    let side = json!({ "workspace_root": stage.path("side") });
    let (_, review) = project.whole(&side).await;
    assert_eq!(listed(&review), "\"a.txt\" modified low", "{review}");
    git(
        &stage.path("side"),
        &["commit", "--quiet", "--all", "--message=fourth"],
    );
    git(
        &stage.path("module"),
        &["commit", "--quiet", "--allow-empty", "--message=second"],
    );
    assert_eq!(
        attempt(&project.root(), &["merge", "--quiet", "other"]),
        Some(1)
    );
    let (_, review) = project.whole(&project.body()).await;
    insta::assert_snapshot!(listed(&review), @r#"
    "a.txt" modified low
    "module" modified low
    "#);
    let diff = review["results"].to_string();
    assert!(
        diff.contains("Subproject commit") && diff.contains("<<<<<<<"),
        "{diff}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_review_takes_so_many_files_and_so_much_text(db: PgPool) {
    let project = Project::new(db, content(), &[]).await;
    for number in 0..53 {
        project.stage.put(&format!("f{number:02}.txt"), "new\n");
    }
    let review = project.reviewed().await;
    assert_eq!(review["results"].as_array().unwrap().len(), 50);
    insta::assert_snapshot!(review["warning"].as_str().unwrap(), @r"
    Not reviewed (more files than one review takes): `f50.txt`, `f51.txt`, `f52.txt`.
    ");
    assert_eq!(project.stage.requests().len(), 1);
    for number in 0..53 {
        project
            .stage
            .put(&format!("f{number:02}.txt"), "0123456789\n".repeat(2_500));
    }
    let told = project.frames().await;
    let review = told.last().unwrap();
    assert_eq!(review["results"].as_array().unwrap().len(), 8);
    let warning = review["warning"].as_str().unwrap();
    assert!(
        warning.contains("(more text than one review takes): `f08.txt`"),
        "{warning}"
    );
    assert_eq!(project.stage.requests().len(), 1 + 8);
    let shares = told.iter().filter(|frame| frame["type"] == "progress");
    let shares: Vec<_> = shares
        .map(|frame| frame["progress"].as_u64().unwrap())
        .collect();
    assert!(shares.is_sorted(), "{shares:?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn browsers_and_scripts_get_it_by_get(db: PgPool) {
    let project = Project::new(db, content(), &[("a.txt", "a\n")]).await;
    project.stage.put("a.txt", "b\n");
    let path = format!(
        "{REVIEW}?workspace_root={}&token=ignored",
        project.stage.workspace()
    );
    let viewer = project.stage.app.client(Role::Viewer);
    let get = || json_request(Method::GET, &path, &Value::Null);
    let streamed = viewer.answer(get()).await;
    assert_eq!(streamed.headers["content-type"], "text/event-stream");
    let text = streamed.body.as_str().unwrap();
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    let ids: Vec<_> = text
        .split("\n\n")
        .filter(|frame| frame.contains("id: "))
        .collect();
    assert_eq!(ids.len(), 1, "{text}");
    assert!(
        ids[0].starts_with("id: end\ndata: {\"type\":\"complete\""),
        "{text}"
    );
    let mut request = get();
    accept_json(&mut request);
    let whole = viewer.answer(request).await;
    assert_eq!(whole.headers["content-type"], "application/json");
    assert_eq!(
        (&whole.body["success"], &whole.body["progress"]),
        (&json!(true), &json!(100))
    );
    assert_eq!(listed(&whole.body), "\"a.txt\" modified low");
    // A browser whose stream has ended connects again by itself; one whose connection broke has seen no
    // event with an id, or one of another server.
    for (seen, status, asked) in [("end", 204, 2), ("6", 200, 3), ("", 200, 4)] {
        let mut again = get();
        let id = seen.parse().unwrap();
        again.headers_mut().insert("last-event-id", id);
        let answer = viewer.answer(again).await;
        assert_eq!(answer.status, status, "{seen}");
        assert_eq!(project.stage.requests().len(), asked, "{seen}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_review_whose_connection_breaks_is_made_again(db: PgPool) {
    let project = Project::new(db, content(), &[("a.txt", "a\n")]).await;
    project.stage.put("a.txt", "b\n");
    let mut stream = project.begin(&project.body()).await;
    stream.until(|data| data["type"] == "progress").await;
    assert!(stream.frames.iter().all(|frame| frame.id.is_none()));
    drop(stream);
    let path = format!("{REVIEW}?workspace_root={}", project.stage.workspace());
    let again = json_request(Method::GET, &path, &Value::Null);
    let answer = project.stage.planner().answer(again).await;
    assert_eq!(answer.status, 200);
    let text = answer.body.as_str().unwrap();
    assert!(text.contains("\"type\":\"complete\""), "{text}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_way_to_store_names_and_index_is_read(db: PgPool) {
    let project = Project::new(db, content(), &[("a.txt", "a\n"), ("b.txt", "b\n")]).await;
    project.git(&["update-index", "--split-index"]);
    project.git(&["pack-refs", "--all"]);
    project.stage.put("a.txt", "new\n");
    project.git(&["add", "a.txt"]);
    project.stage.put("a.txt", "newer\n");
    let review = project.reviewed().await;
    assert_eq!(listed(&review), "\"a.txt\" modified low");
    for format in ["--object-format=sha256", "--ref-format=reftable"] {
        std::fs::remove_dir_all(project.stage.path(".git")).unwrap();
        if attempt(&project.root(), &["init", "--quiet", format]) != Some(0) {
            // An older git.
            continue;
        }
        project.stage.put("a.txt", "a\n");
        project.git(&["add", "--all"]);
        project.git(&["commit", "--quiet", "--message=first"]);
        project.stage.put("a.txt", "new\n");
        let review = project.reviewed().await;
        assert_eq!(listed(&review), "\"a.txt\" modified low", "{format}");
        assert_eq!(review["warning"], Value::Null, "{format}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_review_is_audited_whichever_method_asks_for_it(db: PgPool) {
    let project = Project::new(db, content(), &[("a.txt", "a\n")]).await;
    project.stage.put("a.txt", "b\n");
    let path = format!("{REVIEW}?workspace_root={}", project.stage.workspace());
    let asked = json_request(Method::GET, &path, &Value::Null);
    assert_eq!(project.stage.planner().answer(asked).await.status, 200);
    project.reviewed().await;
    let admin = project.stage.app.client(Role::Admin);
    let (_, page) = admin.get("/api/audit?event_type=http.request").await;
    let entries = page["entries"].as_array().unwrap().iter();
    let methods: Vec<_> = entries
        .map(|entry| (entry["method"].as_str(), entry["route"].as_str()))
        .collect();
    let expected = [(Some("POST"), Some(REVIEW)), (Some("GET"), Some(REVIEW))];
    assert_eq!(methods, expected, "newest first");
}
