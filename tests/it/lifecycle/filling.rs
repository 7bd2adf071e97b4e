//! A row in every table, made from what the catalogue says of it: a new table is filled too, or fails
//! the test that could not fill it.

use std::collections::{BTreeMap, BTreeSet};

use navi::lifecycle::tables;
use navi::platform::tables::model::{Find, Person};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, PgPool, Row};

/// Values that a check wants, for a column of any table or of one.
const WANTED: &[(&str, &str, &str)] = &[
    ("", "danger_level", "'low'"),
    ("", "source", "'client'"),
    ("ai_feedback_signals", "signal", "'kept'"),
    ("ai_generation_log", "task_type", "'chat'"),
    ("ai_generation_log", "verification", "'passed'"),
    ("connector_tokens", "provider", "'github'"),
    ("connector_tokens", "sealed_with", "'2:key'"),
    ("consent_audit_log", "decision", "'deny'"),
    ("consent_preferences", "preference_type", "'exact_command'"),
    ("consents", "choice", "'alternative'"),
    ("consents", "status", "'replaced'"),
    ("consents", "used_at", "null"),
    ("conversation_messages", "role", "'user'"),
    ("conversations", "status", "'active'"),
    ("error_groups", "status", "'resolved'"),
    ("learning_insights", "is_active", "true"),
    ("learning_insights", "status", "'active'"),
    ("learning_suggestions", "feedback_type", "'accepted'"),
    ("llm_metrics", "status", "'success'"),
    ("notice_deliveries", "kind", "'run.failed'"),
    ("notice_deliveries", "state", "'delivered'"),
    ("prompts", "status", "'answered'"),
    ("runs", "kind", "'autonomous'"),
    ("runs", "role", "'planner'"),
    ("runs", "status", "'completed'"),
    ("task_metrics", "status", "'success'"),
    ("tool_calls", "status", "'finished'"),
    ("webhooks", "format", "'standard'"),
    ("webhooks", "sealed_with", "'2:key'"),
    ("webhooks", "state", "'enabled'"),
];

/// Tables that are not filled by hand: logs must be written by those who seal them, and the rest belongs
/// to no person.
const LEFT_OUT: &[&str] = &[
    "_sqlx_migrations",
    "audit_chains",
    "audit_checkpoints",
    "audit_records",
    "audit_tiles",
    // Hashes of those who were erased.
    "erased_names",
    "learning_passes",
    "learning_progress",
    "model_prices",
];

/// Sums that the rows they count bring along.
const COUNTED: &[&str] = &[
    "feedback_sum_changes",
    "feedback_sums",
    "llm_days",
    "rag_days",
    "task_days",
];

/// A person whose rows can be told from all others by their content.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Somebody {
    pub(crate) org: &'static str,
    pub(crate) user: &'static str,
    /// In every text of theirs.
    pub(crate) mark: &'static str,
}

pub(crate) const ADA: Somebody = Somebody {
    org: "acme",
    user: "ada",
    mark: "mark-7c1",
};
pub(crate) const BOB: Somebody = Somebody {
    org: "acme",
    user: "bob",
    mark: "mark-2e9",
};
/// The same name in another organisation.
pub(crate) const OTHER_ADA: Somebody = Somebody {
    org: "globex",
    user: "ada",
    mark: "mark-b40",
};

impl Somebody {
    fn hash(&self, of: &str) -> [u8; 32] {
        Sha256::digest(format!("{} {} {of}", self.org, self.user)).into()
    }

    /// The same for a column of the same name in every table, so that references fit.
    pub(crate) fn uuid(&self, column: &str) -> uuid::Uuid {
        uuid::Uuid::from_slice(&self.hash(column)[..16]).unwrap()
    }

    pub(crate) fn number(&self, column: &str) -> i64 {
        let hash = self.hash(column);
        i64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]))
    }
}

/// Every table that is no partition, by the catalogue.
pub(crate) async fn tables(db: &PgPool) -> BTreeSet<String> {
    let sql = "select relname::text from pg_class where relkind in ('r', 'p')
               and not relispartition and relnamespace = current_schema()::regnamespace";
    let names: Vec<String> = sqlx::query_scalar(sql).fetch_all(db).await.unwrap();
    names.into_iter().collect()
}

/// The columns of each table that can be written, with their types.
async fn columns(db: &PgPool) -> BTreeMap<String, Vec<(String, String)>> {
    let sql = "select c.relname::text as t, a.attname::text as name,
                      format_type(a.atttypid, null) as kind
               from pg_attribute a join pg_class c on c.oid = a.attrelid
               where c.relkind in ('r', 'p') and not c.relispartition and a.attnum > 0
                 and not a.attisdropped and a.attgenerated = ''
                 and c.relnamespace = current_schema()::regnamespace
               order by a.attnum";
    let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for row in sqlx::query(sql).fetch_all(db).await.unwrap() {
        let column = (row.get("name"), row.get("kind"));
        found.entry(row.get("t")).or_default().push(column);
    }
    found
}

