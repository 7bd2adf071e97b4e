//! The server that a command works with: one that runs already, or one of its own.

use std::io::Write;
use std::str::FromStr;

use url::Url;

use crate::cli::agent::own::{Own, beside};
use crate::cli::agent::session::Session;
use crate::cli::beacon;
use crate::cli::beacon::FoundServer;
use crate::cli::failure::Failure;
use crate::cli::serve::Ends;
use crate::config::settings::Config;
use crate::platform::ids::RunId;
use crate::platform::secret::SecretString;

/// Finds the server that runs over the data folder.
const AUTO: &str = "auto";

/// Which server.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ServerArgs {
    /// The address of a running server. Without it, the one that runs over the same data folder; where none
    /// does, this command serves itself. `--server` without an address insists on one that runs.
    #[arg(long, value_name = "URL", env = "NAVI_SERVER", num_args = 0..=1, default_missing_value = AUTO)]
    pub server: Option<NamedServer>,
    /// The token for that server, as `navi token mint` prints it. One over the same data folder needs none, and
    /// without a server there is nothing that it is for.
    #[arg(long, value_name = "TOKEN", env = "NAVI_TOKEN", hide_env_values = true)]
    pub token: Option<SecretString>,
}

/// A server as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedServer {
    /// The one over the data folder.
    Auto,
    /// The one at this address.
    At(Url),
}

/// A text that is no address of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an address begins with http:// or https://, as in http://127.0.0.1:8787; a task stands before \
     `--server`, or after `--`"
)]
pub struct InvalidServer;

impl FromStr for NamedServer {
    type Err = InvalidServer;

    fn from_str(text: &str) -> Result<Self, InvalidServer> {
        if text == AUTO {
            return Ok(Self::Auto);
        }
        match Url::parse(text) {
            Ok(url) if url.has_host() => Ok(Self::At(url)),
            Ok(_) | Err(_) => Err(InvalidServer),
        }
    }
}

/// A command's needs of a server of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// A model, of those that are configured.
    Model,
    /// Nothing but what is recorded; a model that was named is looked for later.
    Nothing,
}

/// A server, and a session with it.
pub enum Desk {
    /// One that runs anyway.
    There(Session),
    /// One of this command's own.
    Own(Box<Own>),
}

impl Desk {
    /// Finds the server, or starts one.
    pub async fn open(
        args: &ServerArgs,
        config: Config,
        needs: Needs,
        ends: &mut Ends,
    ) -> Result<Self, Failure> {
        if let Some(session) = running(args, &config).await? {
            return Ok(Self::There(session));
        }
        if needs == Needs::Model && config.scripted.is_none() && config.llm.is_unconfigured() {
            let placeholder = config.llm.placeholders().next();
            return Err(placeholder.map_or(Failure::NoModel, Failure::PlaceholderKey));
        }
        tokio::select! {
            own = Box::pin(Own::start(config)) => Ok(Self::Own(Box::new(own?))),
            () = ends.next() => Err(Failure::Interrupted),
        }
    }

    /// The session.
    pub fn session(&self) -> &Session {
        match self {
            Self::There(session) => session,
            Self::Own(own) => &own.session,
        }
    }

    /// Our own server, if it is ours.
    pub fn own(&self) -> Option<&Own> {
        match self {
            Self::There(_) => None,
            Self::Own(own) => Some(own),
        }
    }

    /// Takes up one run of those that wait, or whose process was lost, with a server of our own. One that runs
    /// anyway does that by itself.
    pub fn take_up(&self, run: RunId) {
        if let Self::Own(own) = self {
            own.take_up(run);
        }
    }

    /// Leaves: a server of our own ends in good order, or at once with a signal.
    pub async fn close(self, ends: &mut Ends) {
        if let Self::Own(own) = self {
            tokio::select! {
                _complete = own.running.stop() => {}
                () = ends.next() => {}
            }
        }
    }
}

/// A session with a server that runs already, if there is one.
async fn running(args: &ServerArgs, config: &Config) -> Result<Option<Session>, Failure> {
    let data_dir = config.data_dir().ok();
    let found = data_dir.as_deref().and_then(beacon::find);
    let is_found = |url: &Url| found.as_ref().is_some_and(|found| is_same(url, &found.url));
    match (&args.server, &args.token) {
        (Some(NamedServer::At(url)), Some(token)) => Ok(Some(Session::new(url, token.clone())?)),
        (Some(NamedServer::At(url)), None) if is_found(url) => beside(config, url).map(Some),
        (Some(NamedServer::At(url)), None) => {
            // Without a server there a token would not help.
            Session::look(url).await?;
            Err(Failure::Usage(format!(
                "the server at {} does not run over this data folder, so it needs a token: --token or \
                 NAVI_TOKEN, as `navi token mint` prints it there",
                url.as_str().trim_end_matches('/')
            )))
        }
        (Some(NamedServer::Auto) | None, token) => match found {
            Some(found) => {
                let session = match token {
                    Some(token) => Session::new(&found.url, token.clone())?,
                    None => beside(config, &found.url)?,
                };
                tell(&found, &session)?;
                Ok(Some(session))
            }
            None if args.server.is_some() => Err(Failure::Usage(format!(
                "no server runs over the data folder {}; `navi serve` starts one, --server URL names \
                 another",
                data_dir.unwrap_or_default().display()
            ))),
            None if token.is_some() => Err(Failure::Usage(format!(
                "a token is for a server that runs, and none runs over the data folder {}: name one with \
                 --server or NAVI_SERVER, or leave out --token and NAVI_TOKEN",
                data_dir.unwrap_or_default().display()
            ))),
            None => Ok(None),
        },
    }
}

fn tell(found: &FoundServer, session: &Session) -> std::io::Result<()> {
    writeln!(
        std::io::stderr(),
        "A server runs over this data folder and is asked, under its own settings: {} (process {})",
        session.server(),
        found.process
    )
}

fn is_same(one: &Url, other: &Url) -> bool {
    let host = |url: &Url| match url.host_str() {
        Some("localhost") => Some("127.0.0.1".to_owned()),
        host => host.map(str::to_owned),
    };
    host(one) == host(other) && one.port_or_known_default() == other.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_its_address_or_found() {
        let at = |text: &str| text.parse::<NamedServer>();
        assert_eq!(at("auto"), Ok(NamedServer::Auto));
        assert!(matches!(
            at("http://127.0.0.1:8787"),
            Ok(NamedServer::At(_))
        ));
        let refused = at("fix the test").unwrap_err().to_string();
        assert!(refused.contains("a task stands before"), "{refused}");
        assert_eq!(at("127.0.0.1:8787"), Err(InvalidServer));
        assert_eq!(at("localhost:8787"), Err(InvalidServer));
    }

    #[test]
    fn localhost_is_the_server_that_was_found() {
        let url = |text: &str| Url::parse(text).unwrap();
        let found = url("http://127.0.0.1:8787");
        assert!(is_same(&url("http://localhost:8787/"), &found));
        assert!(!is_same(&url("http://localhost:8788/"), &found));
        assert!(!is_same(&url("http://example.org:8787/"), &found));
    }
}
