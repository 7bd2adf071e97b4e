//! Settings of authentication, and the identity provider that they name.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use url::Url;

use crate::auth::principal::Role;
use crate::platform::ids::{OrgId, UserId};
use crate::platform::secret::{ExposeSecret, SecretString};

/// The shortest secret in bytes: the width of the hash, below which HS256 is weaker than it looks.
pub const MIN_SECRET_BYTES: usize = 32;
/// The fewest distinct bytes of a secret that was made by chance: 32 random hexadecimal digits
/// have fewer about once in ten thousand keys, a pattern or a word nearly always.
const MIN_DISTINCT_BYTES: usize = 10;

/// Settings of authentication.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Authentication")]
pub struct AuthConfig {
    /// Secret that signs and verifies bearer tokens with HS256; at least 32 random bytes, as
    /// `navi keys generate jwt` prints them.
    ///
    /// In development a missing secret is made once and kept in the data folder, unless an identity
    /// provider is named.
    #[arg(long, env = "JWT_SECRET", value_name = "SECRET")]
    pub jwt_secret: Option<SecretString>,

    /// Secrets that were in use before, separated by commas: their tokens stay valid until they
    /// expire.
    #[arg(long, env = "JWT_SECRET_PREVIOUS", value_name = "SECRETS")]
    pub jwt_secret_previous: Option<SecretString>,

    /// Signature algorithm of tokens that are signed with a secret.
    ///
    /// The algorithms of an identity provider's tokens are those of its keys.
    #[arg(
        long,
        env = "JWT_ALGORITHM",
        value_name = "NAME",
        default_value = "HS256",
        value_parser = ["HS256"]
    )]
    pub jwt_algorithm: String,

    /// Audience that a token must name in `aud`; not checked when absent.
    #[arg(long, env = "JWT_AUDIENCE", value_name = "TEXT")]
    pub jwt_audience: Option<String>,

    /// Issuer that a token must name in `iss`; not checked when absent.
    ///
    /// For tokens of an identity provider it follows from `AUTH0_DOMAIN` or `OIDC_ISSUER`.
    #[arg(long, env = "JWT_ISSUER", value_name = "TEXT")]
    pub jwt_issuer: Option<String>,

    /// Address of an identity provider's public keys (a JWKS document).
    #[arg(long, env = "JWT_JWKS_URL", value_name = "URL", value_parser = web_address)]
    pub jwt_jwks_url: Option<Url>,

    /// Seconds after which an identity provider's keys are fetched again.
    #[arg(
        long,
        env = "JWT_JWKS_CACHE_TTL",
        value_name = "SECONDS",
        default_value_t = 300,
        value_parser = clap::value_parser!(u64).range(30..=86400)
    )]
    pub jwt_jwks_cache_ttl: u64,

    /// Domain of an Auth0 tenant, such as `example.eu.auth0.com`: where keys and issuer follow from.
    #[arg(long, env = "AUTH0_DOMAIN", value_name = "DOMAIN", value_parser = domain)]
    pub auth0_domain: Option<Url>,

    /// Client ids of Auth0 applications, separated by commas; a token must name one of them in `azp`
    /// or `client_id`.
    #[arg(long, env = "AUTH0_VALID_CLIENT_IDS", value_name = "IDS")]
    pub auth0_valid_client_ids: Option<String>,

    /// Issuer of an `OpenID` Connect provider, exactly as its tokens name it; its keys are found
    /// through its discovery document.
    #[arg(long, env = "OIDC_ISSUER", value_name = "URL", value_parser = issuer)]
    pub oidc_issuer: Option<Issuer>,

    /// Client ids at the `OpenID` Connect provider, as `AUTH0_VALID_CLIENT_IDS`.
    #[arg(long, env = "OIDC_CLIENT_IDS", value_name = "IDS")]
    pub oidc_client_ids: Option<String>,

    /// The identity of a development server.
    #[command(flatten)]
    pub development: DevelopmentConfig,
}

