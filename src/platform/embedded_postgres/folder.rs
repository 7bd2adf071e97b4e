//! The folder of the cluster: who may use it, and what an earlier life left in it.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::geteuid;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::platform::embedded_postgres::account::Account;
use crate::platform::embedded_postgres::error::Error;
use crate::platform::embedded_postgres::process::pause;

/// Postgres' name for its socket, with a slash before it.
const SOCKET_NAME: &str = "/.s.PGSQL.5432";
/// The longest path of a Unix socket, in bytes; the kernel has room for one more, a NUL.
const SOCKET_PATH_LIMIT: usize = 107;
/// The number of tries, and the pause between them, before a held lock counts as held.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(10);
/// The folder of a cluster, held by this process alone.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    /// Released by the system when the process ends, however it ends. Not inherited by Postgres:
    /// Rust opens files close-on-exec.
    _lock: File,
}

impl Folder {
    /// Makes the folder if need be and takes hold of it, or says who else has.
    pub fn open(data_dir: &Path) -> Result<Self, Error> {
        // Everyone may pass through the data folder when root makes it, for Postgres runs as another
        // user; only root may look inside it.
        let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
        make_folder(data_dir, mode)?;
        // The same folder under two names must be the same folder to us, and processes that run
        // in it are recognised by its real name.
        let data_dir = data_dir
            .canonicalize()
            .map_err(Error::file("cannot find", data_dir))?;
        let root = data_dir.join("postgres");
        make_folder(&root, 0o700)?;
        let lock = take_lock(&root)?;
        Ok(Self { root, _lock: lock })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The place of the cluster.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The place where a cluster is made before it is complete.
    pub fn unfinished(&self) -> PathBuf {
        self.root.join("data.new")
    }

    /// The log of Postgres.
    pub fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// The major version that made the cluster, or nothing when there is none yet.
    pub fn cluster_version(&self) -> Result<Option<u32>, Error> {
        version_of(&self.data())
    }

    /// Makes a new password for a cluster that is about to be made.
    pub fn new_password(&self) -> Result<SecretString, Error> {
        // 256 random bits.
        let (one, other): (u128, u128) = rand::random();
        let password = SecretString::from(format!("{one:032x}{other:032x}"));
        write_secret(&self.root.join("password"), &password)?;
        Ok(password)
    }

    /// The password of the cluster that is there.
    pub fn password(&self) -> Result<SecretString, Error> {
        let file = self.root.join("password");
        match std::fs::read_to_string(&file) {
            Ok(text) => Ok(SecretString::from(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(Error::PasswordLost(file))
            }
            Err(error) => Err(Error::file("cannot read", file)(error)),
        }
    }

    /// A file with the password that the account can read; the caller removes it.
    pub fn password_for_initdb(
        &self,
        password: &SecretString,
        account: Account,
    ) -> Result<PathBuf, Error> {
        let file = self.root.join("password.initdb");
        write_secret(&file, password)?;
        account.take_over(&file)?;
        Ok(file)
    }

    /// The folder of the socket: inside ours where its path is short enough for one, else a folder
    /// under `/tmp` that only the account may enter.
    pub fn socket_folder(&self, account: Account) -> Result<PathBuf, Error> {
        let inside = self.root.join("s");
        let folder = if fits_a_socket(&inside) {
            inside
        } else {
            let digest = Sha256::digest(self.root.as_os_str().as_bytes());
            let name = digest.first_chunk().copied().map(u64::from_be_bytes);
            PathBuf::from(format!(
                "/tmp/navi-{}-{:016x}",
                geteuid(),
                name.unwrap_or_default()
            ))
        };
        make_folder(&folder, 0o700)?;
        // Under /tmp anyone could have made it before us. A folder that is closed to everybody
        // else and belongs to us or to the account can only have been made by us.
        let metadata =
            std::fs::symlink_metadata(&folder).map_err(Error::file("cannot look at", &folder))?;
        let (owner, _) = account.owner();
        let ours = metadata.uid() == geteuid().as_raw() || metadata.uid() == owner;
        if !metadata.is_dir() || !ours || metadata.permissions().mode() & 0o077 != 0 {
            return Err(Error::File {
                what: "cannot use",
                path: folder,
                source: std::io::Error::other("it is not a folder that only we may enter"),
                mend: "remove it",
            });
        }
        account.take_over(&folder)?;
        Ok(folder)
    }

    /// Removes what a killed Postgres left in our way. To be called only when no process uses the
    /// cluster, for these files are what Postgres itself recognises such a process by.
    ///
    /// Postgres does that too, but it believes in any process that has the number in the file: a zombie
    /// that was not waited for, or a later process with the same number.
    pub fn clear_stale_locks(&self, socket_folder: &Path) -> Result<(), Error> {
        let socket = socket_folder.join(&SOCKET_NAME[1..]);
        let mut socket_lock = socket.clone().into_os_string();
        socket_lock.push(".lock");
        for file in [
            self.data().join("postmaster.pid"),
            socket,
            PathBuf::from(socket_lock),
        ] {
            match std::fs::remove_file(&file) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::file("cannot remove", file)(error)),
            }
        }
        Ok(())
    }
}

