//! Stores ratings and signals, and reads them back.

use std::slice;
use std::sync::Arc;

use chrono::TimeDelta;
use sqlx::PgConnection;
use tokio::sync::Notify;

use crate::auth::principal::Principal;
use crate::feedback::bandit::service as bandit;
use crate::feedback::bandit::service::BanditReport;
use crate::feedback::cursor::{BEGINNING, RatingCursor};
use crate::feedback::error::{Error, MAX_COMMENT_CHARS, MAX_DAYS, MAX_REASON_CHARS, MAX_RECENT};
use crate::feedback::model::{FeedbackSignal, Rating, SignalSource};
use crate::feedback::placing::lanes::Lanes;
use crate::feedback::placing::together;
use crate::feedback::store::ratings::{NewRating, Placed, StoredRating};
use crate::feedback::store::reading::RecentRating;
use crate::feedback::store::sums::PeriodSum;
use crate::feedback::store::{ratings, reading, signals, suggestions, sums};
use crate::feedback::vote::Vote;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::json::strip_nul;
use crate::platform::metrics::Metrics;
use crate::platform::page;
use crate::platform::redact::text::redact_text;
use crate::platform::tasks::Tasks;

/// A submitted rating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Answer.
    pub gen_id: i64,
    /// -1, 0 or 1.
    pub rating: i64,
    /// Reason, in a word.
    pub reason: Option<String>,
    /// Comment.
    pub comment: Option<String>,
}

/// The effect of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmittedRating {
    /// Rating before, if there was one.
    pub before: Option<StoredRating>,
    /// Rating now.
    pub after: StoredRating,
}

/// Statistics of the answers of a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedbackStats {
    /// Length of the period, in days.
    pub days: i64,
    /// Sums by category, reason and signal.
    pub sums: Vec<PeriodSum>,
}

/// A page of ratings.
#[derive(Clone, Debug, PartialEq)]
pub struct RatingsPage {
    /// Ratings.
    pub feedback: Vec<RecentRating>,
    /// Number of ratings in the organisation.
    pub total: i64,
    /// Cursor of the next page, if there is one.
    pub next: Option<RatingCursor>,
}

/// The service for ratings and signals; cheap to clone.
#[derive(Clone, Debug)]
pub struct Feedback {
    db: Pool,
    clock: Clock,
    metrics: Metrics,
    changed: Arc<Notify>,
    lanes: Option<Lanes>,
}

impl Feedback {
    /// A service on this database, in which each rating commits by itself.
    pub fn new(db: impl Into<Pool>, clock: Clock, metrics: Metrics) -> Self {
        Self {
            db: db.into(),
            clock,
            metrics,
            changed: Arc::new(Notify::new()),
            lanes: None,
        }
    }

    /// The same service, in which ratings that come together commit together, until `tasks` end.
    #[must_use]
    pub fn in_lanes(mut self, tasks: &Tasks) -> Self {
        self.lanes = Some(Lanes::open(&self.db, tasks));
        self
    }

    /// Notified after each rating or signal that this process stores.
    pub fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    /// Stores the principal's rating of an answer of theirs, in place of an earlier one. The same rating again
    /// changes nothing.
    pub async fn submit(
        &self,
        principal: &Principal,
        submission: Submission,
    ) -> Result<SubmittedRating, Error> {
        let now = StoredRating {
            rating: Rating::of(submission.rating).ok_or(Error::BadRating)?,
            reason: clean(submission.reason, MAX_REASON_CHARS, Error::ReasonTooLong)?,
            comment: clean(submission.comment, MAX_COMMENT_CHARS, Error::CommentTooLong)?,
            updated_at: self.clock.now(),
        };
        let before = match self.place(principal, submission.gen_id, &now).await? {
            Placed::Stored { before, .. } => before,
            Placed::Same(before) => {
                return Ok(SubmittedRating {
                    before: Some(before.clone()),
                    after: before,
                });
            }
            Placed::Missed => return Err(Error::NotFound),
        };
        self.metrics
            .navi_feedback_ratings_total
            .with_label_values(&[metric_label(now.rating)])
            .inc();
        self.changed.notify_one();
        Ok(SubmittedRating { before, after: now })
    }

