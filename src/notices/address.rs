//! Addresses that notices may go to.

use url::{Host, Url};

use crate::platform::outbound::reach::Reach;

/// The longest address, in bytes.
pub const MAX_URL_BYTES: usize = 2_048;

/// The text is no address for notices. Does not repeat it, for it may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidUrl(&'static str);

/// Reads the address of a server: scheme, host, port and perhaps a path.
pub fn private_url(text: &str) -> Result<Url, InvalidUrl> {
    let url = plain(text)?;
    if url.query().is_some() {
        return Err(InvalidUrl("must not have a query"));
    }
    Ok(url)
}

/// An http or https URL without what no request needs.
fn plain(text: &str) -> Result<Url, InvalidUrl> {
    if text.len() > MAX_URL_BYTES {
        return Err(InvalidUrl("is longer than 2048 bytes"));
    }
    let url = Url::parse(text.trim()).map_err(|_| InvalidUrl("is not a URL"))?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(InvalidUrl("must begin with https://"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(InvalidUrl("has no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidUrl("must not contain a user name or a password"));
    }
    if url.fragment().is_some() {
        return Err(InvalidUrl("must not have a fragment"));
    }
    // The canonical form may be longer than what was sent.
    if url.as_str().len() > MAX_URL_BYTES {
        return Err(InvalidUrl("is longer than 2048 bytes"));
    }
    Ok(url)
}

/// Where notices may go from this server.
#[derive(Clone, Debug)]
pub struct AddressRules {
    plain_http: bool,
    reach: Reach,
}

impl AddressRules {
    /// Public https addresses, and those that settings name; in development also this machine, over http.
    pub fn new(named: &[Url], development: bool) -> Self {
        let reach = if development {
            Reach::public().and_loopback()
        } else {
            Reach::public()
        };
        Self {
            plain_http: development,
            reach: named.iter().fold(reach, Reach::and_named),
        }
    }

    /// The addresses that a client of webhooks may reach.
    pub fn reach(&self) -> Reach {
        self.reach.clone()
    }

    /// Reads an address from a request. The addresses that its name resolves to are checked at every
    /// connection.
    pub fn read(&self, text: &str) -> Result<Url, InvalidUrl> {
        let url = plain(text)?;
        if url.scheme() != "https" && !(self.plain_http && is_of_this_machine(&url)) {
            return Err(InvalidUrl("must begin with https://"));
        }
        match self.reach.check(&url) {
            Ok(()) => Ok(url),
            Err(_) => Err(InvalidUrl(
                "is not a public https address; the operator can allow servers in private \
                 networks",
            )),
        }
    }
}

/// True if an address says of itself that it is of this machine.
fn is_of_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(private: &[&str], development: bool) -> AddressRules {
        let named: Vec<_> = private.iter().map(|url| url.parse().unwrap()).collect();
        AddressRules::new(&named, development)
    }

    #[test]
    fn an_address_is_public_https_without_extras() {
        let rules = rules(&[], false);
        let read = rules.read(" https://Hooks.Example/a?b=c ").unwrap();
        assert_eq!(read.as_str(), "https://hooks.example/a?b=c");
        let long = format!("https://a.example/{}", "x".repeat(MAX_URL_BYTES));
        let longer_when_written = format!("https://a.example/{}", "ä".repeat(1_000));
        for bad in [
            "",
            "hooks.example",
            "https://",
            "ftp://hooks.example/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "http://hooks.example/",
            "https://me@hooks.example/",
            "https://me:secret@hooks.example/",
            "https://:secret@hooks.example/",
            "https://hooks.example/#part",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            &long,
            &longer_when_written,
        ] {
            let error = rules.read(bad).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_private_server_is_one_that_the_settings_name() {
        let rules = rules(&["https://10.0.0.5:8443", "http://10.0.0.6"], false);
        assert!(rules.read("https://10.0.0.5:8443/navi").is_ok());
        assert!(rules.read("https://10.0.0.5/navi").is_err());
        assert!(rules.read("http://10.0.0.6/navi").is_err(), "https only");
    }

    #[test]
    fn development_sends_to_its_own_machine_over_http() {
        let rules = rules(&[], true);
        assert!(rules.read("http://127.0.0.1:3000/hook").is_ok());
        assert!(rules.read("http://localhost:3000/hook").is_ok());
        for elsewhere in [
            "http://10.0.0.1/hook",
            "http://203.0.114.9/hook",
            "http://hooks.example/",
        ] {
            assert!(rules.read(elsewhere).is_err(), "{elsewhere}");
        }
        assert!(rules.read("https://hooks.example/hook").is_ok());
    }
}
