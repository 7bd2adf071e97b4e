//! The words of a server or a pooler that grants no connection, and ours for several servers.

use std::error::Error;
use std::{fmt, io};

use sqlx::error::DatabaseError;

/// The code of "too many connections", for the server, a database or a role.
const TOO_MANY: &str = "53300";
/// The code of a session that an administrator, or a server that ends, has ended.
const ENDED: &str = "57P01";
/// The code of a server that is starting, recovering or ending.
const NOT_NOW: &str = "57P03";
/// The codes of a server that cannot store anything: its disk is full, or its files cannot be written.
const FULL: [&str; 2] = ["53100", "58030"];
/// The code of a server that takes no writes: a standby, or a managed one whose disk is full.
const READ_ONLY: &str = "25006";
/// Words of poolers, whose codes say less than their texts.
const WORDS_OF_POOLERS: &[&str] = &[
    "too many",
    "no more connections",
    "max client",
    "max_client",
    "query_wait_timeout",
    "remaining connection slots",
];

/// A server answers and is not the wanted one.
#[derive(Debug, thiserror::Error)]
#[error("it is read-only")]
pub struct NotWanted;

/// None of several servers could be used.
#[derive(Debug)]
pub struct NoneFits {
    /// True if one that takes writes was wanted.
    pub writes: bool,
    /// The reason of each.
    pub refusals: Vec<String>,
    /// True if one of them was there, so that a failover may be under way.
    pub passes: bool,
}

impl fmt::Display for NoneFits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.writes {
            "none of the servers takes writes: "
        } else {
            "none of the servers could be used: "
        })?;
        f.write_str(&self.refusals.join("; "))
    }
}

impl Error for NoneFits {}

/// Tells an error of a connection that could not be made: no server listens, or it is starting or ending.
pub fn is_unreachable(error: &sqlx::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable, NotFound};
    if let sqlx::Error::Io(error) = error {
        return matches!(
            error.kind(),
            ConnectionRefused | HostUnreachable | NetworkUnreachable | NotFound
        );
    }
    is_starting(error)
}

/// Tells an error that says that every connection is taken. It passes, once one is given back.
pub fn is_no_room(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else {
        return false;
    };
    match error.code().as_deref() {
        Some(TOO_MANY) => true,
        // Errors of a pooler itself, or of the server behind it.
        Some("08P01" | "08000" | "08004" | "08006" | "XX000") => {
            let said = error.message().to_ascii_lowercase();
            WORDS_OF_POOLERS.iter().any(|words| said.contains(words))
        }
        Some(_) | None => false,
    }
}

/// Tells an error of a database that cannot store anything.
pub fn is_full(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| FULL.contains(&&*code))
}

/// Tells an error of a server that takes no writes.
pub fn is_read_only(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.as_deref() == Some(READ_ONLY)
}

/// Advice for an error of a certificate, to stand behind the error; nothing for others.
pub fn certificate_advice(error: &sqlx::Error) -> &'static str {
    if !matches!(error, sqlx::Error::Tls(_) | sqlx::Error::Io(_)) {
        return "";
    }
    // The library of certificates says it as the text of an error of the connection.
    let said = error.to_string();
    if said.contains("PGSSLROOTCERT") {
        // Of several servers, each has its own behind it.
        return "";
    }
    if said.contains("CaUsedAsEndEntity") {
        "; the certificate that the database shows is that of an authority (CA:TRUE), which no server may \
         show: give the database one of its own that the authority has signed (CA:FALSE, with its host as \
         subjectAltName), and name the authority's with sslrootcert=/path/to/ca.pem in the address, or with \
         PGSSLROOTCERT"
    } else if ["UnknownIssuer", "BadSignature"]
        .iter()
        .any(|word| said.contains(word))
    {
        "; the authority of the database's certificate is not known here: name the file of its certificate \
         with sslrootcert=/path/to/ca.pem in the address, or with PGSSLROOTCERT"
    } else if said.contains("not valid for name") {
        "; the host in the address is not among the names in the database's certificate: use one \
         of these, or sslmode=verify-ca, which compares no name"
    } else if said.contains("expired") {
        "; the certificate of the database has expired: it has to be renewed there"
    } else {
        ""
    }
}

/// Tells an error of a server that is about to be there, or about to be promoted.
pub fn is_starting(error: &sqlx::Error) -> bool {
    if let sqlx::Error::Io(error) = error {
        return error.kind() == io::ErrorKind::ConnectionRefused
            || error.get_ref().is_some_and(may_be_promoted);
    }
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.as_deref() == Some(NOT_NOW)
}

fn may_be_promoted(cause: &(dyn Error + Send + Sync + 'static)) -> bool {
    let of_several = cause.downcast_ref::<NoneFits>();
    cause.is::<NotWanted>() || of_several.is_some_and(|none| none.passes)
}

/// Tells an error of a role, a password or a database that is none, for this server and those like it.
pub fn is_of_credentials(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| code.starts_with("28") || code == "3D000")
}

/// Tells an error of one session that ended, which says nothing of the next.
pub fn is_of_ended_session(error: &sqlx::Error) -> bool {
    if let sqlx::Error::Io(error) = error {
        return matches!(
            error.kind(),
            io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::UnexpectedEof
        );
    }
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.as_deref() == Some(ENDED)
}

/// Tells an error of a pooler that takes no settings when a connection begins.
pub fn is_of_pooler(error: &sqlx::Error) -> bool {
    let unsupported =
        |error: &dyn DatabaseError| error.message().contains("unsupported startup parameter");
    error.as_database_error().is_some_and(unsupported)
}
