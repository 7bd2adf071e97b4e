//! The server that the tasks run against: started for them, or one that runs already.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use url::Url;

use crate::auth::principal::{Principal, Proof, Role};
use crate::cli::agent::session::Session;
use crate::cli::e2e::measuring::model::ServerKind;
use crate::cli::e2e::measuring::store;
use crate::cli::e2e::measuring::store::RunTimes;
use crate::cli::e2e::tasks::model::E2eTask;
use crate::cli::e2e::tasks::repertoire::Repertoire;
use crate::cli::failure::Failure;
use crate::cli::serve::Running;
use crate::config::settings::Config;
use crate::platform::db;
use crate::platform::ids::{OrgId, RunId, UserId};
use crate::platform::secret::SecretString;

/// The time in which the accounting of a run is written.
const FLUSH: Duration = Duration::from_secs(10);
/// The time for which the token is good.
const TOKEN_TTL: Duration = Duration::from_hours(12);
/// The organisation for which the tasks run.
const ORG: &str = "e2e";

/// A server, a session with it, and a folder for the tasks.
pub struct Stage {
    /// The session.
    pub session: Session,
    own: Option<OwnServer>,
    folder: TempDir,
}

struct OwnServer {
    running: Running,
    org: OrgId,
}

impl Stage {
    /// A server of this command's own, with a port of its own, and a data folder unless a database is named:
    /// what that holds is sealed with keys of its folder. With `script` the tasks are played, and no other model
    /// answers.
    pub async fn start(mut config: Config, script: Option<&[E2eTask]>) -> Result<Self, Failure> {
        let folder = scratch()?;
        config.server.bind = SocketAddr::from(([127, 0, 0, 1], 0)).into();
        config.server.writes_per_minute = 0;
        if config.database.database_url.is_none() {
            config.database.data_dir = Some(folder.path().join("data"));
        }
        if let Some(tasks) = script {
            config.scripted = Some(Arc::new(Repertoire::new(tasks)));
        }
        let running = Running::start(config, true).await?;
        let principal = principal()?;
        let token = running.app.verifier.mint(&principal, TOKEN_TTL)?;
        let base = Url::parse(&running.url()).map_err(std::io::Error::other)?;
        let session = Session::new(&base, SecretString::from(token))?;
        let own = OwnServer {
            running,
            org: principal.org_id,
        };
        Ok(Self {
            session,
            own: Some(own),
            folder,
        })
    }

    /// A server that runs already, on this machine, since both work in the same folders.
    pub fn named(server: &Url, token: SecretString) -> Result<Self, Failure> {
        Ok(Self {
            session: Session::new(server, token)?,
            own: None,
            folder: scratch()?,
        })
    }

    /// The origin of the server.
    pub fn kind(&self) -> ServerKind {
        match self.own {
            Some(_) => ServerKind::Own,
            None => ServerKind::Named,
        }
    }

    /// A folder with this name, below which tasks have theirs.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The times of a run from the database; none of a server whose database is not ours to read.
    pub async fn times(&self, run: RunId) -> Result<Option<RunTimes>, Failure> {
        let Some(OwnServer { running, org }) = &self.own else {
            return Ok(None);
        };
        running.app.ledger.flush(FLUSH).await?;
        let mut conn = running.app.db.acquire().await.map_err(db::Error::Query)?;
        let times = store::times(&mut conn, org, run).await;
        Ok(Some(times.map_err(db::Error::Query)?))
    }

    /// Ends the server, when it is ours.
    pub async fn stop(self) {
        if let Some(own) = self.own {
            own.running.stop().await;
        }
    }
}

fn scratch() -> std::io::Result<TempDir> {
    tempfile::Builder::new().prefix("navi-e2e-").tempdir()
}

fn principal() -> Result<Principal, Failure> {
    let unfit = || Failure::Usage(format!("`{ORG}` is not the name of an organisation"));
    Ok(Principal {
        org_id: ORG.parse().map_err(|_| unfit())?,
        user_id: UserId::local(),
        team_id: None,
        role: Role::Planner,
        proof: Proof::Token,
    })
}
