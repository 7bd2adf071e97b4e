//! A repository, looked at from a directory of ours.
//!
//! The directory has the repository's current commit and nothing else: no configuration, no attributes
//! and no hooks of the repository are in git's reach, so nothing that they name can be run. The objects
//! and the index are the repository's own, and stay as they are.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::agent::tools::git::error::Error;
use crate::agent::tools::git::listing::{Change, Listing};
use crate::agent::tools::git::place::Place;
use crate::agent::tools::git::program::{GitOutput, Program};
use crate::agent::tools::text;

/// The most that is read of a list of files, in bytes.
const LISTING_BYTES: usize = 1024 * 1024;
/// The most that is read of settings and names of commits, in bytes.
const SETTINGS_BYTES: usize = 256 * 1024;
/// The tree without files, by the length of its name.
const EMPTY_TREES: [&str; 2] = [
    "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
];
/// Settings of the repository that say how its files are stored, and can run nothing.
const COPIED: &[&str] = &[
    "core.autocrlf",
    "core.eol",
    "core.filemode",
    "core.ignorecase",
    "core.symlinks",
];
/// Settings of ours. Git reports files above the threshold as binary without reading them.
const OURS: &[(&str, &str)] = &[
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("core.attributesFile", "/dev/null"),
    ("core.bigFileThreshold", "1m"),
    ("submodule.recurse", "false"),
];
/// The arguments of every diff: no programs, no colours, no look into submodules.
const DIFF: &[&str] = &[
    "--no-pager",
    "diff",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--ignore-submodules=dirty",
    "--relative",
    "--find-renames",
];

/// A repository that is looked at.
#[derive(Debug)]
pub struct Repository {
    program: Program,
    variables: Vec<(String, String)>,
    /// The commit or tree to compare with.
    base: String,
    has_commits: bool,
    _folder: TempDir,
}

impl Repository {
    /// Opens a repository. `program` runs in the folder whose changes are wanted.
    pub async fn open(program: Program, place: &Place) -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("navi-git-")
            .tempdir()
            .map_err(|error| Error::NoFolder(error.to_string()))?;
        let settings = Settings::read(&program, folder.path(), place).await?;
        let head = head(&program, place).await?;
        let [sha1, sha256] = EMPTY_TREES;
        let is_sha256 = settings.is_sha256 || head.as_ref().is_some_and(|it| it.len() > sha1.len());
        let empty = if is_sha256 { sha256 } else { sha1 };
        furnish(folder.path(), head.as_deref(), is_sha256)
            .map_err(|error| Error::NoFolder(error.to_string()))?;
        let variables = settings.variables(folder.path(), place)?;
        Ok(Self {
            program,
            variables,
            has_commits: head.is_some(),
            base: head.unwrap_or_else(|| empty.to_owned()),
            _folder: folder,
        })
    }

    /// True when there is a commit to compare with; without one every file is new.
    pub fn has_commits(&self) -> bool {
        self.has_commits
    }

    /// The files that differ from the last commit, staged or not.
    pub async fn changes(&self) -> Result<Listing, Error> {
        let asked = ["--raw", "-z", "--no-abbrev", &self.base, "--", "."];
        let output = self.run(&[DIFF, &asked].concat(), LISTING_BYTES).await?;
        Ok(Listing::of_raw(&output.bytes, output.is_cut))
    }

    /// The files that git does not know and was not told to ignore. A directory, whose name ends with a
    /// slash, is a repository of its own.
    pub async fn untracked(&self) -> Result<Listing, Error> {
        let asked = ["ls-files", "--others", "--exclude-standard", "-z"];
        let output = self.run(&asked, LISTING_BYTES).await?;
        Ok(Listing::of_untracked(&output.bytes, output.is_cut))
    }

    /// How one file differs, at most `limit` bytes of it; and whether that is all.
    pub async fn patch(&self, change: &Change, limit: usize) -> Result<(String, bool), Error> {
        let mut asked = vec![
            "--patch",
            "--src-prefix=a/",
            "--dst-prefix=b/",
            &self.base,
            "--",
        ];
        asked.extend(change.from.as_deref());
        asked.push(&change.path);
        let output = self.run(&[DIFF, &asked].concat(), limit).await?;
        Ok((text::lossy(&output.bytes).0, !output.is_cut))
    }

    async fn run(&self, arguments: &[&str], limit: usize) -> Result<GitOutput, Error> {
        let variables: Vec<_> = self
            .variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        self.program.run(&variables, arguments, limit).await
    }
}

