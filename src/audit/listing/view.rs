//! Entries and payloads in the shapes of the audit page of older clients.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::audit::entry::Entry;
use crate::audit::event::Event;
use crate::audit::model::{EntryId, Outcome};
use crate::audit::reader::{Opened, Sealed};
use crate::audit::view::{OpenedView, PageView};

/// The method of an entry that is about no request: the page takes no null.
const NO_METHOD: &str = "EVENT";

/// A list of entries, in one of its shapes.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AuditList)]
#[serde(untagged)]
pub enum ListView {
    /// A page that says where the next one begins.
    Object(PageView),
    /// The bare entries; the header `Link` leads to the next page.
    Array(Vec<RowView>),
}

/// An entry in the shape of older clients. No member that a page computes with is null.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = AuditRow)]
pub struct RowView {
    /// The entry.
    pub id: Uuid,
    /// The route's template; the event of an entry that is about no request.
    pub route: String,
    /// The request's method; `EVENT` for an entry that is about no request.
    pub method: String,
    /// The event.
    pub event_type: Event,
    /// The organisation.
    pub org_key: String,
    /// The actor: the token's `sub`; null when erased.
    pub actor_sub: Option<String>,
    /// Always null: tokens carry no address that is recorded.
    pub actor_email: Option<String>,
    /// The thing it was done to.
    pub resource_id: Option<String>,
    /// The answer's status. Where there was no answer, the outcome as a status: 200 success, 403
    /// refused, 500 failure, 499 abandoned, 0 unknown.
    pub status_code: i32,
    /// The time it began.
    pub created_at: DateTime<Utc>,
}

impl RowView {
    fn new(org_key: &str, entry: Entry) -> Self {
        let event = entry.event;
        Self {
            id: entry.entry_id.0,
            route: entry.route.unwrap_or_else(|| event.as_str().to_owned()),
            method: entry.method.unwrap_or_else(|| NO_METHOD.to_owned()),
            event_type: event,
            org_key: org_key.to_owned(),
            actor_sub: entry.actor,
            actor_email: None,
            resource_id: entry.resource,
            status_code: entry.status.unwrap_or_else(|| status_of(entry.outcome)),
            created_at: entry.created_at,
        }
    }
}

fn status_of(outcome: Option<Outcome>) -> i32 {
    match outcome {
        Some(Outcome::Success) => 200,
        Some(Outcome::Refused) => 403,
        Some(Outcome::Failure) => 500,
        Some(Outcome::Abandoned) => 499,
        None => 0,
    }
}

/// Turns the entries of an organisation into rows.
pub fn rows(org_key: &str, entries: Vec<Entry>) -> Vec<RowView> {
    let row = |entry| RowView::new(org_key, entry);
    entries.into_iter().map(row).collect()
}

/// A payload in the shape of older clients, opened or not.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AuditPayloadLook)]
pub struct LookView {
    /// The entry.
    pub id: Uuid,
    /// True if `payload` describes something that is still sealed.
    pub encrypted: bool,
    /// The opened payload: `key_id`, `payload` and `changes`. Unopened, what is known in the clear:
    /// `has_payload`, `key_id`, `sealed_bytes` and `erased`.
    #[schema(value_type = Object)]
    pub payload: Value,
}

impl LookView {
    /// Of an entry that stays sealed.
    pub fn sealed(id: EntryId, sealed: &Sealed) -> Self {
        Self {
            id: id.0,
            encrypted: sealed.has_payload,
            payload: json!({
                "has_payload": sealed.has_payload,
                "key_id": sealed.key_id,
                "sealed_bytes": sealed.bytes,
                "erased": sealed.is_erased,
            }),
        }
    }

    /// Of an entry that was opened.
    pub fn opened(id: EntryId, opened: Opened) -> Self {
        let OpenedView {
            id,
            key_id,
            payload,
            changes,
        } = OpenedView::new(id, opened);
        Self {
            id,
            encrypted: false,
            payload: json!({"key_id": key_id, "payload": payload, "changes": changes}),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::audit::model::ActorKind;

    use super::*;

    #[test]
    fn a_row_holds_no_null_that_the_page_computes_with() {
        let entry = Entry {
            entry_id: EntryId(Uuid::nil()),
            sequence: 7,
            event: Event::ToolCall,
            actor_kind: ActorKind::Agent,
            actor: None,
            actor_role: None,
            method: None,
            route: None,
            resource: None,
            request_id: None,
            trace_id: None,
            run_id: None,
            created_at: DateTime::UNIX_EPOCH,
            completed_at: None,
            status: None,
            outcome: None,
            duration_ms: None,
            has_payload: None,
            erased_by: Some(9),
        };
        for (outcome, status) in [
            (None, 0),
            (Some(Outcome::Success), 200),
            (Some(Outcome::Refused), 403),
            (Some(Outcome::Abandoned), 499),
            (Some(Outcome::Failure), 500),
        ] {
            let entry = Entry {
                outcome,
                ..entry.clone()
            };
            let row = serde_json::to_value(rows("acme", vec![entry])).unwrap();
            let expected = json!([{
                "id": Uuid::nil(),
                "route": "tool.call",
                "method": "EVENT",
                "event_type": "tool.call",
                "org_key": "acme",
                "actor_sub": null,
                "actor_email": null,
                "resource_id": null,
                "status_code": status,
                "created_at": "1970-01-01T00:00:00Z",
            }]);
            assert_eq!(row, expected);
        }
    }
}
