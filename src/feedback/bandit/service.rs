//! Chooses arms, and reports the counts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::feedback::bandit::model::{
    ARMS, ArmCounts, ArmEstimate, BanditContext, choose as drawn,
};
use crate::feedback::bandit::store;
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
