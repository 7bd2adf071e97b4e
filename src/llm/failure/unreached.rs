//! Connections to providers that could not be made or broke, in words that say where.

use std::error::Error;
use std::fmt;
use std::io;

use url::Url;

use crate::llm::error::LlmError;
use crate::platform::outbound::client::innermost;

/// The place of a provider, as errors name it: its base URL, and the setting that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    base: String,
    setting: Option<&'static str>,
}

impl Address {
    /// The place behind a base URL. A URL from a setting has no user and no password.
    pub fn new(base: &Url, setting: Option<&'static str>) -> Self {
        Self {
            base: base.as_str().trim_end_matches('/').to_owned(),
            setting,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.setting {
            Some(setting) => write!(f, "{} ({setting})", self.base),
            None => f.write_str(&self.base),
        }
    }
}

/// The error of the transport: who was asked where, and the innermost cause.
pub(in crate::llm) fn unreached(
    provider: &'static str,
    at: &Address,
    error: reqwest::Error,
) -> LlmError {
    let error = error.without_url();
    let cause = innermost(&error);
    let reason = if is_refused(&error) {
        format!("{at} refused the connection")
    } else if error.is_connect() && error.is_timeout() {
        format!("{at} did not take the connection in time")
    } else if error.is_connect() {
        format!("{at} cannot be reached: {cause}")
    } else {
        format!("the connection to {at} broke: {cause}")
    };
    LlmError::Network { provider, reason }
}

fn is_refused(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|io| io.kind() == io::ErrorKind::ConnectionRefused) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_with_the_setting_that_names_it() {
        let base = Url::parse("http://127.0.0.1:18201/v1/").unwrap();
        assert_eq!(
            Address::new(&base, Some("SELF_HOSTED_API_BASE_URL")).to_string(),
            "http://127.0.0.1:18201/v1 (SELF_HOSTED_API_BASE_URL)"
        );
        let hosted = Url::parse("https://api.anthropic.com").unwrap();
        assert_eq!(
            Address::new(&hosted, None).to_string(),
            "https://api.anthropic.com"
        );
    }
}