/// The value of a column, as SQL.
fn value(who: &Somebody, table: &str, column: &str, kind: &str, names: &[&str]) -> String {
    let wanted = WANTED
        .iter()
        .find(|(of, name, _)| *name == column && (of.is_empty() || *of == table));
    if let Some((_, _, value)) = wanted {
        return (*value).to_owned();
    }
    if names.contains(&column) {
        return format!("'{}'", who.user);
    }
    let Somebody { org, mark, .. } = who;
    match (column, kind) {
        ("org_id" | "org_key", _) => format!("'{org}'"),
        // Named differently where it is defined.
        ("id", "bigint") if table == "ai_generation_log" => who.number("gen_id").to_string(),
        ("insight_id", "bigint") => who.number("id").to_string(),
        ("id" | "group_id" | "gen_id" | "preference_id", "bigint") => {
            who.number(column).to_string()
        }
        (_, "uuid") => format!("'{}'", who.uuid(column)),
        (_, "text") => format!("'{column} {mark}'"),
        (_, "jsonb") => format!("'{{\"of\": \"{mark}\"}}'"),
        (_, "text[]") => format!("'{{{mark}}}'"),
        (_, "integer[]" | "bigint[]") => "'{}'".to_owned(),
        (_, "xid8") => "pg_current_xact_id()".to_owned(),
        (_, "date") => "now()::date".to_owned(),
        (_, "bigint" | "integer" | "smallint" | "numeric" | "double precision") => "1".to_owned(),
        (_, "boolean") => "false".to_owned(),
        (_, "timestamp with time zone") => "now()".to_owned(),
        (_, "bytea") => "decode(repeat('02', 32), 'hex')".to_owned(),
        _ => panic!("{table}.{column} is a {kind}, which nobody knows how to fill"),
    }
}

/// The columns of a table that name a person.
pub(crate) fn naming(person: &Person) -> Vec<&'static str> {
    match person {
        Person::Nobody(_) => Vec::new(),
        Person::Audited { column } => vec![column],
        Person::Rows(traces) => traces
            .iter()
            .filter_map(|trace| match trace.find {
                Find::Column(column) => Some(column),
                Find::Through { .. } | Find::Alone { .. } => None,
            })
            .collect(),
    }
}

/// Puts a row of a person into every table that has one.
pub(crate) async fn fill(db: &PgPool, who: &Somebody) {
    let declared = tables::all();
    let mut left: Vec<(String, String)> = Vec::new();
    for (table, columns) in columns(db).await {
        if LEFT_OUT.contains(&table.as_str()) || COUNTED.contains(&table.as_str()) {
            continue;
        }
        let kept = declared.iter().find(|kept| kept.table == table);
        let names = kept.map(|kept| naming(&kept.person)).unwrap_or_default();
        let of = |(column, kind): &(String, String)| value(who, &table, column, kind, &names);
        let values: Vec<_> = columns.iter().map(of).collect();
        let list: Vec<_> = columns
            .iter()
            .map(|(name, _)| format!("\"{name}\""))
            .collect();
        // Two people have one row of what belongs to their organisation.
        let sql = format!(
            "insert into {table} ({}) overriding system value values ({}) on conflict do nothing",
            list.join(", "),
            values.join(", ")
        );
        left.push((table, sql));
    }
    // Rows refer to rows of tables that come later; the catalogue's order is none.
    while !left.is_empty() {
        let before = left.len();
        let mut problems = Vec::new();
        let mut again = Vec::new();
        for (table, sql) in left {
            match sqlx::query(AssertSqlSafe(sql.clone())).execute(db).await {
                Ok(_) => {}
                Err(error) => {
                    problems.push(format!("{table}: {error}"));
                    again.push((table, sql));
                }
            }
        }
        left = again;
        assert!(left.len() < before, "cannot be filled: {problems:#?}");
    }
}

/// Every row of every table as text, but for the audit log, which changes with every look.
pub(crate) async fn rows(db: &PgPool) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for table in tables(db).await {
        if LEFT_OUT.contains(&table.as_str()) {
            continue;
        }
        let sql = format!("select to_jsonb(t)::text from {table} t");
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_all(db)
            .await
            .unwrap();
        found.extend(rows.into_iter().map(|row| (table.clone(), row)));
    }
    found
}
