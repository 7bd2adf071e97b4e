//! Parses batches, each event by itself, so that a bad event does not reject the others. Pure.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::platform::db::to_text;
use crate::platform::json::mended;
use crate::platform::reading::misfit::{broken_json, misfit};
use crate::platform::redact::text::redact_text;
use crate::platform::text::first_chars;
use crate::telemetry::anonymize::{pseudonym, without_home_folders};
use crate::telemetry::error::Error;
use crate::telemetry::fields::{
    EventFields, EventRejection, duration, message_in, text_in, trace_id_of, type_in, wrong_type,
};
use crate::telemetry::measurements::measurements;
use crate::telemetry::model::{
    ClientEvent, ErrorOccurrence, ErrorSource, EventChange, MAX_AGE, MAX_AHEAD, MAX_BATCH_ID_BYTES,
    MAX_DEPTH, MAX_EVENT_BYTES, MAX_EVENTS, MAX_NAME_CHARS, MAX_TYPE_CHARS, ParsedBatch,
    RejectReason, RejectedEvent, Sender,
};
use crate::telemetry::non_finite::NonFiniteNumbers;
use crate::telemetry::sanitize::{TooDeep, sanitize};

/// Default source: the only client of the version before this one.
const DEFAULT_SOURCE: &str = "vscode";
/// Type of events that report errors.
const ERROR_TYPE: &str = "navi.error";
/// The longest detail of a rejection, in characters.
const MAX_DETAIL_CHARS: usize = 160;

/// A batch on the wire. `E` is an event: parsed, or raw text to be parsed by itself.
#[derive(Deserialize)]
#[serde(
    rename_all = "camelCase",
    expecting = "a batch, which is a JSON object,"
)]
struct Envelope<E> {
    events: Vec<E>,
    batch_id: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    source: Option<String>,
}

/// Parses a batch. `now` is this server's time.
pub fn batch(body: &[u8], sender: &Sender, now: DateTime<Utc>) -> Result<ParsedBatch, Error> {
    let body = mended(body);
    let text = String::from_utf8_lossy(&body);
    // Serde would accept an array, with its items as the fields in declaration order.
    if text.trim_start().starts_with('[') {
        return Err(Error::Shape("a batch must be a JSON object".to_owned()));
    }
    // All events at once, which is twice as fast. If any is malformed, each by itself.
    let mut batch = if let Ok(envelope) = serde_json::from_str::<Envelope<Map<_, _>>>(&text) {
        events(envelope, sender, now, |context, index, event| {
            context.event(index, event)
        })?
    } else {
        parse_singly(&text, sender, now)?
    };
    batch.has_replaced_text = matches!(text, Cow::Owned(_)) || matches!(body, Cow::Owned(_));
    Ok(batch)
}

/// Parses a batch event by event.
fn parse_singly(text: &str, sender: &Sender, now: DateTime<Utc>) -> Result<ParsedBatch, Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize::<_, Envelope<&RawValue>>(&mut deserializer);
    let error = match read {
        Ok(envelope) => {
            deserializer
                .end()
                .map_err(|error| Error::Syntax(broken_json(&error)))?;
            return events(envelope, sender, now, |context, index, raw| {
                context.event(index, fields_of(raw.get())?)
            });
        }
        Err(error) => envelope_error(&error),
    };
    let Some(finite) = NonFiniteNumbers::of(text) else {
        return Err(error);
    };
    let Ok(envelope) = serde_json::from_str::<Envelope<&RawValue>>(finite.text()) else {
        return Err(error);
    };
    // Such a number outside the events makes the batch invalid.
    let within = envelope.events.iter().map(|raw| finite.count_in(raw.get()));
    if within.sum::<usize>() < finite.count() {
        return Err(error);
    }
    events(envelope, sender, now, |context, index, raw| {
        if finite.count_in(raw.get()) > 0 {
            return Err(EventRejection::new(
                RejectReason::NumberOutOfRange,
                "`NaN` and `Infinity` are not JSON; send null instead",
            ));
        }
        context.event(index, fields_of(raw.get())?)
    })
}

fn fields_of(raw: &str) -> Result<Map<String, Value>, EventRejection> {
    if !raw.starts_with('{') {
        return Err(EventRejection::new(
            RejectReason::Invalid,
            "an event must be a JSON object",
        ));
    }
    serde_json::from_str(raw).map_err(|error| rejection(&error))
}

