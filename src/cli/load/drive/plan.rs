//! Stages in their order.

use std::time::Duration;

use clap::ValueEnum;

use crate::cli::load::report::measured::StageKind;

/// The order of stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// More and more users, to the most that are served well.
    #[default]
    Steps,
    /// Many users at once between few, and how soon all is as before.
    Spike,
    /// The same users for a long time, in ten parts.
    Soak,
    /// Servers that are killed under their users.
    Kill,
}

/// The lengths of stages and the numbers of their users.
#[derive(Clone, Debug)]
pub struct StageSizes {
    /// The users of each step.
    pub users: Vec<u32>,
    /// The length of a stage.
    pub lasts: Duration,
    /// The length of the warm-up.
    pub warm_up: Duration,
    /// The length of a soak.
    pub soak: Duration,
    /// The users of a spike.
    pub spike: u32,
}

/// One stage that is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StagePlan {
    /// Its kind.
    pub kind: StageKind,
    /// The users.
    pub users: u32,
    /// The time within which actions begin.
    pub lasts: Duration,
}

/// The parts of a soak, so that a trend shows.
const PARTS: u32 = 10;

impl Profile {
    /// The stages that are known beforehand. The way to the knee depends on what they show.
    pub fn stages(self, sizes: &StageSizes) -> Vec<StagePlan> {
        let stage = |kind, users, lasts| StagePlan { kind, users, lasts };
        let fewest = sizes.users.iter().copied().min().unwrap_or(1);
        let most = sizes.users.iter().copied().max().unwrap_or(1);
        let mut stages = vec![stage(StageKind::WarmUp, fewest, sizes.warm_up)];
        match self {
            Self::Steps => {
                let steps = sizes.users.iter();
                stages.extend(steps.map(|users| stage(StageKind::Steady, *users, sizes.lasts)));
            }
            Self::Spike => {
                stages.push(stage(StageKind::Before, fewest, sizes.lasts));
                stages.push(stage(StageKind::Spike, sizes.spike, sizes.lasts));
                stages.push(stage(StageKind::After, fewest, sizes.lasts));
            }
            Self::Soak => {
                let part = stage(StageKind::Soak, most, sizes.soak / PARTS);
                stages.extend((0..PARTS).map(|_| part));
            }
            Self::Kill => stages.push(stage(StageKind::Kill, most, sizes.lasts)),
        }
        stages.retain(|stage| !stage.lasts.is_zero());
        stages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes() -> StageSizes {
        StageSizes {
            users: vec![10, 50],
            lasts: Duration::from_secs(10),
            warm_up: Duration::from_secs(3),
            soak: Duration::from_mins(10),
            spike: 500,
        }
    }

    fn told(profile: Profile) -> Vec<(StageKind, u32, u64)> {
        let stages = profile.stages(&sizes());
        stages
            .iter()
            .map(|stage| (stage.kind, stage.users, stage.lasts.as_secs()))
            .collect()
    }

    #[test]
    fn steps_come_after_a_warm_up() {
        let expected = [
            (StageKind::WarmUp, 10, 3),
            (StageKind::Steady, 10, 10),
            (StageKind::Steady, 50, 10),
        ];
        assert_eq!(told(Profile::Steps), expected);
    }

    #[test]
    fn a_spike_stands_between_the_same_few_users() {
        let spike = told(Profile::Spike);
        assert_eq!(spike[1].1, spike[3].1);
        assert_eq!(spike[2], (StageKind::Spike, 500, 10));
    }

    #[test]
    fn a_soak_has_ten_parts_that_last_as_long_as_it() {
        let soak = told(Profile::Soak);
        let seconds: u64 = soak[1..].iter().map(|stage| stage.2).sum();
        assert_eq!((soak.len(), seconds), (11, 600));
    }
}
