//! The addresses of providers, as settings name them.

use std::fmt;

use url::Url;

/// A provider's address; none when the setting is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Option<Url>);

impl BaseUrl {
    /// The address, unless the setting is empty.
    pub(in crate::llm) fn given(&self) -> Option<&Url> {
        self.0.as_ref()
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_ref().map_or("", Url::as_str))
    }
}

impl std::str::FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBaseUrl> {
        base_url(text)
    }
}

/// Why a text is no base URL. It does not repeat the text, which may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a base URL begins with http:// or https:// and has a host, but no user, password, query or fragment"
)]
pub struct InvalidBaseUrl;

/// Reads a setting.
pub(in crate::llm) fn base_url(text: &str) -> Result<BaseUrl, InvalidBaseUrl> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(BaseUrl(None));
    }
    let url = Url::parse(text).map_err(|_| InvalidBaseUrl)?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if plain {
        Ok(BaseUrl(Some(url)))
    } else {
        Err(InvalidBaseUrl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_with_credentials_or_another_scheme_is_refused() {
        for text in [
            "http://u:p@h/v1",
            "ftp://h",
            "localhost:11434",
            "http://h/?key=1",
            "http://h/#a",
        ] {
            assert_eq!(base_url(text), Err(InvalidBaseUrl), "{text}");
        }
    }
}
