//! Secrets that stand in files, as systemd's credentials and mounted secrets do.
//!
//! Every setting that is a secret, by its type, has a second one whose name ends with `_FILE`. The files
//! are read before the settings are, so no slice knows where its secrets came from.

use std::any::TypeId;
use std::io;
use std::path::{Path, PathBuf};

use clap::builder::OsStr;
use clap::{Arg, ArgMatches, Command, value_parser};

use crate::config::environment::prepared;
use crate::platform::secret::{ExposeSecret, SecretString};
use crate::platform::secret_file;

/// A secret cannot be had from the file that a setting names.
#[derive(Debug, thiserror::Error)]
#[error("{setting} names `{}`, which cannot be used: {source}", path.display())]
pub struct UnusableFile {
    /// The setting.
    pub setting: String,
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub source: io::Error,
}

/// The secrets that were read from files.
#[derive(Debug, Default)]
pub struct FiledSecrets(Vec<FiledSecret>);

#[derive(Debug)]
struct FiledSecret {
    /// The argument that the secret belongs to.
    id: String,
    path: PathBuf,
    secret: SecretString,
}

/// The reason for which a command line cannot be used.
#[derive(Debug)]
pub enum Unmatched {
    /// It is not written as it should be, or asks for help.
    Usage(clap::Error),
    /// A file without a secret is named.
    File(UnusableFile),
}

/// The command that was called, with the secrets that its settings leave to files.
pub fn matched(command: Command) -> Result<(ArgMatches, FiledSecrets), Unmatched> {
    let plain = with_files(command);
    let command = prepared(plain.clone());
    let matches = command.clone().try_get_matches();
    let matches = matches.map_err(Unmatched::Usage)?;
    let files = FiledSecrets::read(&plain, &matches).map_err(Unmatched::File)?;
    if files.is_empty() {
        return Ok((matches, files));
    }
    let matches = files.put_into(command).try_get_matches();
    Ok((matches.map_err(Unmatched::Usage)?, files))
}

/// True if a setting holds a secret.
pub fn is_secret(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == TypeId::of::<SecretString>()
}

/// The same command line, on which every secret may be named by its file.
fn with_files(command: Command) -> Command {
    let files: Vec<_> = command
        .get_arguments()
        .filter(|arg| is_secret(arg))
        .filter_map(file_of)
        .collect();
    command.args(files).mut_subcommands(with_files)
}

/// The argument that names the file of a secret. It is not in the help, which would double.
fn file_of(secret: &Arg) -> Option<Arg> {
    let (variable, flag) = (secret.get_env()?.to_str()?, secret.get_long()?);
    let file = Arg::new(file_id(secret.get_id().as_str()))
        .long(format!("{flag}-file"))
        .env(OsStr::from(format!("{variable}_FILE")))
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .conflicts_with(secret.get_id().clone())
        .hide(true);
    Some(file)
}

fn file_id(secret: &str) -> String {
    format!("{secret}_file")
}

impl FiledSecrets {
    /// Reads the files that the called one among these commands was given.
    fn read(command: &Command, matches: &ArgMatches) -> Result<Self, UnusableFile> {
        let (mut command, mut matches) = (command, matches);
        while let Some((name, deeper)) = matches.subcommand() {
            let Some(found) = command.find_subcommand(name) else {
                break;
            };
            (command, matches) = (found, deeper);
        }
        let mut files = Vec::new();
        for arg in command.get_arguments().filter(|arg| is_secret(arg)) {
            let id = arg.get_id().as_str();
            let named = matches.try_get_one::<PathBuf>(&file_id(id));
            let Ok(Some(path)) = named else { continue };
            let secret = usable(path).map_err(|source| UnusableFile {
                setting: format!("{}_FILE", arg.get_env().unwrap_or_default().display()),
                path: path.clone(),
                source,
            })?;
            files.push(FiledSecret {
                id: id.to_owned(),
                path: path.clone(),
                secret,
            });
        }
        Ok(Self(files))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same command line, on which the secrets are what they are in the files.
    fn put_into(&self, command: Command) -> Command {
        let command = command.mut_args(|arg| {
            let file = self.0.iter().find(|file| *arg.get_id() == *file.id);
            match file {
                Some(file) => arg
                    .default_value(OsStr::from(file.secret.expose_secret().to_owned()))
                    .hide_default_value(true),
                None => arg,
            }
        });
        command.mut_subcommands(|deeper| self.put_into(deeper))
    }

    /// The files.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.0.iter().map(|file| file.path.clone()).collect()
    }
}

fn usable(path: &Path) -> io::Result<SecretString> {
    let secret = secret_file::given(path)?;
    if secret.expose_secret().is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is empty"));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use clap::Args as _;

    use super::*;
    use crate::config::settings::Config;

    fn command() -> Command {
        let leaf = Config::augment_args(Command::new("serve"));
        let command = Command::new("navi").subcommand(leaf);
        // Variables around the test are no part of it.
        with_files(command).mut_subcommands(|it| it.mut_args(|arg| arg.env(None::<&str>)))
    }

    #[test]
    fn every_secret_has_a_file_and_nothing_else_has_one() {
        let leaf = Config::augment_args(Command::new("navi"));
        let secrets: Vec<_> = leaf.get_arguments().filter(|arg| is_secret(arg)).collect();
        assert!(secrets.len() >= 15, "{}", secrets.len());
        let with = with_files(leaf.clone());
        let (before, after) = (leaf.get_arguments().count(), with.get_arguments().count());
        assert_eq!(after - before, secrets.len());
        for secret in secrets {
            let variable = format!("{}_FILE", secret.get_env().unwrap().display());
            let is_there = |arg: &Arg| arg.get_env().is_some_and(|env| *env == *variable);
            assert!(with.get_arguments().any(is_there), "{variable}");
        }
    }

    #[test]
    fn a_secret_in_a_file_is_read_without_the_ends_of_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt");
        std::fs::write(&path, "a-planted-secret\n").unwrap();
        let line = ["navi", "serve", "--jwt-secret-file", path.to_str().unwrap()];
        let matches = command().try_get_matches_from(line).unwrap();
        let files = FiledSecrets::read(&command(), &matches).unwrap();
        assert_eq!(files.paths(), std::slice::from_ref(&path));
        assert!(!format!("{files:?}").contains("planted"));
        let filled = files.put_into(command());
        let help = filled
            .clone()
            .find_subcommand_mut("serve")
            .unwrap()
            .render_long_help();
        assert!(!help.to_string().contains("planted"));
        let matches = filled.try_get_matches_from(line).unwrap();
        let (_, matches) = matches.subcommand().unwrap();
        let secret = matches.get_one::<SecretString>("jwt_secret").unwrap();
        assert_eq!(secret.expose_secret(), "a-planted-secret");
    }

    #[test]
    fn a_file_that_is_missing_or_empty_is_named_with_its_setting() {
        let folder = tempfile::tempdir().unwrap();
        let (missing, empty) = (folder.path().join("missing"), folder.path().join("empty"));
        std::fs::write(&empty, " \n").unwrap();
        // Without variables, which the message names, nothing would be read.
        let leaf = Config::augment_args(Command::new("serve"));
        let named = with_files(Command::new("navi").subcommand(leaf));
        for path in [missing, empty] {
            let path = path.to_str().unwrap();
            let line = ["navi", "serve", "--openai-api-key-file", path];
            let matches = command().try_get_matches_from(line).unwrap();
            let error = FiledSecrets::read(&named, &matches)
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("OPENAI_API_KEY_FILE") && error.contains(path),
                "{error}"
            );
        }
    }
}
