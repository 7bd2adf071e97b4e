//! Ratings and statistics, as clients read them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::feedback::bandit::service::{ArmReport, BanditReport};
use crate::feedback::model::FeedbackSignal;
use crate::feedback::service::{FeedbackStats, RatingsPage};
use crate::feedback::store::ratings::StoredRating;
use crate::feedback::store::reading::RecentRating;
use crate::feedback::store::sums::{PeriodSum, SumKind};
use crate::platform::page::CursorValue;

/// A rating of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Rating)]
pub struct RatingView {
    /// Answer.
    pub gen_id: i64,
    /// -1 rejected, 0 withdrawn, 1 accepted.
    pub rating: i16,
    /// Reason in a word, without secrets.
    pub reason: Option<String>,
    /// Comment, without secrets.
    pub comment: Option<String>,
    /// Time of the rating; the same rating again does not change it.
    pub updated_at: DateTime<Utc>,
}

impl RatingView {
    /// The rating of an answer.
    pub fn new(gen_id: i64, rated: StoredRating) -> Self {
        Self {
            gen_id,
            rating: rated.rating.number(),
            reason: rated.reason,
            comment: rated.comment,
            updated_at: rated.updated_at,
        }
    }
}

/// The caller's rating of an answer, with nulls while there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = OwnRating)]
pub struct OwnRatingView {
    /// Answer.
    pub gen_id: i64,
    /// -1 rejected, 0 withdrawn, 1 accepted; null without a rating.
    pub rating: Option<i16>,
    /// Reason in a word, without secrets.
    pub reason: Option<String>,
    /// Comment, without secrets.
    pub comment: Option<String>,
    /// Time of the rating.
    pub updated_at: Option<DateTime<Utc>>,
}

impl OwnRatingView {
    /// The rating of an answer, if there is one.
    pub fn new(gen_id: i64, rated: Option<StoredRating>) -> Self {
        let stored = rated.as_ref();
        Self {
            gen_id,
            rating: stored.map(|rated| rated.rating.number()),
            updated_at: stored.map(|rated| rated.updated_at),
            reason: stored.and_then(|rated| rated.reason.clone()),
            comment: rated.and_then(|rated| rated.comment),
        }
    }
}

/// Confirmation of a rating.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = RatingStored)]
pub struct StoredView {
    /// Always true; a failure is a problem document.
    pub success: bool,
    /// The same in words.
    pub message: &'static str,
    /// Rating.
    #[serde(flatten)]
    pub rating: RatingView,
}

/// Confirmation of a signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = SignalNoted)]
pub struct NotedView {
    /// Always true; a failure is a problem document.
    pub success: bool,
    /// The same in words.
    pub message: &'static str,
    /// Answer.
    pub gen_id: i64,
    /// Signal.
    pub signal: &'static str,
}

impl NotedView {
    /// The confirmation of a signal on an answer.
    pub fn new(gen_id: i64, signal: FeedbackSignal) -> Self {
        Self {
            success: true,
            message: "Signal noted",
            gen_id,
            signal: signal.label(),
        }
    }
}

/// Answers of a category, and their ratings.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = FeedbackCategory)]
pub struct CategoryView {
    /// `fix`, `feature`, `refactor`, `test`, `docs`, `explain` or `general`.
    pub category: String,
    /// Number of answers.
    pub generations: i64,
    /// Number of them rated up or down.
    pub feedback: i64,
    /// Number accepted, by a rating or, without one, by a signal.
    pub accepted: i64,
    /// Number rejected.
    pub rejected: i64,
    /// Accepted of accepted and rejected, 0 to 1; null without either.
    pub acceptance_rate: Option<f64>,
}

impl From<PeriodSum> for CategoryView {
    fn from(sum: PeriodSum) -> Self {
        Self {
            generations: sum.answers,
            feedback: sum.up + sum.down,
            accepted: sum.accepted,
            rejected: sum.rejected,
            acceptance_rate: acceptance(sum.accepted, sum.rejected),
            category: sum.name,
        }
    }
}

/// Statistics of the answers of the last days.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = FeedbackStats)]
pub struct StatsView {
    /// Number of answers.
    pub total_generations: i64,
    /// Number of them rated up or down.
    pub total_feedback: i64,
    /// The same in percent, to one decimal; 0 without answers.
    pub feedback_rate: f64,
    /// Accepted of accepted and rejected, 0 to 1; null without either. An answer without a rating counts
    /// by its signals.
    pub acceptance_rate: Option<f64>,
    /// Number of answers rated `-1` and `1`, and of withdrawn ratings, `0`.
    pub rating_distribution: BTreeMap<&'static str, i64>,
    /// Number of ratings by reason; the hundred most frequent.
    pub reason_distribution: BTreeMap<String, i64>,
    /// Number of answers by signal.
    pub signals: BTreeMap<String, i64>,
    /// The same by category.
    pub by_category: Vec<CategoryView>,
    /// Length of the period, in days.
    pub period_days: i64,
}

