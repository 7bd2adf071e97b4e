//! The settings that say which pages in browsers may read answers.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

use crate::platform::origin::{AllowedOrigins, OriginRule};

/// Settings of the pages in browsers that may read answers (CORS).
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Browsers")]
pub struct BrowserConfig {
    /// Allow the pages of VS Code's extensions (`vscode-webview://…`) to read answers.
    ///
    /// A page may read answers of this server only when its origin is allowed.
    #[arg(
        long,
        env = "ALLOW_VSCODE_WEBVIEW",
        value_name = "BOOL",
        default_value_t = true,
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new()
    )]
    pub allow_vscode_webview: bool,

    /// Origins whose pages may read answers, separated by commas: `https://app.example`, or
    /// `https://*.app.example` for every host one label below a domain.
    #[arg(
        long,
        env = "CORS_ORIGINS",
        value_name = "ORIGINS",
        value_parser = OriginList::parse
    )]
    pub cors_origins: Option<OriginList>,

    /// Allow pages of localhost, 127.0.0.1 and `[::1]`, on any port, to read answers.
    ///
    /// For development only.
    #[arg(
        long,
        env = "ALLOW_DEV_CORS",
        value_name = "BOOL",
        default_value_t = false,
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new()
    )]
    pub allow_dev_cors: bool,
}

impl BrowserConfig {
    /// The origins whose pages may read answers.
    pub fn allowed(&self) -> AllowedOrigins {
        AllowedOrigins {
            vscode_webviews: self.allow_vscode_webview,
            this_machine: self.allow_dev_cors,
            named: self.cors_origins.clone().unwrap_or_default().rules,
        }
    }

    /// True when `*` is among the origins, which no environment accepts and which allows nothing.
    pub fn allows_every_origin(&self) -> bool {
        self.cors_origins
            .as_ref()
            .is_some_and(|list| list.allows_every_origin)
    }
}

/// A list of origins as an operator writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OriginList {
    rules: Vec<OriginRule>,
    allows_every_origin: bool,
}

impl OriginList {
    /// Reads a list; says which entry is wrong and why.
    fn parse(text: &str) -> Result<Self, String> {
        let mut list = Self::default();
        for entry in text.split(',').map(str::trim).filter(|e| !e.is_empty()) {
            // Refused later, together with everything else that is wrong.
            if entry == "*" {
                list.allows_every_origin = true;
                continue;
            }
            let rule = entry.parse();
            list.rules
                .push(rule.map_err(|problem| format!("the entry `{entry}` {problem}"))?);
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_read_and_the_wrong_one_is_named() {
        let list = OriginList::parse(" https://a.example , https://*.b.example,,").unwrap();
        let rules: Vec<_> = list.rules.iter().map(ToString::to_string).collect();
        assert_eq!(rules, ["https://a.example", "https://*.b.example"]);
        assert!(!list.allows_every_origin);
        let wrong = OriginList::parse("https://a.example,app.example").unwrap_err();
        assert!(
            wrong.starts_with("the entry `app.example` is not an origin"),
            "{wrong}"
        );
    }

    #[test]
    fn a_wildcard_for_all_pages_is_noticed_and_allows_none() {
        let list = OriginList::parse("*,https://a.example").unwrap();
        assert!(list.allows_every_origin);
        assert_eq!(list.rules.len(), 1);
    }
}
