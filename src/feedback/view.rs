//! What was said of answers, in the shape that clients read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::feedback::bandit::service::{ArmReport, Report};
use crate::feedback::model::Signal;
use crate::feedback::service::{Page, Stats};
use crate::feedback::store::ratings::Rated;
use crate::feedback::store::reading::{CategoryCounts, Recent};
use crate::platform::page::Position;

/// What somebody says of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Rating)]
pub struct RatingView {
    /// The answer.
    pub gen_id: i64,
    /// -1 rejected, 0 withdrawn, 1 accepted.
    pub rating: i16,
    /// Why, in a word, without secrets.
    pub reason: Option<String>,
    /// Why, in more words, without secrets.
    pub comment: Option<String>,
    /// When this was said; saying the same again changes nothing.
    pub updated_at: DateTime<Utc>,
}

impl RatingView {
    /// The rating of an answer.
    pub fn new(gen_id: i64, rated: Rated) -> Self {
        Self {
            gen_id,
            rating: rated.rating.number(),
            reason: rated.reason,
            comment: rated.comment,
            updated_at: rated.updated_at,
        }
    }
}

/// The caller's rating of a generation, with nulls while there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = OwnRating)]
pub struct OwnRatingView {
    /// The answer.
    pub gen_id: i64,
    /// -1 rejected, 0 withdrawn, 1 accepted; null while it was never rated.
    pub rating: Option<i16>,
    /// Why, in a word, without secrets.
    pub reason: Option<String>,
    /// Why, in more words, without secrets.
    pub comment: Option<String>,
    /// When this was said.
    pub updated_at: Option<DateTime<Utc>>,
}

impl OwnRatingView {
    /// The rating of an answer, if there is one.
    pub fn new(gen_id: i64, rated: Option<Rated>) -> Self {
        let said = rated.as_ref();
        Self {
            gen_id,
            rating: said.map(|rated| rated.rating.number()),
            updated_at: said.map(|rated| rated.updated_at),
            reason: said.and_then(|rated| rated.reason.clone()),
            comment: rated.and_then(|rated| rated.comment),
        }
    }
}

/// That a rating was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = RatingStored)]
pub struct StoredView {
    /// Always true: what is not stored is a problem.
    pub success: bool,
    /// The same for people.
    pub message: &'static str,
    /// The rating.
    #[serde(flatten)]
    pub rating: RatingView,
}

/// That a signal was noted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = SignalNoted)]
pub struct NotedView {
    /// Always true: what is not noted is a problem.
    pub success: bool,
    /// The same for people.
    pub message: &'static str,
    /// The answer.
    pub gen_id: i64,
    /// What happened to it.
    pub signal: &'static str,
}

impl NotedView {
    /// What happened to an answer.
    pub fn new(gen_id: i64, signal: Signal) -> Self {
        Self {
            success: true,
            message: "Signal noted",
            gen_id,
            signal: signal.label(),
        }
    }
}

/// The answers of a category, and what was said of them.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = FeedbackCategory)]
pub struct CategoryView {
    /// What kind of work: `fix`, `feature`, `refactor`, `test`, `docs`, `explain` or `general`.
    pub category: String,
    /// How many answers.
    pub generations: i64,
    /// How many of them are rated up or down.
    pub feedback: i64,
    /// How many were accepted, by a rating or, without one, by what happened to them.
    pub accepted: i64,
    /// How many were rejected.
    pub rejected: i64,
    /// Accepted of accepted and rejected, 0 to 1; null when nothing was judged.
    pub acceptance_rate: Option<f64>,
}

impl From<CategoryCounts> for CategoryView {
    fn from(counts: CategoryCounts) -> Self {
        Self {
            generations: counts.generations,
            feedback: counts.up + counts.down,
            accepted: counts.accepted,
            rejected: counts.rejected,
            acceptance_rate: acceptance(counts.accepted, counts.rejected),
            category: counts.category,
        }
    }
}

/// What was said of the answers of the last days.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = FeedbackStats)]
pub struct StatsView {
    /// How many answers there were.
    pub total_generations: i64,
    /// How many of them are rated up or down.
    pub total_feedback: i64,
    /// The same in percent, to one decimal; 0 without answers.
    pub feedback_rate: f64,
    /// Accepted of accepted and rejected, 0 to 1; null when nothing was judged. Without a rating what
    /// happened to an answer judges it.
    pub acceptance_rate: Option<f64>,
    /// How many answers are rated `-1` and `1`, and of how many the rating was taken back, `0`.
    pub rating_distribution: BTreeMap<&'static str, i64>,
    /// How often each reason was given; the hundred most frequent.
    pub reason_distribution: BTreeMap<String, i64>,
    /// How often each thing happened to an answer.
    pub signals: BTreeMap<String, i64>,
    /// The same by kind of work.
    pub by_category: Vec<CategoryView>,
    /// Of how many days the answers are.
    pub period_days: i64,
}

