//! Members whose texts are always one of a few words.
//!
//! Their types live with what makes them, some as text because rows and older versions hold more.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

/// The member of a component, and its words.
type Words = (&'static str, &'static str, &'static [&'static str]);

const WORDS: &[Words] = &[
    (
        "AuditView",
        "danger_level",
        &["low", "medium", "high", "critical"],
    ),
    ("ChatActivity", "kind", &["read", "llm_call"]),
    (
        "CheckData",
        "type",
        &["typecheck", "lint", "tests", "build"],
    ),
    (
        "ConnectorStatus",
        "category",
        &["code", "work_tracking", "chat"],
    ),
    (
        "ConsentAnswer",
        "choice",
        &[
            "allow_once",
            "allow_always_exact",
            "allow_always_type",
            "deny",
            "alternative",
        ],
    ),
    (
        "FeedbackCategory",
        "category",
        &[
            "fix", "feature", "refactor", "test", "docs", "explain", "general",
        ],
    ),
    (
        "Insight",
        "insight_type",
        &[
            "pattern_rejected",
            "pattern_preferred",
            "style_preference",
            "low_acceptance",
            "high_acceptance",
        ],
    ),
    (
        "JobCreatedView",
        "start_reason",
        &["queued", "auto_start_disabled"],
    ),
    (
        "PlainChatEvent",
        "type",
        &[
            "generation_logged",
            "job_resumed",
            "result",
            "error",
            "done",
            "heartbeat",
        ],
    ),
    (
        "RecentRating",
        "task_type",
        &["codegen", "summarize", "chat", "analysis"],
    ),
    (
        "ReviewedFile",
        "change",
        &[
            "added",
            "modified",
            "deleted",
            "renamed",
            "of another type",
            "untracked",
        ],
    ),
    (
        "SkippedFile",
        "reason",
        &[
            "secret",
            "binary",
            "large",
            "link",
            "nested_repository",
            "unreadable",
            "too_many_files",
            "too_much_text",
            "unanswered",
        ],
    ),
    ("Version", "env", &["development", "staging", "production"]),
];

/// Says of these members which words they may be.
pub fn enumerate(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    for (component, member, words) in WORDS {
        let Some(RefOr::T(Schema::Object(object))) = schemas.get_mut(*component) else {
            continue;
        };
        let Some(RefOr::T(Schema::Object(text))) = object.properties.get_mut(*member) else {
            continue;
        };
        let mut values: Vec<Value> = words.iter().map(|word| Value::from(*word)).collect();
        if is_nullable(&text.schema_type) {
            values.push(Value::Null);
        }
        text.enum_values = Some(values);
    }
}

fn is_nullable(kind: &SchemaType) -> bool {
    matches!(kind, SchemaType::Array(types) if types.contains(&Type::Null))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_has_several_words_and_stands_in_the_list_once() {
        for (n, (component, member, words)) in WORDS.iter().enumerate() {
            assert!(words.len() > 1, "{component}.{member}");
            let again = WORDS[..n]
                .iter()
                .any(|one| (one.0, one.1) == (component, member));
            assert!(!again, "{component}.{member}");
        }
    }
}
