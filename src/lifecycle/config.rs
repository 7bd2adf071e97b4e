//! The settings of retention that belong to no slice alone.

/// Retention periods of rows.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Retention")]
pub struct RetentionConfig {
    /// Days after which events and measurements of clients are dropped, a whole month at a time; 0
    /// keeps them.
    #[arg(long, env = "NAVI_TELEMETRY_RETENTION_DAYS", value_name = "DAYS", default_value_t = 90,
          value_parser = clap::value_parser!(i32).range(0..=36_500))]
    pub telemetry_retention_days: i32,
    /// Days after which single errors are dropped, a whole month at a time; 0 keeps them. Their groups
    /// stay.
    #[arg(long, env = "NAVI_ERRORS_RETENTION_DAYS", value_name = "DAYS", default_value_t = 180,
          value_parser = clap::value_parser!(i32).range(0..=36_500))]
    pub errors_retention_days: i32,
    /// Days after which single model calls, retrievals and tasks are dropped, a whole month at a time;
    /// 0 keeps them. Their sums by the day stay.
    #[arg(long, env = "NAVI_METRICS_RETENTION_DAYS", value_name = "DAYS", default_value_t = 400,
          value_parser = clap::value_parser!(i32).range(0..=36_500))]
    pub metrics_retention_days: i32,
    /// Days after which sums by the hour and by the day are dropped, a whole month at a time; 0 keeps
    /// them.
    #[arg(long, env = "NAVI_ROLLUPS_RETENTION_DAYS", value_name = "DAYS", default_value_t = 0,
          value_parser = clap::value_parser!(i32).range(0..=36_500))]
    pub rollups_retention_days: i32,
}