impl From<Stats> for StatsView {
    fn from(stats: Stats) -> Self {
        let sum = |of: fn(&CategoryCounts) -> i64| stats.categories.iter().map(of).sum::<i64>();
        let generations = sum(|counts| counts.generations);
        let (up, down) = (sum(|counts| counts.up), sum(|counts| counts.down));
        let (reasons, signals): (Vec<_>, Vec<_>) =
            stats.named.into_iter().partition(|named| named.is_reason);
        Self {
            total_generations: generations,
            total_feedback: up + down,
            feedback_rate: share(up + down, generations)
                .map_or(0.0, |share| rounded(share * 100.0, 1)),
            acceptance_rate: acceptance(
                sum(|counts| counts.accepted),
                sum(|counts| counts.rejected),
            ),
            rating_distribution: [
                ("-1", down),
                ("0", sum(|counts| counts.withdrawn)),
                ("1", up),
            ]
            .into(),
            reason_distribution: reasons
                .into_iter()
                .map(|one| (one.name, one.count))
                .collect(),
            signals: signals
                .into_iter()
                .map(|one| (one.name, one.count))
                .collect(),
            by_category: stats
                .categories
                .into_iter()
                .map(CategoryView::from)
                .collect(),
            period_days: stats.days,
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

/// A rating with what it is of.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = RecentRating)]
pub struct RecentView {
    /// Its number.
    pub id: i64,
    /// The answer.
    pub gen_id: i64,
    /// -1 rejected, 0 withdrawn, 1 accepted.
    pub rating: i16,
    /// Why, in a word.
    pub reason: Option<String>,
    /// Why, in more words.
    pub comment: Option<String>,
    /// When it was first given.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// What kind of answer was asked for: `codegen`, `summarize`, `chat` or `analysis`.
    pub task_type: String,
    /// What kind of work it was.
    pub category: String,
    /// The model that answered.
    pub model: String,
    /// Its temperature; null when the provider's own was used.
    pub temperature: Option<f64>,
    /// The run or conversation that the answer belongs to.
    pub task_id: Option<String>,
    /// What happened to the answer.
    pub signals: Vec<String>,
}

impl From<Recent> for RecentView {
    fn from(recent: Recent) -> Self {
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
pub struct PageView {
    /// The ratings, those that were first given last first.
    pub feedback: Vec<RecentView>,
    /// How many the organisation has.
    pub total_count: i64,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
}

impl From<Page> for PageView {
    fn from(page: Page) -> Self {
        Self {
            feedback: page.feedback.into_iter().map(RecentView::from).collect(),
            total_count: page.total,
            next_cursor: page.next.map(|next| next.encode()),
        }
    }
}

/// What the bandit knows of an arm. Ratings weigh half after 30 days, so counts are no whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = BanditArm)]
pub struct ArmView {
    /// Ratings up, by their weight.
    pub successes: f64,
    /// Ratings down, by their weight.
    pub failures: f64,
    /// Both together.
    pub total_trials: f64,
    /// The share of those up; null without any.
    pub success_rate: Option<f64>,
    /// How well the arm is known: a twentieth for each trial, at most 1.
    pub confidence: f64,
    /// The acceptance that is to be expected, with a uniform prior.
    pub mean: f64,
    /// With 95 % the acceptance is not less,
    pub low: f64,
    /// and not more.
    pub high: f64,
}

impl From<ArmReport> for ArmView {
    fn from(ArmReport { counts, beliefs }: ArmReport) -> Self {
        let round = |number| rounded(number, 4);
        Self {
            successes: round(counts.successes),
            failures: round(counts.failures),
            total_trials: round(beliefs.trials),
            success_rate: beliefs.success_rate.map(round),
            confidence: round(beliefs.confidence),
            mean: round(beliefs.mean),
            low: round(beliefs.low),
            high: round(beliefs.high),
        }
    }
}

/// What the bandit knows.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = BanditReport)]
pub struct LearningView {
    /// The organisation.
    pub org_key: String,
    /// By context, `<task>_<size>_<experience>`, and arm; with `:model` behind it the arms are models.
    pub contexts: BTreeMap<String, BTreeMap<String, ArmView>>,
    /// When a rating was last learned from; null when none ever was.
    pub last_updated: Option<DateTime<Utc>>,
}

impl LearningView {
    /// What is known in an organisation.
    pub fn new(org_key: &str, report: Report) -> Self {
        let arms = |arms: BTreeMap<String, ArmReport>| {
            arms.into_iter()
                .map(|(arm, report)| (arm, ArmView::from(report)))
                .collect()
        };
        Self {
            org_key: org_key.to_owned(),
            contexts: report
                .contexts
                .into_iter()
                .map(|(context, known)| (context, arms(known)))
                .collect(),
            last_updated: report.last_updated,
        }
    }
}
