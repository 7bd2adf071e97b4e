//! Proofs of the log, for a reader who trusts nothing but a key.

use std::io::Cursor;
use std::process::ExitCode;

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use navi::audit::erasing::Whose;
use navi::audit::event::Event;
use navi::audit::model::{Actor, ActorKind, Log, NewEntry, Outcome};
use navi::audit::note::{Checkpoint, VerifyingKey};
use navi::audit::record::Hash;
use navi::audit::service::Audit;
use navi::audit::tree::merkle::leaf;
use navi::audit::witnessing::witness::Witness;
use navi::auth::principal::Role;
use navi::cli::audit::opened::operator;
use navi::cli::audit::verify::{Args, run, verify_lines};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::audit::oracle::{is_consistent, is_included};
use crate::support::app::{ORG, TestApp};

fn log() -> Log {
    Log::from_name(ORG)
}

fn entry(person: &str, n: usize) -> NewEntry {
    let actor = Actor {
        kind: ActorKind::User,
        id: Some(person.to_owned()),
        role: Some(Role::Viewer),
    };
    NewEntry {
        resource: Some(format!("thing-{n}")),
        payload: Some(json!({"n": n})),
        ..NewEntry::new(log(), Event::HttpRequest, actor)
    }
}

async fn write(audit: &Audit, person: &str, count: usize) {
    let open: Vec<_> = (0..count)
        .map(|n| audit.note(entry(person, n), Outcome::Success))
        .collect();
    for noted in futures_util::future::join_all(open).await {
        noted.unwrap();
    }
}

fn hash(text: &Value) -> Hash {
    STANDARD
        .decode(text.as_str().unwrap())
        .unwrap()
        .try_into()
        .unwrap()
}

fn hashes(list: &Value) -> Vec<Hash> {
    list.as_array().unwrap().iter().map(hash).collect()
}

fn keys(app: &TestApp) -> Vec<VerifyingKey> {
    app.app.audit.verifying_keys()
}

