//! Webhooks over HTTP: made, shown, deleted, refused.

use axum::http::{Method, StatusCode};
use navi::auth::principal::Role;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::notices::sink::Sink;
use crate::notices::{deliveries, office, send_all, shown, tell, webhook, webhook_at};
use crate::support::client::json_request;

const URL: &str = "https://hooks.acme.example/navi";

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_webhook_is_made_shown_without_its_secret_and_deleted(db: PgPool) {
    let app = office(db.clone(), &[]).await;
    let client = app.client(Role::Admin);
    let body = json!({
        "url": URL, "events": ["run.failed", "run.failed", "approval.requested"], "description": " On call ",
    });
    let (id, secret) = webhook(&client, body).await;
    let secret = secret.unwrap();
    assert!(
        secret.starts_with("whsec_") && secret.len() == 50,
        "{secret}"
    );
    let (status, list) = client.get("/api/webhooks").await;
    assert_eq!(status, StatusCode::OK);
    let expected = json!([{
        "id": id, "url": URL, "format": "standard",
        "events": ["run.failed", "approval.requested"], "description": "On call",
        "state": "enabled", "created_at": "2026-01-02T03:04:05Z", "last_attempt_at": null,
        "last_delivery_at": null, "last_error": null, "failures": 0, "pending": 0, "dead": 0,
    }]);
    assert_eq!(list["webhooks"], expected);
    assert!(!list.to_string().contains(&secret));
    let dump: String = sqlx::query_scalar("select w::text from webhooks w")
        .fetch_one(&db)
        .await
        .unwrap();
    assert!(!dump.contains(&secret[6..]), "{dump}");

    let path = format!("/api/webhooks/{id}");
    // Other organisations have webhooks of their own.
    let elsewhere = app.client_of("org-2", "user-1", Role::Admin);
    assert_eq!(
        elsewhere.get("/api/webhooks").await.1,
        json!({ "webhooks": [] })
    );
    assert_eq!(elsewhere.delete(&path).await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        client.delete(&path).await,
        (StatusCode::NO_CONTENT, Value::Null)
    );
    let (status, problem) = client.delete(&path).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(problem["error_code"], "WEBHOOK_NOT_FOUND");
    assert_eq!(
        client.get("/api/webhooks").await.1,
        json!({ "webhooks": [] })
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn only_administrators_see_and_change_webhooks(db: PgPool) {
    let app = office(db, &[]).await;
    for role in [Role::Viewer, Role::Planner] {
        let client = app.client(role);
        assert_eq!(client.get("/api/webhooks").await.0, StatusCode::FORBIDDEN);
        let (status, _) = client.post("/api/webhooks", json!({ "url": URL })).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_bad_address_is_refused_with_a_problem_that_does_not_repeat_it(db: PgPool) {
    let app = office(db.clone(), &["--app-env", "staging"]).await;
    let client = app.client(Role::Admin);
    let long = format!("https://hooks.acme.example/{}", "x".repeat(2_048));
    for url in [
        "",
        "hooks.acme.example",
        "https://",
        "http://hooks.acme.example/canary",
        "https://ada:canary@hooks.acme.example/",
        "https://canary@hooks.acme.example/",
        "https://hooks.acme.example/#canary",
        "ftp://hooks.acme.example/canary",
        "https://127.0.0.1/canary",
        "https://10.1.2.3/canary",
        "https://169.254.169.254/canary",
        "https://[::1]/canary",
        "https://[fd00:ec2::254]/canary",
        &long,
    ] {
        let (status, problem) = client.post("/api/webhooks", json!({ "url": url })).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{url}: {problem}");
        assert_eq!(problem["error_code"], "WEBHOOK_URL_INVALID", "{url}");
        assert_eq!(problem["type"], "/problems/webhook-url-invalid");
        assert!(!problem.to_string().contains("canary"), "{problem}");
    }
    for body in [
        json!({"url": URL, "events": []}),
        json!({"url": URL, "events": ["run.exploded"]}),
        json!({"url": URL, "format": "carrier-pigeon"}),
        json!({"url": URL, "description": "x".repeat(201)}),
        json!({"url": URL, "description": "a\u{7}b"}),
        json!({}),
    ] {
        let (status, problem) = client.post("/api/webhooks", body.clone()).await;
        assert_eq!(
            status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{body}: {problem}"
        );
        assert_eq!(problem["error_code"], "VALIDATION_ERROR", "{body}");
    }
    assert_eq!(
        client.get("/api/webhooks").await.1,
        json!({ "webhooks": [] })
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_setting_names_the_private_servers_that_notices_may_go_to(db: PgPool) {
    let flags = [
        "--app-env",
        "staging",
        "--webhook-private-urls",
        "https://10.1.2.3:8443",
    ];
    let app = office(db, &flags).await;
    webhook_at(&app, "https://10.1.2.3:8443/navi").await;
    let client = app.client(Role::Admin);
    let other = json!({"url": "https://10.1.2.3/navi"});
    let (status, _) = client.post("/api/webhooks", other).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_organisation_has_ten_webhooks_at_most_also_when_they_are_made_at_once(db: PgPool) {
    let app = office(db, &[]).await;
    let client = app.client(Role::Admin);
    let asked = (0..14).map(|_| client.post("/api/webhooks", json!({ "url": URL })));
    let answers = futures_util::future::join_all(asked).await;
    let refused: Vec<_> = answers
        .iter()
        .filter(|(status, _)| *status != StatusCode::OK)
        .collect();
    assert_eq!(refused.len(), 4, "{refused:?}");
    for (status, problem) in refused {
        assert_eq!(*status, StatusCode::CONFLICT);
        assert_eq!(problem["error_code"], "TOO_MANY_WEBHOOKS");
    }
    let elsewhere = app.client_of("org-2", "user-1", Role::Admin);
    webhook(&elsewhere, json!({ "url": URL })).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_repeated_request_makes_one_webhook_and_shows_its_secret_once(db: PgPool) {
    let app = office(db.clone(), &[]).await;
    let client = app.client(Role::Admin);
    let ask = async || {
        let mut request = json_request(Method::POST, "/api/webhooks", &json!({ "url": URL }));
        let key = "k-1".parse().unwrap();
        request.headers_mut().insert("idempotency-key", key);
        client.answer(request).await.body
    };
    let (first, second) = (ask().await, ask().await);
    let secret = first["secret"].as_str().unwrap();
    assert_eq!(second["secret"], Value::Null);
    assert_eq!(first["webhook"], second["webhook"]);
    let kept: String = sqlx::query_scalar("select answer::text from idempotency_keys")
        .fetch_one(&db)
        .await
        .unwrap();
    assert!(!kept.contains(secret), "{kept}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn nothing_is_sent_where_the_row_was_made_to_point_elsewhere(db: PgPool) {
    let app = office(db.clone(), &[]).await;
    let (sink, thief) = (Sink::start().await, Sink::start().await);
    let (id, _) = webhook_at(&app, &sink.url).await;
    sqlx::query("update webhooks set url = $1")
        .bind(&thief.url)
        .execute(&db)
        .await
        .unwrap();
    tell(&app).await;
    assert_eq!(send_all(&app).await, 1);
    assert_eq!((sink.ids().len(), thief.ids().len()), (0, 0));
    let shown = shown(&app, &id).await;
    assert_eq!(shown["last_error"], "the secret cannot be opened");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_audit_log_says_who_made_and_deleted_a_webhook_and_no_secret(db: PgPool) {
    let app = office(db, &[]).await;
    let admin = app.client(Role::Admin);
    let url = "https://hooks.slack.com/services/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";
    let (id, _) = webhook(&admin, json!({"url": url, "format": "slack"})).await;
    admin.delete(&format!("/api/webhooks/{id}")).await;
    let (_, log) = admin.get("/api/audit").await;
    let entries = log["entries"].as_array().unwrap();
    let of = |method: &str| {
        let found = entries.iter().find(|entry| entry["method"] == method);
        found.unwrap()
    };
    let (made, deleted) = (of("POST"), of("DELETE"));
    assert!(deleted["path"].to_string().contains(&id) || deleted.to_string().contains(&id));
    for entry in [made, deleted] {
        let path = format!("/api/audit/{}/decrypt", entry["id"].as_str().unwrap());
        let (status, opened) = admin.post(&path, json!({"reason": "a test"})).await;
        assert_eq!(status, StatusCode::OK, "{opened}");
        assert!(!opened.to_string().contains("x9canary"), "{opened}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn deliveries_are_listed_by_page_and_by_state_and_only_dead_ones_are_sent_again(db: PgPool) {
    let app = office(db, &[]).await;
    let sink = Sink::start().await;
    let (id, _) = webhook_at(&app, &sink.url).await;
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(tell(&app).await.to_string());
    }
    send_all(&app).await;
    told.push(tell(&app).await.to_string());
    let path = format!("/api/webhooks/{id}/deliveries?limit=3");
    let client = app.client(Role::Admin);
    let (_, first) = client.get(&path).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, second) = client.get(&format!("{path}&cursor={cursor}")).await;
    assert_eq!(second["next_cursor"], Value::Null);
    let all = [&first, &second].map(|page| page["deliveries"].as_array().unwrap().clone());
    let mut listed: Vec<_> = all
        .concat()
        .iter()
        .map(|delivery| delivery["id"].as_str().unwrap().to_owned())
        .collect();
    listed.sort();
    told.sort();
    assert_eq!(listed, told);
    assert_eq!(deliveries(&app, &id, "?state=delivered").await.len(), 3);
    assert_eq!(deliveries(&app, &id, "?state=dead").await, [] as [Value; 0]);
    let pending = deliveries(&app, &id, "?state=pending").await;
    let retry = |delivery: &Value| {
        format!(
            "/api/webhooks/{id}/deliveries/{}/retry",
            delivery["id"].as_str().unwrap()
        )
    };
    let (status, problem) = client.post(&retry(&pending[0]), json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["error_code"], "DELIVERY_NOT_DEAD");
    let (status, _) = client.get(&format!("{path}&cursor=AAAA")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    // Another organisation learns nothing of them.
    let elsewhere = app.client_of("org-2", "user-1", Role::Admin);
    assert_eq!(elsewhere.get(&path).await.0, StatusCode::NOT_FOUND);
    let (status, _) = elsewhere.post(&retry(&pending[0]), json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
