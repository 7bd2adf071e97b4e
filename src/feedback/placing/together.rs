//! Places ratings at once, and adds what they change about arms.

use crate::feedback::bandit::service as bandit;
use crate::feedback::bandit::store::WaitingChanges;
use crate::feedback::store::ratings;
use crate::feedback::store::ratings::{NewRating, Placed};
use crate::platform::database::pool::Pool;

/// Places ratings of different answers, in one statement that commits by itself. What they change about arms
/// is added to these after the commit, because other ratings wait for them.
pub async fn place(db: &Pool, ratings: &[NewRating]) -> sqlx::Result<Vec<Placed>> {
    let mut conn = db.acquire().await?;
    let placed = ratings::place(&mut conn, ratings).await?;
    bandit::add_changes(&mut conn, &changes(ratings, &placed)).await;
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
