//! Choosing an arm, learning from a rating, and telling what is known.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::feedback::bandit::model::{ARMS, Beliefs, Context, Counts, Said, choose as drawn};
use crate::feedback::bandit::store;
use crate::platform::ids::OrgId;

/// Chooses one of the arms in a context: the one that may be the best, as far as is known at that moment.
/// None when there are none.
pub async fn choose(
    conn: &mut PgConnection,
    org_id: &OrgId,
    context_key: &str,
    arms: &[String],
    at: DateTime<Utc>,
) -> sqlx::Result<Option<String>> {
    if arms.is_empty() {
        return Ok(None);
    }
    let known: BTreeMap<_, _> = store::of_context(conn, org_id, context_key)
        .await?
        .into_iter()
        .collect();
    let counts = arms.iter().map(|arm| {
        let counts = known.get(arm).copied();
        (arm.as_str(), counts.unwrap_or(Counts::none(at)).at(at))
    });
    Ok(drawn(counts, &mut rand::rng()).map(str::to_owned))
}

/// Learns from a rating about the arms that were chosen for what is rated, and forgets the rating that it
/// replaces. Must be called last in the transaction of the rating: everybody's ratings move the same
/// counts, and wait for each other from here on.
pub async fn move_by(
    conn: &mut PgConnection,
    org_id: &OrgId,
    gen_id: i64,
    before: Option<Said>,
    now: Said,
) -> sqlx::Result<()> {
    let says_nothing = |said: Said| said.weight() == (0.0, 0.0);
    if before.is_none_or(says_nothing) && says_nothing(now) {
        return Ok(());
    }
    store::move_by(conn, org_id, gen_id, before, now).await
}

/// Makes what is known in an organisation anew from its ratings, within a transaction. Ratings of the
/// organisation wait until that ends, so it should be the last thing in it.
pub async fn rebuild(conn: &mut PgConnection, org_id: &OrgId) -> sqlx::Result<()> {
    store::lock(conn, org_id).await?;
    store::rebuild(conn, org_id).await
}

/// What is known of an arm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArmReport {
    /// Its counts as they weigh now.
    pub counts: Counts,
    /// What follows from them.
    pub beliefs: Beliefs,
}

/// What is known in an organisation.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// By context and arm; contexts of temperatures are all there.
    pub contexts: BTreeMap<String, BTreeMap<String, ArmReport>>,
    /// When it was last learned from a rating.
    pub last_updated: Option<DateTime<Utc>>,
}

/// What is known in an organisation at a moment.
pub async fn report(
    conn: &mut PgConnection,
    org_id: &OrgId,
    at: DateTime<Utc>,
) -> sqlx::Result<Report> {
    let known = store::of_organisation(conn, org_id).await?;
    let last_updated = store::last_moved(&known);
    let report = |counts: Counts| {
        let counts = counts.at(at);
        ArmReport {
            counts,
            beliefs: counts.beliefs(),
        }
    };
    let unknown = report(Counts::none(at));
    let mut contexts: BTreeMap<String, BTreeMap<String, ArmReport>> = Context::all()
        .map(|context| {
            let arms = ARMS.map(|arm| (arm.name.to_owned(), unknown));
            (context.key(), arms.into())
        })
        .collect();
    for one in known {
        let arms = contexts.entry(one.choice.context).or_default();
        arms.insert(one.choice.arm, report(one.counts));
    }
    Ok(Report {
        contexts,
        last_updated,
    })
}
