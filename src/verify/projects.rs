//! The projects of a workspace: the one at its root, those in its folders, and the one that a file belongs to.
//!
//! A file belongs to the nearest folder around it that has a manifest. Checks of another project say nothing
//! about it, unless they check the whole workspace, as those of a Cargo workspace do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use globset::GlobBuilder;
use serde_json::Value;

use crate::tools::context::ToolContext;
use crate::verify::detect::{Check, Folder, make, project};
use crate::workspace::paths::Workspace;

/// The most folders that are looked into when the root holds no project, and the most projects that are taken.
const NESTED_FOLDERS: usize = 40;
const NESTED_PROJECTS: usize = 4;
/// The most projects below the root that are checked because they were changed.
pub const CHANGED_PROJECTS: usize = 4;
/// The workspace itself, as the folder of a project.
pub const ROOT: &str = ".";

/// Files that make a folder a project.
const MANIFESTS: &[&str] = &[
    "Cargo.toml",
    "go.mod",
    "pyproject.toml",
    "setup.py",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "build.sbt",
    "Gemfile",
    "composer.json",
    "mix.exs",
    "pubspec.yaml",
    "deno.json",
    "Package.swift",
];
/// Folders that are not the workspace's own.
const GENERATED: &[&str] = &[
    "node_modules",
    "target",
    "vendor",
    "dist",
    "build",
    "venv",
    "__pycache__",
];

/// Finds the checks of the project in the workspace, or of the projects in its folders when the root
/// holds none. Only commands whose programs are there; in the order in which they are to run.
pub fn detect(context: &ToolContext) -> Vec<Check> {
    let mut checks = checks_in(context, ROOT);
    if checks.is_empty() {
        let nested = folders(&context.workspace)
            .into_iter()
            .map(|directory| checks_in(context, &directory))
            .filter(|checks| !checks.is_empty());
        checks = nested.take(NESTED_PROJECTS).flatten().collect();
    }
    checks.sort_by_key(|check| check.kind);
    checks
}

/// The checks of the project in a folder, in the order in which they are to run.
pub fn checks_in(context: &ToolContext, directory: &str) -> Vec<Check> {
    let search = search(context);
    let mut checks = project(&Folder::new(&context.workspace, directory, &search));
    checks.sort_by_key(|check| check.kind);
    checks
}

/// The folder of the project that a file belongs to; [`ROOT`] when none is nearer.
pub fn project_of(context: &ToolContext, path: &str) -> String {
    let Ok(path) = context.workspace.relative(path) else {
        return ROOT.to_owned();
    };
    let path = path.as_path();
    let is_generated = |part: &str| GENERATED.contains(&part) || part.starts_with('.');
    let mut parts = path.parent().into_iter().flat_map(Path::iter);
    if parts.any(|part| part.to_str().is_none_or(is_generated)) {
        return ROOT.to_owned();
    }
    let search = search(context);
    let around = path.ancestors().skip(1).filter_map(Path::to_str);
    let mut around = around.filter(|directory| !directory.is_empty());
    let nearest =
        around.find(|directory| is_project(&Folder::new(&context.workspace, directory, &search)));
    nearest.unwrap_or(ROOT).to_owned()
}

fn is_project(folder: &Folder<'_>) -> bool {
    folder.has_any(MANIFESTS)
        || folder
            .text("package.json")
            .is_some_and(|text| is_package(&text))
        || folder.has_named(".", |name| name.ends_with(".csproj"))
        || !make(folder).is_empty()
}

/// True if a `package.json` is that of a package, and not only says how its folder's modules are read.
fn is_package(text: &str) -> bool {
    let manifest: Value = serde_json::from_str(text).unwrap_or_default();
    ["name", "scripts", "dependencies"]
        .iter()
        .any(|member| !manifest[*member].is_null())
}

/// Files by the project that each belongs to.
pub fn by_project<'a>(
    context: &ToolContext,
    files: impl IntoIterator<Item = &'a String>,
) -> BTreeMap<String, Vec<&'a str>> {
    let mut projects: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    // Files of a folder belong together, and there may be many.
    let mut known: BTreeMap<&Path, String> = BTreeMap::new();
    for file in files {
        let folder = Path::new(file).parent().unwrap_or(Path::new(""));
        let project = known
            .entry(folder)
            .or_insert_with(|| project_of(context, file));
        projects.entry(project.clone()).or_default().push(file);
    }
    projects
}

