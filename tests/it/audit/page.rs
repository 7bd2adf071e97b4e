//! The audit page of older clients, which cannot be changed any more: its requests as a browser sends
//! them, and its reading of the answers.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use navi::audit::erasing::Whose;
use navi::audit::event::Event;
use navi::audit::model::{Actor, ActorKind, EntryId, Log, NewEntry, Outcome};
use navi::audit::reader::Asker;
use navi::auth::principal::Role;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::app::{ORG, TestApp};
use crate::support::client::{Answer, Client};

const CONVERSATIONS: &str = "/api/navi-memory/conversations";

/// Sends what `fetch` in a page sends when only `Authorization` is set.
async fn fetch(client: &Client, path: &str) -> Answer {
    let request = Request::get(path)
        .header("Accept", "*/*")
        .header("Accept-Language", "en")
        .header("Sec-Fetch-Dest", "empty")
        .header("Sec-Fetch-Mode", "cors")
        .header("Sec-Fetch-Site", "same-origin");
    client.answer(request.body(Body::empty()).unwrap()).await
}

/// Sends these headers and no others.
async fn ask(client: &Client, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client.answer(request.body(Body::empty()).unwrap()).await
}

/// A row as the page shows it: method, route, status. Whatever it computes with must be there.
fn row(entry: &Value) -> (String, String, i64) {
    let text = |name: &str| entry[name].as_str().unwrap().to_owned();
    let time = text("created_at");
    assert!(chrono::DateTime::parse_from_rfc3339(&time).is_ok());
    assert_eq!(entry["org_key"], ORG);
    let status = entry["status_code"].as_i64().unwrap();
    (text("method"), text("route").to_lowercase(), status)
}

async fn begin_conversations(app: &TestApp, count: usize) {
    for n in 0..count {
        let client = app.client(Role::Viewer);
        let title = json!({ "title": n.to_string() });
        client.post(CONVERSATIONS, title).await;
    }
}

