//! Which connectors there are, and where their providers are.

use clap::Args;
use url::Url;

use crate::connectors::model::{Provider, base_url};

/// The connectors and the addresses of their providers.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connectors")]
pub struct ConnectorConfig {
    /// Connectors that people may use: `github`, `jira` and `slack`, separated by commas.
    #[arg(
        long,
        env = "NAVI_CONNECTORS",
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "github,jira,slack",
        value_parser = provider
    )]
    pub connectors: Vec<Provider>,

    /// Base URL of `GitHub`'s API for those who name none; may be in a private network.
    #[arg(
        long,
        env = "GITHUB_API_BASE_URL",
        value_name = "URL",
        default_value = "https://api.github.com",
        value_parser = base_url
    )]
    pub github_api_base_url: Url,

    /// Base URL of Jira for those who name none; may be in a private network.
    #[arg(long, env = "JIRA_BASE_URL", value_name = "URL", value_parser = base_url)]
    pub jira_base_url: Option<Url>,

    /// Base URL of Slack's API for those who name none; may be in a private network.
    #[arg(
        long,
        env = "SLACK_API_BASE_URL",
        value_name = "URL",
        default_value = "https://slack.com/api",
        value_parser = base_url
    )]
    pub slack_api_base_url: Url,
}

impl ConnectorConfig {
    /// Where a provider is when nobody says otherwise.
    pub fn base_url(&self, provider: Provider) -> Option<&Url> {
        match provider {
            Provider::GitHub => Some(&self.github_api_base_url),
            Provider::Jira => self.jira_base_url.as_ref(),
            Provider::Slack => Some(&self.slack_api_base_url),
        }
    }
}

fn provider(name: &str) -> Result<Provider, &'static str> {
    Provider::from_name(name.trim()).ok_or("one of github, jira and slack")
}
