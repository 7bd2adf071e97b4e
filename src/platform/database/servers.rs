//! The servers that an address names, and the one among them that is connected to.
//!
//! They are tried in the order of the address, beginning with the one that was good last: after a
//! failover the standby that was promoted is the first to be asked, whatever becomes of the server before
//! it. Whatever connects to the database does it here, so a server, its listener, a migration and every
//! command find the same one.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection, Row};
use tokio::time::timeout;

use crate::platform::database::refusal::{
    NoneFits, NotWanted, certificate_advice, is_no_room, is_of_credentials, is_starting,
};

/// The longest that one of several servers may take before the next is asked.
const PATIENCE: Duration = Duration::from_secs(3);

/// The state that a server must be in for sessions of this program (`target_session_attrs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedServer {
    /// The first that answers.
    Any,
    /// One whose transactions may write.
    ReadWrite,
    /// One that is no standby.
    Primary,
}

/// The servers, of which there is at least one. What copies of this learn of them is shared.
#[derive(Clone, Debug)]
pub struct Servers {
    first: PgConnectOptions,
    others: Vec<PgConnectOptions>,
    wanted: WantedServer,
    /// The number of the one to begin with.
    good: Arc<AtomicUsize>,
}

impl WantedServer {
    /// The meaning of a word of libpq or of Java's driver, where it names a server that takes writes.
    pub fn named(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "any" => Some(Self::Any),
            "read-write" => Some(Self::ReadWrite),
            "primary" | "master" => Some(Self::Primary),
            _ => None,
        }
    }

    async fn is_met_by(self, conn: &mut PgConnection) -> sqlx::Result<bool> {
        if self == Self::Any {
            return Ok(true);
        }
        // Without a prepared statement, which another session behind a pooler would not know.
        let row = sqlx::raw_sql(
            "select pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'",
        )
        .fetch_one(conn)
        .await?;
        let (is_standby, is_read_only): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
        Ok(!is_standby && (self == Self::Primary || !is_read_only))
    }
}

impl Servers {
    /// These servers in this order.
    pub fn new(
        first: PgConnectOptions,
        others: Vec<PgConnectOptions>,
        wanted: WantedServer,
    ) -> Self {
        Self {
            first,
            others,
            wanted,
            good: Arc::default(),
        }
    }

    /// The same servers with other options.
    #[must_use]
    pub fn each(self, change: impl Fn(PgConnectOptions) -> PgConnectOptions) -> Self {
        Self {
            first: change(self.first),
            others: self.others.into_iter().map(change).collect(),
            ..self
        }
    }

    /// The options of every server.
    pub fn all(&self) -> impl Iterator<Item = &PgConnectOptions> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The options of the server that was good last; before the first connection, of the first.
    pub fn good(&self) -> &PgConnectOptions {
        self.at(self.good.load(Ordering::Relaxed))
    }

    /// True if there is a choice.
    pub fn are_several(&self) -> bool {
        !self.others.is_empty()
    }

    /// The options of a server that is as it should be at this moment, for what connects by itself.
    pub async fn chosen(&self) -> sqlx::Result<PgConnectOptions> {
        if !self.are_several() {
            return Ok(self.first.clone());
        }
        let (conn, at) = self.connect_in_turn().await?;
        conn.close().await?;
        Ok(self.at(at).clone())
    }

    /// A connection to the first server that is as it should be.
    pub async fn connect(&self) -> sqlx::Result<PgConnection> {
        if self.are_several() {
            Ok(self.connect_in_turn().await?.0)
        } else {
            // Its caller knows how long that may take.
            let connected = self.connect_to(&self.first).await;
            connected.map_err(|error| placed(&self.first, error))
        }
    }

    async fn connect_in_turn(&self) -> sqlx::Result<(PgConnection, usize)> {
        let (begin, count) = (self.good.load(Ordering::Relaxed), 1 + self.others.len());
        let mut refusals = Vec::new();
        for at in (0..count).map(|step| (begin + step) % count) {
            let options = self.at(at);
            let attempt = ServerAttempt::new(self, at);
            let connected = timeout(PATIENCE, self.connect_to(options)).await;
            let Ok(connected) = connected else {
                drop(attempt);
                refusals.push((at, sqlx::Error::Io(io::ErrorKind::TimedOut.into())));
                continue;
            };
            attempt.answered();
            match connected {
                Ok(conn) => {
                    self.note_good(at);
                    return Ok((conn, at));
                }
                // They have the same roles and databases.
                Err(error) if is_of_credentials(&error) => return Err(error),
                Err(error) => refusals.push((at, error)),
            }
        }
        Err(self.sum_up(refusals))
    }

    async fn connect_to(&self, options: &PgConnectOptions) -> sqlx::Result<PgConnection> {
        let mut conn = options.connect().await?;
        if self.wanted.is_met_by(&mut conn).await? {
            return Ok(conn);
        }
        conn.close().await?;
        Err(sqlx::Error::Io(io::Error::other(NotWanted)))
    }

    fn note_good(&self, at: usize) {
        if self.good.swap(at, Ordering::Relaxed) != at {
            let server = name(self.at(at));
            tracing::info!(server, "the database is used at another of its servers");
        }
    }

