//! Lists error groups, resolves and reopens them, and marks their occurrences.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use crate::auth::principal::Principal;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::ids::OrgId;
use crate::platform::json::strip_nul;
use crate::platform::redact::text::redact_text;
use crate::platform::tasks::Tasks;
use crate::telemetry::errors::error::Error;
use crate::telemetry::errors::model::{
    ErrorFilter, ErrorGroup, ErrorSearch, GroupId, LATEST_OCCURRENCES, MAX_NOTES_CHARS,
    MAX_SEARCH_CHARS, StoredOccurrence, Trend, TrendWindow,
};
use crate::telemetry::errors::store::{reading, resolution};

/// Occurrences marked in one transaction; about ten milliseconds of work.
const CHUNK_SIZE: i64 = 2_000;
/// Interval at which groups are read that a stopped server left unmarked.
const POLL_INTERVAL: Duration = Duration::from_mins(1);
/// The most such groups read at once.
const POLL_LIMIT: i64 = 100;

/// An error group and its trend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupWithTrend {
    /// Group.
    pub group: ErrorGroup,
    /// Trend.
    pub trend: Trend,
}

/// A change of a group's resolution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolutionUpdate {
    /// Notes.
    pub notes: Option<String>,
    /// True to reopen the group, false to resolve it.
    pub reopen: bool,
}

/// An error group with its last occurrences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorDetail {
    /// Group and trend.
    pub group: GroupWithTrend,
    /// Last occurrences, newest first.
    pub latest: Vec<StoredOccurrence>,
}

/// An error group before and after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupChange {
    /// Before.
    pub before: GroupWithTrend,
    /// After.
    pub after: GroupWithTrend,
}

/// The service for error groups; cheap to clone.
#[derive(Clone, Debug)]
pub struct Errors {
    db: Pool,
    clock: Clock,
    tasks: Tasks,
}

impl Errors {
    /// A service on this database.
    pub fn new(db: impl Into<Pool>, clock: Clock, tasks: Tasks) -> Self {
        let db = db.into();
        Self { db, clock, tasks }
    }