/// The identity that a development server lends to requests without a token.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Development")]
pub struct DevelopmentConfig {
    /// Accept requests without a token, as the one identity that the next three settings name. It answers
    /// no consents.
    ///
    /// Only in development, only on a loopback address, and only for requests that name the server by a
    /// loopback name and come from no foreign page.
    #[arg(
        long,
        env = "ALLOW_DEV_AUTH_BYPASS",
        value_name = "BOOL",
        default_value_t = false,
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new()
    )]
    pub allow_dev_auth_bypass: bool,

    /// The person that requests without a token speak for.
    #[arg(
        long,
        env = "DEV_USER_ID",
        value_name = "ID",
        default_value = "dev_user"
    )]
    pub dev_user_id: UserId,

    /// The organisation that requests without a token speak for.
    #[arg(long, env = "DEV_ORG_ID", value_name = "ID", default_value = "dev_org")]
    pub dev_org_id: OrgId,

    /// Role of requests without a token: viewer, planner or admin.
    #[arg(
        long,
        env = "DEV_USER_ROLE",
        value_name = "ROLE",
        default_value = "viewer"
    )]
    pub dev_user_role: Role,
}

/// An issuer: a URL that is compared letter by letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    url: Url,
}

/// Where an identity provider's keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeysAt {
    /// In the JWKS document at this address.
    Set(Url),
    /// Where the discovery document at `url` says, which must be that of `issuer`.
    Discovery {
        /// The issuer, as the document must name it.
        issuer: String,
        /// The address of the document.
        url: Url,
    },
}

impl KeysAt {
    /// The address that the settings name.
    pub fn url(&self) -> &Url {
        match self {
            Self::Set(url) | Self::Discovery { url, .. } => url,
        }
    }
}

/// An issuer that signs tokens with keys of its own, and the claims that its tokens must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityProvider {
    /// Where the keys are.
    pub keys: KeysAt,
    /// The required value of `iss`.
    pub issuer: Option<String>,
    /// The audience that `aud` must name.
    pub audience: Option<String>,
    /// The accepted values of `azp` or `client_id`; empty accepts any.
    pub client_ids: Vec<String>,
}

impl AuthConfig {
    /// Every previous secret, in the order given.
    pub fn previous_secrets(&self) -> Vec<&str> {
        self.jwt_secret_previous
            .iter()
            .flat_map(|list| entries(list.expose_secret()))
            .collect()
    }

    /// The identity provider that the settings name, if they name one.
    pub fn identity_provider(&self) -> Option<IdentityProvider> {
        let known = self.auth0_domain.as_ref().map(ToString::to_string);
        let known = known.or_else(|| self.oidc_issuer.as_ref().map(|one| one.text.clone()));
        Some(IdentityProvider {
            keys: self.keys_at()?,
            issuer: self.jwt_issuer.clone().or(known),
            audience: self.jwt_audience.clone(),
            client_ids: [&self.auth0_valid_client_ids, &self.oidc_client_ids]
                .into_iter()
                .flatten()
                .flat_map(|list| entries(list))
                .map(str::to_owned)
                .collect(),
        })
    }

    fn keys_at(&self) -> Option<KeysAt> {
        let below = |base: &Url, document: &str| {
            let mut url = base.clone();
            url.set_query(None);
            if let Ok(mut path) = url.path_segments_mut() {
                path.pop_if_empty().extend([".well-known", document]);
            }
            url
        };
        if let Some(url) = &self.jwt_jwks_url {
            return Some(KeysAt::Set(url.clone()));
        }
        if let Some(tenant) = &self.auth0_domain {
            return Some(KeysAt::Set(below(tenant, "jwks.json")));
        }
        self.oidc_issuer.as_ref().map(|issuer| KeysAt::Discovery {
            issuer: issuer.text.clone(),
            url: below(&issuer.url, "openid-configuration"),
        })
    }
}

/// The entries of a list that is written with commas.
fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
}

/// The reason that a secret is too weak to sign with; none when it is strong enough.
pub fn weakness(secret: &str) -> Option<&'static str> {
    if secret.len() < MIN_SECRET_BYTES {
        return Some("is shorter than 32 bytes");
    }
    let mut seen = [false; 256];
    for byte in secret.bytes() {
        seen[usize::from(byte)] = true;
    }
    if seen.iter().filter(|seen| **seen).count() < MIN_DISTINCT_BYTES {
        return Some("repeats too few different characters to be random");
    }
    let lower = secret.to_ascii_lowercase();
    let placeholder = [
        "changeme",
        "change-me",
        "change_me",
        "your-secret",
        "dev-secret",
    ];
    if placeholder.iter().any(|word| lower.contains(word)) {
        return Some("is a placeholder");
    }
    None
}

