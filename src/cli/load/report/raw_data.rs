//! Files of raw data.

use std::path::Path;

use crate::cli::failure::Failure;
use crate::cli::load::report::measured::{FORMAT, LoadReport};

/// Reads one.
pub fn read(path: &Path) -> Result<LoadReport, Failure> {
    let text = std::fs::read_to_string(path).map_err(|source| Failure::File {
        path: path.to_owned(),
        source,
    })?;
    let report: LoadReport = serde_json::from_str(&text).map_err(|error| {
        Failure::Usage(format!(
            "`{}` is not the raw data of a load: {error}",
            path.display()
        ))
    })?;
    if report.format == FORMAT {
        Ok(report)
    } else {
        let text = format!("`{}` is of another version", path.display());
        Err(Failure::Usage(text))
    }
}

/// Writes one, on one line, because it is for programs and kept in a repository.
pub fn write(path: &Path, report: &LoadReport) -> Result<(), Failure> {
    let text = serde_json::to_string(report).map_err(std::io::Error::from)? + "\n";
    write_text(path, &text)
}

/// Writes a file that is made from raw data.
pub fn write_text(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| not_written(path, &error.to_string()))
}

/// Fails where there is no folder for a file, which is better known before a long load than after it.
pub fn expect_folder(path: &Path) -> Result<(), Failure> {
    let folder = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => {
            let reason = format!("`{}` is not a folder", folder.display());
            Err(not_written(path, &reason))
        }
        Some(_) | None => Ok(()),
    }
}

fn not_written(path: &Path, reason: &str) -> Failure {
    Failure::Usage(format!("`{}` cannot be written: {reason}", path.display()))
}
