//! The words of a server or a pooler that grants no connection.

use std::io;

use sqlx::error::DatabaseError;

/// The code of "too many connections", for the server, a database or a role.
const TOO_MANY: &str = "53300";
/// The code of a session that an administrator, or a server that ends, has ended.
const ENDED: &str = "57P01";
/// The code of a server that is starting, recovering or ending.
const NOT_NOW: &str = "57P03";
/// Words of poolers, whose codes say less than their texts.
const WORDS_OF_POOLERS: &[&str] = &[
    "too many",
    "no more connections",
    "max client",
    "max_client",
    "query_wait_timeout",
    "remaining connection slots",
];

/// Tells an error that says that every connection is taken. It passes, once one is given back.
pub fn is_no_room(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else {
        return false;
    };
    match error.code().as_deref() {
        Some(TOO_MANY) => true,
        // What a pooler says itself, or passes on from the server behind it.
        Some("08P01" | "08000" | "08004" | "08006" | "XX000") => {
            let said = error.message().to_ascii_lowercase();
            WORDS_OF_POOLERS.iter().any(|words| said.contains(words))
        }
        Some(_) | None => false,
    }
}

/// Tells an error of a server that is about to be there.
pub fn is_starting(error: &sqlx::Error) -> bool {
    if let sqlx::Error::Io(error) = error {
        return error.kind() == io::ErrorKind::ConnectionRefused;
    }
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.as_deref() == Some(NOT_NOW)
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
