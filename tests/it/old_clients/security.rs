//! The security page of administrators.

use axum::http::StatusCode;
use navi::auth::principal::Role;
use navi::platform::clock::Clock;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::app::{ORG, SECRET, TestApp, USER};
use crate::vault::DEV_KEY;

const STATUS: &str = "/api/admin/security/status";

async fn shown(app: &TestApp) -> Value {
    let (status, body) = app.client(Role::Admin).get(STATUS).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_page_is_shown_what_is_in_force_and_no_secret(db: PgPool) {
    let previous = "previous-8d1c2e3f4a5968778695a4b5f2b8c1d7e";
    let flags = [
        "--jwt-secret-previous",
        previous,
        "--dev-encryption-key",
        DEV_KEY,
        "--audit-encryption-key-id",
        "summer",
        "--audit-retention-days",
        "90",
        "--auth0-domain",
        "acme.eu.auth0.com",
        "--auth0-valid-client-ids",
        "app-1",
        "--jwt-audience",
        "navi",
    ];
    let at = "2026-11-25T17:40:00Z".parse().unwrap();
    let app = TestApp::with(db, Clock::fixed(at), &flags).await;
    let body = shown(&app).await;
    assert_eq!(
        body,
        json!({
            "jwt": {
                "enabled": true,
                "has_primary_secret": true,
                "has_previous_secrets": true,
                "rotation_ready": true,
            },
            "encryption": {
                "audit_encryption_enabled": true,
                "audit_encryption_key_id": "summer",
                "token_encryption_configured": true,
                "token_encryption_key_id": "development",
            },
            "audit_retention": {
                "enabled": true,
                "retention_days": 90,
                "overdue_count": 0,
                "cutoff_iso": "2026-08-27T17:40:00Z",
            },
            "sso": {
                "auth0_domain": "acme.eu.auth0.com",
                "auth0_client_configured": true,
                "auth0_audience_configured": true,
                "device_flow_enabled": false,
            },
        })
    );
    for secret in [SECRET, previous, DEV_KEY] {
        assert!(!body.to_string().contains(secret));
    }
    for role in [Role::Viewer, Role::Planner] {
        let (status, _) = app.client(role).get(STATUS).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    assert_eq!(app.stranger().get(STATUS).await.0, StatusCode::UNAUTHORIZED);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_is_not_configured_is_not_claimed_and_no_account_is_named(db: PgPool) {
    let key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let flags = [
        "--audit-retention-days",
        "0",
        "--token-encryption-key-id",
        key,
    ];
    let app = TestApp::with(db, Clock::System, &flags).await;
    let body = shown(&app).await;
    assert_eq!(body["jwt"]["has_previous_secrets"], false);
    assert_eq!(body["jwt"]["rotation_ready"], false);
    assert_eq!(body["encryption"]["token_encryption_key_id"], "1234abcd…");
    assert!(!body.to_string().contains("111122223333"), "{body}");
    let expected = json!({
        "enabled": false,
        "retention_days": 0,
        "overdue_count": 0,
        "cutoff_iso": "1970-01-01T00:00:00Z",
    });
    assert_eq!(body["audit_retention"], expected);
    assert_eq!(body["sso"]["auth0_domain"], "");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn overdue_records_are_those_of_ones_own_organisation_in_months_that_are_due(db: PgPool) {
    let app = TestApp::with(db.clone(), Clock::System, &[]).await;
    for org in [ORG, "org-2"] {
        let client = app.client_of(org, USER, Role::Viewer);
        client
            .post("/api/navi-memory/conversations", json!({}))
            .await;
    }
    assert_eq!(shown(&app).await["audit_retention"]["overdue_count"], 0);
    let mut changing = db.begin().await.unwrap();
    for change in [
        "select make_month_partitions('2023-03-01', 1)",
        "set local session_replication_role = replica",
        "update audit_records set created_at = '2023-03-05'",
    ] {
        sqlx::query(change).execute(&mut *changing).await.unwrap();
    }
    changing.commit().await.unwrap();
    // An entry is two records, its beginning and its end.
    assert_eq!(shown(&app).await["audit_retention"]["overdue_count"], 2);
}
