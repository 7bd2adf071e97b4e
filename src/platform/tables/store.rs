//! SQL that is put together from declared names: the one place where a statement is not static text.
//!
//! Names come from [`TablePolicy`] and from Postgres' own catalogue and are quoted; expressions are literals
//! of the program. What a person or a client says is always a parameter.

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use sqlx::{Acquire, AssertSqlSafe, PgConnection};

use crate::platform::database::pool::Pool;
use crate::platform::tables::model::{Find, Person, TablePolicy, Then, Trace, Whole};

/// The number of rows that one statement changes: as many are locked, and held up, at the same time.
const CHUNK: usize = 1_000;

/// The owner of rows.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The organisation.
    pub org: &'a str,
    /// The person; none for the whole organisation.
    pub user: Option<&'a str>,
}

/// Rows of one table that are to be erased, and how.
#[derive(Clone, Debug)]
pub struct Target {
    /// The table.
    pub table: &'static str,
    /// The condition on the rows, over `t`, the organisation `$1` and the person `$2`.
    condition: String,
    /// The condition on them before they may be deleted.
    settled: Option<&'static str>,
    then: Then,
    /// True when rows of others decide, and must not change between looking and deleting.
    shared: bool,
}

/// The result of an erasure in a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// The number of rows found.
    pub found: u64,
    /// The number of them that were erased.
    pub erased: u64,
}

/// The targets of an erasure in a table; none where it does nothing, or where the audit log does it.
pub fn targets(kept: &TablePolicy, subject: Subject<'_>) -> Vec<Target> {
    let Some(org) = kept.org else {
        return Vec::new();
    };
    let target = |condition, then, shared| Target {
        table: kept.table,
        condition,
        settled: kept.settled,
        then,
        shared,
    };
    if subject.user.is_none() {
        return match kept.whole {
            // A condition that names both parameters, as all of them do.
            Whole::Delete => {
                let all = format!("t.{} = $1 and $2::text is null", quoted(org));
                vec![target(all, Then::Delete, false)]
            }
            Whole::Stays(_) | Whole::Audited => Vec::new(),
        };
    }
    match kept.person {
        Person::Nobody(_) | Person::Audited { .. } => Vec::new(),
        Person::Rows(traces) => traces
            .iter()
            .map(|trace| {
                let shared = matches!(trace.find, Find::Alone { .. });
                target(condition(org, trace), trace.then, shared)
            })
            .collect(),
    }
}

/// The rows that a trace finds.
fn condition(org: &str, trace: &Trace) -> String {
    let org = quoted(org);
    let mine = format!("t.{org} = $1");
    let through = |table, on, column, compared: &str| {
        let (table, on, column) = (quoted(table), quoted(on), quoted(column));
        format!(
            "exists (select from {table} p
                     where p.{org} = t.{org} and p.{on} = t.{on} and p.{column} {compared} $2)"
        )
    };
    match trace.find {
        Find::Column(column) => format!("{mine} and t.{} = $2", quoted(column)),
        Find::Through { table, on, column } => {
            format!("{mine} and {}", through(table, on, column, "="))
        }
        Find::Alone { table, on, column } => format!(
            "{mine} and {} and not {}",
            through(table, on, column, "="),
            through(table, on, column, "<>")
        ),
    }
}

/// Counts the rows of a target.
pub async fn count(
    conn: &mut PgConnection,
    targets: &[Target],
    subject: Subject<'_>,
) -> sqlx::Result<u64> {
    let Some(first) = targets.first() else {
        return Ok(0);
    };
    let table = quoted(first.table);
    let conditions = targets
        .iter()
        .map(|target| format!("({})", target.condition));
    let condition = conditions.collect::<Vec<_>>().join(" or ");
    let sql = format!("select count(*) from {table} t where {condition}");
    let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(subject.org)
        .bind(subject.user)
        .fetch_one(conn)
        .await?;
    Ok(u64::try_from(count).unwrap_or_default())
}

/// Erases the rows of a target, `told` of how many were so far.
///
/// One statement reads where the rows are, with whatever index helps and once; others change them, a
/// thousand at a time, each in a transaction of its own. A row that moved meanwhile is missed, and one
/// that came into its place is left alone: every statement asks again whose row it is. Stopping in the
/// middle leaves nothing half done, and the erasure can begin again.
pub async fn erase(
    pool: &Pool,
    target: &Target,
    subject: Subject<'_>,
    told: &mut (dyn FnMut(u64) + Send),
) -> sqlx::Result<Erased> {
    let (table, condition) = (quoted(target.table), &target.condition);
    let mut reading = pool.acquire().await?;
    let mut writing = pool.acquire().await?;
    let sql = format!("select t.ctid::text from {table} t where {condition}");
    let mut places = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(subject.org)
        .bind(subject.user)
        .fetch(&mut *reading);
    let mut done = Erased::default();
    loop {
        let mut some: Vec<String> = Vec::with_capacity(CHUNK);
        while some.len() < CHUNK
            && let Some(place) = places.try_next().await?
        {
            some.push(place);
        }
        if some.is_empty() {
            return Ok(done);
        }
        done.found += some.len() as u64;
        done.erased += change(&mut writing, target, subject, &some).await?;
        told(done.erased);
    }
}

