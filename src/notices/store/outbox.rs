//! Writing notices, in the transaction of what they tell of.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres};

use crate::notices::model::{NoticeId, NoticeKind};
use crate::notices::notice::Notice;
use crate::platform::ids::{OrgId, UserId};

/// Writes a notice for every webhook of the organisation that gets its kind. One that is there already is
/// left as it is. Answers for how many it was new.
pub async fn tell(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: NoticeId,
    notice: &Notice,
    at: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let done = insert(org_id, id, notice, at).execute(conn).await?;
    Ok(done.rows_affected())
}

/// The same with the statement that follows, for callers to whom it is all one for how many it is new.
pub async fn tell_along(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: NoticeId,
    notice: &Notice,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    conn.queue(insert(org_id, id, notice, at)).await
}

/// The rows of webhooks are locked against deletion only, so servers that send are not in the way, and a
/// webhook that is deleted meanwhile is left out instead of failing the transaction.
fn insert(
    org_id: &OrgId,
    id: NoticeId,
    notice: &Notice,
    at: DateTime<Utc>,
) -> Query<'static, Postgres, PgArguments> {
    sqlx::query!(
        "insert into notice_deliveries
           (org_id, webhook_id, notice_id, kind, user_id, data, state, due_at, created_at)
         select org_id, webhook_id, $2, $3, $4, $5, 'pending', $6, $6
         from webhooks
         where org_id = $1 and state = 'enabled' and $3::text = any(kinds)
         for key share
         on conflict (org_id, webhook_id, notice_id) do nothing",
        org_id as &OrgId,
        id.0,
        notice.kind as NoticeKind,
        notice.user_id.as_ref() as Option<&UserId>,
        notice.data,
        at,
    )
}
