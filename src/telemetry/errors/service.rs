//! Listing groups of errors, looking at one, and dealing with it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;

use crate::auth::principal::Principal;
use crate::platform::clock::Clock;
use crate::platform::db::strip_nul;
use crate::platform::ids::OrgId;
use crate::platform::redact::text::redact_text;
use crate::platform::tasks::Tasks;
use crate::telemetry::errors::error::Error;
use crate::telemetry::errors::model::{
    Filter, Group, GroupId, LATEST, MAX_NOTES_CHARS, MAX_SEARCH_CHARS, Occurrence, Search, Trend,
    TrendSpan,
};
use crate::telemetry::errors::store::{reading, resolution};

/// How many events are marked in one transaction: some ten milliseconds of work.
const CHUNK: i64 = 2_000;
/// How often groups are looked for whose events a server that was ended left unmarked.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// How many of them are taken up at once.
const LOOK_FOR: i64 = 100;

/// A group, and how it went lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The group.
    pub group: Group,
    /// How it went.
    pub trend: Trend,
}

/// What somebody decides about a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// What they note about it.
    pub notes: Option<String>,
    /// Whether it is to be opened again, and not dealt with.
    pub reopen: bool,
}

/// Groups of errors; cheap to clone.
#[derive(Clone, Debug)]
pub struct Errors {
    db: PgPool,
    clock: Clock,
    tasks: Tasks,
}

impl Errors {
    /// Over a database.
    pub fn new(db: PgPool, clock: Clock, tasks: Tasks) -> Self {
        Self { db, clock, tasks }
    }

    /// A page of the groups of the principal's organisation; one more than `limit`, if there is one.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: &Filter,
        limit: i64,
    ) -> Result<Vec<Listed>, Error> {
        if filter
            .after
            .is_some_and(|after| after.sort() != filter.sort)
        {
            return Err(Error::BadCursor);
        }
        let is_long = |search: &Search| search.text.chars().count() > MAX_SEARCH_CHARS;
        if filter.search.as_ref().is_some_and(is_long) {
            return Err(Error::SearchTooLong);
        }
        let mut tx = self.db.begin().await?;
        reading::plan_anew(&mut tx).await?;
        let groups = reading::page(&mut tx, &principal.org_id, filter, limit + 1).await?;
        let listed = self.with_trends(&mut tx, &principal.org_id, groups).await?;
        tx.commit().await?;
        Ok(listed)
    }

    /// A group of the principal's organisation with its last occurrences.
    pub async fn find(
        &self,
        principal: &Principal,
        id: GroupId,
    ) -> Result<(Listed, Vec<Occurrence>), Error> {
        let mut conn = self.db.acquire().await?;
        let org_id = &principal.org_id;
        let listed = self.one(&mut conn, org_id, id).await?;
        let latest = reading::latest(&mut conn, org_id, id, LATEST).await?;
        Ok((listed, latest))
    }

    /// Deals with a group, or opens it again. Deciding the same twice changes nothing. Answers how
    /// it was before and how it is now.
    pub async fn decide(
        &self,
        principal: &Principal,
        id: GroupId,
        decision: &Decision,
    ) -> Result<(Listed, Listed), Error> {
        let notes = decision.notes.as_deref().map(checked_notes).transpose()?;
        let (org_id, by) = (&principal.org_id, &principal.user_id);
        let mut conn = self.db.acquire().await?;
        let before = self.one(&mut conn, org_id, id).await?;
        let resolved = if decision.reopen {
            resolution::reopen(&mut conn, org_id, id).await?;
            false
        } else {
            let notes = notes.as_deref().filter(|notes| !notes.is_empty());
            resolution::resolve(&mut conn, org_id, id, by, notes, self.clock.now()).await?
        };
        let after = self.one(&mut conn, org_id, id).await?;
        drop(conn);
        if resolved {
            let (errors, org_id) = (self.clone(), org_id.clone());
            self.tasks
                .spawn(async move { errors.mark(&org_id, id).await });
        }
        Ok((before, after))
    }

    /// Goes on with what servers that were ended left unmarked, until `stopping`.
    pub async fn keep_marked(self, stopping: CancellationToken) {
        while !stopping.is_cancelled() {
            if let Err(error) = self.mark_what_is_left().await {
                tracing::warn!(%error, "events of resolved errors could not be marked");
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stopping.cancelled() => {}
            }
        }
    }

    /// Marks the events of groups that somebody dealt with and whose events are not marked.
    pub async fn mark_what_is_left(&self) -> Result<(), Error> {
        let mut conn = self.db.acquire().await?;
        let left = resolution::unmarked(&mut conn, LOOK_FOR).await?;
        drop(conn);
        for (org_id, id) in left {
            self.mark(&org_id, id).await;
        }
        Ok(())
    }

    /// Marks the events of a group, a few thousand at a time. What is left when the process ends, or
    /// the database is away, is marked later.
    async fn mark(&self, org_id: &OrgId, id: GroupId) {
        let stopping = self.tasks.stopping();
        let mut until = None;
        while !stopping.is_cancelled() {
            match self.mark_some(org_id, id, until).await {
                Ok(oldest @ Some(_)) => until = oldest,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, org.id = %org_id, "a resolved error stays unmarked");
                    return;
                }
            }
        }
    }

    /// One step of it. Answers where the next one begins, if there is anything left to do here.
    async fn mark_some(
        &self,
        org_id: &OrgId,
        id: GroupId,
        until: Option<DateTime<Utc>>,
    ) -> sqlx::Result<Option<DateTime<Utc>>> {
        let mut tx = self.db.begin().await?;
        let Some((resolved_at, notes)) = resolution::lock_unmarked(&mut tx, org_id, id).await?
        else {
            tx.rollback().await?;
            return Ok(None);
        };
        let oldest = match resolved_at {
            Some(at) => {
                let notes = notes.as_deref();
                let marked = resolution::mark(&mut tx, org_id, id, at, notes, until, CHUNK).await?;
                marked.oldest.filter(|_| marked.events == CHUNK)
            }
            // Opened again meanwhile.
            None => None,
        };
        if oldest.is_none() {
            resolution::all_marked(&mut tx, org_id, id).await?;
        }
        tx.commit().await?;
        Ok(oldest)
    }

    async fn one(
        &self,
        conn: &mut PgConnection,
        org_id: &OrgId,
        id: GroupId,
    ) -> Result<Listed, Error> {
        let group = reading::find(conn, org_id, id).await?;
        let group = group.ok_or(Error::NotFound(id))?;
        let mut listed = self.with_trends(conn, org_id, vec![group]).await?;
        listed.pop().ok_or(Error::NotFound(id))
    }

    async fn with_trends(
        &self,
        conn: &mut PgConnection,
        org_id: &OrgId,
        groups: Vec<Group>,
    ) -> Result<Vec<Listed>, Error> {
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = groups.iter().map(|group| group.id).collect();
        let span = TrendSpan::until(self.clock.now());
        let mut trends = reading::trends(conn, org_id, &ids, span).await?;
        let listed = groups.into_iter().map(|group| Listed {
            trend: trends.remove(&group.id).unwrap_or_default(),
            group,
        });
        Ok(listed.collect())
    }
}

/// Notes as they are stored: everybody in the organisation reads them, so secrets do not stay in.
fn checked_notes(notes: &str) -> Result<String, Error> {
    let notes = notes.trim();
    if notes.chars().count() > MAX_NOTES_CHARS {
        return Err(Error::NotesTooLong);
    }
    Ok(redact_text(&strip_nul(notes)).into_owned())
}
