//! Why there is no embedded Postgres, and the command that mends it.

use std::path::PathBuf;

/// Why the embedded Postgres could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing to run.
    #[error(
        "no Postgres {oldest} or later was found in {searched}; install it (on Debian and Ubuntu: \
         apt-get install postgresql), or set NAVI_PG_BIN to the folder that holds initdb and \
         postgres, or DATABASE_URL to a server you have",
        oldest = crate::platform::db::OLDEST_POSTGRES
    )]
    BinariesMissing {
        /// Where it was looked for.
        searched: String,
    },
    /// Another process uses the folder.
    #[error(
        "the database in {folder} is in use by process {holder}, another command of navi or a server. Commands beside each \
         other share one server: when that one has ended, start `NAVI_DATA_DIR={data} navi serve`, and every \
         command over this data folder finds it. Or set NAVI_DATA_DIR to another folder for this one",
        data = folder.parent().unwrap_or(folder).display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// Its process id, as far as it is known.
        holder: String,
    },
    /// The cluster was made by another major version.
    #[error(
        "the database in {folder} was made by Postgres {cluster} and the binaries found are of \
         version {binaries}; install Postgres {cluster} or name its folder in NAVI_PG_BIN, dump \
         the data with its pg_dumpall, and start with an empty NAVI_DATA_DIR"
    )]
    OtherVersion {
        /// The folder.
        folder: PathBuf,
        /// The version in `PG_VERSION`.
        cluster: u32,
        /// The versions found, one or several.
        binaries: String,
    },
    /// Something about a file or folder.
    #[error("{what} {path}: {source}; {mend}")]
    File {
        /// The attempted operation.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
        /// The remedy.
        mend: &'static str,
    },
    /// Files that are not ours.
    #[error(
        "{path} belongs to user id {owner}; as root: chown -R {wanted} {path}, or set \
         NAVI_DATA_DIR to another folder"
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// The owner that it would have to have.
        wanted: u32,
    },
    /// The password of an existing cluster is gone.
    #[error(
        "the password of the database, {0}, is missing; restore it, or move its folder aside to \
         start with an empty database"
    )]
    PasswordLost(PathBuf),
    /// Postgres could not be started as the account it would run under.
    #[error(
        "{program} could not be started{account}: {source}; Postgres refuses to run as root: set \
         NAVI_DATA_DIR to a folder that an ordinary user can reach, such as /var/lib/navi, or run \
         navi as an ordinary user, or set DATABASE_URL to a server you have"
    )]
    Spawn {
        /// The program.
        program: PathBuf,
        /// ` as user id N`, or nothing.
        account: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// `initdb` failed.
    #[error("the database could not be created: initdb: {0}{hint}", hint = hint(.0))]
    Init(String),
    /// Postgres ended before it was ready.
    #[error(
        "the database ended while it started; the last lines of {log}: {tail}{hint}",
        hint = hint(.tail)
    )]
    Ended {
        /// Its log.
        log: PathBuf,
        /// The end of it.
        tail: String,
    },
    /// Postgres runs and refuses us.
    #[error("the database started and refused the connection: {0}")]
    Refused(#[source] sqlx::Error),
    /// Postgres runs and does not become ready.
    #[error("the database was not ready after {0} s; its log is {1}")]
    Late(u64, PathBuf),
    /// Processes of an earlier life do not end.
    #[error(
        "processes {0:?} of an earlier start still use the database and do not stop; kill -9 \
         them"
    )]
    Leftover(Vec<i32>),
}

/// The remedy when a file cannot be written.
pub(super) const MEND_FOLDER: &str =
    "make room or make it writable (df -h, ls -ld), or set NAVI_DATA_DIR to another folder";

/// The remedy for an error of Postgres, where that is certain.
fn hint(said: &str) -> String {
    let full = [
        "No space left on device",
        "disk space",
        "Disk quota exceeded",
    ];
    if full.iter().any(|sign| said.contains(sign)) {
        format!("; the disk is full: {MEND_FOLDER}")
    } else {
        String::new()
    }
}

impl Error {
    /// Wraps what the system said about a path.
    pub(super) fn file(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            what,
            path,
            source,
            mend: MEND_FOLDER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_command_is_told_how_to_share_the_data_folder() {
        let in_use = Error::InUse {
            folder: "/srv/navi/postgres".into(),
            holder: "7".to_owned(),
        };
        let text = in_use.to_string();
        assert!(
            text.contains("in use by process 7")
                && text.contains("start `NAVI_DATA_DIR=/srv/navi navi serve`"),
            "{text}"
        );
    }

    #[test]
    fn a_full_disk_is_recognised_in_what_postgres_says() {
        let said = "FATAL:  could not extend file \"base/1/2691\"\nHINT:  Check free disk space.";
        let text = Error::Init(said.to_owned()).to_string();
        assert!(text.contains("the disk is full: make room"), "{text}");
        let text = Error::Init("FATAL:  out of shared memory".to_owned()).to_string();
        assert!(text.ends_with("out of shared memory"), "{text}");
    }
}
