//! The private Postgres in the data folder.

use std::path::Path;

use crate::cli::doctor::check::Check;
use crate::cli::doctor::disks::{DATABASE_DISK, DATABASE_FULL, room};
use crate::config::settings::Config;
use crate::platform::embedded_postgres::error::Error as PostgresError;
use crate::platform::embedded_postgres::{binaries, folder};

/// The programs of Postgres, of the version that the data is of.
pub(super) fn programs(config: &Config, data_dir: &Path) -> Check {
    const NAME: &str = "postgres programs";
    let data = data_dir.join("postgres/data");
    let found = folder::version_of(&data).and_then(|version| {
        binaries::find(
            config.database.pg_bin.as_deref(),
            &config.surroundings.path,
            version.map(|version| (data.as_path(), version)),
        )
    });
    match found {
        Ok(binaries) => Check::good(
            NAME,
            format!(
                "version {} in {}",
                binaries.major,
                binaries.folder.display()
            ),
        ),
        Err(error) => {
            let mend = match &error {
                PostgresError::OtherVersion { cluster, .. } => {
                    format!("sudo apt-get install postgresql-{cluster}")
                }
                PostgresError::File { mend, .. } => (*mend).to_owned(),
                PostgresError::BinariesMissing { .. }
                | PostgresError::InUse { .. }
                | PostgresError::Foreign { .. }
                | PostgresError::PasswordLost(_)
                | PostgresError::Spawn { .. }
                | PostgresError::Init(_)
                | PostgresError::Ended { .. }
                | PostgresError::Refused(_)
                | PostgresError::Late(..)
                | PostgresError::Leftover(_) => "sudo apt-get install postgresql".to_owned(),
            };
            Check::bad(NAME, error.to_string(), mend)
        }
    }
}

/// The private database, and its password.
pub(super) fn cluster(data_dir: &Path) -> Check {
    const NAME: &str = "private database";
    if let Some(holder) = folder::holder(data_dir) {
        return Check::good(NAME, format!("in use by process {holder}"));
    }
    let root = data_dir.join("postgres");
    if !root.join("data").exists() {
        return Check::good(NAME, "to be made at the first start");
    }
    let password = root.join("password");
    match std::fs::metadata(&password) {
        Ok(_) => Check::good(
            NAME,
            "not running; started with navi, migrated at its start",
        ),
        Err(error) => Check::bad(
            NAME,
            format!("{}: {error}", password.display()),
            format!(
                "put it back, or start empty: mv '{0}' '{0}.old'",
                root.display()
            ),
        ),
    }
}

/// The disk of the private database, which may be another than that of the data folder.
pub(super) fn disk_of_cluster(data_dir: &Path) -> Option<Check> {
    let data = data_dir.join("postgres/data");
    data.is_dir()
        .then(|| room(DATABASE_DISK, &data, DATABASE_FULL))
}