    /// Places a rating: a thumb in one statement, together with others, as long as no other writer is at the same
    /// answer. The vote that is left after a withdrawal is up to signals, which may not change between
    /// reading and writing.
    async fn place(
        &self,
        principal: &Principal,
        gen_id: i64,
        rating: &StoredRating,
    ) -> Result<Placed, Error> {
        let mut new = NewRating {
            org_id: principal.org_id.clone(),
            gen_id,
            owner: principal.user_id.clone(),
            rating: rating.clone(),
            vote: Vote::of(Some(rating.rating), &[]),
        };
        if new.vote.is_some() {
            let placed = if let Some(lanes) = &self.lanes {
                lanes.place(new.clone()).await
            } else {
                let mut conn = self.db.acquire().await?;
                together::place(&mut conn, slice::from_ref(&new))
                    .await?
                    .pop()
            };
            if let Some(placed) = placed.filter(|placed| *placed != Placed::Missed) {
                return Ok(placed);
            }
        }
        let mut tx = self.db.begin().await?;
        lock_own(&mut tx, principal, gen_id).await?;
        if new.vote.is_none() {
            new.vote = suggestions::vote_without_rating(&mut tx, &new.org_id, gen_id).await?;
        }
        let new = [new];
        let placed = ratings::place(&mut tx, &new).await?;
        tx.commit().await?;
        let changes = together::changes(&new, &placed);
        if !changes.is_empty()
            && let Ok(mut conn) = self.db.acquire().await
        {
            bandit::add_changes(&mut conn, &changes).await;
        }
        Ok(placed.into_iter().next().unwrap_or(Placed::Missed))
    }

    /// Returns the principal's rating of an answer of theirs, if they gave one.
    pub async fn own_rating(
        &self,
        principal: &Principal,
        gen_id: i64,
    ) -> Result<Option<StoredRating>, Error> {
        let mut conn = self.db.acquire().await?;
        let (org_id, owner) = (&principal.org_id, &principal.user_id);
        let found = ratings::find(&mut conn, org_id, gen_id, owner).await?;
        Ok(found.ok_or(Error::NotFound)?.rating)
    }

    /// Records a signal that the principal's client observed on an answer of theirs. Returns true if it is
    /// new.
    pub async fn record_signal(
        &self,
        principal: &Principal,
        gen_id: i64,
        signal: FeedbackSignal,
    ) -> Result<bool, Error> {
        let mut tx = self.db.begin().await?;
        lock_own(&mut tx, principal, gen_id).await?;
        let observed = [(signal, SignalSource::Client)];
        let at = self.clock.now();
        let is_new = signals::record(&mut tx, &principal.org_id, gen_id, &observed, at).await?;
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

    /// Returns statistics of the principal's organisation over the last days.
    pub async fn stats(&self, principal: &Principal, days: i64) -> Result<FeedbackStats, Error> {
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(Error::BadDays);
        }
        let since = self.clock.now() - TimeDelta::days(days);
        let org_id = &principal.org_id;
        let mut conn = self.db.acquire().await?;
        let sums = sums::since(&mut conn, org_id, since).await?;
        Ok(FeedbackStats { days, sums })
    }

    /// Returns a page of the ratings in the principal's organisation, the newest first.
    pub async fn recent(
        &self,
        principal: &Principal,
        limit: i64,
        after: Option<RatingCursor>,
    ) -> Result<RatingsPage, Error> {
        if !(1..=MAX_RECENT).contains(&limit) {
            return Err(Error::BadLimit);
        }
        let org_id = &principal.org_id;
        let after = after.unwrap_or(BEGINNING);
        let mut conn = self.db.acquire().await?;
        // One row more than the page holds shows that another page follows.
        let mut feedback = reading::recent(&mut conn, org_id, after, limit + 1).await?;
        let total = sums::ratings(&mut conn, org_id).await?;
        let held = usize::try_from(limit).unwrap_or(usize::MAX);
        let next = page::cut(&mut feedback, held).map(|last| RatingCursor {
            at: last.created_at,
            id: last.id,
        });
        Ok(RatingsPage {
            feedback,
            total,
            next,
        })
    }

    /// Returns the bandit's counts for the principal's organisation.
    pub async fn bandit_report(&self, principal: &Principal) -> Result<BanditReport, Error> {
        let mut conn = self.db.acquire().await?;
        let at = self.clock.now();
        Ok(bandit::report(&mut conn, &principal.org_id, at).await?)
    }
}

/// Locks an answer of the principal. Another user's answer is not found.
async fn lock_own(
    conn: &mut PgConnection,
    principal: &Principal,
    gen_id: i64,
) -> Result<(), Error> {
    let owner = suggestions::lock_generation(conn, &principal.org_id, gen_id).await?;
    if owner.as_ref() == Some(&principal.user_id) {
        Ok(())
    } else {
        Err(Error::NotFound)
    }
}

/// Returns a text as it is stored, without secrets because administrators read it. None if it is empty.
fn clean(text: Option<String>, max_chars: usize, too_long: Error) -> Result<Option<String>, Error> {
    let Some(text) = text else { return Ok(None) };
    let text = strip_nul(&text);
    let text = text.trim();
    if text.chars().count() > max_chars {
        return Err(too_long);
    }
    Ok((!text.is_empty()).then(|| redact_text(text).into_owned()))
}

/// The label of a rating in metrics.
fn metric_label(rating: Rating) -> &'static str {
    match rating {
        Rating::Up => "up",
        Rating::Down => "down",
        Rating::Withdrawn => "withdrawn",
    }
}
