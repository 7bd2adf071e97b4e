//! Checkpoints and tiles.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::audit::tree::tiles::TilePosition;

/// A checkpoint as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// The number of records the log had.
    pub size: i64,
    /// True if the records up to here were dropped.
    pub is_base: bool,
    /// The root of the tree over them.
    pub root: Vec<u8>,
    /// The signed text.
    pub note: String,
    /// When it was signed.
    pub created_at: DateTime<Utc>,
}

/// The last checkpoint of a log.
pub async fn last_checkpoint(
    conn: &mut PgConnection,
    org_id: &str,
) -> sqlx::Result<Option<StoredCheckpoint>> {
    sqlx::query_as!(
        StoredCheckpoint,
        r#"select size, is_base, root, note,
                  least(greatest(created_at, '1900-01-01Z'), '9999-12-31Z') as "created_at!"
           from audit_checkpoints
           where org_id = $1 and not is_base order by size desc limit 1"#,
        org_id,
    )
    .fetch_optional(conn)
    .await
}

/// The checkpoints of a log with sizes from one to another, smallest first.
pub async fn checkpoints(
    conn: &mut PgConnection,
    org_id: &str,
    from: i64,
    to: i64,
) -> sqlx::Result<Vec<StoredCheckpoint>> {
    sqlx::query_as!(
        StoredCheckpoint,
        r#"select size, is_base, root, note,
                  least(greatest(created_at, '1900-01-01Z'), '9999-12-31Z') as "created_at!"
           from audit_checkpoints
           where org_id = $1 and size between $2 and $3 order by size, is_base"#,
        org_id,
        from,
        to,
    )
    .fetch_all(conn)
    .await
}

/// Keeps a checkpoint; one that is there already stays.
pub async fn keep_checkpoint(
    conn: &mut PgConnection,
    org_id: &str,
    checkpoint: &StoredCheckpoint,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into audit_checkpoints (org_id, size, is_base, root, note, created_at)
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
        org_id,
        checkpoint.size,
        checkpoint.is_base,
        checkpoint.root,
        checkpoint.note,
        checkpoint.created_at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The states of the server's own log in the checkpoints of others, each once, with the name of a log that
/// says it and when one first did.
pub async fn said_of_server(
    conn: &mut PgConnection,
) -> sqlx::Result<Vec<(String, String, DateTime<Utc>)>> {
    let rows = sqlx::query!(
        r#"select min(org_id) as "org_id!", said as "said!",
                  least(greatest(min(created_at), '1900-01-01Z'), '9999-12-31Z') as "at!"
           from (select org_id, created_at,
                        substring(note from chr(10) || 'server ([^' || chr(10) || ']*)') as said
                 from audit_checkpoints where strpos(note, chr(10) || 'server ') > 0) k
           where said is not null group by said order by said"#,
    )
    .fetch_all(conn)
    .await?;
    let rows = rows.into_iter();
    Ok(rows.map(|row| (row.org_id, row.said, row.at)).collect())
}

/// Some tiles of a log.
pub async fn tiles(
    conn: &mut PgConnection,
    org_id: &str,
    positions: &[TilePosition],
) -> sqlx::Result<Vec<(TilePosition, Vec<u8>)>> {
    let levels: Vec<i16> = positions.iter().map(|(level, _)| *level).collect();
    let numbers: Vec<i64> = positions.iter().map(|(_, tile)| *tile).collect();
    let rows = sqlx::query!(
        "select t.level, t.tile, t.hashes
         from unnest($2::smallint[], $3::bigint[]) as asked (level, tile)
         join audit_tiles t on t.org_id = $1 and t.level = asked.level and t.tile = asked.tile",
        org_id,
        &levels,
        &numbers,
    )
    .fetch_all(conn)
    .await?;
    let tiles = rows.into_iter();
    Ok(tiles
        .map(|row| ((row.level, row.tile), row.hashes))
        .collect())
}

/// Counts the tiles of a log.
pub async fn count_tiles(conn: &mut PgConnection, org_id: &str) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from audit_tiles where org_id = $1"#,
        org_id,
    )
    .fetch_one(conn)
    .await
}

/// Keeps tiles, in the place of shorter ones: two servers that make the same checkpoint write the
/// same, and the one that is behind takes nothing away.
pub async fn keep_tiles(
    conn: &mut PgConnection,
    org_id: &str,
    tiles: &[(TilePosition, Vec<u8>)],
) -> sqlx::Result<()> {
    let levels: Vec<i16> = tiles.iter().map(|((level, _), _)| *level).collect();
    let numbers: Vec<i64> = tiles.iter().map(|((_, tile), _)| *tile).collect();
    let hashes: Vec<Vec<u8>> = tiles.iter().map(|(_, hashes)| hashes.clone()).collect();
    sqlx::query!(
        "insert into audit_tiles (org_id, level, tile, hashes)
         select $1, * from unnest($2::smallint[], $3::bigint[], $4::bytea[])
         on conflict (org_id, level, tile) do update set hashes = excluded.hashes
         where octet_length(excluded.hashes) > octet_length(audit_tiles.hashes)",
        org_id,
        &levels,
        &numbers,
        &hashes,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Logs that grew beyond their last checkpoint.
pub async fn grown(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "select c.org_id from audit_chains c
         where c.size > coalesce((select max(k.size) from audit_checkpoints k
                                  where k.org_id = c.org_id and not k.is_base), 0)
         order by c.org_id",
    )
    .fetch_all(conn)
    .await
}

/// Of every log the number of the last record before a time.
pub async fn last_before(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
) -> sqlx::Result<Vec<(String, i64)>> {
    let rows = sqlx::query!(
        r#"select org_id, max(sequence) as "last!" from audit_records
           where created_at < $1 group by org_id"#,
        before,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.org_id, row.last)).collect())
}
