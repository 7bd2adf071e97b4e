//! The settings of the connectors.

use std::str::FromStr;

use clap::Args;

use crate::platform::secret::SecretString;

/// A system that people connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connector {
    /// GitHub.
    GitHub,
    /// Jira.
    Jira,
    /// Slack.
    Slack,
}

/// The connectors that a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enabled(Vec<Connector>);

impl FromStr for Enabled {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text.trim() == "none" {
            return Ok(Self(Vec::new()));
        }
        let names = text.split(',').map(str::trim);
        let known = names.map(|name| match name {
            "github" => Ok(Connector::GitHub),
            "jira" => Ok(Connector::Jira),
            "slack" => Ok(Connector::Slack),
            _ => Err("a list of github, jira and slack, or none"),
        });
        known.collect::<Result<_, _>>().map(Self)
    }
}

/// Which connectors there are, and how their webhooks prove who sends them.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connectors")]
pub struct ConnectorsConfig {
    /// Systems that people may connect, separated by commas; `none` for no one.
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
}

impl ConnectorsConfig {
    /// Whether people may connect this system.
    pub fn offers(&self, connector: Connector) -> bool {
        self.connectors.0.contains(&connector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connectors_are_named_or_there_are_none() {
        let enabled = |text: &str| text.parse::<Enabled>();
        assert_eq!(enabled("none"), Ok(Enabled(Vec::new())));
        assert_eq!(enabled(" slack"), Ok(Enabled(vec![Connector::Slack])));
        for bad in ["", "teams", "github,", "GitHub"] {
            assert!(enabled(bad).is_err(), "{bad}");
        }
    }
}
