//! Listing insights, looking at one, and deciding about it.

use sqlx::{PgConnection, PgPool};

use crate::auth::principal::Principal;
use crate::feedback::insight::Status;
use crate::feedback::insights::error::Error;
use crate::feedback::insights::model::{
    Filter, Insight, MAX_DESCRIPTION_CHARS, MAX_REASON_CHARS, MAX_TITLE_CHARS, Reader, Words, line,
};
use crate::feedback::insights::store;
use crate::feedback::model::InsightId;
use crate::platform::clock::Clock;

/// Insights, for people; cheap to clone.
#[derive(Clone, Debug)]
pub struct Insights {
    db: PgPool,
    clock: Clock,
}

impl Insights {
    /// Over a database.
    pub fn new(db: PgPool, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// A page of what the principal may see; one more than `limit`, if there is one.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: &Filter,
        limit: i64,
    ) -> Result<Vec<Insight>, Error> {
        let mut conn = self.db.acquire().await?;
        let reader = Reader::from(principal);
        Ok(store::page(&mut conn, &reader, filter, limit + 1).await?)
    }

    /// One insight that the principal may see.
    pub async fn find(&self, principal: &Principal, id: InsightId) -> Result<Insight, Error> {
        let mut conn = self.db.acquire().await?;
        one(&mut conn, &Reader::from(principal), id).await
    }

    /// Puts an insight into prompts or takes it out of them. Deciding the same twice changes nothing.
    /// Answers how it was before and how it is now.
    pub async fn decide(
        &self,
        principal: &Principal,
        id: InsightId,
        status: Status,
        reason: Option<&str>,
    ) -> Result<(Insight, Insight), Error> {
        let reason = reason.filter(|reason| !reason.trim().is_empty());
        let checked = |reason| line(reason, MAX_REASON_CHARS).ok_or(Error::BadReason);
        let reason = reason.map(checked).transpose()?;
        let (org_id, by, at) = (&principal.org_id, &principal.user_id, self.clock.now());
        let mut tx = self.db.begin().await?;
        let before = locked(&mut tx, principal, id).await?;
        store::decide(&mut tx, org_id, id, status, by, reason.as_deref(), at).await?;
        let after = one(&mut tx, &Reader::from(principal), id).await?;
        tx.commit().await?;
        Ok((before, after))
    }

    /// Gives an insight other words; those that it has change nothing. Answers how it was before and how
    /// it is now.
    pub async fn reword(
        &self,
        principal: &Principal,
        id: InsightId,
        words: &Words,
    ) -> Result<(Insight, Insight), Error> {
        let title = words.title.as_deref();
        let title = title.map(|text| line(text, MAX_TITLE_CHARS).ok_or(Error::BadTitle));
        let description = words.description.as_deref();
        let description =
            description.map(|text| line(text, MAX_DESCRIPTION_CHARS).ok_or(Error::BadDescription));
        let words = Words {
            title: title.transpose()?,
            description: description.transpose()?,
        };
        let (org_id, by, at) = (&principal.org_id, &principal.user_id, self.clock.now());
        let mut tx = self.db.begin().await?;
        let before = locked(&mut tx, principal, id).await?;
        store::reword(&mut tx, org_id, id, &words, by, at).await?;
        let after = one(&mut tx, &Reader::from(principal), id).await?;
        tx.commit().await?;
        Ok((before, after))
    }
}

async fn locked(
    conn: &mut PgConnection,
    principal: &Principal,
    id: InsightId,
) -> Result<Insight, Error> {
    if !store::lock(conn, &principal.org_id, id).await? {
        return Err(Error::NotFound(id));
    }
    one(conn, &Reader::from(principal), id).await
}

async fn one(conn: &mut PgConnection, reader: &Reader, id: InsightId) -> Result<Insight, Error> {
    let insight = store::find(conn, reader, id).await?;
    insight.ok_or(Error::NotFound(id))
}
