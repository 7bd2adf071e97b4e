//! The servers of a load, this program's own or others, and their database.

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use url::{Host, Url};

use crate::cli::failure::{Failure, database_servers};
use crate::cli::serve;
use crate::config::settings::Config;
use crate::platform::database::servers::Servers;
use crate::platform::embedded_postgres::server::EmbeddedPostgres;
use crate::platform::outbound::client::{CONNECT_TIMEOUT, Client};
use crate::platform::outbound::reach::Reach;
use crate::platform::secret::{ExposeSecret, SecretString};

/// The database of the servers that this program starts.
#[derive(Debug)]
pub struct OwnDatabase {
    /// Its address, as servers are given it.
    pub url: SecretString,
    /// The same, to look into it.
    pub servers: Servers,
    /// Ours, when no other is named.
    pub postgres: Option<EmbeddedPostgres>,
}

impl OwnDatabase {
    /// The database that the settings name, or a private Postgres in `folder`: never the one in the data
    /// folder of this machine, which may be in use.
    pub async fn open(mut config: Config, folder: &Path, remote: bool) -> Result<Self, Failure> {
        if let Some(url) = &config.database.database_url {
            let servers = named_database(&config, remote)?;
            return Ok(Self {
                url: url.clone(),
                servers: servers.ok_or_else(|| Failure::Usage(NO_DATABASE.to_owned()))?,
                postgres: None,
            });
        }
        config.database.data_dir = Some(folder.to_owned());
        let (servers, postgres) = serve::database(&config).await?;
        let url = servers.good().to_url_lossy().to_string();
        Ok(Self {
            url: SecretString::from(url),
            servers,
            postgres,
        })
    }
}

const NO_DATABASE: &str = "DATABASE_URL names no database";

/// The database that the settings name, if they do.
pub fn named_database(config: &Config, remote: bool) -> Result<Option<Servers>, Failure> {
    let Some((setting, url)) = config.database.direct()? else {
        return Ok(None);
    };
    let servers = database_servers(setting, url.expose_secret())?;
    if !remote && !servers.all().all(is_here) {
        return Err(Failure::Usage(format!(
            "{setting} names a database on another machine; add --allow-remote to load it"
        )));
    }
    Ok(Some(servers))
}

fn is_here(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || address.is_ok_and(|address| address.is_loopback())
}

/// A client that reaches these servers, which must be on this machine unless `remote`.
pub fn client(servers: &[Url], remote: bool) -> Result<Client, Failure> {
    let mut reach = Reach::loopback();
    for server in servers {
        if !remote && !is_loopback(server) {
            return Err(Failure::Usage(format!(
                "`{server}` is not on this machine; add --allow-remote to load it"
            )));
        }
        if remote {
            reach = reach.and_named(server);
        }
    }
    Ok(Client::new(reach, CONNECT_TIMEOUT)?)
}

fn is_loopback(server: &Url) -> bool {
    match server.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The processes of servers, which change when one is killed.
pub type ServerProcesses = Arc<Mutex<Vec<u32>>>;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(server: &str, remote: bool) -> bool {
        let servers = [Url::parse(server).unwrap()];
        matches!(client(&servers, remote), Err(Failure::Usage(_)))
    }

    #[test]
    fn only_this_machine_is_loaded_unless_another_is_allowed() {
        for here in [
            "http://127.0.0.1:8787",
            "http://localhost:8787",
            "http://[::1]:8787",
        ] {
            assert!(!refused(here, false), "{here}");
        }
        for elsewhere in [
            "http://10.0.0.5:8787",
            "https://navi.example",
            "http://localhost.example:8787",
        ] {
            assert!(refused(elsewhere, false), "{elsewhere}");
            assert!(!refused(elsewhere, true), "{elsewhere}");
        }
    }

    #[test]
    fn a_database_on_another_machine_is_not_here() {
        let is_here = |url: &str| is_here(&url.parse().unwrap());
        assert!(is_here("postgres://navi@localhost/navi"));
        assert!(is_here("postgres://navi@127.0.0.1/navi"));
        assert!(is_here(
            "postgres://navi@localhost/navi?host=/run/postgresql"
        ));
        assert!(!is_here("postgres://navi@db.example/navi"));
        assert!(!is_here("postgres://navi@10.0.0.5/navi"));
    }
}
