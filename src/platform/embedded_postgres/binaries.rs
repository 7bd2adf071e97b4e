//! Finding the Postgres binaries of the machine.

use std::path::{Path, PathBuf};

use crate::platform::db::OLDEST_POSTGRES;
use crate::platform::embedded_postgres::error::Error;
use crate::platform::embedded_postgres::process;

/// Where Debian and its relatives put each major version.
const DISTRIBUTION: &str = "/usr/lib/postgresql";

/// A folder that holds `initdb` and `postgres`, and their major version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    /// The folder.
    pub folder: PathBuf,
    /// 15, 16, …
    pub major: u32,
}

/// Finds the binaries: `named` alone when it is given, else the distribution's folders and `path`.
///
/// An existing cluster needs its own major version, which need not be the newest on the machine;
/// without one the newest is taken.
pub fn find(
    named: Option<&Path>,
    path: &[PathBuf],
    cluster: Option<(&Path, u32)>,
) -> Result<Binaries, Error> {
    let candidates = match named {
        Some(folder) => vec![folder.to_owned()],
        None => distribution()
            .into_iter()
            .chain(path.iter().cloned())
            .collect(),
    };
    let mut found: Vec<Binaries> = candidates.iter().filter_map(|it| inspect(it)).collect();
    // Stable: among equal versions the distribution's comes before whatever is on the path.
    found.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
    if let Some((folder, major)) = cluster {
        let versions: Vec<_> = found.iter().map(|it| it.major.to_string()).collect();
        if let Some(fitting) = found.into_iter().find(|it| it.major == major) {
            return Ok(fitting);
        }
        if !versions.is_empty() {
            return Err(Error::OtherVersion {
                folder: folder.to_owned(),
                cluster: major,
                binaries: versions.join(", "),
            });
        }
    } else if let Some(newest) = found.into_iter().find(|it| it.major >= OLDEST_POSTGRES) {
        return Ok(newest);
    }
    Err(Error::BinariesMissing {
        searched: match named {
            Some(folder) => folder.display().to_string(),
            None => format!("{DISTRIBUTION}/*/bin and on the PATH"),
        },
    })
}

fn distribution() -> Vec<PathBuf> {
    let Ok(versions) = std::fs::read_dir(DISTRIBUTION) else {
        return Vec::new();
    };
    versions
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect()
}

fn inspect(folder: &Path) -> Option<Binaries> {
    let both = ["initdb", "postgres"]
        .iter()
        .all(|name| folder.join(name).is_file());
    if !both {
        return None;
    }
    let said = process::version(&folder.join("postgres"))?;
    Some(Binaries {
        folder: folder.to_owned(),
        major: major(&said)?,
    })
}

/// The major version in `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, `… 18beta2`.
fn major(said: &str) -> Option<u32> {
    let version = said.split_whitespace().nth(2)?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_every_kind_of_release() {
        assert_eq!(
            major("postgres (PostgreSQL) 15.18 (Debian 15.18-0)"),
            Some(15)
        );
        assert_eq!(major("postgres (PostgreSQL) 18beta2"), Some(18));
        assert_eq!(major("postgres (PostgreSQL) 9.6.24"), Some(9));
        assert_eq!(major("postgres"), None);
        assert_eq!(major(""), None);
    }

    #[test]
    fn a_folder_without_binaries_is_named_in_the_error() {
        let error = find(Some(Path::new("/nowhere/bin")), &[], None).unwrap_err();
        assert!(
            matches!(&error, Error::BinariesMissing { searched } if searched == "/nowhere/bin")
        );
        let text = error.to_string();
        assert!(
            text.contains("apt-get install postgresql") && text.contains("NAVI_PG_BIN"),
            "{text}"
        );
    }

    #[test]
    fn a_cluster_of_another_version_is_explained() {
        let folder = Path::new("/data/postgres");
        let error = find(None, &[], Some((folder, 9))).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("made by Postgres 9") && text.contains("pg_dumpall"),
            "{text}"
        );
    }
}