async fn whole(audit: &Audit, elsewhere: &[String]) -> bool {
    let report = audit.verify(&log(), elsewhere, |_, _| {}).await.unwrap();
    assert_eq!(report.ok, report.findings.is_empty());
    report.ok
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_entry_is_proved_against_a_signed_checkpoint(db: PgPool) {
    let app = TestApp::new(db).await;
    write(&app.app.audit, "user-1", 700).await;
    let admin = app.client(Role::Admin);
    let (_, page) = admin.get("/api/audit?limit=1000").await;
    for index in [0, 1, 350, 699] {
        let id = page["entries"][index]["id"].as_str().unwrap();
        let (status, proof) = admin.get(&format!("/api/audit/{id}/proof")).await;
        assert_eq!(status, StatusCode::OK, "{proof}");
        let note = proof["checkpoint"].as_str().unwrap();
        let checkpoint = Checkpoint::open(note, &keys(&app)).unwrap();
        let record = &proof["records"][0];
        let leaf_index = record["sequence"].as_u64().unwrap() - 1;
        let tree = (u64::try_from(checkpoint.size).unwrap(), &checkpoint.root);
        let (data, path) = (hash(&record["hash"]), hashes(&record["path"]));
        assert_eq!(hash(&record["leaf"]), leaf(&data));
        assert!(is_included(leaf_index, &data, &path, tree));
        assert!(!is_included(leaf_index ^ 1, &data, &path, tree));
    }
    let (status, _) = admin
        .get(&format!("/api/audit/{}/proof", uuid::Uuid::nil()))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_later_checkpoint_is_proved_to_continue_an_earlier_one(db: PgPool) {
    let app = TestApp::new(db).await;
    let admin = app.client(Role::Admin);
    let (status, _) = admin.get("/api/audit/checkpoint").await;
    assert_eq!(
        status,
        StatusCode::NOT_FOUND,
        "there is nothing to sign yet"
    );
    let mut seen: Vec<Checkpoint> = Vec::new();
    for count in [1, 2, 255, 300, 5] {
        write(&app.app.audit, "user-1", count).await;
        let (_, answer) = admin.get("/api/audit/checkpoint").await;
        let note = answer["checkpoint"].as_str().unwrap();
        let now = Checkpoint::open(note, &keys(&app)).unwrap();
        for then in &seen {
            let path = format!("/api/audit/checkpoint?since={}", then.size);
            let (_, answer) = admin.get(&path).await;
            let proof = hashes(&answer["consistency"]);
            let [old, new] = [then, &now].map(|c| (u64::try_from(c.size).unwrap(), &c.root));
            assert!(
                is_consistent(old, new, &proof),
                "{} to {}",
                then.size,
                now.size
            );
        }
        seen.push(now);
    }
    let (status, _) = admin.get("/api/audit/checkpoint?since=9999").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

/// An export over HTTP.
async fn export(app: &TestApp, query: &str) -> String {
    let path = format!("/api/audit/export{query}");
    let (status, body) = app.client(Role::Admin).get(&path).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    // One line alone is read as JSON.
    body.as_str()
        .map_or_else(|| body.to_string(), str::to_owned)
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_export_is_verified_without_the_server_and_a_change_names_its_entry(db: PgPool) {
    let app = TestApp::new(db).await;
    write(&app.app.audit, "user-1", 600).await;
    let text = export(&app, "").await;
    let keys = keys(&app);
    let report = verify_lines(Cursor::new(&text), keys.clone(), &[]).unwrap();
    assert!(report.ok, "{:?}", report.findings);
    // The export notes itself first.
    assert_eq!((report.records, report.signed_size), (601, 601));
    let lines: Vec<&str> = text.lines().collect();
    let victim: Value = serde_json::from_str(lines[300]).unwrap();
    let changed = lines[300].replace("thing-", "thong-");
    let with = |line: &str| {
        let mut lines = lines.clone();
        lines[300] = line;
        lines.join("\n")
    };
    let report = verify_lines(Cursor::new(with(&changed)), keys.clone(), &[]).unwrap();
    assert_eq!(
        report.findings[0].sequence,
        victim["record"]["sequence"].as_i64().unwrap()
    );
    assert_eq!(
        report.findings[0]
            .entry_id
            .map(|id| id.to_string())
            .as_deref(),
        victim["record"]["entry_id"].as_str()
    );
    // Signed by an unknown key.
    let stranger = VerifyingKey {
        id: "default".to_owned(),
        public: vec![7; 32],
    };
    let report = verify_lines(Cursor::new(&text), vec![stranger], &[]).unwrap();
    assert!(!report.ok);
    let last = app.app.audit.checkpoint(&log()).await.unwrap();
    let last = [last.unwrap().note];
    assert!(verify_lines(Cursor::new(&text), keys, &last).unwrap().ok);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_export_that_was_cut_down_is_not_whole_even_to_its_header(db: PgPool) {
    let app = TestApp::new(db).await;
    write(&app.app.audit, "user-1", 20).await;
    let text = export(&app, "").await;
    let lines: Vec<&str> = text.lines().collect();
    let problems = |text: &str, notes: &[String]| {
        let report = verify_lines(Cursor::new(text), keys(&app), notes).unwrap();
        assert_eq!(report.ok, report.findings.is_empty());
        report.findings
    };
    for left in [1, 2, 15, lines.len() - 2, lines.len() - 1] {
        assert!(
            !problems(&lines[..left].join("\n"), &[]).is_empty(),
            "{left}"
        );
    }
    // A header that promises less is not the one that was signed.
    let last = app
        .app
        .audit
        .checkpoint(&log())
        .await
        .unwrap()
        .unwrap()
        .note;
    let header: Value = serde_json::from_str(lines[0]).unwrap();
    for taken in [
        &["size"][..],
        &["checkpoint"],
        &["checkpoints"],
        &["keys"],
        &["signature"],
    ] {
        let mut header = header.clone();
        for promise in taken.iter().chain(&["size", "checkpoint"]) {
            header["header"].as_object_mut().unwrap().remove(*promise);
        }
        if *taken == ["keys"] {
            header["header"]["keys"] = json!([]);
        }
        for left in [1, 15] {
            let rest = lines[1..left].join("\n");
            assert!(!problems(&format!("{header}\n{rest}"), &[]).is_empty());
        }
        let some = format!("{header}\n{}", lines[1..15].join("\n"));
        assert!(!problems(&some, std::slice::from_ref(&last)).is_empty());
    }
    for (name, value) in [
        ("size", json!(7)),
        ("exported_at", json!("2026-01-01T00:00:00Z")),
        ("base_note", json!("x")),
        ("note", json!("x")),
    ] {
        let mut header = header.clone();
        header["header"][name] = value;
        let text = format!("{header}\n{}", lines[1..].join("\n"));
        let report = verify_lines(Cursor::new(text), keys(&app), &[]);
        assert!(!report.is_ok_and(|report| report.ok), "{name}");
    }
    // One of a version that signed no header is taken for what a kept checkpoint says.
    let mut unsigned = header.clone();
    for promise in ["signature", "checkpoints"] {
        unsigned["header"].as_object_mut().unwrap().remove(promise);
    }
    let unsigned = format!("{unsigned}\n{}", lines[1..].join("\n"));
    assert!(!problems(&unsigned, &[]).is_empty());
    assert!(problems(&unsigned, &[last]).is_empty());
    // A part without records proves something when it begins where the log ends.
    let after = export(&app, "?since=2099-01-01T00:00:00Z").await;
    assert_eq!(after.lines().count(), 1);
    assert!(problems(&after, &[]).is_empty());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_export_for_a_spreadsheet_holds_no_formula(db: PgPool) {
    let app = TestApp::new(db).await;
    write(&app.app.audit, "=cmd|' /C calc'!A0", 1).await;
    let text = export(&app, "?format=csv").await;
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<_> = rows.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2, "{text}");
    assert!(
        rows.iter().any(|row| &row[6] == "'=cmd|' /C calc'!A0"),
        "{text}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn erasing_a_person_leaves_the_proofs_whole_and_nothing_to_read(db: PgPool) {
    let app = TestApp::new(db.clone()).await;
    let audit = &app.app.audit;
    write(audit, "ada", 5).await;
    write(audit, "bob", 3).await;
    let open = audit.begin(entry("ada", 9)).await.unwrap();
    open.complete(Outcome::Success.into()).await;
    let id: uuid::Uuid =
        sqlx::query_scalar("select entry_id from audit_records order by sequence desc limit 1")
            .fetch_one(&db)
            .await
            .unwrap();
    let before = audit.checkpoint(&log()).await.unwrap().unwrap().note;
    for erased in [7, 0] {
        let whose = Whose::Person("ada");
        let again = audit.erase(&log(), whose, &operator()).await;
        assert_eq!(again.unwrap(), erased);
    }
    assert!(whole(audit, std::slice::from_ref(&before)).await);
    let text = export(&app, "").await;
    assert!(!text.contains("\"ada\"") && text.contains("\"bob\""));
    let report = verify_lines(Cursor::new(&text), keys(&app), &[before]).unwrap();
    assert!(report.ok, "{:?}", report.findings);
    assert_eq!(report.erased, 7);
    let (status, _) = app
        .client(Role::Admin)
        .post(
            &format!("/api/audit/{id}/decrypt"),
            json!({"reason": "too late"}),
        )
        .await;
    assert_eq!(status, StatusCode::GONE);
    // An unannounced change is no erasure.
    let mut tx = db.begin().await.unwrap();
    sqlx::query("set local session_replication_role = replica")
        .execute(&mut *tx)
        .await
        .unwrap();
    sqlx::query(
        "update audit_records set actor = null, actor_role = null, resource = null, blind = null,
         entry_key = null, erased_by = (select max(erased_by) from audit_records) where actor = 'bob'",
    )
    .execute(&mut *tx)
    .await
    .unwrap();
    let report = audit
        .verify_over(&mut tx, &log(), &[], |_, _| {})
        .await
        .unwrap();
    assert!(!report.ok);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn old_months_leave_behind_a_signed_base_and_the_rest_stays_provable(db: PgPool) {
    let app = TestApp::new(db.clone()).await;
    let audit = &app.app.audit;
    // The test's clock stands in January, which is long ago; then it moves to the present.
    write(audit, "ada", 300).await;
    sqlx::query("select make_month_partitions('2026-01-01', 1), make_month_partitions(now(), 2)")
        .execute(&db)
        .await
        .unwrap();
    let then = audit.checkpoint(&log()).await.unwrap().unwrap();
    let now = sqlx::query_scalar::<_, chrono::DateTime<chrono::Utc>>("select now()")
        .fetch_one(&db)
        .await
        .unwrap();
    app.app.clock.advance(now - app.app.clock.now());
    write(audit, "ada", 40).await;
    let kept = audit.retain(60).await.unwrap();
    assert_eq!(kept, ["audit_records_2026_01"]);
    assert_eq!(audit.retain(60).await.unwrap(), Vec::<String>::new());
    let report = audit.verify(&log(), &[], |_, _| {}).await.unwrap();
    assert!(report.ok, "{:?}", report.findings);
    assert_eq!((report.records, report.size), (40, 340));
    // A checkpoint of before is continued, and an entry of after is proved.
    let (signed, path) = audit.checkpoint_since(&log(), 300).await.unwrap().unwrap();
    let [old, new] = [&then.checkpoint, &signed.checkpoint]
        .map(|one| (u64::try_from(one.size).unwrap(), &one.root));
    assert!(is_consistent(old, new, &path));
    let text = export(&app, "").await;
    let report = verify_lines(Cursor::new(&text), keys(&app), &[]).unwrap();
    assert!(report.ok, "{:?}", report.findings);
    // Without the base, the same log is one whose beginning was removed.
    sqlx::query("delete from audit_checkpoints where is_base")
        .execute(&db)
        .await
        .unwrap();
    assert!(!whole(audit, &[]).await);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_log_that_was_taken_away_whole_is_missed(db: PgPool) {
    let app = TestApp::new(db.clone()).await;
    let audit = &app.app.audit;
    write(audit, "ada", 3).await;
    let note = audit.checkpoint(&log()).await.unwrap().unwrap().note;
    let folder = tempfile::tempdir().unwrap();
    let witness = Witness::new(Some(folder.path().join("audit-checkpoints")), None);
    witness.remember(&log(), &note).unwrap();
    let config = TestApp::config(&["--data-dir", folder.path().to_str().unwrap()]);
    let args = Args {
        export: None,
        org: None,
        checkpoints: Vec::new(),
        keys: Vec::new(),
        json: false,
    };
    let verified = async || {
        let mut out = Vec::new();
        let code = run(&args, &config, audit, &mut out).await.unwrap();
        (code, String::from_utf8(out).unwrap())
    };
    assert_eq!(verified().await.0, ExitCode::SUCCESS);
    let mut tx = db.begin().await.unwrap();
    for sql in [
        "set local session_replication_role = replica",
        "delete from audit_records",
        "delete from audit_checkpoints",
        "delete from audit_tiles",
        "delete from audit_chains",
    ] {
        sqlx::query(sql).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    let (code, told) = verified().await;
    assert_eq!(code, ExitCode::FAILURE, "{told}");
    assert!(
        told.contains("NOT WHOLE") && told.contains("there is no such log"),
        "{told}"
    );
}
