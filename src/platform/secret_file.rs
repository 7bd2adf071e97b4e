//! Secrets in files: those of a development server, made once and kept in the data folder, and those
//! that an operator puts into one.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::platform::secret::SecretString;

/// The characters of a secret: 32 random bytes in base64.
const SECRET_CHARS: usize = 43;

/// Why there is no development secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// The file or its folder could not be read or made.
    #[error("the secret `{path}` could not be read or created")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("`{0}` does not hold a secret; remove it, and a new one is created")]
    Damaged(PathBuf),
    /// Others could read it, so it protects nothing.
    #[error("`{0}` can be read by others; remove it, and a new one is created")]
    Exposed(PathBuf),
}

/// The longest secret that is read from an operator's file, in bytes.
const MAX_GIVEN_BYTES: u64 = 64 * 1024;

/// The secret in a file that an operator names, without the line's end that editors leave. The rights to
/// the file are up to the operator who mounts it: a secret of Kubernetes is a link to a file with wide
/// permissions in a folder with narrow ones.
pub fn given(path: &Path) -> io::Result<SecretString> {
    let mut text = String::new();
    let file = fs::File::open(path)?;
    file.take(MAX_GIVEN_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_GIVEN_BYTES {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    Ok(SecretString::from(text.trim().to_owned()))
}

/// The secret with this name in `data_dir`, 32 random bytes as unpadded base64, made on first use, so
/// that all commands on a machine agree.
///
/// Two processes that start at once get the same secret: each writes its own file and links it to
/// the name, which succeeds for exactly one of them; both then read what is there. A file that is
/// there is whole, because it is linked only after it was written and synced.
pub fn development_secret(data_dir: &Path, name: &str) -> Result<SecretString, SecretFileError> {
    let path = data_dir.join(name);
    let failed = |source| SecretFileError::Io {
        path: path.clone(),
        source,
    };
    if !path.try_exists().map_err(failed)? {
        create(data_dir, name).map_err(failed)?;
    }
    let mode = fs::metadata(&path).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(SecretFileError::Exposed(path));
    }
    let text = fs::read_to_string(&path).map_err(failed)?;
    let secret = text.trim();
    if secret.len() < SECRET_CHARS {
        return Err(SecretFileError::Damaged(path));
    }
    Ok(SecretString::from(secret.to_owned()))
}

fn create(data_dir: &Path, name: &str) -> io::Result<()> {
    fs::create_dir_all(data_dir)?;
    let suffix: u64 = rand::random();
    let draft = data_dir.join(format!(".{name}.{suffix:016x}"));
    let outcome = write(&draft).and_then(|()| match fs::hard_link(&draft, data_dir.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    // The draft has done its work, or is of no use. When it cannot be removed it only takes room.
    if let Err(error) = fs::remove_file(&draft) {
        tracing::debug!(%error, path = %draft.display(), "a draft of the secret stays behind");
    }
    outcome
}

fn write(draft: &Path) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)?;
    let bytes: [u8; 32] = rand::random();
    file.write_all(URL_SAFE_NO_PAD.encode(bytes).as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "jwt_secret";
    use crate::platform::secret::ExposeSecret;

    #[test]
    fn the_secret_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/b");
        let first = development_secret(&data, FILE).unwrap();
        let again = development_secret(&data, FILE).unwrap();
        assert_eq!(first.expose_secret(), again.expose_secret());
        assert_eq!(first.expose_secret().len(), 43);
        let mode = fs::metadata(data.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn many_that_start_at_once_agree() {
        let folder = tempfile::tempdir().unwrap();
        let secrets: Vec<String> = std::thread::scope(|scope| {
            let starting: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| development_secret(folder.path(), FILE).unwrap()))
                .collect();
            starting
                .into_iter()
                .map(|one| one.join().unwrap().expose_secret().to_owned())
                .collect()
        });
        assert!(secrets.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        development_secret(folder.path(), FILE).unwrap();
        let path = folder.path().join(FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            development_secret(folder.path(), FILE),
            Err(SecretFileError::Exposed(_))
        ));
    }

    #[test]
    fn an_empty_file_is_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        development_secret(folder.path(), FILE).unwrap();
        fs::write(folder.path().join(FILE), "").unwrap();
        assert!(matches!(
            development_secret(folder.path(), FILE),
            Err(SecretFileError::Damaged(_))
        ));
    }
}
