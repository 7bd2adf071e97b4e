//! Reading the files of tasks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::cli::e2e::tasks::model::{E2eTask, TaskFile, TaskKind, WrittenTask};
use crate::cli::failure::Failure;

/// The tasks of all files of a folder, by file and place in it. A task that says too little, and two of one
/// name, are mistakes.
pub fn load(folder: &Path) -> Result<Vec<E2eTask>, Failure> {
    let mut tasks = Vec::new();
    let mut names = BTreeSet::new();
    for path in paths(folder)? {
        for task in read(&path)? {
            let id = &task.written.id;
            if !names.insert(id.clone()) {
                let path = path.display();
                return Err(Failure::Usage(format!(
                    "`{path}`: there are two tasks `{id}`"
                )));
            }
            tasks.push(task);
        }
    }
    if tasks.is_empty() {
        let folder = folder.display();
        return Err(Failure::Usage(format!("`{folder}` holds no tasks")));
    }
    Ok(tasks)
}

fn paths(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |source| Failure::File {
        path: folder.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Vec<E2eTask>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|source| Failure::File {
        path: path.to_owned(),
        source,
    })?;
    let mistake = |reason: String| Failure::Usage(format!("`{}`: {reason}", path.display()));
    let file: TaskFile = toml::from_str(&text).map_err(|error| mistake(error.to_string()))?;
    let kind = file.kind;
    for task in &file.tasks {
        if let Some(reason) = flaw(kind, task) {
            return Err(mistake(format!("`{}` {reason}", task.id)));
        }
    }
    let tasks = file.tasks.into_iter();
    Ok(tasks.map(|written| E2eTask { kind, written }).collect())
}

/// The flaw of a task whose form is right.
fn flaw(kind: TaskKind, task: &WrittenTask) -> Option<&'static str> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if task.id.is_empty() || !task.id.chars().all(is_plain) {
        return Some("is not a name of lower-case letters, digits and hyphens");
    }
    if task.turns.is_empty() {
        return Some("has no turns for the scripted provider");
    }
    if !task.check.looks_at_content() {
        return Some("looks at nothing that came out: give it files, commands or an answer");
    }
    let fails = task.turns.iter().any(|turn| turn.fail.is_some());
    if fails && !kind.is_of_the_script() {
        return Some("fails on the side of the provider, which is a kind of its own");
    }
    if task.leaves != (kind == TaskKind::Leave) {
        return Some("leaves, or does not, against its kind");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(files: &[(&str, &str)]) -> Result<Vec<E2eTask>, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        load(folder.path()).map_err(|failure| failure.to_string())
    }

    fn written(id: &str, more: &str, check: &str) -> String {
        format!(
            "kind = \"edit\"\n[[task]]\nid = \"{id}\"\nlanguage = \"c\"\nmessage = \"m\"\n\
             turns = [{{ say = [\"x\"] }}]\n{more}\n[task.check]\n{check}\n"
        )
    }

    #[test]
    fn two_tasks_of_one_name_are_refused_across_files() {
        let text = written("same", "", "only = []");
        let error = loaded(&[("a.toml", &text), ("b.toml", &text)]).unwrap_err();
        assert!(error.contains("two tasks `same`"), "{error}");
    }

    #[test]
    fn a_task_that_looks_at_nothing_is_refused() {
        let text = written("a", "", "success = true");
        let error = loaded(&[("a.toml", &text)]).unwrap_err();
        assert!(error.contains("looks at nothing"), "{error}");
        assert!(loaded(&[("a.toml", &written("a", "", "answer = [\"x\"]"))]).is_ok());
    }

    #[test]
    fn a_field_that_is_not_known_is_refused_with_its_file() {
        let text = written("a", "colour = 1", "only = []");
        let error = loaded(&[("a.toml", &text)]).unwrap_err();
        assert!(
            error.contains("a.toml") && error.contains("colour"),
            "{error}"
        );
    }

    #[test]
    fn a_failing_provider_is_a_kind_of_its_own() {
        let text = written("a", "", "only = []")
            .replace("say = [\"x\"]", "fail = { kind = \"network\", times = 1 }");
        let error = loaded(&[("a.toml", &text)]).unwrap_err();
        assert!(error.contains("a kind of its own"), "{error}");
    }
}
