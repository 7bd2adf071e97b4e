//! A server of a command's own.

use std::net::SocketAddr;
use std::time::Duration;

use url::Url;

use crate::auth::principal::{Principal, Proof, Role};
use crate::auth::token::Verifier;
use crate::cli::agent::session::Session;
use crate::cli::failure::Failure;
use crate::cli::serve::Running;
use crate::config::settings::Config;
use crate::platform::clock::Clock;
use crate::platform::ids::{OrgId, RunId, UserId};
use crate::platform::secret::SecretString;

/// The life of the token of a self-contained command.
const TOKEN_TTL: Duration = Duration::from_hours(12);

/// A server of this command's own.
pub struct Own {
    /// The server.
    pub running: Running,
    /// A session with it.
    pub session: Session,
    /// Who the command is to it.
    pub principal: Principal,
}

impl Own {
    /// Starts a server on a free port of the loopback address. Of what waits in the data folder it takes up
    /// nothing by itself: this command was not asked for it.
    pub async fn start(mut config: Config) -> Result<Self, Failure> {
        config.server.bind = SocketAddr::from(([127, 0, 0, 1], 0)).into();
        config.agent.worker = false;
        let running = Running::start(config, true).await?;
        let principal = local();
        let token = running.app.verifier.mint(&principal, TOKEN_TTL)?;
        let base = running.url();
        let base = Url::parse(&base).map_err(std::io::Error::other)?;
        let session = Session::new(&base, SecretString::from(token))?;
        Ok(Self {
            running,
            session,
            principal,
        })
    }

    /// Takes up one run of those that wait, or whose process was lost.
    pub fn take_up(&self, run: RunId) {
        self.running.app.agent.take_up(run);
    }
}

/// A session with a server over the same data folder, whose tokens the same secret signs.
pub fn beside(config: &Config, server: &Url) -> Result<Session, Failure> {
    let secret = config.signing_secret()?;
    let verifier = Verifier::new(&config.auth, &secret, Clock::System);
    let token = verifier.mint(&local(), TOKEN_TTL)?;
    Session::new(server, SecretString::from(token))
}

/// The person at this machine.
fn local() -> Principal {
    Principal {
        org_id: OrgId::local(),
        user_id: UserId::local(),
        team_id: None,
        role: Role::Planner,
        proof: Proof::Token,
    }
}
