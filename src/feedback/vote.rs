//! What becomes of an answer in the eyes of the analyzer: accepted, changed or rejected, and with how
//! much weight.

use crate::feedback::model::{Rating, Signal};

/// What was thought of an answer; the values of `learning_suggestions.feedback_type` that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It was taken.
    Accepted,
    /// It was taken and changed.
    Modified,
    /// It was not taken.
    Rejected,
    /// Nothing is thought of it any more.
    Ignored,
}

impl Verdict {
    /// The name, as rows carry it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Modified => "modified",
            Self::Rejected => "rejected",
            Self::Ignored => "ignored",
        }
    }

    /// The verdict with this name; none for one that is never written.
    pub fn named(name: &str) -> Option<Self> {
        let all = [
            Self::Accepted,
            Self::Modified,
            Self::Rejected,
            Self::Ignored,
        ];
        all.into_iter().find(|verdict| verdict.label() == name)
    }
}

/// A verdict, and whether a person gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What was thought.
    pub verdict: Verdict,
    /// The rating that says so; none when it follows from what was observed.
    pub rating: Option<Rating>,
}

/// How much a judgement counts, in halves of a voice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Voices {
    /// For the answer.
    pub accepted: i32,
    /// Against it.
    pub rejected: i32,
}

impl Judgement {
    /// The judgement of somebody who took back what they said, when nothing else was observed.
    pub const NONE_ANY_MORE: Self = Self {
        verdict: Verdict::Ignored,
        rating: Some(Rating::Withdrawn),
    };

    /// What follows from a rating and from what was observed. A rating decides; without one the
    /// strongest observation does: what was put back was not wanted, whatever happened before.
    pub fn of(rating: Option<Rating>, signals: &[Signal]) -> Option<Self> {
        let said = |verdict| Some(Self { verdict, rating });
        match rating {
            Some(Rating::Up) => said(Verdict::Accepted),
            Some(Rating::Down) => said(Verdict::Rejected),
            Some(Rating::Withdrawn) | None => {
                let verdict = signals
                    .iter()
                    .filter_map(|signal| observed(*signal))
                    .max()?;
                Some(Self {
                    verdict,
                    rating: None,
                })
            }
        }
    }

    /// How much it counts: a rating a whole voice, what was only observed half of one.
    pub fn voices(self) -> Voices {
        let halves = match self.rating {
            Some(Rating::Up | Rating::Down) => 2,
            Some(Rating::Withdrawn) => 0,
            None => 1,
        };
        match self.verdict {
            Verdict::Accepted | Verdict::Modified => Voices {
                accepted: halves,
                rejected: 0,
            },
            Verdict::Rejected => Voices {
                accepted: 0,
                rejected: halves,
            },
            Verdict::Ignored => Voices::default(),
        }
    }
}

/// The verdict that follows from an observation alone; the order of verdicts is their strength.
fn observed(signal: Signal) -> Option<Verdict> {
    match signal {
        Signal::Kept => Some(Verdict::Accepted),
        Signal::Edited => Some(Verdict::Modified),
        Signal::Reverted => Some(Verdict::Rejected),
        Signal::TestsPassed | Signal::TestsFailed | Signal::Retried | Signal::ApprovalDenied => {
            None
        }
    }
}

/// All signals.
pub const SIGNALS: [Signal; 7] = [
    Signal::Kept,
    Signal::Edited,
    Signal::Reverted,
    Signal::TestsPassed,
    Signal::TestsFailed,
    Signal::Retried,
    Signal::ApprovalDenied,
];

/// The signal with this name, as rows carry it.
pub fn signal_named(name: &str) -> Option<Signal> {
    SIGNALS.into_iter().find(|signal| signal.label() == name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn voices(rating: Option<Rating>, signals: &[Signal]) -> Voices {
        Judgement::of(rating, signals)
            .map(Judgement::voices)
            .unwrap_or_default()
    }

    proptest! {
        #[test]
        fn a_better_rating_never_takes_from_an_answer(
            signals in proptest::sample::subsequence(SIGNALS.to_vec(), 0..=7),
        ) {
            let of = |rating| voices(rating, &signals);
            let (down, none) = (of(Some(Rating::Down)), of(None));
            let (withdrawn, up) = (of(Some(Rating::Withdrawn)), of(Some(Rating::Up)));
            prop_assert_eq!(none, withdrawn);
            for (worse, better) in [(down, none), (none, up), (down, up)] {
                prop_assert!(better.accepted >= worse.accepted);
                prop_assert!(better.rejected <= worse.rejected);
            }
            prop_assert_eq!(up, Voices { accepted: 2, rejected: 0 });
            prop_assert_eq!(down, Voices { accepted: 0, rejected: 2 });
        }
    }

    #[test]
    fn without_a_rating_the_strongest_observation_decides_with_half_a_voice() {
        use Signal::{Edited, Kept, Reverted, TestsFailed};
        for (signals, verdict) in [
            (&[Kept][..], Some(Verdict::Accepted)),
            (&[Edited, Kept], Some(Verdict::Modified)),
            (&[Kept, Reverted, Edited], Some(Verdict::Rejected)),
            (&[TestsFailed], None),
            (&[], None),
        ] {
            let judged = Judgement::of(None, signals);
            assert_eq!(judged.map(|one| one.verdict), verdict, "{signals:?}");
            let voices = judged.map(Judgement::voices).unwrap_or_default();
            assert_eq!(
                voices.accepted + voices.rejected,
                i32::from(verdict.is_some())
            );
        }
        assert_eq!(Judgement::NONE_ANY_MORE.voices(), Voices::default());
    }
}
