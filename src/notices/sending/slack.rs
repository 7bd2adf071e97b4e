//! Messages for incoming webhooks of Slack. Pure.

use serde_json::{Value, json};
use url::Url;

use crate::notices::model::NoticeKind;
use crate::notices::sending::body::{NoticeMessage, links};

/// The body of a message: one line, and links below it if people can open them.
pub fn message(message: &NoticeMessage<'_>, base: Option<&Url>) -> Value {
    let line = line(message);
    let mut text = line.clone();
    if base.is_some() {
        let shown = links(message.data, base).map(|(name, link)| {
            let label = if name == "approval" {
                "Approval"
            } else {
                "Run"
            };
            format!("<{link}|{label}>")
        });
        let shown: Vec<_> = shown.collect();
        if !shown.is_empty() {
            text = format!("{text}\n{}", shown.join(" · "));
        }
    }
    json!({
        "text": line,
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text}}],
    })
}

/// The event in a sentence.
fn line(message: &NoticeMessage<'_>) -> String {
    let field = |name: &str| match &message.data[name] {
        Value::String(text) => escaped(text),
        Value::Null => "?".to_owned(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    };
    let (user, run) = (field("user_id"), field("run_id"));
    match message.kind {
        NoticeKind::RunSucceeded => format!("A run of {user} succeeded ({run})."),
        NoticeKind::RunFailed => {
            format!(
                "A run of {user} failed: {} ({run}).",
                field("stopped_reason")
            )
        }
        NoticeKind::RunCancelled => format!("{user} cancelled a run ({run})."),
        NoticeKind::RunPaused => {
            format!(
                "A run of {user} waits until it is resumed: {} ({run}).",
                field("reason")
            )
        }
        NoticeKind::ApprovalRequested => match message.data["tool"].as_str() {
            Some(tool) => format!("A run of {user} asks to use {} ({run}).", escaped(tool)),
            None => format!("A run of {user} has a question ({run})."),
        },
        NoticeKind::CostThresholdCrossed => format!(
            "Calls to models cost {} US dollars since {}, over the threshold of {} a {}.",
            field("cost_usd"),
            field("since"),
            field("threshold_usd"),
            field("window"),
        ),
        NoticeKind::PriceUnknown => format!(
            "{} calls to models since {} have no known price.",
            field("calls"),
            field("since"),
        ),
        NoticeKind::WebhookDisabled => {
            format!(
                "The webhook {} was disabled: its receiver is gone.",
                field("webhook_id")
            )
        }
    }
}

/// A text without what Slack reads as markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn sent(kind: NoticeKind, data: &Value, base: Option<&str>) -> Value {
        let base = base.map(|base| base.parse().unwrap());
        let at = DateTime::from_timestamp(1_767_323_045, 0).unwrap();
        message(&NoticeMessage { kind, at, data }, base.as_ref())
    }

    #[test]
    fn an_approval_is_asked_for_with_a_link_and_nobody_can_write_markup() {
        let data = json!({
            "run_id": "r-1", "user_id": "<!channel> & co", "consent_id": "c-1", "tool": "run_command",
        });
        let kind = NoticeKind::ApprovalRequested;
        let body = sent(kind, &data, Some("https://navi.acme.example"));
        let text = body["blocks"][0]["text"]["text"].as_str().unwrap();
        let expected = "A run of &lt;!channel&gt; &amp; co asks to use run_command (r-1).\n\
             <https://navi.acme.example/api/jobs/r-1|Run> · \
             <https://navi.acme.example/api/navi/consent/c-1|Approval>";
        assert_eq!(text, expected);
        let body = sent(kind, &data, None);
        let text = body["blocks"][0]["text"]["text"].as_str().unwrap();
        assert!(!text.contains('|'), "a path alone is no link: {text}");
    }

    #[test]
    fn every_kind_has_its_sentence() {
        let mut lines = std::collections::BTreeSet::new();
        for kind in NoticeKind::ALL {
            let body = sent(kind, &json!({"run_id": "r", "user_id": "u"}), None);
            assert!(lines.insert(body["text"].to_string()), "{body}");
        }
    }
}
