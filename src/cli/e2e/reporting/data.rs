//! The files of raw data.

use std::path::{Path, PathBuf};

use crate::cli::e2e::measuring::model::E2eData;
use crate::cli::failure::Failure;

/// Writes a session into a folder, a line for each task, and answers with the path.
pub fn write(data: &E2eData, folder: &Path) -> Result<PathBuf, Failure> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("{}.json", data.session.name));
    std::fs::write(&path, text(data)?)?;
    Ok(path)
}

/// The text of a session's file.
pub fn text(data: &E2eData) -> Result<String, Failure> {
    let line = |error: serde_json::Error| Failure::Io(error.into());
    let mut text = format!(
        "{{\"session\": {},\n\"tasks\": [",
        serde_json::to_string(&data.session).map_err(line)?
    );
    for (at, task) in data.tasks.iter().enumerate() {
        text.push_str(if at == 0 { "\n" } else { ",\n" });
        text.push_str(&serde_json::to_string(task).map_err(line)?);
    }
    text.push_str("\n]}\n");
    Ok(text)
}

/// The sessions whose files lie in a folder, by name; none where there is no folder.
pub fn read_all(folder: &Path) -> Result<Vec<E2eData>, Failure> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Failure::File { path, source }
    };
    let mut sessions = Vec::new();
    if !folder.exists() {
        return Ok(sessions);
    }
    for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let text = std::fs::read_to_string(&path).map_err(failed(&path))?;
        let session: E2eData = serde_json::from_str(&text)
            .map_err(|error| Failure::Usage(format!("`{}`: {error}", path.display())))?;
        sessions.push(session);
    }
    sessions.sort_by(|a, b| a.session.name.cmp(&b.session.name));
    Ok(sessions)
}