/// The projects of files of which no check that ran says anything. `directories` are those in which checks
/// ran.
pub fn unchecked(
    context: &ToolContext,
    projects: &BTreeMap<String, Vec<&str>>,
    directories: &BTreeSet<&str>,
) -> Vec<String> {
    let is_unchecked = |(project, files): &(&String, &Vec<&str>)| {
        let is_checked = directories.contains(project.as_str())
            || (directories.contains(ROOT) && is_checked_at_root(context, project));
        // A folder can be checked without a manifest.
        let is_within = |file: &&str| {
            let mut within = directories.iter();
            within.any(|directory| Path::new(file).starts_with(directory))
        };
        !(is_checked || *project == ROOT && files.iter().any(is_within))
    };
    let unchecked = projects.iter().filter(is_unchecked);
    unchecked.map(|(project, _)| project.clone()).collect()
}

/// True if the checks at the root check a project below it: it is a member of a Cargo workspace that has no
/// package of its own, and no other languages.
pub fn is_checked_at_root(context: &ToolContext, directory: &str) -> bool {
    let search = search(context);
    let root = Folder::new(&context.workspace, ROOT, &search);
    let member = Folder::new(&context.workspace, directory, &search);
    let is_cargo_alone = |check: &Check| check.command.starts_with("cargo ");
    member.has("Cargo.toml")
        && root
            .text("Cargo.toml")
            .is_some_and(|text| has_member(&text, directory))
        && project(&member).iter().all(is_cargo_alone)
        && project(&root).iter().any(is_cargo_alone)
}

fn has_member(manifest: &str, directory: &str) -> bool {
    let Ok(manifest) = toml::from_str::<toml::Table>(manifest) else {
        return false;
    };
    let Some(workspace) = manifest.get("workspace").and_then(toml::Value::as_table) else {
        return false;
    };
    let listed = |name: &str| {
        let patterns = workspace.get(name).and_then(toml::Value::as_array);
        let mut patterns = patterns
            .into_iter()
            .flatten()
            .filter_map(toml::Value::as_str);
        patterns.any(|pattern| {
            let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
            let glob = GlobBuilder::new(pattern).literal_separator(true).build();
            glob.is_ok_and(|glob| glob.compile_matcher().is_match(directory))
        })
    };
    !manifest.contains_key("package")
        && !workspace.contains_key("default-members")
        && listed("members")
        && !listed("exclude")
}

fn search(context: &ToolContext) -> String {
    let environment = context.processes.environment();
    environment.get("PATH").cloned().unwrap_or_default()
}

/// Folders that may hold a project: no hidden ones, nothing generated.
fn folders(workspace: &Workspace) -> Vec<String> {
    let entries = std::fs::read_dir(workspace.root())
        .into_iter()
        .flatten()
        .flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let names = folders.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names
        .filter(|name| !name.starts_with('.') && !GENERATED.contains(&name.as_str()))
        .collect();
    names.sort();
    names.truncate(NESTED_FOLDERS);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_a_virtual_workspace_are_those_it_lists() {
        let virtual_one =
            "[workspace]\nmembers = [\"crates/*\", \"./tool/\"]\nexclude = [\"crates/old\"]\n";
        for (directory, is_member) in [
            ("crates/a", true),
            ("tool", true),
            ("crates/a/fuzz", false),
            ("crates/old", false),
            ("other", false),
        ] {
            assert_eq!(has_member(virtual_one, directory), is_member, "{directory}");
        }
        for manifest in [
            "[package]\nname = \"a\"\n[workspace]\nmembers = [\"crates/*\"]\n",
            "[workspace]\nmembers = [\"crates/*\"]\ndefault-members = [\"crates/b\"]\n",
            "[package]\nname = \"a\"\n",
            "not toml",
        ] {
            assert!(!has_member(manifest, "crates/a"), "{manifest}");
        }
    }

    #[test]
    fn a_package_has_more_than_the_type_of_its_modules() {
        assert!(is_package(r#"{"name": "a"}"#));
        assert!(!is_package(r#"{"type": "module"}"#));
        assert!(!is_package("not json"));
    }
}
