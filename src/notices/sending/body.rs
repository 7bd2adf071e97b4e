//! Bodies as receivers read them. Pure.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use url::Url;

use crate::notices::model::NoticeKind;

/// A notice on its way.
#[derive(Clone, Copy, Debug)]
pub struct NoticeMessage<'a> {
    /// Its kind.
    pub kind: NoticeKind,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// Its content.
    pub data: &'a Value,
}

/// The body of the Standard Webhooks specification: `type`, `timestamp`, `data`.
pub fn standard(message: &NoticeMessage<'_>, base: Option<&Url>) -> Value {
    let mut data = message.data.clone();
    if let Value::Object(fields) = &mut data {
        let links = links(message.data, base);
        let links: Map<_, _> = links
            .map(|(name, link)| (name.to_owned(), Value::from(link)))
            .collect();
        fields.insert("links".to_owned(), Value::Object(links));
    }
    json!({
        "type": message.kind,
        "timestamp": message.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        "data": data,
    })
}

/// Where to look at what a notice is about, and where to answer.
pub fn links(data: &Value, base: Option<&Url>) -> impl Iterator<Item = (&'static str, String)> {
    let of = |field: &str, name, path: &str| {
        let id = data[field].as_str()?;
        let base = base.map_or("", |base| base.as_str().trim_end_matches('/'));
        Some((name, format!("{base}{path}{id}")))
    };
    let links = [
        of("run_id", "run", "/api/jobs/"),
        of("consent_id", "approval", "/api/navi/consent/"),
        of("prompt_id", "approval", "/api/navi/prompt/"),
    ];
    links.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_begin_with_the_address_that_people_use_if_it_is_known() {
        let data = json!({"run_id": "r-1", "consent_id": "c-1", "prompt_id": null});
        let paths: Vec<_> = links(&data, None).collect();
        let expected = [
            ("run", "/api/jobs/r-1".to_owned()),
            ("approval", "/api/navi/consent/c-1".to_owned()),
        ];
        assert_eq!(paths, expected);
        let base = Url::parse("https://navi.acme.example/").unwrap();
        let body = standard(
            &NoticeMessage {
                kind: NoticeKind::ApprovalRequested,
                at: DateTime::from_timestamp(1_767_323_045, 0).unwrap(),
                data: &data,
            },
            Some(&base),
        );
        assert_eq!(body["type"], "approval.requested");
        assert_eq!(body["timestamp"], "2026-01-02T03:04:05.000Z");
        let link = &body["data"]["links"]["approval"];
        assert_eq!(link, "https://navi.acme.example/api/navi/consent/c-1");
    }
}