/// Notes an action of the agent, without any request.
async fn act(app: &TestApp) {
    let actor = Actor::nameless(ActorKind::Agent);
    let log = Log::Org(ORG.parse().unwrap());
    let entry = NewEntry::new(log, Event::ToolCall, actor);
    let noted = app.app.audit.note(entry, Outcome::Failure).await;
    noted.unwrap();
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_unchanged_page_is_sent_an_array_that_it_can_show(db: PgPool) {
    let app = TestApp::new(db).await;
    begin_conversations(&app, 1).await;
    act(&app).await;
    let admin = app.client(Role::Admin);
    let answer = fetch(&admin, "/api/audit?limit=250").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.headers[header::VARY], "Accept, Sec-Fetch-Mode");
    assert!(!answer.headers.contains_key(header::LINK));
    let rows: Vec<_> = answer.body.as_array().unwrap().iter().map(row).collect();
    let route = CONVERSATIONS.to_owned();
    let expected = [
        ("EVENT".to_owned(), "tool.call".to_owned(), 500),
        ("POST".to_owned(), route, 200),
    ];
    assert_eq!(rows, expected);
    insta::assert_json_snapshot!(answer.body[1], {
        ".id" => "[id]", ".resource_id" => "[id]",
    }, @r#"
    {
      "id": "[id]",
      "route": "/api/navi-memory/conversations",
      "method": "POST",
      "event_type": "http.request",
      "org_key": "org-1",
      "actor_sub": "user-1",
      "actor_email": null,
      "resource_id": "[id]",
      "status_code": 200,
      "created_at": "2026-01-02T03:04:05Z"
    }
    "#);
    let none = fetch(&admin, "/api/audit?actor=user-&limit=250").await;
    assert_eq!(none.body, json!([]));
    let ones = fetch(&admin, "/api/audit?actor=user-1&limit=250").await;
    assert_eq!(ones.body.as_array().unwrap().len(), 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_page_sees_ones_own_organisation_and_nothing_while_it_types_another(db: PgPool) {
    let app = TestApp::new(db).await;
    begin_conversations(&app, 1).await;
    let admin = app.client(Role::Admin);
    for (org, count) in [("o", 0), ("org-", 0), ("org-1", 1), ("org-2", 0), ("", 1)] {
        let answer = fetch(&admin, &format!("/api/audit?org={org}&limit=250")).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.body.as_array().unwrap().len(), count, "{org}");
    }
    let elsewhere = app.client_of("org-2", "user-1", Role::Admin);
    let answer = fetch(&elsewhere, "/api/audit?org=org-1&limit=250").await;
    assert_eq!(answer.body, json!([]));
    let (_, page) = elsewhere.get("/api/audit?org=org-1").await;
    assert_eq!(page, json!({"entries": [], "next_cursor": null}));
    for role in [Role::Viewer, Role::Planner] {
        let answer = fetch(&app.client(role), "/api/audit?limit=250").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn other_clients_are_sent_the_object_unless_they_ask_for_the_array(db: PgPool) {
    let app = TestApp::new(db).await;
    begin_conversations(&app, 1).await;
    let admin = app.client(Role::Admin);
    let any = ("Accept", "*/*");
    let json = ("Accept", "application/json");
    let page = ("Sec-Fetch-Mode", "cors");
    for (path, headers, is_array) in [
        ("/api/audit", &[][..], false),
        ("/api/audit", &[any], false),
        ("/api/audit", &[json], false),
        ("/api/audit", &[json, page], false),
        ("/api/audit?format=object", &[any, page], false),
        ("/api/audit", &[page], true),
        ("/api/audit", &[any, page], true),
        ("/api/audit?format=array", &[json], true),
        ("/api/audit?format=array", &[], true),
    ] {
        let answer = ask(&admin, path, headers).await;
        assert_eq!(answer.body.is_array(), is_array, "{path} {headers:?}");
        assert_eq!(answer.body["entries"].is_array(), !is_array);
        assert_eq!(answer.headers[header::VARY], "Accept, Sec-Fetch-Mode");
    }
    let answer = ask(&admin, "/api/audit?format=table", &[]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_array_links_to_its_next_page_until_the_end(db: PgPool) {
    let app = TestApp::new(db).await;
    begin_conversations(&app, 5).await;
    let admin = app.client(Role::Admin);
    let mut path = "/api/audit?limit=2&actor=user-1&cursor=1000".to_owned();
    let mut seen = Vec::new();
    for expected in [2, 2, 1] {
        // The client that follows the link need not be a browser.
        let answer = if seen.is_empty() {
            fetch(&admin, &path).await
        } else {
            ask(&admin, &path, &[]).await
        };
        let ids = answer.body.as_array().unwrap().iter();
        let ids: Vec<_> = ids.map(|entry| entry["id"].clone()).collect();
        assert_eq!(ids.len(), expected);
        seen.extend(ids);
        let Some(link) = answer.headers.get(header::LINK) else {
            break;
        };
        let link = link.to_str().unwrap();
        let link = link.strip_suffix(">; rel=\"next\"").unwrap();
        path = link.strip_prefix('<').unwrap().to_owned();
        assert!(path.starts_with("/api/audit?limit=2&actor=user-1&format=array&cursor="));
    }
    assert_eq!(seen.len(), 5);
    let once: std::collections::HashSet<_> = seen.iter().map(ToString::to_string).collect();
    assert_eq!(once.len(), 5);
}

fn operator() -> Asker {
    Asker {
        actor: Actor::nameless(ActorKind::Operator),
        request_id: None,
        trace_id: None,
    }
}

/// The entries that say that something was opened, newest first, with their reasons.
async fn reasons(app: &TestApp) -> Vec<String> {
    let admin = app.client(Role::Admin);
    let (_, page) = admin.get("/api/audit?event_type=audit.decrypted").await;
    let mut reasons = Vec::new();
    for entry in page["entries"].as_array().unwrap() {
        let id = entry["id"].as_str().unwrap().parse::<uuid::Uuid>().unwrap();
        let log = Log::Org(ORG.parse().unwrap());
        let (audit, operator) = (&app.app.audit, operator());
        let opened = audit.decrypt(&log, EntryId(id), &operator, "a test").await;
        let payload = opened.unwrap().begun.unwrap();
        reasons.push(payload["reason"].as_str().unwrap().to_owned());
    }
    reasons
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_payload_is_described_without_opening_it_and_opened_on_the_record(db: PgPool) {
    let app = TestApp::new(db).await;
    begin_conversations(&app, 1).await;
    let admin = app.client(Role::Admin);
    let list = fetch(&admin, "/api/audit?limit=250").await;
    let id = list.body[0]["id"].as_str().unwrap();
    let at = |query: &str| format!("/api/audit/{id}/payload{query}");
    for query in ["?decrypt=false", ""] {
        let answer = fetch(&admin, &at(query)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let look = answer.body;
        assert_eq!(
            (&look["id"], &look["encrypted"]),
            (&json!(id), &json!(true))
        );
        assert_eq!(look["payload"]["has_payload"], true);
        assert_eq!(look["payload"]["key_id"], "default");
        assert_eq!(look["payload"]["erased"], false);
        assert!(look["payload"]["sealed_bytes"].as_u64().unwrap() > 0);
    }
    let (_, page) = admin.get("/api/audit").await;
    let entries = page["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "looking is no entry: {page}");

    let answer = fetch(&admin, &at("?decrypt=true")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let expected = json!({
        "id": id,
        "encrypted": false,
        "payload": {
            "key_id": "default", "payload": {"body": {"title": "0"}}, "changes": null,
        },
    });
    assert_eq!(answer.body, expected);
    let fixed = "none given: the audit page of an older client asks without a reason";
    assert_eq!(reasons(&app).await, [fixed]);
    // Only that page may leave it out.
    let (status, problem) = admin.get(&at("?decrypt=true")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    let answer = fetch(&admin, &at("?decrypt=true&reason=ticket%204711")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(reasons(&app).await[0], "ticket 4711");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_payload_is_for_administrators_of_its_organisation_alone(db: PgPool) {
    let app = TestApp::new(db.clone()).await;
    begin_conversations(&app, 1).await;
    let admin = app.client(Role::Admin);
    let list = fetch(&admin, "/api/audit").await;
    let id = list.body[0]["id"].as_str().unwrap();
    let elsewhere = app.client_of("org-2", "user-1", Role::Admin);
    for decrypt in [true, false] {
        let path = format!("/api/audit/{id}/payload?decrypt={decrypt}");
        let answer = fetch(&elsewhere, &path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        let answer = fetch(&app.client(Role::Planner), &path).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        let unknown = uuid::Uuid::nil();
        let path = format!("/api/audit/{unknown}/payload?decrypt={decrypt}");
        let answer = fetch(&admin, &path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
    for wrong in [
        "decrypt=maybe",
        "decrypt=true&reason=%20",
        "decrypt=true&reason=",
    ] {
        let answer = fetch(&admin, &format!("/api/audit/{id}/payload?{wrong}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    assert_eq!(reasons(&app).await, [] as [&str; 0], "nothing was opened");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_payload_that_was_changed_or_erased_says_so(db: PgPool) {
    let app = TestApp::new(db.clone()).await;
    begin_conversations(&app, 1).await;
    let admin = app.client(Role::Admin);
    let list = fetch(&admin, "/api/audit").await;
    let id = list.body[0]["id"].as_str().unwrap();
    let look = async |query: &str| {
        let answer = fetch(&admin, &format!("/api/audit/{id}/payload{query}")).await;
        (answer.status.as_u16(), answer.body)
    };
    let mut changing = db.begin().await.unwrap();
    for change in [
        "set local session_replication_role = replica",
        "update audit_records set payload = set_byte(payload, 40, get_byte(payload, 40) # 1)
         where payload is not null and event = 'http.request'",
    ] {
        sqlx::query(change).execute(&mut *changing).await.unwrap();
    }
    changing.commit().await.unwrap();
    let (status, problem) = look("?decrypt=true").await;
    assert_eq!(
        (status, &problem["error_code"]),
        (409, &json!("AUDIT_UNREADABLE"))
    );
    assert_eq!(look("?decrypt=false").await.0, 200);

    let log = Log::Org(ORG.parse().unwrap());
    let (audit, operator) = (&app.app.audit, operator());
    let whose = Whose::Person("user-1");
    let erased = audit.erase(&log, whose, &operator).await;
    assert!(erased.unwrap() > 0);
    let (status, problem) = look("?decrypt=true").await;
    assert_eq!(
        (status, &problem["error_code"]),
        (410, &json!("AUDIT_ERASED"))
    );
    let (status, sealed) = look("?decrypt=false").await;
    assert_eq!((status, &sealed["encrypted"]), (200, &json!(false)));
    assert_eq!(sealed["payload"]["erased"], true);
    assert_eq!(sealed["payload"]["has_payload"], false);
}
