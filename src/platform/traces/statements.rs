//! Spans of statements to the database, made from what `sqlx` logs of each.
//!
//! Where no trace is recorded nothing is formatted. The text of a statement stays here: a span has its
//! verb and, where it names one table alone, the table.
//!
//! The failure of a statement has an event of its own, right before the one that logs the statement and
//! without a pause between them (`vendor/sqlx-postgres`).

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use opentelemetry::KeyValue;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::platform::traces::context::TraceContext;

/// The name under which `sqlx` logs statements.
const TARGET: &str = "sqlx::query";
/// The name under which it says that the statement failed which is logged next.
const FAILURE_TARGET: &str = "sqlx::query::failure";
/// Verbs that a statement may begin with.
const VERBS: [&str; 11] = [
    "SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "BEGIN", "COMMIT", "ROLLBACK", "SET", "NOTIFY",
    "LISTEN",
];
const OTHER_VERB: &str = "OTHER";

/// The layer of the log that makes spans of statements.
pub fn layer<S>() -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let is_ours = |target: &str| target == TARGET || target == FAILURE_TARGET;
    let filter = dynamic_filter_fn(move |metadata, _: &Context<'_, S>| {
        is_ours(metadata.target()) && TraceContext::is_recorded_here()
    });
    // Said, or every line that is ever logged would ask the filter.
    let filter = filter
        .with_callsite_filter(move |metadata| {
            if is_ours(metadata.target()) {
                Interest::sometimes()
            } else {
                Interest::never()
            }
        })
        .with_max_level_hint(LevelFilter::DEBUG);
    StatementSpans.with_filter(filter)
}

struct StatementSpans;

impl<S: Subscriber> Layer<S> for StatementSpans {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if event.metadata().target() == FAILURE_TARGET {
            let mut failure = StatementFailure::default();
            event.record(&mut failure);
            FAILED.set(Some(failure));
            return;
        }
        let mut seen = Statement::default();
        event.record(&mut seen);
        seen.note(&TraceContext::current(), FAILED.take());
    }
}

thread_local! {
    /// The failure of the statement that is logged next on this thread.
    static FAILED: RefCell<Option<StatementFailure>> = const { RefCell::new(None) };
}

/// The logged fields of a failure.
#[derive(Debug, Default)]
struct StatementFailure {
    /// The code of Postgres, where it answered at all.
    code: String,
    is_io: bool,
}

impl StatementFailure {
    /// The value of `error.type`, one of few.
    fn kind(&self) -> Cow<'static, str> {
        match (&*self.code, self.is_io) {
            ("", true) => "io".into(),
            ("", false) => "_OTHER".into(),
            (code, _) => code.to_owned().into(),
        }
    }
}

impl Visit for StatementFailure {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.is_io |= field.name() == "is_io" && value;
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "code" {
            value.clone_into(&mut self.code);
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}
}

/// The logged fields of a statement.
#[derive(Debug, Default)]
struct Statement {
    text: String,
    took: Duration,
    rows: Option<i64>,
}

impl Visit for Statement {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.took = Duration::try_from_secs_f64(value).unwrap_or_default();
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "rows_returned" {
            self.rows = i64::try_from(value).ok();
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let is_whole = field.name() == "db.statement" && !value.trim().is_empty();
        // Short ones have a summary alone, which is the whole.
        if is_whole || (field.name() == "summary" && self.text.is_empty()) {
            value.trim().clone_into(&mut self.text);
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}
}

impl Statement {
    fn note(&self, context: &TraceContext, failure: Option<StatementFailure>) {
        let verb = verb(&self.text);
        let mut attributes = vec![
            KeyValue::new("db.system.name", "postgresql"),
            KeyValue::new("db.operation.name", verb),
        ];
        let table = only_table(&self.text).map(str::to_owned);
        let summary: Cow<'static, str> = match &table {
            Some(table) => format!("{verb} {table}").into(),
            None => verb.into(),
        };
        attributes.push(KeyValue::new("db.query.summary", summary.clone()));
        attributes.extend(table.map(|table| KeyValue::new("db.collection.name", table)));
        attributes.extend(
            self.rows
                .map(|rows| KeyValue::new("db.response.returned_rows", rows)),
        );
        // The library's own clock, like that of the spans around it.
        let began = opentelemetry::time::now().checked_sub(self.took);
        let began = began.unwrap_or_else(opentelemetry::time::now);
        let span = context.call(summary, began, attributes);
        if let Some(failure) = failure {
            span.fail(failure.kind());
            if !failure.code.is_empty() {
                span.set("db.response.status_code", failure.code);
            }
        }
    }
}

/// The first word of a statement, one of few.
fn verb(text: &str) -> &'static str {
    let first = text.split(|c: char| !c.is_ascii_alphabetic()).next();
    let first = first.unwrap_or_default();
    let known = VERBS
        .into_iter()
        .find(|verb| verb.eq_ignore_ascii_case(first));
    known.unwrap_or(OTHER_VERB)
}

/// The table that a statement names, if it is one alone. Words in quotes count too, and then a statement
/// that names one table seems to name two; that loses a name and invents none.
fn only_table(text: &str) -> Option<&str> {
    let mut tables = Vec::new();
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let names_one = ["from", "join", "into", "update"];
        if !names_one.iter().any(|name| word.eq_ignore_ascii_case(name)) {
            continue;
        }
        let Some(next) = words.peek() else { break };
        let name = next.trim_end_matches([',', ';', ')']);
        let name = name.split('(').next().unwrap_or_default();
        // `for update of`, `on conflict do update set`
        if !name.eq_ignore_ascii_case("set") && !name.eq_ignore_ascii_case("of") {
            tables.push(name);
        }
    }
    tables.dedup();
    let [table] = tables.as_slice() else {
        return None;
    };
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (!table.is_empty() && table.chars().all(is_plain)).then_some(*table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_has_the_code_of_postgres_or_says_that_there_was_none() {
        for (code, is_io, kind) in [
            ("42P01", false, "42P01"),
            ("57P01", true, "57P01"),
            ("", true, "io"),
            ("", false, "_OTHER"),
        ] {
            let code = code.to_owned();
            assert_eq!(StatementFailure { code, is_io }.kind(), kind);
        }
    }

    #[test]
    fn a_statement_is_known_by_its_verb_and_its_only_table() {
        for (text, expected) in [
            ("select 1", ("SELECT", None)),
            (
                "Select id from agent_runs where id = $1",
                ("SELECT", Some("agent_runs")),
            ),
            (
                "insert into run_steps(a, b) values ($1, 'secret')",
                ("INSERT", Some("run_steps")),
            ),
            ("update runs set a = $1", ("UPDATE", Some("runs"))),
            (
                "insert into a (b) values ($1) on conflict (b) do update set b = 1",
                ("INSERT", Some("a")),
            ),
            ("select * from a join b on true", ("SELECT", None)),
            ("select * from 'x'", ("SELECT", None)),
            (
                "select a from unnest($1::text[]) a",
                ("SELECT", Some("unnest")),
            ),
            ("with a as (select 1) select 2", ("WITH", None)),
            ("ROLLBACK", ("ROLLBACK", None)),
            ("vacuum", ("OTHER", None)),
            ("", ("OTHER", None)),
        ] {
            assert_eq!((verb(text), only_table(text)), expected, "{text}");
        }
    }
}
