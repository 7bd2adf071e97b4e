//! A repository, looked at from a directory of ours.
//!
//! The directory has the repository's current commit and a copy of its index, and nothing else: no
//! configuration, no attributes and no hooks of the repository are in git's reach, so nothing that they
//! name can be run. The objects are the repository's own, and stay as they are.

use std::path::{Path, PathBuf};

use crate::exec::text;
use crate::git::error::Error;
use crate::git::folder::{Folder, Format, blocking};
use crate::git::listing::{Change, Listing, submodules};
use crate::git::place::Place;
use crate::git::program::{GitOutput, Program};
use crate::platform::encoding::contents::Contents;

/// The most that is read of a list of files, in bytes.
const LISTING_BYTES: usize = 1024 * 1024;
/// The most that is read of the index, in bytes.
const INDEX_BYTES: usize = 32 * 1024 * 1024;
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
    reads_submodules: bool,
    _folder: Folder,
}

impl Repository {
    /// Opens a repository whose place was checked. `program` runs in the folder whose changes are wanted.
    /// Submodules are left out.
    pub async fn open(program: Program, place: Place) -> Result<Self, Error> {
        let of = place.clone();
        let (folder, config) = blocking(move || {
            if !of.common.join("objects").is_dir() {
                return Err(Error::Failed("the repository has no objects".to_owned()));
            }
            let config = of.common.join("config");
            Ok((Folder::make()?, config.is_file().then_some(config)))
        })
        .await?;
        let program = program.working_in(folder.path());
        let settings = match config {
            Some(config) => Settings::read(&program, folder.path(), &config).await?,
            None => Settings::default(),
        };
        let (of, format) = (place.clone(), settings.format);
        let (folder, names) = blocking(move || {
            let names = folder.borrow_names(&of, format)?;
            Ok((folder, names))
        })
        .await?;
        let head = head(&program, &names).await?;
        let (of, commit) = (place.clone(), head.clone());
        let (folder, excluded) = blocking(move || {
            folder.furnish(&of, commit.as_deref(), format.is_sha256)?;
            let excluded = of.common.join("info/exclude");
            Ok((folder, excluded.is_file().then_some(excluded)))
        })
        .await?;
        let variables = settings.variables(folder.path(), &place, excluded)?;
        let [sha1, sha256] = EMPTY_TREES;
        let empty = if format.is_sha256 { sha256 } else { sha1 };
        Ok(Self {
            program,
            variables,
            has_commits: head.is_some(),
            base: head.unwrap_or_else(|| empty.to_owned()),
            reads_submodules: false,
            _folder: folder,
        })
    }

    /// The folders of submodules below the folder whose changes are wanted; none when there are more files
    /// than can be looked through.
    pub async fn submodules(&self) -> Result<Option<Vec<PathBuf>>, Error> {
        let output = self
            .run(&["ls-files", "--stage", "-z"], INDEX_BYTES)
            .await?;
        Ok((!output.is_cut).then(|| submodules(&output.bytes)))
    }

    /// Compares submodules too. Git reads their current commits, so their places are checked before.
    pub fn read_submodules(&mut self) {
        self.reads_submodules = true;
    }

    /// True when there is a commit to compare with; without one every file is new.
    pub fn has_commits(&self) -> bool {
        self.has_commits
    }

    /// The files that differ from the last commit, staged or not.
    pub async fn changes(&self) -> Result<Listing, Error> {
        let asked = ["--raw", "-z", "--no-abbrev", &self.base, "--", "."];
        let output = self.diff(&asked, LISTING_BYTES).await?;
        Ok(Listing::of_raw(&output.bytes, output.is_cut))
    }

    /// The files that git does not know and was not told to ignore. A directory, whose name ends with a
    /// slash, is a repository of its own.
    pub async fn untracked(&self) -> Result<Listing, Error> {
        let asked = ["ls-files", "--others", "--exclude-standard", "-z"];
        let output = self.run(&asked, LISTING_BYTES).await?;
        Ok(Listing::of_untracked(&output.bytes, output.is_cut))
    }

    /// The difference of one file, at most `limit` bytes of it; and true when that is all.
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
        let output = self.diff(&asked, limit).await?;
        // Git copies the lines of a file as they are stored.
        let text = Contents::of(&output.bytes).text();
        let text = text.unwrap_or_else(|| text::lossy(&output.bytes).0);
        Ok((text, !output.is_cut))
    }

    async fn diff(&self, arguments: &[&str], limit: usize) -> Result<GitOutput, Error> {
        let submodules = if self.reads_submodules {
            "--ignore-submodules=dirty"
        } else {
            "--ignore-submodules=all"
        };
        self.run(&[DIFF, &[submodules], arguments].concat(), limit)
            .await
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

/// The current commit; none when there is none yet. Git resolves it, because there is more than one way to
/// store it; naming a commit reads no object.
async fn head(program: &Program, names: &Path) -> Result<Option<String>, Error> {
    let variables = [("GIT_DIR", path(names)?)];
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

/// The part of the repository's configuration that says how its files are stored.
#[derive(Debug, Default)]
struct Settings {
    format: Format,
    copied: Vec<(String, String)>,
}

impl Settings {
    /// Reads the one file, and none that it includes.
    async fn read(program: &Program, folder: &Path, config: &Path) -> Result<Self, Error> {
        let file = path(config)?;
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
            match name {
                "extensions.objectformat" => {
                    settings.format.is_sha256 = value.eq_ignore_ascii_case("sha256");
                }
                "extensions.refstorage" => {
                    settings.format.has_reftable = value.eq_ignore_ascii_case("reftable");
                }
                _ => {}
            }
            let is_word = value.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if COPIED.contains(&name) && is_word {
                settings.copied.push((name.to_owned(), value.to_owned()));
            }
        }
        settings
    }

    /// The environment in which git sees our directory, with the repository's objects.
    fn variables(
        self,
        folder: &Path,
        place: &Place,
        excluded: Option<PathBuf>,
    ) -> Result<Vec<(String, String)>, Error> {
        let excluded = excluded.unwrap_or_else(|| PathBuf::from("/dev/null"));
        let ours = OURS.iter();
        let mut settings = self.copied;
        settings.extend(ours.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        settings.push(("core.excludesFile".to_owned(), path(&excluded)?));
        let mut variables = vec![
            ("GIT_DIR".to_owned(), path(folder)?),
            ("GIT_WORK_TREE".to_owned(), path(&place.top)?),
            ("GIT_INDEX_FILE".to_owned(), path(&folder.join("index"))?),
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
    text.ok_or_else(|| Error::Failed("the repository's path is not UTF-8".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_settings_are_taken_over() {
        let listed = "core.autocrlf\ninput\0core.fsmonitor\n/tmp/evil\0core.worktree\n/etc\0\
                      filter.x.clean\nevil %f\0core.eol\nlf; evil\0core.filemode\0\
                      extensions.objectformat\nsha256\0\
                      extensions.refstorage\nreftable\0include.path\n/etc/passwd\0";
        let settings = Settings::of(listed);
        let copied: Vec<_> = settings
            .copied
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(copied, ["core.autocrlf=input", "core.filemode=true"]);
        assert!(settings.format.is_sha256 && settings.format.has_reftable);
    }
}
