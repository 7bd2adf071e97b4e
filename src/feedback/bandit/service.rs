//! Chooses arms, and reports the counts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::feedback::bandit::model::{
    ARMS, ArmCounts, ArmEstimate, BanditContext, choose as drawn,
};
use crate::feedback::bandit::store;
use crate::feedback::bandit::store::WaitingChanges;
use crate::platform::ids::OrgId;

/// Chooses one of the arms in a context by Thompson sampling. None without arms.
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
    let stored: BTreeMap<_, _> = store::of_context(conn, org_id, context_key)
        .await?
        .into_iter()
        .collect();
    let counts = arms.iter().map(|arm| {
        let counts = stored.get(arm).copied();
        (arm.as_str(), counts.unwrap_or(ArmCounts::none(at)).at(at))
    });
    Ok(drawn(counts, &mut rand::rng()).map(str::to_owned))
}

/// The most answers whose changes are looked at together.
const WAITING_AT_ONCE: i64 = 1_000;

/// Adds the changes of ratings to the counts, once they are committed. If that fails, [`add_waiting`] makes up
/// for it.
pub async fn add_changes(conn: &mut PgConnection, waiting: &[WaitingChanges]) {
    if waiting.is_empty() {
        return;
    }
    if let Err(error) = store::add_changes(conn, waiting).await {
        tracing::debug!(%error, "ratings are added to the counts of arms later");
    }
}

/// Adds the changes of ratings whose processes did not come to it.
pub async fn add_waiting(conn: &mut PgConnection) -> sqlx::Result<()> {
    for waiting in store::waiting_changes(conn, WAITING_AT_ONCE).await? {
        store::add_changes(conn, std::slice::from_ref(&waiting)).await?;
    }
    Ok(())
}

/// Recomputes the counts of an organisation from its ratings, within a transaction. Ratings of the
/// organisation wait until the transaction ends, so this should be its last call.
pub async fn rebuild(conn: &mut PgConnection, org_id: &OrgId) -> sqlx::Result<()> {
    store::lock(conn, org_id).await?;
    store::rebuild(conn, org_id).await
}

/// The report of an arm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArmReport {
    /// Counts, decayed to now.
    pub counts: ArmCounts,
    /// Estimate.
    pub estimate: ArmEstimate,
}

/// The counts of an organisation.
#[derive(Clone, Debug, PartialEq)]
pub struct BanditReport {
    /// Arms by context and name, with every context of temperatures.
    pub contexts: BTreeMap<String, BTreeMap<String, ArmReport>>,
    /// Time of the last rating that changed the counts.
    pub last_updated: Option<DateTime<Utc>>,
}

/// Reports the counts of an organisation at a moment.
pub async fn report(
    conn: &mut PgConnection,
    org_id: &OrgId,
    at: DateTime<Utc>,
) -> sqlx::Result<BanditReport> {
    let stored = store::of_organisation(conn, org_id).await?;
    let last_updated = store::last_updated(&stored);
    let report = |counts: ArmCounts| {
        let counts = counts.at(at);
        ArmReport {
            counts,
            estimate: counts.estimate(),
        }
    };
    let empty = report(ArmCounts::none(at));
    let mut contexts: BTreeMap<String, BTreeMap<String, ArmReport>> = BanditContext::all()
        .map(|context| {
            let arms = ARMS.map(|arm| (arm.name.to_owned(), empty));
            (context.key(), arms.into())
        })
        .collect();
    for one in stored {
        let arms = contexts.entry(one.choice.context).or_default();
        arms.insert(one.choice.arm, report(one.counts));
    }
    Ok(BanditReport {
        contexts,
        last_updated,
    })
}