    /// Returns a page of the groups of the principal's organisation, with one more than `limit` if there
    /// is one.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: &ErrorFilter,
        limit: i64,
    ) -> Result<Vec<GroupWithTrend>, Error> {
        if filter
            .after
            .is_some_and(|after| after.at.sort() != filter.sort)
        {
            return Err(Error::OtherOrder);
        }
        let is_long = |search: &ErrorSearch| search.text.chars().count() > MAX_SEARCH_CHARS;
        if filter.search.as_ref().is_some_and(is_long) {
            return Err(Error::SearchTooLong);
        }
        let (org_id, limit) = (&principal.org_id, limit + 1);
        if let Some(place) = filter.place_by_time_alone() {
            let mut conn = self.db.acquire().await?;
            let groups =
                reading::latest_page(&mut conn, org_id, filter.status, place, limit).await?;
            return self.with_trends(&mut conn, org_id, groups).await;
        }
        let mut tx = self.db.begin().await?;
        reading::force_custom_plans(&mut tx).await?;
        let groups = reading::page(&mut tx, org_id, filter, limit).await?;
        let listed = self.with_trends(&mut tx, org_id, groups).await?;
        tx.commit().await?;
        Ok(listed)
    }

    /// Returns a group of the principal's organisation with its last occurrences.
    pub async fn find(&self, principal: &Principal, id: GroupId) -> Result<ErrorDetail, Error> {
        let mut conn = self.db.acquire().await?;
        let org_id = &principal.org_id;
        let group = self.one(&mut conn, org_id, id).await?;
        let latest = reading::latest(&mut conn, org_id, id, LATEST_OCCURRENCES).await?;
        Ok(ErrorDetail { group, latest })
    }

    /// Resolves or reopens a group. The same decision again changes nothing.
    pub async fn update_resolution(
        &self,
        principal: &Principal,
        id: GroupId,
        update: &ResolutionUpdate,
    ) -> Result<GroupChange, Error> {
        let notes = update.notes.as_deref().map(checked_notes).transpose()?;
        let (org_id, by) = (&principal.org_id, &principal.user_id);
        let mut conn = self.db.acquire().await?;
        let before = self.one(&mut conn, org_id, id).await?;
        let is_resolved = if update.reopen {
            resolution::reopen(&mut conn, org_id, id).await?;
            false
        } else {
            let notes = notes.as_deref().filter(|notes| !notes.is_empty());
            resolution::resolve(&mut conn, org_id, id, by, notes, self.clock.now()).await?
        };
        let after = self.one(&mut conn, org_id, id).await?;
        drop(conn);
        if is_resolved {
            let (errors, org_id) = (self.clone(), org_id.clone());
            self.tasks
                .spawn(async move { errors.mark(&org_id, id).await });
        }
        Ok(GroupChange { before, after })
    }

    /// Marks the occurrences that stopped servers left unmarked, until `stopping`.
    pub async fn run_marking(self, stopping: CancellationToken) {
        while !stopping.is_cancelled() {
            if let Err(error) = self.mark_remaining().await {
                tracing::warn!(%error, "occurrences of resolved errors could not be marked");
            }
            tokio::select! {
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                () = stopping.cancelled() => {}
            }
        }
    }

    /// Marks the occurrences of resolved groups that are not marked yet.
    pub async fn mark_remaining(&self) -> Result<(), Error> {
        let mut conn = self.db.acquire().await?;
        let left = resolution::unmarked(&mut conn, POLL_LIMIT).await?;
        drop(conn);
        for (org_id, id) in left {
            self.mark(&org_id, id).await;
        }
        Ok(())
    }

    /// Marks the occurrences of a group, in chunks. Those left when the process stops or the database is
    /// unavailable are marked later.
    async fn mark(&self, org_id: &OrgId, id: GroupId) {
        let stopping = self.tasks.stopping();
        let mut until = None;
        while !stopping.is_cancelled() {
            match self.mark_chunk(org_id, id, until).await {
                Ok(oldest @ Some(_)) => until = oldest,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, org.id = %org_id, "a resolved error stays unmarked");
                    return;
                }
            }
        }
    }

    /// Marks a chunk. Returns the start of the next one, if there is more to do.
    async fn mark_chunk(
        &self,
        org_id: &OrgId,
        id: GroupId,
        until: Option<DateTime<Utc>>,
    ) -> sqlx::Result<Option<DateTime<Utc>>> {
        let mut tx = self.db.begin().await?;
        let Some(group) = resolution::lock_unmarked(&mut tx, org_id, id).await? else {
            tx.rollback().await?;
            return Ok(None);
        };
        let oldest = match group.resolved_at {
            Some(at) => {
                let notes = group.notes.as_deref();
                let marked =
                    resolution::mark(&mut tx, org_id, id, at, notes, until, CHUNK_SIZE).await?;
                marked.oldest.filter(|_| marked.events == CHUNK_SIZE)
            }
            // Reopened meanwhile.
            None => None,
        };
        if oldest.is_none() {
            resolution::set_marked(&mut tx, org_id, id).await?;
        }
        tx.commit().await?;
        Ok(oldest)
    }

    async fn one(
        &self,
        conn: &mut PgConnection,
        org_id: &OrgId,
        id: GroupId,
    ) -> Result<GroupWithTrend, Error> {
        let group = reading::find(conn, org_id, id).await?;
        let group = group.ok_or_else(|| Error::NotFound(id.to_string()))?;
        let mut listed = self.with_trends(conn, org_id, vec![group]).await?;
        listed.pop().ok_or_else(|| Error::NotFound(id.to_string()))
    }

    async fn with_trends(
        &self,
        conn: &mut PgConnection,
        org_id: &OrgId,
        groups: Vec<ErrorGroup>,
    ) -> Result<Vec<GroupWithTrend>, Error> {
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = groups.iter().map(|group| group.id).collect();
        let window = TrendWindow::until(self.clock.now());
        let mut trends = reading::trends(conn, org_id, &ids, window).await?;
        let listed = groups.into_iter().map(|group| GroupWithTrend {
            trend: trends.remove(&group.id).unwrap_or_default(),
            group,
        });
        Ok(listed.collect())
    }
}

/// Returns notes as they are stored, without secrets because everyone in the organisation reads them.
fn checked_notes(notes: &str) -> Result<String, Error> {
    let notes = notes.trim();
    if notes.chars().count() > MAX_NOTES_CHARS {
        return Err(Error::NotesTooLong);
    }
    Ok(redact_text(&strip_nul(notes)).into_owned())
}
