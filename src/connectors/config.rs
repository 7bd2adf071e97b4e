//! Settings of connectors: the offered providers and their addresses.

use std::str::FromStr;

use clap::Args;
use url::Url;

use crate::connectors::model::{Provider, base_url};
use crate::platform::secret::SecretString;

/// The connectors that a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enabled(Vec<Provider>);

impl FromStr for Enabled {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text.trim() == "none" {
            return Ok(Self(Vec::new()));
        }
        let known = text.split(',').map(|name| Provider::from_name(name.trim()));
        let known = known.collect::<Option<_>>().map(Self);
        known.ok_or("a list of github, jira and slack, or none")
    }
}

/// The connectors and the addresses of their providers.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connectors")]
pub struct ConnectorConfig {
    /// Connectors that people may use: `github`, `jira` and `slack`, separated by commas; `none` for no
    /// one.
    #[arg(
        long,
        env = "NAVI_CONNECTORS",
        value_name = "NAMES",
        default_value = "github,jira,slack"
    )]
    pub connectors: Enabled,

    /// Secret that GitHub signs its webhooks with.
    #[arg(long, env = "GITHUB_WEBHOOK_SECRET", value_name = "SECRET")]
    pub github_webhook_secret: Option<SecretString>,

    /// Secret that Jira sends with its webhooks.
    #[arg(long, env = "JIRA_WEBHOOK_SECRET", value_name = "SECRET")]
    pub jira_webhook_secret: Option<SecretString>,

    /// Secret that Slack signs its requests with.
    #[arg(long, env = "SLACK_SIGNING_SECRET", value_name = "SECRET")]
    pub slack_signing_secret: Option<SecretString>,

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
    /// True when users may connect this provider.
    pub fn offers(&self, provider: Provider) -> bool {
        self.connectors.0.contains(&provider)
    }

    /// The provider's address when a user sets no other.
    pub fn base_url(&self, provider: Provider) -> Option<&Url> {
        match provider {
            Provider::GitHub => Some(&self.github_api_base_url),
            Provider::Jira => self.jira_base_url.as_ref(),
            Provider::Slack => Some(&self.slack_api_base_url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connectors_are_named_or_there_are_none() {
        let enabled = |text: &str| text.parse::<Enabled>();
        assert_eq!(enabled("none"), Ok(Enabled(Vec::new())));
        assert_eq!(enabled(" slack"), Ok(Enabled(vec![Provider::Slack])));
        for bad in ["", "teams", "github,", "GitHub"] {
            assert!(enabled(bad).is_err(), "{bad}");
        }
    }
}
