//! Lists insights, activates and retires them, and changes their texts.

use sqlx::PgConnection;

use crate::auth::principal::Principal;
use crate::feedback::insight::InsightStatus;
use crate::feedback::insights::error::Error;
use crate::feedback::insights::model::{
    Insight, InsightFilter, InsightReader, InsightText, MAX_DESCRIPTION_CHARS, MAX_REASON_CHARS,
    MAX_TITLE_CHARS, line,
};
use crate::feedback::insights::store;
use crate::feedback::model::InsightId;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;

/// An insight before and after a change.
#[derive(Clone, Debug, PartialEq)]
pub struct InsightChange {
    /// Before.
    pub before: Insight,
    /// After.
    pub after: Insight,
}

/// The service for reading and deciding about insights; cheap to clone.
#[derive(Clone, Debug)]
pub struct Insights {
    db: Pool,
    clock: Clock,
}

impl Insights {
    /// A service on this database.
    pub fn new(db: Pool, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// Returns a page of the insights visible to the principal, with one more than `limit` if there is
    /// one.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: &InsightFilter,
        limit: i64,
    ) -> Result<Vec<Insight>, Error> {
        let mut conn = self.db.acquire().await?;
        let reader = InsightReader::from(principal);
        Ok(store::page(&mut conn, &reader, filter, limit + 1).await?)
    }

    /// Returns an insight that is visible to the principal.
    pub async fn find(&self, principal: &Principal, id: InsightId) -> Result<Insight, Error> {
        let mut conn = self.db.acquire().await?;
        one(&mut conn, &InsightReader::from(principal), id).await
    }

    /// Activates or retires an insight. The same decision again changes nothing.
    pub async fn decide(
        &self,
        principal: &Principal,
        id: InsightId,
        status: InsightStatus,
        reason: Option<&str>,
    ) -> Result<InsightChange, Error> {
        let reason = reason.filter(|reason| !reason.trim().is_empty());
        let checked = |reason| line(reason, MAX_REASON_CHARS).ok_or(Error::BadReason);
        let reason = reason.map(checked).transpose()?;
        let (org_id, by, at) = (&principal.org_id, &principal.user_id, self.clock.now());
        let mut tx = self.db.begin().await?;
        let before = locked(&mut tx, principal, id).await?;
        store::decide(&mut tx, org_id, id, status, by, reason.as_deref(), at).await?;
        let after = one(&mut tx, &InsightReader::from(principal), id).await?;
        tx.commit().await?;
        Ok(InsightChange { before, after })
    }

    /// Changes the text of an insight. The same text again changes nothing.
    pub async fn reword(
        &self,
        principal: &Principal,
        id: InsightId,
        text: &InsightText,
    ) -> Result<InsightChange, Error> {
        let title = text.title.as_deref();
        let title = title.map(|text| line(text, MAX_TITLE_CHARS).ok_or(Error::BadTitle));
        let description = text.description.as_deref();
        let description =
            description.map(|text| line(text, MAX_DESCRIPTION_CHARS).ok_or(Error::BadDescription));
        let text = InsightText {
            title: title.transpose()?,
            description: description.transpose()?,
        };
        let (org_id, by, at) = (&principal.org_id, &principal.user_id, self.clock.now());
        let mut tx = self.db.begin().await?;
        let before = locked(&mut tx, principal, id).await?;
        store::reword(&mut tx, org_id, id, &text, by, at).await?;
        let after = one(&mut tx, &InsightReader::from(principal), id).await?;
        tx.commit().await?;
        Ok(InsightChange { before, after })
    }
}

async fn locked(
    conn: &mut PgConnection,
    principal: &Principal,
    id: InsightId,
) -> Result<Insight, Error> {
    if !store::lock(conn, &principal.org_id, id).await? {
        return Err(Error::NotFound(id.0.to_string()));
    }
    one(conn, &InsightReader::from(principal), id).await
}

async fn one(
    conn: &mut PgConnection,
    reader: &InsightReader,
    id: InsightId,
) -> Result<Insight, Error> {
    let insight = store::find(conn, reader, id).await?;
    insight.ok_or_else(|| Error::NotFound(id.0.to_string()))
}
