//! Messages for Slack.

use navi::auth::principal::Role;
use navi::notices::model::NoticeId;
use navi::notices::notice::{Notice, Wanted};
use navi::notices::store::outbox;
use navi::platform::ids::{ConsentId, OrgId, RunId};
use serde_json::json;
use sqlx::PgPool;

use crate::notices::sink::Sink;
use crate::notices::{office, send_all, shown, webhook};
use crate::support::app::{ORG, USER};

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn slack_gets_a_message_with_a_link_at_an_address_that_is_sealed(db: PgPool) {
    let base = ["--public-base-url", "https://navi.acme.example"];
    let app = office(db.clone(), &base).await;
    let sink = Sink::start().await;
    let address = sink
        .url
        .replace("/hook", "/services/T000/B000/x9canaryx9canary");
    let body = json!({"url": address, "format": "slack", "events": ["approval.requested"]});
    let (id, secret) = webhook(&app.client(Role::Admin), body).await;
    assert_eq!(secret, None, "the address is the secret");
    let listed = shown(&app, &id).await;
    assert_eq!(listed["url"], sink.url.replace("/hook", ""));
    let row: String = sqlx::query_scalar("select w::text from webhooks w")
        .fetch_one(&db)
        .await
        .unwrap();
    assert!(!row.contains("canary") && !listed.to_string().contains("canary"));

    let (org, user): (OrgId, _) = (ORG.parse().unwrap(), USER.parse().unwrap());
    let clock = &app.app.clock;
    let (run, consent) = (RunId::new(clock), ConsentId::new(clock));
    let wanted = Wanted::Consent(consent, "run_command");
    let notice = Notice::approval_requested(run, &user, wanted, clock.now());
    let mut conn = db.acquire().await.unwrap();
    outbox::tell(&mut conn, &org, NoticeId::new(clock), &notice, clock.now())
        .await
        .unwrap();
    assert_eq!(send_all(&app).await, 1);
    let received = sink.received();
    assert!(!received[0].headers.contains_key("webhook-signature"));
    let text = received[0].json()["blocks"][0]["text"]["text"].clone();
    let expected = format!(
        "A run of {USER} asks to use run_command ({run}).\n\
         <https://navi.acme.example/api/jobs/{run}|Run> · \
         <https://navi.acme.example/api/navi/consent/{consent}|Approval>"
    );
    assert_eq!(text, expected);
}
