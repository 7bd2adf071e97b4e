//! How much feedback is taken.

use clap::Args;

/// The limits of each person; the names are those that operators know.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Feedback")]
pub struct FeedbackConfig {
    /// Changing requests to `/api/feedback/…` that one person may make in a minute; 0 means any number.
    #[arg(long, env = "RL_FB_PM", value_name = "COUNT", default_value_t = 60)]
    pub feedback_per_minute: u32,

    /// How many of them at once, at most a minute's worth; 0 means as many.
    #[arg(long, env = "RL_FB_BURST", value_name = "COUNT", default_value_t = 0)]
    pub feedback_burst: u32,
}