/// The major version of the cluster in `data`; nothing when there is no cluster.
pub fn version_of(data: &Path) -> Result<Option<u32>, Error> {
    if !data.exists() {
        return Ok(None);
    }
    let file = data.join("PG_VERSION");
    let text = std::fs::read_to_string(&file).map_err(Error::file("cannot read", &file))?;
    let major = text.trim().split('.').next().and_then(|n| n.parse().ok());
    // Never taken for an empty folder: it may hold the user's only data.
    major.map(Some).ok_or_else(|| Error::File {
        what: "cannot understand",
        path: file,
        source: std::io::Error::other("it names no version"),
        mend: "move the folder away to start with an empty database",
    })
}

/// A list of one folder, as Postgres' setting takes it: quoted, for commas separate.
pub(super) fn as_postgres_list(folder: &Path) -> OsString {
    let mut quoted = vec![b'"'];
    for byte in folder.as_os_str().as_bytes() {
        if *byte == b'"' {
            quoted.push(b'"');
        }
        quoted.push(*byte);
    }
    quoted.push(b'"');
    OsString::from_vec(quoted)
}

fn fits_a_socket(folder: &Path) -> bool {
    folder.as_os_str().len() + SOCKET_NAME.len() <= SOCKET_PATH_LIMIT
}

fn make_folder(folder: &Path, mode: u32) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(folder)
        .map_err(Error::file("cannot make the folder", folder))
}

fn take_lock(root: &Path) -> Result<File, Error> {
    let path = root.join("lock");
    let failed = |what| Error::file(what, &path);
    let mut lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(failed("cannot open"))?;
    let mut tries_left = LOCK_TRIES;
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            // `navi doctor` looks whether the lock is held, and a process that was being started
            // when its holder let go has it until it is itself: both are gone in a moment.
            Err(TryLockError::WouldBlock) if tries_left > 0 => {
                tries_left -= 1;
                pause(LOCK_PAUSE);
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Error::InUse {
                    folder: root.to_owned(),
                    holder: read_holder(&mut lock),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed("cannot lock")(error)),
        }
    }
    lock.set_len(0)
        .and_then(|()| writeln!(lock, "{}", std::process::id()))
        .map_err(failed("cannot write"))?;
    Ok(lock)
}

