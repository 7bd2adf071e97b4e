//! Secrets of webhooks under a new key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use navi::notices::address::AddressRules;
use navi::notices::sending::dispatcher::Dispatcher;
use navi::notices::sending::signature;
use sqlx::PgPool;

use crate::notices::sink::{Received, Sink};
use crate::notices::{office, send_all, tell, webhook_at};
use crate::vault::DEV_KEY;
use crate::vault::rewrap::{navi, outcome};
use crate::vault::stub::{KEY, KmsStub};

/// The signature that a notice should have, by the secret that was shown once.
fn expected(shown: &str, notice: &Received) -> String {
    let key = STANDARD.decode(shown.strip_prefix("whsec_").unwrap());
    let seconds = notice.header("webhook-timestamp").parse().unwrap();
    signature::sign(&key.unwrap(), notice.id(), seconds, &notice.body)
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_secret_that_is_sealed_anew_signs_as_before_and_needs_the_old_key_no_more(db: PgPool) {
    let stub = KmsStub::start().await;
    let app = office(db.clone(), &[]).await;
    let sink = Sink::start().await;
    let (_, shown) = webhook_at(&app, &sink.url).await;
    tell(&app).await;
    assert_eq!(send_all(&app).await, 1);

    let variables = [
        ("DEV_ENCRYPTION_KEY", DEV_KEY),
        ("TOKEN_ENCRYPTION_KEY_ID", KEY),
        ("AWS_ENDPOINT_URL_KMS", stub.url()),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    let mut command = navi(&db, &variables, &["rewrap"]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let (code, out) = outcome(&output.await.unwrap());
    assert_eq!(code, 0, "{out}");
    assert!(out.starts_with("1 renewed, 0 replaced"), "{out}");
    let with: String = sqlx::query_scalar("select sealed_with from webhooks")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(with, format!("2:kms:{KEY}"));

    // A server that has the new key alone.
    let dispatcher = Dispatcher::new(
        app.app.db.clone(),
        app.app.clock.clone(),
        stub.vault(KEY, &[]).await,
        app.app.metrics.clone(),
        &AddressRules::new(&[], true),
        &app.app.config.notices,
    )
    .unwrap();
    tell(&app).await;
    assert_eq!(Box::pin(dispatcher.send_all()).await.unwrap(), 1);
    let received = sink.received();
    assert_eq!(received.len(), 2);
    for notice in &received {
        let signature = expected(shown.as_deref().unwrap(), notice);
        assert_eq!(notice.header("webhook-signature"), signature);
    }
    // One that has the old key alone sends nothing.
    tell(&app).await;
    send_all(&app).await;
    assert_eq!(sink.received().len(), 2);
}
