//! Conversations over HTTP, and between tenants.

use axum::http::StatusCode;
use insta::assert_json_snapshot;
use navi::auth::principal::Role;
use navi::conversations::model::{NewConversation, NewMessage, Role as Speaker};
use navi::platform::idempotency::model::Created;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::app::{ORG, TestApp, USER, principal};
use crate::support::client::Client;

const PATH: &str = "/api/navi-memory/conversations";

async fn begin(client: &Client, body: Value) -> String {
    let (status, body) = client.post(PATH, body).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    format!("{PATH}/{}", body["id"].as_str().unwrap())
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_conversation_begins_grows_changes_and_ends(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Viewer);
    let created = client
        .post(
            PATH,
            json!({
                "title": " Fix\nthe build ",
                "workspace_path": "/home/u/project",
                "initial_context": {"branch": "main"},
                "unknown": "ignored",
            }),
        )
        .await;
    assert_eq!(created.0, StatusCode::OK);
    assert_json_snapshot!(created.1, {".id" => "[id]"}, @r#"
    {
      "id": "[id]",
      "title": "Fix the build",
      "status": "active",
      "is_pinned": false,
      "is_starred": false,
      "workspace_path": "/home/u/project",
      "created_at": "2026-01-02T03:04:05Z",
      "updated_at": "2026-01-02T03:04:05Z"
    }
    "#);
    let path = format!("{PATH}/{}", created.1["id"].as_str().unwrap());

    let message = json!({"role": "user", "content": "hello\u{0}", "metadata": {"k\u{0}": "v\u{0}"}, "tokens_used": 3});
    let said = client.post(&format!("{path}/messages"), message).await;
    assert_eq!(said.0, StatusCode::OK);
    assert_json_snapshot!(said.1, {".id" => "[id]"}, @r#"
    {
      "id": "[id]",
      "role": "user",
      "content": "hello",
      "metadata": {
        "k": "v"
      },
      "tokens_used": 3,
      "created_at": "2026-01-02T03:04:05Z"
    }
    "#);
    let answer = json!({"role": "assistant", "content": "hi"});
    assert_eq!(
        client.post(&format!("{path}/messages"), answer).await.0,
        StatusCode::OK
    );

    let changes = json!({"title": "Mended", "is_pinned": true, "status": "archived"});
    let changed = client.patch(&path, changes).await;
    assert_eq!(changed.0, StatusCode::OK);
    assert_json_snapshot!(changed.1, {".id" => "[id]"}, @r#"
    {
      "id": "[id]",
      "title": "Mended",
      "status": "archived",
      "is_pinned": true,
      "is_starred": false,
      "workspace_path": "/home/u/project",
      "created_at": "2026-01-02T03:04:05Z",
      "updated_at": "2026-01-02T03:04:05Z"
    }
    "#);

    let detail = client.get(&path).await;
    assert_eq!(detail.0, StatusCode::OK);
    assert_json_snapshot!(detail.1, {".id" => "[id]", ".messages[].id" => "[id]"}, @r#"
    {
      "id": "[id]",
      "title": "Mended",
      "status": "archived",
      "is_pinned": true,
      "is_starred": false,
      "workspace_path": "/home/u/project",
      "created_at": "2026-01-02T03:04:05Z",
      "updated_at": "2026-01-02T03:04:05Z",
      "initial_context": {
        "branch": "main"
      },
      "messages": [
        {
          "id": "[id]",
          "role": "user",
          "content": "hello",
          "metadata": {
            "k": "v"
          },
          "tokens_used": 3,
          "created_at": "2026-01-02T03:04:05Z"
        },
        {
          "id": "[id]",
          "role": "assistant",
          "content": "hi",
          "metadata": {},
          "tokens_used": null,
          "created_at": "2026-01-02T03:04:05.000001Z"
        }
      ]
    }
    "#);
    let bare = client.get(&format!("{path}?include_messages=false")).await;
    assert!(bare.1.get("messages").is_none());
    let last = client
        .get(&format!("{path}?include_messages=true&message_limit=1"))
        .await;
    assert_eq!(last.1["messages"][0]["content"], "hi");

    let gone = client.delete(&path).await;
    assert_eq!(
        gone,
        (StatusCode::OK, json!({"message": "Conversation deleted"}))
    );
    assert_eq!(client.get(&path).await.0, StatusCode::NOT_FOUND);
    assert_eq!(client.delete(&path).await.0, StatusCode::NOT_FOUND);
    assert_eq!(client.get(PATH).await.1, json!([]));
    assert_eq!(
        client.get(&format!("{PATH}?status=deleted")).await.1,
        json!([])
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_one_user_has_nobody_else_reads_lists_or_changes(db: PgPool) {
    let app = TestApp::new(db).await;
    let mine = app.client(Role::Viewer);
    let path = begin(&mine, json!({"title": "mine"})).await;
    let messages = format!("{path}/messages");
    let hello = json!({"role": "user", "content": "secret"});
    assert_eq!(mine.post(&messages, hello.clone()).await.0, StatusCode::OK);
    for (org, user) in [(ORG, "user-2"), ("org-2", USER), ("org-2", "user-2")] {
        let other = app.client_of(org, user, Role::Admin);
        assert_eq!(other.get(PATH).await.1, json!([]));
        for answer in [
            other.get(&path).await,
            other.get(&messages).await,
            other.post(&messages, hello.clone()).await,
            other.patch(&path, json!({"title": "theirs"})).await,
            other.delete(&path).await,
        ] {
            assert_eq!(answer.0, StatusCode::NOT_FOUND, "{org} {user}");
            assert_eq!(answer.1["error_code"], "CONVERSATION_NOT_FOUND");
        }
    }
    let (_, still) = mine.get(&path).await;
    assert_eq!(still["title"], "mine");
    assert_eq!(still["messages"].as_array().unwrap().len(), 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn listings_have_the_last_used_first_and_pages(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Viewer);
    let mut paths = Vec::new();
    for title in ["one", "two", "three"] {
        paths.push(begin(&client, json!({"title": title})).await);
        app.app.clock.advance(chrono::TimeDelta::seconds(1));
    }
    let message = json!({"role": "user", "content": "again"});
    client
        .post(&format!("{}/messages", paths[0]), message)
        .await;
    let titles = async |query: &str| {
        let (status, body) = client.get(&format!("{PATH}{query}")).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let titles = body.as_array().unwrap().iter();
        titles
            .map(|c| c["title"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(titles("").await, ["one", "three", "two"]);
    assert_eq!(titles("?limit=1&offset=1").await, ["three"]);
    assert_eq!(titles("?limit=0").await.len(), 1, "a limit is at least 1");
    assert_eq!(titles("?limit=4000000000&offset=4000000000").await.len(), 0);
    client.patch(&paths[1], json!({"status": "archived"})).await;
    assert_eq!(titles("?status=archived").await, ["two"]);
    assert_eq!(titles("?status=active").await, ["one", "three"]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_does_not_fit_is_named(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Viewer);
    let path = begin(&client, json!({})).await;
    let messages = format!("{path}/messages");
    for (path, body, status) in [
        (&messages, json!({"role": "root", "content": "x"}), 422),
        (&messages, json!({"role": "user"}), 422),
        (
            &messages,
            json!({"role": "user", "content": "x", "metadata": []}),
            422,
        ),
        (
            &messages,
            json!({"role": "user", "content": "x", "tokens_used": -1}),
            422,
        ),
        (
            &messages,
            json!({"role": "user", "content": "x".repeat(512 * 1024 + 1)}),
            413,
        ),
        (
            &messages,
            json!({"role": "user", "content": "x", "metadata": {"a": "x".repeat(70_000)}}),
            413,
        ),
        (
            &PATH.to_owned(),
            json!({"initial_context": "x".repeat(70_000)}),
            413,
        ),
        (
            &PATH.to_owned(),
            json!({"workspace_path": "x".repeat(5_000)}),
            413,
        ),
        (&PATH.to_owned(), json!({"title": 7}), 422),
    ] {
        let answer = client.post(path, body).await;
        assert_eq!(answer.0.as_u16(), status, "{}", answer.1);
        assert!(answer.1["detail"].as_str().unwrap().len() < 400);
    }
    let bad_id = client.get(&format!("{PATH}/7")).await;
    assert_eq!(bad_id.0, StatusCode::NOT_FOUND);
    let long = client
        .patch(&path, json!({"title": "ä".repeat(1_000)}))
        .await;
    assert_eq!(long.1["title"].as_str().unwrap().chars().count(), 200);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn messages_keep_their_order_when_many_append_at_once(db: PgPool) {
    let app = TestApp::new(db).await;
    let me = principal(ORG, USER, Role::Planner);
    let service = &app.app.conversations;
    let begun = service.create(&me, NewConversation::default(), None).await;
    let Created::Now(begun) = begun.unwrap() else {
        panic!("nobody sent a key");
    };
    let id = begun.id;
    let appends = (0..8).map(|writer| {
        let me = me.clone();
        let pair = [Speaker::User, Speaker::Assistant]
            .map(|role| NewMessage::new(role, format!("{writer}")));
        async move {
            let begun_as = NewConversation::default();
            let appended = service.append_after(&me, id, begun_as, 1, |_| pair.to_vec());
            appended.await.unwrap();
        }
    });
    futures_util::future::join_all(appends).await;
    let messages = service.messages(&me, id, 100).await.unwrap();
    assert_eq!(messages.len(), 16);
    for pair in messages.chunks(2) {
        assert_eq!(pair[0].content, pair[1].content, "pairs stay together");
        assert_eq!(pair[0].role, Speaker::User);
    }
    let times: Vec<_> = messages.iter().map(|message| message.created_at).collect();
    assert!(
        times.windows(2).all(|two| two[0] < two[1]),
        "no two at the same time"
    );
}
