//! Lists of jobs, page by page.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::jobs::desk::{Desk, nothing};
use crate::runs::stage::{says, script};

impl Desk {
    async fn list(&self, query: &str) -> (Vec<String>, Option<String>) {
        let (status, page) = self.client.get(&format!("/api/jobs{query}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let jobs = page["jobs"].as_array().unwrap();
        assert_eq!(page["count"], jobs.len());
        let id = |job: &Value| job["job_id"].as_str().unwrap().to_owned();
        let cursor = page["next_cursor"].as_str().map(str::to_owned);
        (jobs.iter().map(id).collect(), cursor)
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn pages_hold_every_job_once_while_others_are_added(db: PgPool) {
    let desk = Desk::new(db, script([says("Done.")])).await;
    let held = json!({"auto_start": false});
    let mut old = BTreeSet::new();
    for _ in 0..7 {
        old.insert(desk.create(held.clone()).await);
        desk.stage
            .app
            .app
            .clock
            .advance(chrono::TimeDelta::seconds(1));
    }
    // Some of them in one moment.
    for _ in 0..4 {
        old.insert(desk.create(held.clone()).await);
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let (page, next) = desk.list(&format!("?limit=2{cursor}")).await;
        assert!(page.len() <= 2);
        seen.extend(page);
        let Some(next) = next else { break };
        cursor = format!("&cursor={next}");
        desk.stage
            .app
            .app
            .clock
            .advance(chrono::TimeDelta::seconds(1));
        desk.create(held.clone()).await;
    }
    let unique: BTreeSet<_> = seen.iter().cloned().collect();
    assert_eq!(unique.len(), seen.len(), "no job twice");
    assert!(unique.is_superset(&old), "and none missing");
    let (first, _) = desk.list("?limit=1").await;
    assert!(!old.contains(&first[0]), "the newest comes first");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_list_has_bounds_and_a_filter(db: PgPool) {
    let desk = Desk::new(db, script([says("Done.")])).await;
    let waits = desk.create(json!({"auto_start": false})).await;
    let done = desk.create(nothing()).await;
    desk.ended(&done).await;
    assert_eq!(desk.list("?status=queued").await.0, [waits.as_str()]);
    assert_eq!(desk.list("?status=completed").await.0, [done.as_str()]);
    assert_eq!(desk.list("?status=failed").await, (Vec::new(), None));
    assert_eq!(desk.list("?limit=0").await.0.len(), 1);
    assert_eq!(desk.list("?limit=100000").await.0.len(), 2);
    for bad in ["?status=odd", "?limit=-1", "?limit=x"] {
        let (status, _) = desk.client.get(&format!("/api/jobs{bad}")).await;
        assert!(status == 422 || status == 400, "{bad}: {status}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_cursor_that_no_list_gave_out_is_refused(db: PgPool) {
    let desk = Desk::new(db, script([says("Done.")])).await;
    let place = |micros: i64| {
        let bytes = [micros.to_be_bytes().as_slice(), &[7; 16]].concat();
        URL_SAFE_NO_PAD.encode(bytes)
    };
    let far = [i64::MIN, -(1 << 60), -1, 1 << 59, i64::MAX].map(place);
    let odd = ["x", "AAAA", "%20", "../..", ""].map(str::to_owned);
    for cursor in odd.into_iter().chain(far) {
        for status in ["", "&status=queued"] {
            let path = format!("/api/jobs?cursor={cursor}{status}");
            let (status, problem) = desk.client.get(&path).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{cursor:?}");
            assert_eq!(problem["error_code"], "VALIDATION_ERROR");
        }
    }
}
