//! Rate limits of telemetry.

use clap::Args;

/// Limits per user.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Telemetry")]
pub struct TelemetryConfig {
    /// Batches of telemetry that one person may send in a minute; 0 means any number.
    #[arg(
        long,
        env = "NAVI_TELEMETRY_BATCHES_PER_MINUTE",
        value_name = "COUNT",
        default_value_t = 600
    )]
    pub telemetry_batches_per_minute: u32,

    /// Events that one person may send in a minute; 0 means any number.
    #[arg(
        long,
        env = "NAVI_TELEMETRY_EVENTS_PER_MINUTE",
        value_name = "COUNT",
        default_value_t = 30_000
    )]
    pub telemetry_events_per_minute: u32,
}