/// The current commit; none when there is none yet. Git resolves it in the repository itself, because
/// there is more than one way to store it; naming a commit reads no object and runs nothing.
async fn head(program: &Program, place: &Place) -> Result<Option<String>, Error> {
    let variables = [("GIT_DIR", path(&place.own)?)];
    let asked = ["rev-parse", "--verify", "--quiet", "HEAD"];
    let output = program
        .try_to_run(&variables, &asked, SETTINGS_BYTES)
        .await?;
    let name = String::from_utf8_lossy(&output.bytes).trim().to_owned();
    let is_name = EMPTY_TREES.iter().any(|tree| tree.len() == name.len());
    match output.code {
        0 if is_name && name.bytes().all(|byte| byte.is_ascii_hexdigit()) => Ok(Some(name)),
        1 => Ok(None),
        _ if output.complaint.is_empty() => Err(Error::Failed("it names no commit".to_owned())),
        _ => Err(Error::Failed(output.complaint)),
    }
}

/// Makes what git takes for a repository.
fn furnish(folder: &Path, head: Option<&str>, is_sha256: bool) -> std::io::Result<()> {
    fs::create_dir_all(folder.join("refs/heads"))?;
    fs::create_dir_all(folder.join("objects"))?;
    let head = head.unwrap_or("ref: refs/heads/none");
    fs::write(folder.join("HEAD"), format!("{head}\n"))?;
    let mut config = String::from("[core]\n\tbare = false\n");
    let version = u8::from(is_sha256);
    let _ = writeln!(config, "\trepositoryformatversion = {version}");
    if is_sha256 {
        config.push_str("[extensions]\n\tobjectFormat = sha256\n");
    }
    fs::write(folder.join("config"), config)
}

/// The part of the repository's configuration that says how its files are stored.
#[derive(Debug, Default)]
struct Settings {
    is_sha256: bool,
    copied: Vec<(String, String)>,
}

impl Settings {
    /// Reads the one file, and none that it includes.
    async fn read(program: &Program, folder: &Path, place: &Place) -> Result<Self, Error> {
        let config = place.common.join("config");
        if !config.is_file() {
            return Ok(Self::default());
        }
        let file = path(&config)?;
        let asked = ["config", "--file", &file, "--no-includes", "-z", "--list"];
        // Away from the repository that lies around the working directory.
        let variables = [("GIT_DIR", path(folder)?)];
        let output = program.run(&variables, &asked, SETTINGS_BYTES).await?;
        Ok(Self::of(&String::from_utf8_lossy(&output.bytes)))
    }

    fn of(listed: &str) -> Self {
        let mut settings = Self::default();
        for entry in listed.split('\0') {
            let (name, value) = entry.split_once('\n').unwrap_or((entry, "true"));
            if name == "extensions.objectformat" {
                settings.is_sha256 = value.eq_ignore_ascii_case("sha256");
            }
            let is_word = value.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if COPIED.contains(&name) && is_word {
                settings.copied.push((name.to_owned(), value.to_owned()));
            }
        }
        settings
    }

    /// The environment in which git sees our directory, with the repository's objects and index.
    fn variables(self, folder: &Path, place: &Place) -> Result<Vec<(String, String)>, Error> {
        let excluded = place.common.join("info/exclude");
        let excluded = if excluded.is_file() {
            path(&excluded)?
        } else {
            "/dev/null".to_owned()
        };
        let ours = OURS.iter();
        let mut settings = self.copied;
        settings.extend(ours.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        settings.push(("core.excludesFile".to_owned(), excluded));
        let mut variables = vec![
            ("GIT_DIR".to_owned(), path(folder)?),
            ("GIT_WORK_TREE".to_owned(), path(&place.top)?),
            ("GIT_INDEX_FILE".to_owned(), path(&place.own.join("index"))?),
            (
                "GIT_OBJECT_DIRECTORY".to_owned(),
                path(&place.common.join("objects"))?,
            ),
            ("GIT_CONFIG_COUNT".to_owned(), settings.len().to_string()),
        ];
        for (number, (name, value)) in settings.into_iter().enumerate() {
            variables.push((format!("GIT_CONFIG_KEY_{number}"), name));
            variables.push((format!("GIT_CONFIG_VALUE_{number}"), value));
        }
        Ok(variables)
    }
}

/// A path as git takes it.
fn path(path: &Path) -> Result<String, Error> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Error::Failed("the repository's path is no UTF-8".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_settings_are_taken_over() {
        let listed = "core.autocrlf\ninput\0core.fsmonitor\n/tmp/evil\0core.worktree\n/etc\0\
                      filter.x.clean\nevil %f\0core.eol\nlf; evil\0core.filemode\0\
                      extensions.objectformat\nsha256\0";
        let settings = Settings::of(listed);
        let copied: Vec<_> = settings
            .copied
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(copied, ["core.autocrlf=input", "core.filemode=true"]);
        assert!(settings.is_sha256);
    }
}
