//! The credentials that an operator lets runs borrow, and who may.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use url::Host;

use crate::exec::egress::target::EgressTarget;
use crate::platform::secret::{ExposeSecret, SecretString};

/// Stands for every organisation.
const EVERY: &str = "*";
/// The port of a token's host that names none.
const HTTPS: u16 = 443;
/// The user that hosts take a token from.
const USER: &str = "x-access-token";

/// Credentials for git that runs may borrow, each time with a person's consent.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Sandbox")]
pub struct CredentialConfig {
    /// Organisations whose runs may ask to sign in with this server's SSH agent, separated by commas;
    /// `*` for every one. The people of them then act as whom the agent's keys belong to.
    #[arg(
        id = "git_ssh_agent",
        long = "git-ssh-agent",
        env = "NAVI_GIT_SSH_AGENT",
        value_name = "ORGS",
        value_delimiter = ','
    )]
    pub ssh_agent: Vec<String>,

    /// The socket of the SSH agent.
    #[arg(
        id = "git_ssh_auth_sock",
        long = "git-ssh-auth-sock",
        env = "SSH_AUTH_SOCK",
        value_name = "PATH"
    )]
    pub socket: Option<PathBuf>,

    /// Tokens for git over HTTPS, separated by commas: `ORG/HOST=TOKEN` or `ORG/HOST=USER:TOKEN`, with
    /// `*` for every organisation.
    #[arg(
        id = "git_tokens",
        long = "git-tokens",
        env = "NAVI_GIT_TOKENS",
        value_name = "TOKENS",
        hide_env_values = true
    )]
    pub tokens: Option<SecretString>,
}

/// A setting of credentials cannot be read. It says where, and never what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("NAVI_GIT_TOKENS: entry {0} is not ORG/HOST=TOKEN")]
pub struct UnreadableToken(usize);

/// A token for one host.
#[derive(Clone, Debug)]
pub struct GitToken {
    org: String,
    /// The host and the port.
    pub target: EgressTarget,
    /// The user whom it is given as.
    pub user: String,
    /// The token.
    pub token: SecretString,
}

/// The credentials that one organisation's runs may borrow.
#[derive(Clone, Default)]
pub struct RunCredentials {
    /// The socket of the SSH agent.
    pub agent: Option<PathBuf>,
    /// The tokens.
    pub tokens: Vec<GitToken>,
}

impl fmt::Debug for RunCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunCredentials")
            .field("agent", &self.agent.is_some())
            .field("tokens", &self.tokens.len())
            .finish()
    }
}

impl CredentialConfig {
    /// The credentials that the runs of an organisation may borrow.
    pub fn of(&self, org: &str) -> Result<RunCredentials, UnreadableToken> {
        let may = |named: &str| named.trim() == EVERY || named.trim() == org;
        let agent = self.socket.clone();
        let agent = agent.filter(|_| self.ssh_agent.iter().any(|named| may(named)));
        let mut tokens = self.tokens()?;
        tokens.retain(|token| may(&token.org));
        Ok(RunCredentials { agent, tokens })
    }

    /// The settings that give something to every organisation.
    pub fn given_to_all(&self) -> Vec<&'static str> {
        let is_every = |org: &str| org.trim() == EVERY;
        let agent = self.ssh_agent.iter().any(|org| is_every(org));
        let tokens = self.tokens().unwrap_or_default();
        let token = tokens.iter().any(|token| is_every(&token.org));
        let named = [("NAVI_GIT_SSH_AGENT", agent), ("NAVI_GIT_TOKENS", token)];
        let named = named.into_iter().filter(|(_, is_given)| *is_given);
        named.map(|(name, _)| name).collect()
    }

    /// All tokens. An error names the entry that is none.
    pub fn tokens(&self) -> Result<Vec<GitToken>, UnreadableToken> {
        let text = self.tokens.as_ref().map_or("", ExposeSecret::expose_secret);
        let entries = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        let read = entries
            .enumerate()
            .map(|(at, entry)| token(entry).ok_or(UnreadableToken(at + 1)));
        read.collect()
    }
}

fn token(entry: &str) -> Option<GitToken> {
    let (named, secret) = entry.split_once('=')?;
    let (org, host) = named.split_once('/')?;
    let target = EgressTarget::parse(host.trim(), Some(HTTPS)).ok()?;
    let (user, token) = secret.split_once(':').unwrap_or((USER, secret));
    // Whatever ends a line would end the answer to git.
    let is_plain =
        |text: &str| !text.is_empty() && text.chars().all(|sign| sign.is_ascii_graphic());
    let is_org = !org.trim().is_empty();
    (is_org && is_plain(user) && is_plain(token)).then(|| GitToken {
        org: org.trim().to_owned(),
        target,
        user: user.to_owned(),
        token: SecretString::from(token.to_owned()),
    })
}

impl GitToken {
    /// The beginning of its host's addresses.
    pub fn origin(&self) -> String {
        let EgressTarget { host, port } = &self.target;
        if *port == HTTPS {
            format!("https://{host}")
        } else {
            format!("https://{host}:{port}")
        }
    }

    /// True for the token of this host.
    pub fn is_of(&self, host: &Host, port: u16) -> bool {
        self.target.host == *host && self.target.port == port
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(tokens: &str) -> CredentialConfig {
        CredentialConfig {
            ssh_agent: vec!["acme".to_owned()],
            socket: Some(PathBuf::from("/run/agent")),
            tokens: Some(SecretString::from(tokens.to_owned())),
        }
    }

    #[test]
    fn an_organisation_borrows_what_is_named_for_it() {
        let config =
            config("acme/git.example=one, */git.example:8443=bot:two,other/git.example=three");
        let told = |org: &str| {
            let of = config.of(org).unwrap();
            let tokens = of.tokens.iter();
            let tokens = tokens
                .map(|it| format!("{} {} {}", it.origin(), it.user, it.token.expose_secret()));
            (of.agent.is_some(), tokens.collect::<Vec<_>>())
        };
        let everyones = "https://git.example:8443 bot two".to_owned();
        let acmes = "https://git.example x-access-token one".to_owned();
        assert_eq!(told("acme"), (true, vec![acmes, everyones.clone()]));
        assert_eq!(told("someone"), (false, vec![everyones]));
        assert!(!format!("{config:?}{:?}", config.of("acme")).contains("one,"));
    }

    #[test]
    fn what_is_no_token_is_named_by_its_place() {
        for text in [
            "git.example=x",
            "acme/git.example",
            "a/g.example=ok,a/h=x y",
            "a/http://h=x",
            "/h=x",
        ] {
            let error = config(text).of("acme").unwrap_err().to_string();
            assert!(error.contains("is not ORG/HOST=TOKEN"), "{text}: {error}");
            assert!(!error.contains("example"), "{error}");
        }
    }
}
