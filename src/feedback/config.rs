//! When a server learns from ratings.

use std::time::Duration;

use clap::{ArgAction, Args};

/// When the analyzer works inside `navi serve`.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Learning")]
pub struct LearningConfig {
    /// Minutes between two passes of the analyzer inside the server; 0 leaves them to
    /// `navi feedback-analyzer`.
    #[arg(
        long,
        env = "FEEDBACK_ANALYZER_INTERVAL_MINUTES",
        value_name = "MINUTES",
        default_value_t = 15,
        value_parser = clap::value_parser!(u32).range(0..=10_080)
    )]
    pub feedback_analyzer_interval_minutes: u32,

    /// Whether a rating is learned from within a second, and not with the next pass.
    #[arg(
        long,
        env = "FEEDBACK_LEARN_ON_RATING",
        value_name = "BOOL",
        default_value_t = true,
        action = ArgAction::Set
    )]
    pub feedback_learn_on_rating: bool,
}

impl LearningConfig {
    /// The pause between two passes; none when others make them.
    pub fn interval(&self) -> Option<Duration> {
        let minutes = u64::from(self.feedback_analyzer_interval_minutes);
        (minutes > 0).then(|| Duration::from_mins(minutes))
    }
}