/// The process that uses the cluster in this data folder now, if any; changes nothing.
pub fn holder(data_dir: &Path) -> Option<String> {
    let mut lock = File::open(data_dir.join("postgres/lock")).ok()?;
    match lock.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(read_holder(&mut lock)),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

fn read_holder(lock: &mut File) -> String {
    let mut holder = String::new();
    // The holder may be between taking the lock and writing its number.
    match lock.read_to_string(&mut holder) {
        Ok(_) if !holder.trim().is_empty() => holder.trim().to_owned(),
        Ok(_) | Err(_) => "(unknown)".to_owned(),
    }
}

fn write_secret(path: &Path, secret: &SecretString) -> Result<(), Error> {
    let write = || -> std::io::Result<()> {
        match std::fs::remove_file(path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(secret.expose_secret().as_bytes())?;
        file.sync_all()
    };
    write().map_err(Error::file("cannot write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_and_told_who_is_the_first() {
        let base = tempfile::tempdir().unwrap();
        let first = Folder::open(base.path()).unwrap();
        let error = Folder::open(base.path()).unwrap_err();
        let me = std::process::id().to_string();
        assert!(
            matches!(&error, Error::InUse { holder, .. } if *holder == me),
            "{error}"
        );
        drop(first);
        Folder::open(base.path()).unwrap();
    }

    #[test]
    fn the_same_folder_under_another_name_is_the_same_folder() {
        let base = tempfile::tempdir().unwrap();
        let real = base.path().join("real");
        let _first = Folder::open(&real).unwrap();
        let alias = base.path().join("alias");
        std::os::unix::fs::symlink(&real, &alias).unwrap();
        assert!(matches!(Folder::open(&alias), Err(Error::InUse { .. })));
    }

    #[test]
    fn a_short_path_keeps_the_socket_and_a_long_one_moves_it_where_nobody_else_may_enter() {
        let base = tempfile::tempdir().unwrap();
        let short = Folder::open(base.path()).unwrap();
        let inside = short.socket_folder(Account::Own).unwrap();
        assert!(inside.starts_with(base.path().canonicalize().unwrap()));

        let long = Folder::open(&base.path().join("a".repeat(120))).unwrap();
        let outside = long.socket_folder(Account::Own).unwrap();
        assert!(fits_a_socket(&outside));
        let mode = std::fs::metadata(&outside).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(outside, long.socket_folder(Account::Own).unwrap());

        // Another user's folder, or one that is open, is not entered.
        std::fs::set_permissions(&outside, PermissionsExt::from_mode(0o755)).unwrap();
        let error = long.socket_folder(Account::Own).unwrap_err();
        assert!(error.to_string().contains("only we may enter"), "{error}");
        std::fs::remove_dir(&outside).unwrap();
        std::os::unix::fs::symlink(base.path(), &outside).unwrap();
        assert!(long.socket_folder(Account::Own).is_err());
        std::fs::remove_file(&outside).unwrap();
    }

    #[test]
    fn the_limit_of_a_socket_path_counts_every_byte() {
        let longest = SOCKET_PATH_LIMIT - SOCKET_NAME.len();
        assert!(fits_a_socket(Path::new(&"x".repeat(longest))));
        assert!(!fits_a_socket(Path::new(&"x".repeat(longest + 1))));
    }

    #[test]
    fn a_folder_with_commas_and_quotes_is_one_folder_to_postgres() {
        assert_eq!(as_postgres_list(Path::new("/a,b\"c")), r#""/a,b""c""#);
    }

    #[test]
    fn a_password_is_readable_by_its_owner_alone_and_survives() {
        let base = tempfile::tempdir().unwrap();
        let folder = Folder::open(base.path()).unwrap();
        assert!(matches!(folder.password(), Err(Error::PasswordLost(_))));
        let made = folder.new_password().unwrap();
        let read = folder.password().unwrap();
        assert_eq!(made.expose_secret(), read.expose_secret());
        assert_eq!(made.expose_secret().len(), 64);
        let file = folder.root().join("password");
        let permissions = std::fs::metadata(file).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named_with_what_mends_it() {
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = Folder::open(&file.join("below")).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("/file/below") && text.contains("NAVI_DATA_DIR"),
            "{text}"
        );
    }
}
