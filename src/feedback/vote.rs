//! The vote on an answer, from its rating and the signals observed.

use crate::feedback::model::{FeedbackSignal, Rating};

/// The reception of an answer; the written values of `learning_suggestions.feedback_type`. Ordered by the
/// strength of the signals behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FeedbackType {
    /// Accepted.
    Accepted,
    /// Accepted and edited.
    Modified,
    /// Rejected.
    Rejected,
    /// Neither any more: the rating was withdrawn.
    Ignored,
}

impl FeedbackType {
    /// The name in the database.
    pub fn label(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Modified => "modified",
            Self::Rejected => "rejected",
            Self::Ignored => "ignored",
        }
    }

    /// The type with this name; none for names that are never written.
    pub fn named(name: &str) -> Option<Self> {
        let all = [
            Self::Accepted,
            Self::Modified,
            Self::Rejected,
            Self::Ignored,
        ];
        all.into_iter().find(|one| one.label() == name)
    }
}

/// The vote on an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Reception of the answer.
    pub feedback_type: FeedbackType,
    /// Rating behind it; none if it follows from signals.
    pub rating: Option<Rating>,
}

/// The weight of a vote, in halves of a vote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HalfVotes {
    /// For the answer.
    pub accepted: i32,
    /// Against it.
    pub rejected: i32,
}

impl Vote {
    /// The vote after a rating was withdrawn, without signals.
    pub const WITHDRAWN: Self = Self {
        feedback_type: FeedbackType::Ignored,
        rating: Some(Rating::Withdrawn),
    };

    /// Derives the vote from a rating and signals. A rating decides; without one the strongest signal does,
    /// so that a reverted change counts as rejected whatever happened before.
    pub fn of(rating: Option<Rating>, signals: &[FeedbackSignal]) -> Option<Self> {
        let rated = |feedback_type| {
            Some(Self {
                feedback_type,
                rating,
            })
        };
        match rating {
            Some(Rating::Up) => rated(FeedbackType::Accepted),
            Some(Rating::Down) => rated(FeedbackType::Rejected),
            Some(Rating::Withdrawn) | None => {
                let feedback_type = signals
                    .iter()
                    .filter_map(|signal| implied_by(*signal))
                    .max()?;
                Some(Self {
                    feedback_type,
                    rating: None,
                })
            }
        }
    }

    /// True if a rating is behind it that was not withdrawn.
    pub fn is_rating(self) -> bool {
        matches!(self.rating, Some(Rating::Up | Rating::Down))
    }

    /// Returns the weight: a whole vote for a rating, half a vote for a signal.
    pub fn weight(self) -> HalfVotes {
        let halves = match self.rating {
            Some(Rating::Up | Rating::Down) => 2,
            Some(Rating::Withdrawn) => 0,
            None => 1,
        };
        match self.feedback_type {
            FeedbackType::Accepted | FeedbackType::Modified => HalfVotes {
                accepted: halves,
                rejected: 0,
            },
            FeedbackType::Rejected => HalfVotes {
                accepted: 0,
                rejected: halves,
            },
            FeedbackType::Ignored => HalfVotes::default(),
        }
    }
}

/// Returns the type that a signal alone implies.
fn implied_by(signal: FeedbackSignal) -> Option<FeedbackType> {
    match signal {
        FeedbackSignal::Kept => Some(FeedbackType::Accepted),
        FeedbackSignal::Edited => Some(FeedbackType::Modified),
        FeedbackSignal::Reverted => Some(FeedbackType::Rejected),
        FeedbackSignal::TestsPassed
        | FeedbackSignal::TestsFailed
        | FeedbackSignal::Retried
        | FeedbackSignal::ApprovalDenied => None,
    }
}

/// All signals.
pub const SIGNALS: [FeedbackSignal; 7] = [
    FeedbackSignal::Kept,
    FeedbackSignal::Edited,
    FeedbackSignal::Reverted,
    FeedbackSignal::TestsPassed,
    FeedbackSignal::TestsFailed,
    FeedbackSignal::Retried,
    FeedbackSignal::ApprovalDenied,
];

/// The signal with this name in the database.
pub fn signal_named(name: &str) -> Option<FeedbackSignal> {
    SIGNALS.into_iter().find(|signal| signal.label() == name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn weight(rating: Option<Rating>, signals: &[FeedbackSignal]) -> HalfVotes {
        Vote::of(rating, signals)
            .map(Vote::weight)
            .unwrap_or_default()
    }

    proptest! {
        #[test]
        fn a_better_rating_never_takes_from_an_answer(
            signals in proptest::sample::subsequence(SIGNALS.to_vec(), 0..=7),
        ) {
            let of = |rating| weight(rating, &signals);
            let (down, none) = (of(Some(Rating::Down)), of(None));
            let (withdrawn, up) = (of(Some(Rating::Withdrawn)), of(Some(Rating::Up)));
            prop_assert_eq!(none, withdrawn);
            for (worse, better) in [(down, none), (none, up), (down, up)] {
                prop_assert!(better.accepted >= worse.accepted);
                prop_assert!(better.rejected <= worse.rejected);
            }
            prop_assert_eq!(up, HalfVotes { accepted: 2, rejected: 0 });
            prop_assert_eq!(down, HalfVotes { accepted: 0, rejected: 2 });
        }
    }

    #[test]
    fn without_a_rating_the_strongest_signal_decides_with_half_a_vote() {
        use FeedbackSignal::{Edited, Kept, Reverted, TestsFailed};
        for (signals, expected) in [
            (&[Kept][..], Some(FeedbackType::Accepted)),
            (&[Edited, Kept], Some(FeedbackType::Modified)),
            (&[Kept, Reverted, Edited], Some(FeedbackType::Rejected)),
            (&[TestsFailed], None),
            (&[], None),
        ] {
            let vote = Vote::of(None, signals);
            assert_eq!(vote.map(|one| one.feedback_type), expected, "{signals:?}");
            let weight = vote.map(Vote::weight).unwrap_or_default();
            assert_eq!(
                weight.accepted + weight.rejected,
                i32::from(expected.is_some())
            );
        }
        assert_eq!(Vote::WITHDRAWN.weight(), HalfVotes::default());
    }
}