/// Parses the events of a batch.
fn events<E>(
    envelope: Envelope<E>,
    sender: &Sender,
    now: DateTime<Utc>,
    read: impl Fn(&BatchContext<'_>, usize, E) -> Result<ClientEvent, EventRejection>,
) -> Result<ParsedBatch, Error> {
    let received = envelope.events.len();
    if received > MAX_EVENTS {
        return Err(Error::TooManyEvents(received));
    }
    let context = BatchContext {
        sender,
        now,
        version: envelope.version.as_deref().map(short),
        source: envelope.source.as_deref().map(short),
    };
    let mut batch = ParsedBatch {
        id: batch_id(&envelope.batch_id)?,
        name: envelope.batch_id,
        received,
        events: Vec::with_capacity(received),
        rejected: Vec::new(),
        has_replaced_text: false,
    };
    for (index, event) in envelope.events.into_iter().enumerate() {
        match read(&context, index, event) {
            Ok(event) => batch.events.push(event),
            Err(rejection) => batch.rejected.push(RejectedEvent {
                index,
                reason: rejection.reason,
                detail: first_chars(&rejection.detail, MAX_DETAIL_CHARS).to_owned(),
            }),
        }
    }
    Ok(batch)
}

fn envelope_error(error: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    let (path, inner) = (error.path().to_string(), error.inner());
    if inner.is_data() {
        let text = misfit(&path, &inner.to_string());
        Error::Shape(redact_text(&text).into_owned())
    } else {
        Error::Syntax(broken_json(inner))
    }
}

/// Returns the id under which a batch is stored; the hash of one that looks like a secret.
fn batch_id(id: &str) -> Result<String, Error> {
    if id.is_empty() || id.len() > MAX_BATCH_ID_BYTES || id.chars().any(char::is_control) {
        return Err(Error::BatchId);
    }
    Ok(match redact_text(id) {
        Cow::Borrowed(id) => id.to_owned(),
        Cow::Owned(_) => pseudonym(&[id]),
    })
}

/// Sanitizes a short text.
fn short(text: &str) -> String {
    bounded(text, MAX_NAME_CHARS)
}

fn bounded(text: &str, max_chars: usize) -> String {
    to_text(&redact_text(text), max_chars)
}

/// The context of the events of a batch.
struct BatchContext<'a> {
    sender: &'a Sender,
    now: DateTime<Utc>,
    version: Option<String>,
    source: Option<String>,
}

impl BatchContext<'_> {
    fn event(
        &self,
        index: usize,
        fields: Map<String, Value>,
    ) -> Result<ClientEvent, EventRejection> {
        let mut fields = EventFields(fields);
        let kind = kind(&mut fields)?;
        let (occurred_at, is_clamped) = self.time(&mut fields)?;
        let mut data = fields.object("data")?;
        let session_id = fields.text("sessionId")?.map(|text| short(&text));
        let version = fields.one_of_texts(&["version", "extensionVersion", "appVersion"])?;
        let source = fields.text("source")?.map(|text| short(&text));
        let trace_id = fields
            .text("traceId")?
            .or_else(|| text_in(&data, &["traceId", "trace_id"]));
        let run_id = fields.one_of_texts(&["runId", "jobId", "taskId"])?;
        let run_id = run_id.or_else(|| {
            text_in(
                &data,
                &["runId", "run_id", "jobId", "job_id", "taskId", "task_id"],
            )
        });
        // The token names the user and organisation; those of the body are dropped.
        fields.0.remove("userId");
        fields.0.remove("orgId");
        let workspace = fields.text("workspaceRoot")?;
        let mut extra = fields.0;
        if let Some(path) = workspace {
            // A pseudonym, because the path may name a person.
            let workspace = pseudonym(&[self.sender.org_id.as_str(), &path]);
            extra.insert("workspace".to_owned(), Value::String(workspace));
        }
        let mut changes = sanitize_event(&mut data, &mut extra)?;
        if is_clamped {
            changes.push(EventChange::ClockClamped);
        }
        let trace_id = known(
            trace_id,
            trace_id_of,
            EventChange::TraceIdDropped,
            &mut changes,
        );
        let parsed = |text: &str| text.parse().ok();
        let run_id = known(run_id, parsed, EventChange::RunIdDropped, &mut changes);
        let version = version
            .or_else(|| text_in(&data, &["version", "extensionVersion", "appVersion"]))
            .map(|text| short(&text));
        let mut event = ClientEvent {
            index,
            duration_ms: duration(&data),
            error_message: message_in(&data),
            error_stack: text_in(&data, &["stack"]),
            error_code: text_in(&data, &["errorCode"]).map(|code| bounded(&code, 64)),
            measurements: measurements(&kind, &data),
            version: version.or_else(|| self.version.clone()),
            source: source
                .or_else(|| self.source.clone())
                .unwrap_or_else(|| DEFAULT_SOURCE.to_owned()),
            trace_id,
            run_id,
            error: None,
            kind,
            data,
            extra,
            session_id,
            occurred_at,
            changes,
        };
        if event.kind == ERROR_TYPE {
            event.error = Some(self.occurrence(&event));
        }
        Ok(event)
    }

    /// Returns the time of an event, and whether it was clamped.
    fn time(&self, fields: &mut EventFields) -> Result<(DateTime<Utc>, bool), EventRejection> {
        let sent = match fields.0.remove("timestamp") {
            None | Some(Value::Null) => return Ok((self.now, false)),
            Some(Value::Number(number)) => number,
            Some(_) => return Err(wrong_type("timestamp", "a number of milliseconds")),
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates, and is clamped below"
        )]
        let millis = sent
            .as_i64()
            .unwrap_or_else(|| sent.as_f64().unwrap_or_default() as i64);
        let (earliest, latest) = (self.now - MAX_AGE, self.now + MAX_AHEAD);
        let claimed = DateTime::from_timestamp_millis(millis);
        let clamped = claimed.map_or(if millis < 0 { earliest } else { latest }, |claimed| {
            claimed.clamp(earliest, latest)
        });
        Ok((clamped, claimed != Some(clamped)))
    }

    /// Returns the error that an event reports.
    fn occurrence(&self, event: &ClientEvent) -> ErrorOccurrence {
        let data = &event.data;
        let named =
            |names: &[&str], max: usize| text_in(data, names).map(|text| bounded(&text, max));
        let message = event.error_message.clone();
        let message = message.or_else(|| text_in(data, &["message"]));
        let message = message.unwrap_or_else(|| "Unknown error".to_owned());
        let is_true = |name: &str, absent: bool| match data.get(name) {
            None | Some(Value::Null) => absent,
            Some(Value::Bool(is)) => *is,
            Some(Value::Number(number)) => number.as_f64() != Some(0.0),
            Some(_) => true,
        };
        ErrorOccurrence {
            org_id: self.sender.org_id.to_string(),
            user_id: self.sender.user_id.to_string(),
            source: ErrorSource::Client,
            error_type: named(&["errorType", "error_type"], MAX_NAME_CHARS)
                .or_else(|| type_in(&message).map(|text| bounded(text, MAX_NAME_CHARS)))
                .unwrap_or_else(|| "unknown".to_owned()),
            error_code: event.error_code.clone(),
            severity: named(&["severity"], 32)
                .map_or_else(|| "error".to_owned(), |text| text.to_lowercase()),
            stack: event.error_stack.clone(),
            component: named(&["component"], MAX_NAME_CHARS),
            operation: named(&["operation"], MAX_NAME_CHARS),
            session_id: event.session_id.clone(),
            version: event.version.clone(),
            user_visible: is_true("userVisible", true),
            recovery_attempted: is_true("recoveryAttempted", false),
            extra: (!event.extra.is_empty()).then(|| Value::Object(event.extra.clone())),
            trace_id: event.trace_id.clone(),
            run_id: event.run_id,
            occurred_at: event.occurred_at,
            created_at: self.now,
            message,
        }
    }
}

