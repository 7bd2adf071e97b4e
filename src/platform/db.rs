//! The pool, the migrations, and what every text needs before Postgres takes it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::migrate::{Migrate, MigrateError, Migration, Migrator};
use sqlx::postgres::PgConnectOptions;
use tokio::time::Instant;

use crate::platform::database::pool::Pool;
use crate::platform::database::refusal::{certificate_advice, is_no_room, is_of_pooler};
use crate::platform::database::servers::Servers;
use crate::platform::database::sessions::are_shared;
use crate::platform::database::settings::PoolSettings;
use crate::platform::json::strip_nul;
use crate::platform::text::first_chars;

/// Every migration, compiled into the binary.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// The oldest Postgres that knows what the migrations use (`unique nulls not distinct`).
pub const OLDEST_POSTGRES: u32 = 15;

/// The months of partitions that are kept ready: the present one and the three after it, so that nothing
/// breaks when [`make_month_partitions`] is not called for a quarter of a year.
pub const MONTHS_READY: i32 = 4;

/// The first migration, which no released version has with another text.
const FIRST: i64 = 1;
/// The problem of a database from before there was a release.
pub const UNRELEASED: &str = "this database was created by a development version of navi, before \
                              its tables were frozen, and cannot be migrated to a release";
/// The way to go on without it.
pub const BEGIN_ANEW: &str = "save what you need of it with `pg_dump`, make an empty database with \
                              `createdb` and name it in DATABASE_URL; where navi runs a Postgres \
                              of its own, move the folder `postgres` in the data folder aside";

/// The longest that the first connection may take before the database counts as unreachable.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest that a process waits at its start for a server whose connections are all taken.
const ROOM_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause between two looks whether such a server has room.
const ROOM_POLL: Duration = Duration::from_millis(250);
/// The longest that a migration waits for a lock before it gives way to those who queue behind it.
const MIGRATION_LOCK_TIMEOUT: &str = "10s";
/// The advisory lock of the process that migrates; the number is arbitrary and must never change.
const MIGRATION_LOCK: i64 = 0x6e61_7669_0001;
/// The interval at which a second migrator looks whether the first is done.
const MIGRATION_LOCK_POLL: Duration = Duration::from_millis(100);

