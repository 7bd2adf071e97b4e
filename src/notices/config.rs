//! The settings of notices.

use clap::Args;
use url::Url;

use crate::notices::address::private_url;

/// Where notices may go, and what is worth one.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Notices")]
pub struct NoticeConfig {
    /// Address at which people reach this server, as in `https://navi.acme.example`; begins the links in
    /// notices, which are paths without it.
    #[arg(long, env = "PUBLIC_BASE_URL", value_name = "URL", value_parser = private_url)]
    pub public_base_url: Option<Url>,

    /// Servers in private networks that webhooks may go to, separated by commas, each with its scheme and
    /// port, as in `https://hooks.acme.internal:8443`; all others must have a public address.
    #[arg(
        long,
        env = "NAVI_WEBHOOK_PRIVATE_URLS",
        value_name = "URLS",
        value_delimiter = ',',
        value_parser = private_url
    )]
    pub webhook_private_urls: Vec<Url>,

    /// Seconds that the receiver of a webhook may take to answer before it is asked again later.
    #[arg(
        long,
        env = "NAVI_WEBHOOK_TIMEOUT_SECONDS",
        value_name = "SECONDS",
        default_value_t = 15,
        value_parser = clap::value_parser!(u64).range(1..=30)
    )]
    pub webhook_timeout_seconds: u64,

    /// US dollars that an organisation's calls to models may cost in an hour before its webhooks are told;
    /// 0 tells nothing.
    #[arg(
        long,
        env = "NAVI_NOTICE_COST_HOUR_USD",
        value_name = "USD",
        default_value_t = 50
    )]
    pub notice_cost_hour_usd: u32,

    /// US dollars that they may cost in a day, which begins at midnight UTC, before its webhooks are told;
    /// 0 tells nothing.
    #[arg(
        long,
        env = "NAVI_NOTICE_COST_DAY_USD",
        value_name = "USD",
        default_value_t = 1200
    )]
    pub notice_cost_day_usd: u32,
}
