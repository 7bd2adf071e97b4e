//! The list of entries: its first page is read by the numbers of records, the others by a join.

use axum::http::StatusCode;
use chrono::TimeDelta;
use navi::audit::event::Event;
use navi::audit::model::{Actor, ActorKind, Ending, Filter, Log, NewEntry, Outcome};
use navi::audit::service::Open;
use navi::auth::principal::Role;
use sqlx::PgPool;

use crate::support::app::{ORG, TestApp};

fn log() -> Log {
    Log::Org(ORG.parse().unwrap())
}

async fn begun(app: &TestApp, resource: &str) -> Open {
    let entry = NewEntry {
        resource: Some(resource.to_owned()),
        payload: Some(serde_json::json!({"asked": resource})),
        ..NewEntry::new(log(), Event::ToolCall, Actor::nameless(ActorKind::Agent))
    };
    app.app.audit.begin(entry).await.unwrap()
}

async fn noted(app: &TestApp) {
    let entry = NewEntry::new(
        log(),
        Event::AuditExported,
        Actor::nameless(ActorKind::Server),
    );
    app.app.audit.note(entry, Outcome::Success).await.unwrap();
}

/// Entries of every kind: over, not over, over much later than others, and such as are no request.
async fn fill(app: &TestApp) -> Vec<Open> {
    let late = begun(app, "late").await;
    let mut left = Vec::new();
    for n in 0..12 {
        let open = begun(app, &format!("thing-{n}")).await;
        match n % 4 {
            0 => left.push(open),
            1 => {
                let mut ending = Ending::from(Outcome::Failure);
                ending.status = Some(500);
                ending.resource = Some(format!("made-{n}"));
                open.complete(ending).await;
            }
            _ => open.complete(Outcome::Success.into()).await,
        }
        if n % 5 == 0 {
            noted(app).await;
        }
    }
    late.complete(Outcome::Refused.into()).await;
    left
}

/// The first page, and the same entries as the statement for all pages finds them.
async fn both(app: &TestApp, limit: i64) -> (Vec<String>, Vec<String>) {
    let (audit, filter) = (&app.app.audit, Filter::default());
    let first = audit.entries(&log(), &filter, None, limit).await.unwrap();
    let same = audit
        .entries(&log(), &filter, Some(i64::MAX), limit)
        .await
        .unwrap();
    let shown = |entries: Vec<_>| entries.iter().map(|entry| format!("{entry:?}")).collect();
    (shown(first), shown(same))
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_first_page_is_the_beginning_of_the_whole_list(db: PgPool) {
    let app = TestApp::new(db).await;
    let (first, same) = both(&app, 5).await;
    assert!(first.is_empty() && same.is_empty());
    let _left = fill(&app).await;
    for limit in [1, 2, 5, 15, 16, 17, 100] {
        let (first, same) = both(&app, limit).await;
        assert_eq!(first, same, "{limit}");
        assert_eq!(first.len(), usize::try_from(limit.min(16)).unwrap());
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_first_page_is_found_behind_the_ends_of_a_burst(db: PgPool) {
    let app = TestApp::new(db).await;
    let burst = async |count: usize| {
        let names: Vec<_> = (0..count).map(|n| format!("thing-{n}")).collect();
        let begun = names.iter().map(|name| begun(&app, name));
        let all = futures_util::future::join_all(begun).await;
        let ends = all
            .into_iter()
            .map(|open| open.complete(Outcome::Success.into()));
        futures_util::future::join_all(ends).await;
    };
    // Of the first burst the ends are among the first records that are read; of the second none is.
    for (count, expected) in [(60, 60), (300, 360)] {
        burst(count).await;
        for limit in [1, 5, 61, 400] {
            let (first, same) = both(&app, limit).await;
            assert_eq!(first, same, "{count}, {limit}");
            assert_eq!(first.len(), usize::try_from(limit).unwrap().min(expected));
        }
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_quiet_log_is_listed_from_all_its_months(db: PgPool) {
    let app = TestApp::new(db).await;
    let mut left = Vec::new();
    for _ in 0..3 {
        left.push(fill(&app).await);
        app.app.clock.advance(TimeDelta::days(40));
    }
    noted(&app).await;
    for limit in [1, 10, 40, 49, 60] {
        let (first, same) = both(&app, limit).await;
        assert_eq!(first, same, "{limit}");
        assert!(first.len() == usize::try_from(limit).unwrap() || limit > 48);
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_end_that_comes_months_later_is_found_by_every_page(db: PgPool) {
    let app = TestApp::new(db).await;
    let open = begun(&app, "slow").await;
    app.app.clock.advance(TimeDelta::days(70));
    open.complete(Outcome::Success.into()).await;
    let (first, same) = both(&app, 10).await;
    assert_eq!(first, same);
    assert!(first[0].contains("outcome: Some(Success)"), "{first:?}");
    let client = app.client(Role::Admin);
    let (status, page) = client.get("/api/audit?event_type=tool.call").await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert_eq!(page["entries"][0]["outcome"], "success");
}
