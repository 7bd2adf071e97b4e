//! The SQL of erased names.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::auth::erased::model::ErasedName;

/// Records an erasure. A name that was erased before keeps the later of the two moments.
pub async fn insert(
    conn: &mut PgConnection,
    name: &ErasedName,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into erased_names (name, erased_at) values ($1, $2)
         on conflict (name) do update
         set erased_at = greatest(erased_names.erased_at, excluded.erased_at)",
        name.as_bytes(),
        at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The moment at which this name was erased last.
pub async fn erased_at(
    conn: &mut PgConnection,
    name: &ErasedName,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!(
        "select erased_at from erased_names where name = $1",
        name.as_bytes(),
    )
    .fetch_optional(conn)
    .await
}

/// All of them.
pub async fn all(conn: &mut PgConnection) -> sqlx::Result<Vec<(Vec<u8>, DateTime<Utc>)>> {
    let rows = sqlx::query!("select name, erased_at from erased_names")
        .fetch_all(conn)
        .await?;
    let rows = rows.into_iter();
    Ok(rows.map(|row| (row.name, row.erased_at)).collect())
}
