//! Limits of feedback, and the schedule of the analyzer.

use std::time::Duration;

use clap::{ArgAction, Args};

/// Limits per user.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Feedback")]
pub struct FeedbackConfig {
    /// Changing requests to `/api/feedback/…` that one person may make in a minute; 0 means any number.
    #[arg(long, env = "RL_FB_PM", value_name = "COUNT", default_value_t = 60)]
    pub feedback_per_minute: u32,

    /// Largest burst of them, at most the requests of a minute; 0 means that many.
    #[arg(long, env = "RL_FB_BURST", value_name = "COUNT", default_value_t = 0)]
    pub feedback_burst: u32,
}

/// Schedule of the analyzer inside `navi serve`.
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

    /// Learn from a rating within a second instead of with the next pass; where a pass takes longer than a
    /// quarter of that, within four times as long as it takes.
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
    /// The interval between two passes; none if other processes run them.
    pub fn interval(&self) -> Option<Duration> {
        let minutes = u64::from(self.feedback_analyzer_interval_minutes);
        (minutes > 0).then(|| Duration::from_mins(minutes))
    }
}