    /// One error for all. That a server has no room is said as it was: a pool waits for that.
    fn sum_up(&self, refusals: Vec<(usize, sqlx::Error)>) -> sqlx::Error {
        let is_full = |(_, error): &(usize, sqlx::Error)| is_no_room(error);
        if let Some(at) = refusals.iter().position(is_full) {
            return refusals
                .into_iter()
                .nth(at)
                .map_or(sqlx::Error::PoolTimedOut, |it| it.1);
        }
        let passes = refusals.iter().any(|(_, error)| is_starting(error));
        let refusals = refusals.iter();
        let refusals = refusals.map(|(at, error)| {
            let (server, advice) = (name(self.at(*at)), certificate_advice(error));
            format!("{server}: {error}{advice}")
        });
        sqlx::Error::Io(io::Error::other(NoneFits {
            writes: self.wanted != WantedServer::Any,
            refusals: refusals.collect(),
            passes,
        }))
    }

    fn at(&self, number: usize) -> &PgConnectOptions {
        let other = number.checked_sub(1).and_then(|at| self.others.get(at));
        other.unwrap_or(&self.first)
    }
}

impl From<PgConnectOptions> for Servers {
    fn from(options: PgConnectOptions) -> Self {
        Self::new(options, Vec::new(), WantedServer::Any)
    }
}

impl From<&PgConnectOptions> for Servers {
    fn from(options: &PgConnectOptions) -> Self {
        options.clone().into()
    }
}

impl From<&Self> for Servers {
    fn from(servers: &Self) -> Self {
        servers.clone()
    }
}

/// A server that is being asked. One that says nothing, until it or its caller is given up on, is not the
/// first to be asked next time: a caller with less patience would never come to the others.
struct ServerAttempt<'a> {
    servers: &'a Servers,
    at: usize,
    is_silent: bool,
}

impl<'a> ServerAttempt<'a> {
    fn new(servers: &'a Servers, at: usize) -> Self {
        Self {
            servers,
            at,
            is_silent: true,
        }
    }

    fn answered(mut self) {
        self.is_silent = false;
    }
}

impl Drop for ServerAttempt<'_> {
    fn drop(&mut self) {
        if self.is_silent {
            let next = (self.at + 1) % (1 + self.servers.others.len());
            // Another may have found a good one meanwhile.
            let _moved = self.servers.good.compare_exchange(
                self.at,
                next,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
        }
    }
}

/// The error of a server that could not be talked to, with its place. What a server said itself stays as it is.
fn placed(options: &PgConnectOptions, error: sqlx::Error) -> sqlx::Error {
    let server = name(options);
    if let sqlx::Error::Tls(cause) = &error {
        return sqlx::Error::Tls(format!("{server}: {cause}").into());
    }
    if let sqlx::Error::Io(cause) = &error
        && !cause
            .get_ref()
            .is_some_and(<dyn Error + Send + Sync>::is::<NotWanted>)
    {
        let said = format!("{server}: {cause}");
        return sqlx::Error::Io(io::Error::new(cause.kind(), said));
    }
    error
}

/// The place of a server, for people.
fn name(options: &PgConnectOptions) -> String {
    let port = options.get_port();
    match options.get_socket() {
        Some(folder) => format!("{}:{port}", folder.display()),
        None if options.get_host().contains(':') => format!("[{}]:{port}", options.get_host()),
        None => format!("{}:{port}", options.get_host()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(port: u16) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(port)
    }

    fn three() -> Servers {
        Servers::new(
            server(1),
            vec![server(2), server(3)],
            WantedServer::ReadWrite,
        )
    }

    #[test]
    fn a_server_that_says_nothing_is_not_the_first_to_be_asked_again() {
        let servers = three();
        drop(ServerAttempt::new(&servers, 0));
        assert_eq!(servers.good().get_port(), 2);
        ServerAttempt::new(&servers, 1).answered();
        assert_eq!(servers.good().get_port(), 2, "one that answers is");
        drop(ServerAttempt::new(&servers, 0));
        assert_eq!(servers.good().get_port(), 2, "another is good by now");
        let copy = servers.clone().each(|it| it.application_name("copy"));
        drop(ServerAttempt::new(&copy, 1));
        drop(ServerAttempt::new(&copy, 2));
        assert_eq!(servers.good().get_port(), 1, "after the last the first");
    }

    #[tokio::test]
    async fn each_server_is_named_with_its_reason_when_none_can_be_used() {
        // Nothing listens there.
        let error = three().connect().await.unwrap_err();
        assert!(is_starting(&error), "what is refused may be there soon");
        let said = error.to_string();
        for word in [
            "takes writes",
            "127.0.0.1:1: ",
            "127.0.0.1:2: ",
            "127.0.0.1:3: ",
        ] {
            assert!(said.contains(word), "{said}");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_alone_is_named_too_and_may_be_there_soon() {
        let error = Servers::from(server(1)).connect().await.unwrap_err();
        assert!(is_starting(&error), "{error}");
        let said = error.to_string();
        assert!(said.contains("127.0.0.1:1: Connection refused"), "{said}");
    }

    #[test]
    fn only_servers_that_take_writes_can_be_wanted() {
        for (word, wanted) in [
            ("any", Some(WantedServer::Any)),
            ("Read-Write", Some(WantedServer::ReadWrite)),
            ("primary", Some(WantedServer::Primary)),
            ("master", Some(WantedServer::Primary)),
            ("read-only", None),
            ("standby", None),
            ("prefer-standby", None),
            ("", None),
        ] {
            assert_eq!(WantedServer::named(word), wanted, "{word}");
        }
    }
}
