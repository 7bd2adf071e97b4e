//! A server that is killed while it sends.

use navi::auth::principal::Role;
use reqwest::Method;
use serde_json::json;
use sqlx::PgPool;

use crate::notices::sink::{Mood, Sink};
use crate::runs::stage::{says, script};
use crate::support::app::{ORG, USER};
use crate::support::served::{Place, token_of, url};
use crate::vault::DEV_KEY;

const FLAGS: [&str; 2] = ["--dev-encryption-key", DEV_KEY];

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_kill_in_the_middle_of_sending_loses_no_notice_and_the_id_is_the_same(db: PgPool) {
    let place = Place::new(&script([says("Done.")]), Some(&url(&db.connect_options())));
    let mut served = place.serve(&FLAGS).await;
    served.token = token_of(ORG, USER, Role::Admin);
    let sink = Sink::in_mood(Mood::Hangs).await;
    let body = json!({"url": sink.url, "events": ["run.succeeded"]});
    let (status, answer) = served.call(Method::POST, "/api/webhooks", &body).await;
    assert_eq!(status, 200, "{answer}");
    let workspace = served.workspace();
    let job = served.job(&workspace).await;
    let first = sink.until(1).await;
    served.kill();
    sink.answers(204);
    // As time does, in a minute.
    sqlx::query("update webhooks set claimed_until = clock_timestamp() - interval '1 second'")
        .execute(&db)
        .await
        .unwrap();
    let served = place.serve(&FLAGS).await;
    let both = sink.until(2).await;
    assert_eq!(both[1].id(), first[0].id());
    assert_eq!(both[1].json()["data"]["run_id"], job.as_str());
    assert!(!served.log().contains("panicked"), "{}", served.log());
}
