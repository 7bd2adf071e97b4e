//! Signatures, verified by a library that is not ours. `scripts/standard-webhooks.sh` installs it and prints
//! the Python that has it, which `NAVI_STANDARD_WEBHOOKS` holds; `scripts/test.sh` does both.

#![expect(
    clippy::disallowed_methods,
    reason = "a test looks for the library, and starts it as a process"
)]

use std::io::Write;
use std::process::{Command, Stdio};

use navi::platform::clock::Clock;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::notices::sink::Sink;
use crate::notices::{send_all, tell, webhook_at};
use crate::support::app::TestApp;
use crate::vault::DEV_KEY;

const VERIFY: &str = "
import json, sys
from standardwebhooks.webhooks import Webhook
asked = json.load(sys.stdin)
try:
    data = Webhook(asked['secret']).verify(asked['body'], asked['headers'])
    print(json.dumps(data))
except Exception as error:
    print(json.dumps({'refused': str(error)}))
";

fn verified(python: &str, secret: &str, headers: &Value, body: &str) -> Value {
    let mut child = Command::new(python)
        .args(["-c", VERIFY])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let asked = json!({"secret": secret, "headers": headers, "body": body});
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(asked.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_notice_is_verified_by_the_library_of_the_specification(db: PgPool) {
    let Ok(python) = std::env::var("NAVI_STANDARD_WEBHOOKS") else {
        println!(
            "not run: NAVI_STANDARD_WEBHOOKS names no Python; scripts/standard-webhooks.sh installs it"
        );
        return;
    };
    // The library refuses what is five minutes old.
    let app = TestApp::with(db, Clock::System, &["--dev-encryption-key", DEV_KEY]).await;
    let sink = Sink::start().await;
    let (_, secret) = webhook_at(&app, &sink.url).await;
    let secret = secret.unwrap();
    let id = tell(&app).await.to_string();
    send_all(&app).await;
    let received = &sink.received()[0];
    let body = String::from_utf8(received.body.to_vec()).unwrap();
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers = |changed: Option<(&str, &str)>| {
        let of = |name: &str| match changed {
            Some((which, value)) if which == name => value.to_owned(),
            Some(_) | None => received.header(name).to_owned(),
        };
        let pairs = names.map(|name| (name.to_owned(), Value::from(of(name))));
        Value::Object(pairs.into_iter().collect())
    };
    let said = verified(&python, &secret, &headers(None), &body);
    assert_eq!(said, received.json());
    assert_eq!(received.id(), id);
    let others: [(Value, String); 3] = [
        (headers(Some(("webhook-id", "another"))), body.clone()),
        (headers(None), body.replace("run.paused", "run.failed")),
        (
            headers(Some(("webhook-timestamp", "1700000000"))),
            body.clone(),
        ),
    ];
    for (headers, body) in others {
        let said = verified(&python, &secret, &headers, &body);
        assert!(said["refused"].is_string(), "{said}");
    }
    let other = format!("whsec_{}", "A".repeat(43) + "=");
    let said = verified(&python, &other, &headers(None), &body);
    assert!(said["refused"].is_string(), "{said}");
}
