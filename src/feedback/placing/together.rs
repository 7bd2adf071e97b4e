//! Places ratings at once, and adds what they change about arms.

use sqlx::PgConnection;

use crate::feedback::bandit::service as bandit;
use crate::feedback::bandit::store::WaitingChanges;
use crate::feedback::store::ratings;
use crate::feedback::store::ratings::{NewRating, Placed};

/// Places ratings of different answers, in one statement that commits by itself. What they change about arms
/// is added to these after the commit, because other ratings wait for them.
pub async fn place(conn: &mut PgConnection, ratings: &[NewRating]) -> sqlx::Result<Vec<Placed>> {
    let placed = ratings::place(conn, ratings).await?;
    bandit::add_changes(conn, &changes(ratings, &placed)).await;
    Ok(placed)
}

/// Returns what placed ratings change about arms.
pub fn changes(ratings: &[NewRating], placed: &[Placed]) -> Vec<WaitingChanges> {
    let both = ratings.iter().zip(placed);
    let changes = both.filter_map(|(rating, placed)| {
        Some(WaitingChanges {
            org_id: rating.org_id.clone(),
            gen_id: rating.gen_id,
            last: placed.last_change()?,
        })
    });
    changes.collect()
}
