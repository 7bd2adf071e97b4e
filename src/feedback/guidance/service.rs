//! What a prompt is told of what was learned.

use sqlx::PgConnection;

use crate::feedback::guidance::model::{Guidance, Occasion};
use crate::feedback::guidance::store;

/// The guidance for a task, as the insights are at this moment.
pub async fn guidance(conn: &mut PgConnection, occasion: &Occasion<'_>) -> sqlx::Result<Guidance> {
    let insights = store::applicable(conn, occasion).await?;
    Ok(Guidance::of(&insights, occasion.draw))
}