impl From<FeedbackStats> for StatsView {
    fn from(stats: FeedbackStats) -> Self {
        let days = stats.days;
        let of_kind = |kind| stats.sums.iter().filter(move |sum| sum.kind == kind);
        let total = |of: fn(&PeriodSum) -> i64| of_kind(SumKind::Category).map(of).sum::<i64>();
        let named = |kind| of_kind(kind).map(|sum| (sum.name.clone(), sum.answers));
        let generations = total(|sum| sum.answers);
        let (up, down) = (total(|sum| sum.up), total(|sum| sum.down));
        Self {
            total_generations: generations,
            total_feedback: up + down,
            feedback_rate: share(up + down, generations)
                .map_or(0.0, |share| rounded(share * 100.0, 1)),
            acceptance_rate: acceptance(total(|sum| sum.accepted), total(|sum| sum.rejected)),
            rating_distribution: [("-1", down), ("0", total(|sum| sum.withdrawn)), ("1", up)]
                .into(),
            reason_distribution: named(SumKind::Reason).collect(),
            signals: named(SumKind::Signal).collect(),
            by_category: of_kind(SumKind::Category)
                .cloned()
                .map(CategoryView::from)
                .collect(),
            period_days: days,
        }
    }
}

fn acceptance(accepted: i64, rejected: i64) -> Option<f64> {
    share(accepted, accepted + rejected).map(|share| rounded(share, 4))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of answers are far from where a double becomes inexact"
)]
fn share(part: i64, of: i64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

fn rounded(number: f64, digits: i32) -> f64 {
    let unit = 10_f64.powi(digits);
    (number * unit).round() / unit
}

/// A rating and the answer it is of.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = RecentRating)]
pub struct RecentView {
    /// Row number.
    pub id: i64,
    /// Answer.
    pub gen_id: i64,
    /// -1 rejected, 0 withdrawn, 1 accepted.
    pub rating: i16,
    /// Reason, in a word.
    pub reason: Option<String>,
    /// Comment.
    pub comment: Option<String>,
    /// Time of the first rating.
    pub created_at: DateTime<Utc>,
    /// Time of the last change.
    pub updated_at: DateTime<Utc>,
    /// `codegen`, `summarize`, `chat` or `analysis`.
    pub task_type: String,
    /// Category of the work.
    pub category: String,
    /// Model that answered.
    pub model: String,
    /// Temperature; null if the provider's default was used.
    pub temperature: Option<f64>,
    /// Run or conversation of the answer.
    pub task_id: Option<String>,
    /// Signals on the answer.
    pub signals: Vec<String>,
}

impl From<RecentRating> for RecentView {
    fn from(recent: RecentRating) -> Self {
        Self {
            id: recent.id,
            gen_id: recent.gen_id,
            rating: recent.rating,
            reason: recent.reason,
            comment: recent.comment,
            created_at: recent.created_at,
            updated_at: recent.updated_at,
            task_type: recent.task_type,
            category: recent.category,
            model: recent.model,
            temperature: recent.temperature,
            task_id: recent.task_id,
            signals: recent.signals,
        }
    }
}

/// A page of ratings.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = RecentRatings)]
pub struct RatingsPageView {
    /// Ratings, by the time of the first rating, newest first.
    pub feedback: Vec<RecentView>,
    /// Number of ratings in the organisation.
    pub total_count: i64,
    /// Cursor of the next page; null on the last.
    pub next_cursor: Option<String>,
}

impl From<RatingsPage> for RatingsPageView {
    fn from(page: RatingsPage) -> Self {
        Self {
            feedback: page.feedback.into_iter().map(RecentView::from).collect(),
            total_count: page.total,
            next_cursor: page.next.map(|next| next.encode()),
        }
    }
}

/// Counts of an arm. Ratings weigh half after 30 days, so the counts are not integers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = BanditArm)]
pub struct BanditArmView {
    /// Weighted ratings up.
    pub successes: f64,
    /// Weighted ratings down.
    pub failures: f64,
    /// Sum of both.
    pub total_trials: f64,
    /// Share of ratings up; null without any.
    pub success_rate: Option<f64>,
    /// Confidence: a twentieth for each trial, at most 1.
    pub confidence: f64,
    /// Posterior mean of the acceptance, with a uniform prior.
    pub mean: f64,
    /// Lower bound of the 95 % interval of the acceptance.
    pub low: f64,
    /// Upper bound of the 95 % interval.
    pub high: f64,
}

impl From<ArmReport> for BanditArmView {
    fn from(ArmReport { counts, estimate }: ArmReport) -> Self {
        let round = |number| rounded(number, 4);
        Self {
            successes: round(counts.successes),
            failures: round(counts.failures),
            total_trials: round(estimate.trials),
            success_rate: estimate.success_rate.map(round),
            confidence: round(estimate.confidence),
            mean: round(estimate.mean),
            low: round(estimate.low),
            high: round(estimate.high),
        }
    }
}

/// Counts of the bandit.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = BanditReport)]
pub struct BanditReportView {
    /// Organisation.
    pub org_key: String,
    /// Arms by context, `<task>_<size>_<experience>`, and name; with the suffix `:model` the arms are
    /// models.
    pub contexts: BTreeMap<String, BTreeMap<String, BanditArmView>>,
    /// Time of the last rating that changed the counts; null without one.
    pub last_updated: Option<DateTime<Utc>>,
}

impl BanditReportView {
    /// The report of an organisation.
    pub fn new(org_key: &str, report: BanditReport) -> Self {
        let arms = |arms: BTreeMap<String, ArmReport>| {
            arms.into_iter()
                .map(|(arm, report)| (arm, BanditArmView::from(report)))
                .collect()
        };
        Self {
            org_key: org_key.to_owned(),
            contexts: report
                .contexts
                .into_iter()
                .map(|(context, of_context)| (context, arms(of_context)))
                .collect(),
            last_updated: report.last_updated,
        }
    }
}
