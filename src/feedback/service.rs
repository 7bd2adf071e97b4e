//! Rating answers, and reading what was said of them.

use std::sync::Arc;

use chrono::TimeDelta;
use sqlx::{PgConnection, PgPool};
use tokio::sync::Notify;

use crate::auth::principal::Principal;
use crate::feedback::bandit::model::Said;
use crate::feedback::bandit::service::{self as bandit, Report};
use crate::feedback::cursor::Cursor;
use crate::feedback::error::{Error, MAX_COMMENT_CHARS, MAX_DAYS, MAX_REASON_CHARS, MAX_RECENT};
use crate::feedback::model::{Rating, Signal, SignalSource};
use crate::feedback::store::ratings::{self, Rated};
use crate::feedback::store::reading::{self, CategoryCounts, Named, Recent};
use crate::feedback::store::{signals, suggestions};
use crate::platform::clock::Clock;
use crate::platform::db::strip_nul;
use crate::platform::metrics::Metrics;
use crate::platform::redact::text::redact_text;

/// A rating as somebody sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Of which answer.
    pub gen_id: i64,
    /// -1, 0 or 1.
    pub rating: i64,
    /// Why, in a word.
    pub reason: Option<String>,
    /// Why, in more words.
    pub comment: Option<String>,
}

/// What was said of the answers of a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Of how many days.
    pub days: i64,
    /// By category.
    pub categories: Vec<CategoryCounts>,
    /// By reason and by signal.
    pub named: Vec<Named>,
}

/// A page of ratings.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The ratings.
    pub feedback: Vec<Recent>,
    /// How many the organisation has.
    pub total: i64,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// What people say of answers; cheap to clone.
#[derive(Clone, Debug)]
pub struct Feedback {
    db: PgPool,
    clock: Clock,
    metrics: Metrics,
    changed: Arc<Notify>,
}

impl Feedback {
    /// Over a database.
    pub fn new(db: PgPool, clock: Clock, metrics: Metrics) -> Self {
        Self {
            db,
            clock,
            metrics,
            changed: Arc::new(Notify::new()),
        }
    }

    /// Notified whenever there is something new to learn from, as far as this process knows.
    pub fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    /// Stores what the principal says of an answer of theirs, in place of what they said before. Answers
    /// what they said before and what they say now; saying the same again changes nothing.
    pub async fn submit(
        &self,
        principal: &Principal,
        submission: Submission,
    ) -> Result<(Option<Rated>, Rated), Error> {
        let now = Rated {
            rating: Rating::of(submission.rating).ok_or(Error::BadRating)?,
            reason: clean(submission.reason, MAX_REASON_CHARS, Error::ReasonTooLong)?,
            comment: clean(submission.comment, MAX_COMMENT_CHARS, Error::CommentTooLong)?,
            updated_at: self.clock.now(),
        };
        let gen_id = submission.gen_id;
        let mut tx = self.db.begin().await?;
        own(&mut tx, principal, gen_id).await?;
        let (org_id, owner) = (&principal.org_id, &principal.user_id);
        let before = ratings::put(&mut tx, org_id, gen_id, owner, &now).await?;
        if let Some(before) = before.as_ref().filter(|before| before.says_as(&now)) {
            tx.rollback().await?;
            return Ok((Some(before.clone()), before.clone()));
        }
        suggestions::settle(&mut tx, org_id, gen_id, now.updated_at).await?;
        let said = |rated: &Rated| Said {
            rating: rated.rating,
            at: rated.updated_at,
        };
        let earlier = before.as_ref().map(said);
        bandit::move_by(&mut tx, org_id, gen_id, earlier, said(&now)).await?;
        tx.commit().await?;
        self.metrics
            .navi_feedback_ratings_total
            .with_label_values(&[name(now.rating)])
            .inc();
        self.changed.notify_one();
        Ok((before, now))
    }

