//! Under which user Postgres runs: it refuses to run as root, and for users it cannot look up.

use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::Path;

use nix::unistd::{Gid, Uid, User, getegid, geteuid};

use crate::platform::embedded_postgres::error::Error;

/// Under which user Postgres runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// Our own.
    Own,
    /// An unprivileged user of the system, when we are root.
    Other {
        /// Its user id.
        uid: u32,
        /// Its group id.
        gid: u32,
    },
    /// Our own, but seen by Postgres as an ordinary user: for root whose data folder no one else
    /// can reach, and for containers whose user has no entry in `/etc/passwd`.
    Namespace {
        /// The user id inside the namespace.
        uid: u32,
        /// The group id inside the namespace.
        gid: u32,
    },
}

impl Account {
    /// Chooses the user for a cluster in `folder`.
    ///
    /// As root another user comes first: inside a user namespace Postgres would still be root to
    /// the files of the machine.
    pub fn choose(folder: &Path) -> Self {
        let user = |name: &str| User::from_name(name).ok().flatten();
        let me = geteuid();
        if me.is_root() {
            // The user that the distribution made for this, then the one everybody has.
            let candidates = ["postgres", "nobody"].into_iter().filter_map(user);
            for candidate in candidates {
                let (uid, gid) = (candidate.uid.as_raw(), candidate.gid.as_raw());
                if uid != 0 && reachable(folder, uid, gid) {
                    return Self::Other { uid, gid };
                }
            }
        } else if User::from_uid(me).is_ok_and(|user| user.is_some()) {
            return Self::Own;
        }
        let inside = ["postgres", "daemon", "nobody"].into_iter().find_map(user);
        let (uid, gid) = inside.map_or((65534, 65534), |user| {
            (user.uid.as_raw(), user.gid.as_raw())
        });
        Self::Namespace { uid, gid }
    }

    /// The user and group that the files of the cluster belong to.
    pub fn owner(self) -> (u32, u32) {
        match self {
            Self::Other { uid, gid } => (uid, gid),
            Self::Own | Self::Namespace { .. } => (geteuid().as_raw(), getegid().as_raw()),
        }
    }

    /// Gives the folder and all in it to the account, where it is not its own already.
    ///
    /// Only root does that, and only with what belongs to root. In a folder of a third user that
    /// user could put a link to anything in our way while we walk through it.
    pub fn take_over(self, path: &Path) -> Result<(), Error> {
        let (uid, gid) = self.owner();
        let owner = std::fs::symlink_metadata(path)
            .map_err(Error::file("cannot look at", path))?
            .uid();
        if owner == uid {
            return Ok(());
        }
        if !geteuid().is_root() || owner != 0 {
            return Err(Error::Foreign {
                path: path.to_owned(),
                owner,
                wanted: uid,
            });
        }
        // The top goes last, so that an interrupted change is taken up again.
        give(path, Uid::from_raw(uid), Gid::from_raw(gid))
            .map_err(Error::file("cannot change the owner of", path))
    }
}

/// Links are given away, never followed.
fn give(path: &Path, uid: Uid, gid: Gid) -> std::io::Result<()> {
    if std::fs::symlink_metadata(path)?.is_dir() {
        for entry in std::fs::read_dir(path)? {
            give(&entry?.path(), uid, gid)?;
        }
    }
    lchown(path, Some(uid.as_raw()), Some(gid.as_raw()))
}

/// True when a user without further groups can pass through every folder above `path`.
fn reachable(path: &Path, uid: u32, gid: u32) -> bool {
    path.ancestors().skip(1).all(|folder| {
        std::fs::metadata(folder).is_ok_and(|metadata| {
            let mode = metadata.permissions().mode();
            let bit = if metadata.uid() == uid {
                0o100
            } else if metadata.gid() == gid {
                0o010
            } else {
                0o001
            };
            mode & bit != 0
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_below_one_that_is_closed_cannot_be_reached_by_others() {
        let base = tempfile::tempdir().unwrap();
        let closed = base.path().join("closed");
        std::fs::create_dir(&closed).unwrap();
        std::fs::set_permissions(base.path(), PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o700)).unwrap();
        let (me, my_group) = (geteuid().as_raw(), getegid().as_raw());
        let stranger = me + 4242;
        assert!(reachable(&closed, stranger, stranger));
        assert!(!reachable(&closed.join("deeper"), stranger, stranger));
        assert!(reachable(&closed.join("deeper"), me, my_group));
    }
}