/// Reasons for which the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection could be made.
    #[error("the database cannot be reached: {0}{advice}", advice = certificate_advice(.0))]
    Unreachable(#[source] sqlx::Error),
    /// The first connection took too long.
    #[error("the database did not answer within {} s", CONNECT_TIMEOUT.as_secs())]
    Silent,
    /// Every connection stayed taken.
    #[error(
        "the database granted no connection within {seconds} s: {0}; raise max_connections or \
         the limit of the role, or lower NAVI_DATABASE_CONNECTIONS of the servers that use it",
        seconds = ROOM_TIMEOUT.as_secs()
    )]
    Full(#[source] sqlx::Error),
    /// A pooler in front of the database takes no settings when a connection begins.
    #[error(
        "a pooler such as PgBouncer is in front of the database and refuses the connection: {0}; \
         in PgBouncer write `ignore_startup_parameters = extra_float_digits,options`, or set \
         DATABASE_POOLER=transaction and DATABASE_DIRECT_URL when its pool_mode is transaction"
    )]
    UnknownPooler(#[source] sqlx::Error),
    /// A pooler in front of the database shares its connections between transactions.
    #[error(
        "a pooler such as PgBouncer in front of the database shares connections between transactions; \
         set DATABASE_POOLER=transaction and DATABASE_DIRECT_URL to the database itself, or have the \
         pooler share them between sessions (pool_mode=session)"
    )]
    SharedSessions,
    /// The server is older than [`OLDEST_POSTGRES`].
    #[error("the database is Postgres {0}; {OLDEST_POSTGRES} or later is needed")]
    TooOld(u32),
    /// A released migration was edited, or a newer binary has migrated the database.
    #[error("{0}")]
    Migrate(#[from] MigrateError),
    /// A development version made the tables.
    #[error("{UNRELEASED}: {BEGIN_ANEW}")]
    Unreleased,
    /// There is nothing to go back to.
    #[error("migration {0} not found; 0 reverts all migrations")]
    NoSuchVersion(i64),
    /// A query failed.
    #[error("a query failed: {0}")]
    Query(#[from] sqlx::Error),
}

/// Connects once, to know that the database is there and new enough, and makes the pool.
pub async fn connect(servers: Servers, settings: &PoolSettings) -> Result<Pool, Error> {
    let servers = servers.each(|options| with_settings(options, settings));
    // The pool itself would try again until its time-out.
    let mut conn = connect_once(&servers).await?;
    if are_shared(&mut conn, &servers).await? {
        return Err(Error::SharedSessions);
    }
    sqlx::Connection::close(conn).await?;
    Ok(Pool::new(servers, settings.limits))
}

/// The same where a pooler shares sessions between transactions. Nothing is set when a connection begins,
/// and no statement has a name, since what follows may come to another session.
pub async fn connect_behind_pooler(
    pooled: Servers,
    direct: Servers,
    settings: &PoolSettings,
) -> Result<Pool, Error> {
    let direct = direct.each(|options| with_settings(options, settings));
    let conn = connect_once(&direct).await?;
    sqlx::Connection::close(conn).await?;
    let pooled = pooled.each(|options| {
        options
            .extra_float_digits(None)
            .statement_cache_capacity(0)
            .application_name(&settings.application_name)
    });
    let conn = connect_once(&pooled).await?;
    sqlx::Connection::close(conn).await?;
    Ok(Pool::behind_pooler(pooled, direct, settings.limits))
}

fn with_settings(options: PgConnectOptions, settings: &PoolSettings) -> PgConnectOptions {
    let given = options.get_options().unwrap_or_default().to_owned();
    let limit = |limit: Duration| format!("{}ms", limit.as_millis());
    let ours = [
        ("statement_timeout", limit(settings.statement_timeout)),
        ("lock_timeout", limit(settings.lock_timeout)),
        // A transaction that waits for its own client keeps rows locked and vacuum waiting.
        (
            "idle_in_transaction_session_timeout",
            limit(Duration::from_mins(1)),
        ),
        // A plan whose cost is overestimated would be compiled for a second, to run for a millisecond.
        ("jit", "off".to_owned()),
    ];
    // Options that the operator wrote into the URL win.
    let ours = ours.into_iter().filter(|(name, _)| !given.contains(name));
    let options = options.options(ours);
    match options.get_application_name() {
        Some(_) => options,
        None => options.application_name(&settings.application_name),
    }
}

/// One connection of its own, outside any pool; the caller's session settings end with it. Where every
/// connection is taken it waits for one that is not.
pub async fn connect_once(servers: &Servers) -> Result<PgConnection, Error> {
    let given_up = Instant::now() + ROOM_TIMEOUT;
    let mut told = false;
    let conn = loop {
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, servers.connect()).await;
        match connected.map_err(|_elapsed| Error::Silent)? {
            Ok(conn) => break conn,
            Err(error) if is_of_pooler(&error) => return Err(Error::UnknownPooler(error)),
            Err(error) if !is_no_room(&error) => return Err(Error::Unreachable(error)),
            Err(error) if Instant::now() > given_up => return Err(Error::Full(error)),
            Err(error) => {
                if !told {
                    tracing::warn!(%error, "every connection to the database is taken; waiting");
                    told = true;
                }
                tokio::time::sleep(ROOM_POLL).await;
            }
        }
    };
    match conn.server_version_num().map(|number| number / 10_000) {
        Some(major) if major < OLDEST_POSTGRES => Err(Error::TooOld(major)),
        Some(_) | None => Ok(conn),
    }
}

/// Applies pending migrations, makes the partitions of the coming months, and returns the migrations that
/// were applied.
///
/// Two at once take turns. The session is thrown away at the end: sqlx keeps its own lock when a
/// migration fails, and a pooled connection would take that lock along.
pub async fn migrate(
    servers: impl Into<Servers>,
    now: DateTime<Utc>,
) -> Result<Vec<&'static Migration>, Error> {
    let mut conn = lock_for_migration(servers.into()).await?;
    let applied = pending(&mut conn).await?;
    MIGRATOR.run(&mut conn).await?;
    make_month_partitions(&mut conn, now, MONTHS_READY).await?;
    sqlx::Connection::close(conn).await?;
    Ok(applied)
}