/// Sanitizes the data of an event, within the size of one event.
fn sanitize_event(
    data: &mut Map<String, Value>,
    extra: &mut Map<String, Value>,
) -> Result<Vec<EventChange>, EventRejection> {
    for name in ["error", "message", "stack"] {
        if let Some(Value::String(text)) = data.get_mut(name)
            && let Cow::Owned(private) = without_home_folders(text)
        {
            *text = private;
        }
    }
    let mut budget = MAX_EVENT_BYTES;
    let too_deep = |_: TooDeep| {
        let detail = format!("it is nested more than {MAX_DEPTH} levels deep");
        EventRejection::new(RejectReason::TooDeep, detail)
    };
    let mut changes = sanitize(data, &mut budget).map_err(too_deep)?;
    changes.extend(sanitize(extra, &mut budget).map_err(too_deep)?);
    changes.sort_unstable();
    changes.dedup();
    Ok(changes)
}

/// Reads an id that a client sent. One that cannot be read is dropped, which is a change of the event.
fn known<T>(
    sent: Option<String>,
    read: fn(&str) -> Option<T>,
    change: EventChange,
    changes: &mut Vec<EventChange>,
) -> Option<T> {
    let sent = sent.filter(|text| !text.is_empty())?;
    let id = read(&sent);
    if id.is_none() {
        changes.push(change);
    }
    id
}

fn kind(fields: &mut EventFields) -> Result<String, EventRejection> {
    let Some(kind) = fields.text("type")? else {
        return Err(wrong_type("type", "a text, such as `navi.error`"));
    };
    if kind.chars().nth(MAX_TYPE_CHARS).is_some() {
        let detail = format!("`type` is longer than {MAX_TYPE_CHARS} characters");
        return Err(EventRejection::new(RejectReason::TypeTooLong, detail));
    }
    let kind = short(&kind);
    Ok(if kind.is_empty() {
        "unknown".to_owned()
    } else {
        kind
    })
}

/// Returns the rejection for an error of the parser.
fn rejection(error: &serde_json::Error) -> EventRejection {
    let text = redact_text(&error.to_string()).into_owned();
    let reason = if text.starts_with("recursion limit") {
        RejectReason::TooDeep
    } else if text.starts_with("number out of range") {
        RejectReason::NumberOutOfRange
    } else {
        RejectReason::Invalid
    };
    EventRejection::new(reason, text)
}