    /// The principal's rating of a generation of theirs, if they gave one.
    pub async fn own_rating(
        &self,
        principal: &Principal,
        gen_id: i64,
    ) -> Result<Option<Rated>, Error> {
        let mut conn = self.db.acquire().await?;
        let (org_id, owner) = (&principal.org_id, &principal.user_id);
        let found = ratings::find(&mut conn, org_id, gen_id, owner).await?;
        Ok(found.ok_or(Error::NotFound)?.rated)
    }

    /// Notes what the principal's client saw happen to an answer of theirs. Answers whether that is new.
    pub async fn note(
        &self,
        principal: &Principal,
        gen_id: i64,
        signal: Signal,
    ) -> Result<bool, Error> {
        let mut tx = self.db.begin().await?;
        own(&mut tx, principal, gen_id).await?;
        let seen = [(signal, SignalSource::Client)];
        let at = self.clock.now();
        let is_new = signals::note(&mut tx, &principal.org_id, gen_id, &seen, at).await?;
        tx.commit().await?;
        if is_new {
            self.metrics
                .navi_feedback_signals_total
                .with_label_values(&[signal.label()])
                .inc();
            self.changed.notify_one();
        }
        Ok(is_new)
    }

    /// What was said of the answers of the principal's organisation in the last days.
    pub async fn stats(&self, principal: &Principal, days: i64) -> Result<Stats, Error> {
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(Error::BadDays);
        }
        let since = self.clock.now() - TimeDelta::days(days);
        let org_id = &principal.org_id;
        let mut conn = self.db.acquire().await?;
        Ok(Stats {
            days,
            categories: reading::by_category(&mut conn, org_id, since).await?,
            named: reading::reasons_and_signals(&mut conn, org_id, since).await?,
        })
    }

    /// A page of what was said in the principal's organisation, the last first.
    pub async fn recent(
        &self,
        principal: &Principal,
        limit: i64,
        after: Option<Cursor>,
    ) -> Result<Page, Error> {
        if !(1..=MAX_RECENT).contains(&limit) {
            return Err(Error::BadLimit);
        }
        let org_id = &principal.org_id;
        let after = after.unwrap_or_else(Cursor::beginning);
        let mut conn = self.db.acquire().await?;
        // One more than the page holds says whether another follows.
        let mut feedback = reading::recent(&mut conn, org_id, after, limit + 1).await?;
        let total = reading::total(&mut conn, org_id).await?;
        let held = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = feedback.len() > held;
        feedback.truncate(held);
        let last = feedback.last().filter(|_| more);
        let next = last.map(|last| Cursor {
            at: last.created_at,
            id: last.id,
        });
        Ok(Page {
            feedback,
            total,
            next,
        })
    }

    /// What the bandit knows of the principal's organisation.
    pub async fn learning(&self, principal: &Principal) -> Result<Report, Error> {
        let mut conn = self.db.acquire().await?;
        let at = self.clock.now();
        Ok(bandit::report(&mut conn, &principal.org_id, at).await?)
    }
}

impl Rated {
    fn says_as(&self, other: &Self) -> bool {
        (self.rating, &self.reason, &self.comment) == (other.rating, &other.reason, &other.comment)
    }
}

/// Locks an answer of the principal. One that is somebody else's is as good as none.
async fn own(conn: &mut PgConnection, principal: &Principal, gen_id: i64) -> Result<(), Error> {
    let owner = suggestions::lock(conn, &principal.org_id, gen_id).await?;
    if owner.as_ref() == Some(&principal.user_id) {
        Ok(())
    } else {
        Err(Error::NotFound)
    }
}

/// What somebody wrote, as it is stored: administrators read it, so secrets do not stay in. Nothing when
/// it is empty.
fn clean(text: Option<String>, most: usize, too_long: Error) -> Result<Option<String>, Error> {
    let Some(text) = text else { return Ok(None) };
    let text = strip_nul(&text);
    let text = text.trim();
    if text.chars().count() > most {
        return Err(too_long);
    }
    Ok((!text.is_empty()).then(|| redact_text(text).into_owned()))
}

/// The label of a rating.
fn name(rating: Rating) -> &'static str {
    match rating {
        Rating::Up => "up",
        Rating::Down => "down",
        Rating::Withdrawn => "withdrawn",
    }
}