/// Goes back until `target` is the newest migration that is applied; 0 undoes everything. The data in
/// dropped tables is lost. Returns the migrations that were undone, newest first.
pub async fn undo(
    servers: impl Into<Servers>,
    target: i64,
) -> Result<Vec<&'static Migration>, Error> {
    if target != 0 && !MIGRATOR.version_exists(target) {
        return Err(Error::NoSuchVersion(target));
    }
    let mut conn = lock_for_migration(servers.into()).await?;
    let undone = undoable(&mut conn, target).await?;
    MIGRATOR.undo(&mut conn, target).await?;
    sqlx::Connection::close(conn).await?;
    Ok(undone)
}

/// A session that alone may migrate.
async fn lock_for_migration(servers: Servers) -> Result<PgConnection, Error> {
    let servers = servers.each(|options| {
        options
            .application_name("navi-migrate")
            // A migration may take as long as it needs, but must not stand in a queue for locks.
            .options([
                ("statement_timeout", "0"),
                ("lock_timeout", MIGRATION_LOCK_TIMEOUT),
            ])
    });
    let mut conn = connect_once(&servers).await?;
    if are_shared(&mut conn, &servers).await? {
        return Err(Error::SharedSessions);
    }
    let mut told = false;
    // Asking again and again instead of waiting inside Postgres: a waiting statement holds a
    // snapshot, `create index concurrently` waits for all snapshots, and both would wait forever.
    while !sqlx::query_scalar!(
        r#"select pg_try_advisory_lock($1) as "locked!""#,
        MIGRATION_LOCK
    )
    .fetch_one(&mut conn)
    .await?
    {
        if !told {
            tracing::info!("waiting for another process that is migrating this database");
            told = true;
        }
        tokio::time::sleep(MIGRATION_LOCK_POLL).await;
    }
    Ok(conn)
}

/// Lists what [`migrate`] would apply, oldest first. Changes nothing.
///
/// Migrations that only a newer binary knows are no error here: during a rollout the old one goes
/// on serving.
pub async fn pending(conn: &mut PgConnection) -> Result<Vec<&'static Migration>, Error> {
    let applied = applied(conn).await?;
    let mut missing = Vec::new();
    for migration in MIGRATOR.iter() {
        if migration.migration_type.is_down_migration() {
            continue;
        }
        match applied.get(&migration.version) {
            Some(checksum) if **checksum != *migration.checksum => {
                return Err(MigrateError::VersionMismatch(migration.version).into());
            }
            Some(_) => {}
            None => missing.push(migration),
        }
    }
    Ok(missing)
}

/// Lists what [`undo`] would undo, newest first. Changes nothing.
pub async fn undoable(
    conn: &mut PgConnection,
    target: i64,
) -> Result<Vec<&'static Migration>, Error> {
    let applied = applied(conn).await?;
    Ok(MIGRATOR
        .iter()
        .rev()
        .filter(|migration| migration.migration_type.is_down_migration())
        .filter(|migration| migration.version > target)
        .filter(|migration| applied.contains_key(&migration.version))
        .collect())
}

/// Version and checksum of every migration that was applied.
///
/// Every caller relies on the tables of the released migrations, so another first one is an error here.
async fn applied(conn: &mut PgConnection) -> Result<HashMap<i64, Cow<'static, [u8]>>, Error> {
    let table = &*MIGRATOR.table_name;
    let exists = sqlx::query_scalar!(r#"select to_regclass($1) is not null as "exists!""#, table)
        .fetch_one(&mut *conn)
        .await?;
    if !exists {
        return Ok(HashMap::new());
    }
    let applied: HashMap<_, _> = conn
        .list_applied_migrations(table)
        .await?
        .into_iter()
        .map(|migration| (migration.version, migration.checksum))
        .collect();
    let released = |checksum: &Cow<'static, [u8]>| {
        MIGRATOR
            .iter()
            .any(|ours| ours.version == FIRST && ours.checksum == *checksum)
    };
    if applied.get(&FIRST).is_none_or(released) {
        Ok(applied)
    } else {
        Err(Error::Unreleased)
    }
}