async fn change(
    conn: &mut PgConnection,
    target: &Target,
    subject: Subject<'_>,
    places: &[String],
) -> sqlx::Result<u64> {
    let (table, condition) = (quoted(target.table), &target.condition);
    let mut which = format!("t.ctid = any($3::text[]::tid[]) and {condition}");
    let sql = match target.then {
        Then::Delete => {
            if let Some(settled) = target.settled {
                which = format!("{which} and {settled}");
            }
            format!("delete from {table} t where {which}")
        }
        Then::Blank { columns, .. } => {
            let set = |(name, value): &(&str, &str)| format!("{} = {value}", quoted(name));
            let set: Vec<_> = columns.iter().map(set).collect();
            format!("update {table} t set {} where {which}", set.join(", "))
        }
    };
    let mut tx = conn.begin().await?;
    if target.shared {
        // A transaction that adds a row that shares one of these waits for this one; rows that were added
        // before are seen by the next statement.
        let lock = format!("select from {table} t where {which} for update");
        sqlx::query(AssertSqlSafe(lock))
            .bind(subject.org)
            .bind(subject.user)
            .bind(places)
            .execute(&mut *tx)
            .await?;
    }
    let done = sqlx::query(AssertSqlSafe(sql))
        .bind(subject.org)
        .bind(subject.user)
        .bind(places)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(done.rows_affected())
}

/// Counts the rows that are older than a moment.
pub async fn count_older(
    conn: &mut PgConnection,
    table: &str,
    column: &str,
    before: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let (table, column) = (quoted(table), quoted(column));
    let sql = format!("select count(*) from {table} where {column} < $1");
    let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(before)
        .fetch_one(conn)
        .await?;
    Ok(u64::try_from(count).unwrap_or_default())
}

/// Deletes the rows that are older than a moment, a thousand at a time.
pub async fn forget_older(
    conn: &mut PgConnection,
    table: &str,
    column: &str,
    before: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let (table, column) = (quoted(table), quoted(column));
    let sql = format!(
        "delete from {table} where {column} < $1 and ctid = any(array(
             select ctid from {table} where {column} < $1 limit {CHUNK}))"
    );
    let mut forgotten = 0;
    loop {
        let some = sqlx::query(AssertSqlSafe(sql.clone()))
            .bind(before)
            .execute(&mut *conn)
            .await?
            .rows_affected();
        if some == 0 {
            return Ok(forgotten);
        }
        forgotten += some;
    }
}

/// The oldest row of a partitioned table for which there was no month.
pub async fn oldest_without_month(
    conn: &mut PgConnection,
    table: &str,
    column: &str,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    let (fallback, column) = (quoted(&format!("{table}_default")), quoted(column));
    let sql = format!("select min({column}) from {fallback}");
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(conn).await
}

/// A column that holds text, or JSON, or a list of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextColumn {
    /// Its table.
    pub table: String,
    /// Its name.
    pub column: String,
    /// The column of the same table that names the organisation.
    pub org: Option<String>,
    /// Its type.
    pub kind: String,
}

/// Every column of the schema that holds text, those of partitions left out.
pub async fn text_columns(conn: &mut PgConnection) -> sqlx::Result<Vec<TextColumn>> {
    sqlx::query_as!(
        TextColumn,
        r#"select c.relname::text as "table!", a.attname::text as "column!",
                  (select o.attname::text from pg_attribute o
                   where o.attrelid = c.oid and o.attname in ('org_id', 'org_key')) as org,
                  format_type(a.atttypid, null) as "kind!"
           from pg_class c
           join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
           where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
             and not c.relispartition
             and a.atttypid in ('text'::regtype, 'varchar'::regtype, 'jsonb'::regtype,
                                'text[]'::regtype)
           order by c.relname, a.attnum"#,
    )
    .fetch_all(conn)
    .await
}

/// In how many rows a column holds this text: as its whole value, as one of its list, or as a whole
/// value or name anywhere within its JSON. Rows of other organisations are not looked at.
pub async fn mentions(
    conn: &mut PgConnection,
    column: &TextColumn,
    org: &str,
    text: &str,
) -> sqlx::Result<u64> {
    let name = quoted(&column.column);
    let holds = match column.kind.as_str() {
        "jsonb" => format!("position(to_json($1::text)::text in {name}::text) > 0"),
        "text[]" => format!("$1 = any({name})"),
        _ => format!("{name} = $1"),
    };
    let mine = column.org.as_ref().map_or_else(
        || "$2::text is not null".to_owned(),
        |org| format!("{} = $2", quoted(org)),
    );
    let table = quoted(&column.table);
    let sql = format!("select count(*) from {table} where {mine} and {holds}");
    let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(text)
        .bind(org)
        .fetch_one(conn)
        .await?;
    Ok(u64::try_from(count).unwrap_or_default())
}

/// A name as SQL takes it, whatever it holds.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(quoted("runs"), "\"runs\"");
        assert_eq!(
            quoted("a\"; drop table b; --"),
            "\"a\"\"; drop table b; --\""
        );
    }
}