/// Reads an address on the web.
fn web_address(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text.trim()).map_err(|_| "no URL")?;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && plain {
        Ok(url)
    } else {
        Err("an http or https URL without a user, a password or a fragment")
    }
}

/// Reads a domain, which people also write with `https://` before it.
fn domain(text: &str) -> Result<Url, &'static str> {
    let text = text.trim();
    let url = match text.split_once("://") {
        Some(_) => web_address(text)?,
        None => web_address(&format!("https://{text}"))?,
    };
    if url.path() == "/" && url.query().is_none() {
        Ok(url)
    } else {
        Err("a domain without a path")
    }
}

fn issuer(text: &str) -> Result<Issuer, &'static str> {
    let text = text.trim().to_owned();
    let url = web_address(&text)?;
    Ok(Issuer { text, url })
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    fn config(flags: &[&str]) -> AuthConfig {
        let command =
            AuthConfig::augment_args(Command::new("navi")).mut_args(|arg| arg.env(None::<&str>));
        let flags = ["navi"].iter().chain(flags);
        let matches = command.try_get_matches_from(flags).unwrap();
        AuthConfig::from_arg_matches(&matches).unwrap()
    }

    fn provider(flags: &[&str]) -> IdentityProvider {
        config(flags).identity_provider().unwrap()
    }

    #[test]
    fn keys_and_issuer_follow_from_a_tenant_or_an_issuer() {
        assert_eq!(config(&["--jwt-secret", "s"]).identity_provider(), None);
        for domain in ["a.example", "https://a.example", " https://a.example/ "] {
            let found = provider(&["--auth0-domain", domain]);
            assert_eq!(
                found.keys.url().as_str(),
                "https://a.example/.well-known/jwks.json"
            );
            assert_eq!(found.issuer.as_deref(), Some("https://a.example/"));
        }
        for (issuer, document) in [
            (
                "https://a.example",
                "https://a.example/.well-known/openid-configuration",
            ),
            (
                "https://a.example/realms/b/",
                "https://a.example/realms/b/.well-known/openid-configuration",
            ),
        ] {
            let found = provider(&["--oidc-issuer", issuer]);
            assert_eq!(found.keys.url().as_str(), document);
            assert_eq!(found.issuer.as_deref(), Some(issuer), "letter by letter");
        }
        let named = provider(&[
            "--jwt-jwks-url",
            "https://keys.example/set",
            "--oidc-issuer",
            "https://a.example",
            "--jwt-issuer",
            "mine",
            "--auth0-valid-client-ids",
            " one, two,,",
            "--oidc-client-ids",
            "three",
        ]);
        assert_eq!(
            named.keys,
            KeysAt::Set(Url::parse("https://keys.example/set").unwrap())
        );
        assert_eq!(named.issuer.as_deref(), Some("mine"));
        assert_eq!(named.client_ids, ["one", "two", "three"]);
    }

    #[test]
    fn what_is_no_plain_address_is_refused() {
        for text in [
            "",
            "ftp://a.example",
            "https://u:p@a.example",
            "https://a.example/#x",
            "a b",
        ] {
            assert!(web_address(text).is_err(), "{text}");
        }
        for text in ["a.example/path", "https://a.example/?q=1", ""] {
            assert!(domain(text).is_err(), "{text}");
        }
    }

    #[test]
    fn weak_secrets_are_told_apart() {
        assert_eq!(
            weakness("0123456789abcdef0123456789abcdef0123456789abcdef"),
            None
        );
        assert!(weakness("short").is_some());
        assert!(weakness(&"a".repeat(64)).is_some());
        assert!(weakness(&"abc123".repeat(10)).is_some());
        assert!(weakness("please-CHANGEME-0123456789abcdefghijk").is_some());
    }
}