/// Makes the monthly partitions of every partitioned table, beginning with the month of `first`,
/// as far as they do not exist, and answers how many were made. Safe at any time, from any number
/// of processes; fails after five seconds when a long query is in its way.
pub async fn make_month_partitions(
    conn: &mut PgConnection,
    first: DateTime<Utc>,
    months: i32,
) -> sqlx::Result<i32> {
    sqlx::query_scalar!(
        r#"select make_month_partitions($1, $2) as "made!""#,
        first,
        months
    )
    .fetch_one(conn)
    .await
}

/// Drops the months of a partitioned table that are older than so many days, as a whole, and answers
/// with their names. Safe at any time, from any number of processes.
pub async fn drop_old_months(
    conn: &mut PgConnection,
    table: &str,
    days: i32,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select drop_old_months($1::text::regclass, make_interval(days => $2)) as "dropped!""#,
        table,
        days,
    )
    .fetch_one(conn)
    .await
}

/// The end of the newest month of a partitioned table that [`drop_old_months`] would drop; none when
/// it would drop nothing.
pub async fn months_older_than(
    conn: &mut PgConnection,
    table: &str,
    days: i32,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!(
        "select months_older_than($1::text::regclass, make_interval(days => $2))",
        table,
        days,
    )
    .fetch_one(conn)
    .await
}

/// Sends a message to the listeners of a channel. It writes nothing, so it waits for no disk.
pub async fn notify(conn: &mut PgConnection, channel: &str, payload: &str) -> sqlx::Result<()> {
    sqlx::query!("select pg_notify($1, $2)", channel, payload)
        .execute(conn)
        .await
        .map(drop)
}

/// The present moment by the server's clock.
pub async fn server_time(conn: &mut PgConnection) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#)
        .fetch_one(conn)
        .await
}

/// Tells an error that the same rows will always meet: the data are wrong (class 22) or break a
/// constraint (class 23). Everything else passes, or an operator can mend it.
pub fn is_refusal(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}

/// A text as it goes into a `text` column: without NUL characters, and at most this many others.
pub fn to_text(text: &str, max_chars: usize) -> String {
    first_chars(&strip_nul(text), max_chars).to_owned()
}

#[cfg(test)]
mod tests {
    use crate::platform::json::strip_nul;
    use crate::platform::json::strip_nul_json;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn nul_characters_are_taken_out_of_strings_and_keys_at_any_depth() {
        let mut value = json!({"a\0": ["\0b", {"c": "\0", "n": 1}], "d": null});
        strip_nul_json(&mut value);
        assert_eq!(value, json!({"a": ["b", {"c": "", "n": 1}], "d": null}));
    }

    #[test]
    fn a_text_without_nul_is_not_copied() {
        assert!(matches!(strip_nul("plain"), Cow::Borrowed("plain")));
        assert_eq!(strip_nul("a\0b"), "ab");
    }

    #[test]
    fn every_migration_has_its_way_back() {
        let (ways_back, ways_on): (Vec<_>, Vec<_>) = MIGRATOR
            .iter()
            .partition(|migration| migration.migration_type.is_down_migration());
        let versions =
            |them: Vec<&Migration>| them.iter().map(|one| one.version).collect::<Vec<_>>();
        assert_eq!(versions(ways_back), versions(ways_on));
    }

    #[test]
    fn a_time_out_in_the_url_is_kept() {
        let given = PgConnectOptions::new_without_pgpass().options([("statement_timeout", "7s")]);
        let options = with_settings(given, &PoolSettings::default());
        let text = options.get_options().unwrap();
        assert!(
            text.contains("statement_timeout=7s") && !text.contains("30000ms"),
            "{text}"
        );
        assert!(text.contains("lock_timeout=10000ms"), "{text}");
        assert!(text.contains("jit=off"), "{text}");
    }

    proptest! {
        #[test]
        fn stripped_text_has_no_nul_and_keeps_the_rest(text in any::<String>()) {
            let stripped = strip_nul(&text).into_owned();
            prop_assert!(!stripped.contains('\0'));
            prop_assert_eq!(stripped, text.chars().filter(|c| *c != '\0').collect::<String>());
        }
    }
}
