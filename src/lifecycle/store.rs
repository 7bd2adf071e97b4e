//! The SQL of taking turns, and of looking at months.

use sqlx::PgConnection;

/// The advisory lock of the process that runs retention; the number is arbitrary and must never change.
const KEEPING: i64 = 0x6e61_7669_0003;

/// Makes this session the only one that looks after what is kept, until it ends. Answers whether it is.
pub async fn keep_alone(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "locked!""#, KEEPING)
        .fetch_one(conn)
        .await
}

/// Gives up the lock. The end of the session would do that too, but some time after the process that ended it
/// goes on.
pub async fn let_others(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query_scalar!("select pg_advisory_unlock($1)", KEEPING)
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// The months of a table that [`crate::platform::db::drop_old_months`] would drop.
pub async fn old_months(
    conn: &mut PgConnection,
    table: &str,
    days: i32,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select old_months($1::text::regclass, make_interval(days => $2)) as "months!""#,
        table,
        days,
    )
    .fetch_one(conn)
    .await
}
