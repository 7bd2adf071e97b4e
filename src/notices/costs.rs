//! Watches what calls to models cost, for organisations that want to be told.
//!
//! Every server looks every minute. A notice has the id of its threshold and its period, so that whichever
//! server finds it first tells it, and no other does.

use std::time::Duration;

use chrono::{DateTime, DurationRound, SecondsFormat, TimeDelta, Utc};
use serde_json::json;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use crate::ledger;
use crate::ledger::model::PeriodCost;
use crate::ledger::money::Nanos;
use crate::notices::config::NoticeConfig;
use crate::notices::model::NoticeKind;
use crate::notices::notice::{Notice, fixed_id};
use crate::notices::store::{outbox, webhooks};
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::ids::OrgId;

/// Between two looks.
const EVERY: Duration = Duration::from_mins(1);
/// A period that ended is looked at for so long, because its last calls may be written late.
const LATE: TimeDelta = TimeDelta::minutes(10);
/// The kinds that are found here.
const KINDS: &[NoticeKind] = &[NoticeKind::CostThresholdCrossed, NoticeKind::PriceUnknown];

/// A length of time in which costs are summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Window {
    Hour,
    Day,
}

impl Window {
    fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    fn length(self) -> TimeDelta {
        match self {
            Self::Hour => TimeDelta::hours(1),
            Self::Day => TimeDelta::days(1),
        }
    }

    /// The periods that are looked at: the present one, and the one before as long as it may grow.
    fn begins(self, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let Ok(since) = now.duration_trunc(self.length()) else {
            return Vec::new();
        };
        let mut begins = vec![since];
        if now - since < LATE {
            begins.push(since - self.length());
        }
        begins
    }
}

/// Watches costs; cheap to clone.
#[derive(Clone, Debug)]
pub struct Costs {
    db: Pool,
    clock: Clock,
    hour_usd: u32,
    day_usd: u32,
}

impl Costs {
    /// With the thresholds of the settings.
    pub fn new(db: Pool, clock: Clock, config: &NoticeConfig) -> Self {
        Self {
            db,
            clock,
            hour_usd: config.notice_cost_hour_usd,
            day_usd: config.notice_cost_day_usd,
        }
    }

    /// Looks again and again, until `stopping`.
    pub async fn watch(self, stopping: CancellationToken) {
        let looking = async {
            loop {
                tokio::time::sleep(EVERY).await;
                if let Err(error) = self.look().await {
                    tracing::warn!(%error, "costs are not watched; they are looked at again");
                }
            }
        };
        let _ended: Option<()> = stopping.run_until_cancelled(looking).await;
    }

    /// Looks once at every organisation that wants to be told. Answers how many notices were written.
    pub async fn look(&self) -> sqlx::Result<u64> {
        let now = self.clock.now();
        let mut conn = self.db.acquire().await?;
        let mut told = 0;
        for org_id in webhooks::orgs_that_get(&mut conn, KINDS).await? {
            for (window, threshold) in [(Window::Hour, self.hour_usd), (Window::Day, self.day_usd)]
            {
                for since in window.begins(now) {
                    told += look_at(&mut conn, &org_id, window, threshold, since, now).await?;
                }
            }
        }
        Ok(told)
    }
}

async fn look_at(
    conn: &mut PgConnection,
    org_id: &OrgId,
    window: Window,
    threshold: u32,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let spent = match window {
        Window::Hour => {
            let until = since + window.length();
            ledger::store::spent_between(conn, org_id, since, until).await?
        }
        Window::Day => ledger::store::spent_on(conn, org_id, since).await?,
    };
    let shown = since.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut told = 0;
    let limit = Nanos::from_dollars(threshold.into()).filter(|limit| *limit > Nanos::ZERO);
    if limit.is_some_and(|limit| spent.cost >= limit) {
        let notice = crossed(window, threshold, &shown, &spent);
        let period = format!("{} {threshold} {shown}", window.name());
        let id = fixed_id(org_id, notice.kind, &period);
        told += outbox::tell(conn, org_id, id, &notice, now).await?;
    }
    if spent.unpriced > 0 {
        let notice = Notice {
            kind: NoticeKind::PriceUnknown,
            user_id: None,
            data: json!({"since": shown, "calls": spent.unpriced}),
        };
        // Once a day: what lacks its price in one hour lacks it in the next.
        let id = fixed_id(org_id, notice.kind, &since.date_naive().to_string());
        told += outbox::tell(conn, org_id, id, &notice, now).await?;
    }
    Ok(told)
}

fn crossed(window: Window, threshold: u32, since: &str, spent: &PeriodCost) -> Notice {
    Notice {
        kind: NoticeKind::CostThresholdCrossed,
        user_id: None,
        data: json!({
            "window": window.name(),
            "since": since,
            "threshold_usd": threshold,
            "cost_usd": spent.cost.to_metric(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_period_before_is_looked_at_as_long_as_calls_may_come_late() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let early = Window::Hour.begins(at("2026-03-01T00:05:00Z"));
        let hours = [at("2026-03-01T00:00:00Z"), at("2026-02-28T23:00:00Z")];
        assert_eq!(early, hours);
        let later = Window::Hour.begins(at("2026-03-01T00:10:00Z"));
        assert_eq!(later, [at("2026-03-01T00:00:00Z")]);
        let day = Window::Day.begins(at("2026-03-01T23:59:59Z"));
        assert_eq!(day, [at("2026-03-01T00:00:00Z")]);
    }
}
