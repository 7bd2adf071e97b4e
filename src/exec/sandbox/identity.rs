//! The user that commands run as when the server is root.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::exec::sandbox::kernel::mounts::ownership;
use crate::exec::sandbox::machine::Sandbox;
use crate::exec::sandbox::wall::{CommandUser, Tier};

/// The user of a run's commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandIdentity {
    /// The user.
    pub user: CommandUser,
    /// True if the files of root that it may write are shown to it as its own.
    pub shown_as_own: bool,
}

impl CommandIdentity {
    /// The identity of commands that work in a folder: root steps down to the folder's owner. Where that
    /// is root too, it becomes a user without rights if the file system can show root's files as that
    /// user's. None is the server's own user. Blocks.
    pub fn of_work_in(folder: &Path, sandbox: &Sandbox) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            return None;
        }
        let owner = fs::metadata(folder).ok()?;
        if owner.uid() != 0 {
            let (uid, gid) = (owner.uid(), owner.gid());
            return Some(Self {
                user: CommandUser { uid, gid },
                shown_as_own: false,
            });
        }
        let can = sandbox.tier() == Tier::Full && can_be_shown_as_own(folder, sandbox.program());
        can.then_some(Self {
            user: CommandUser::WITHOUT_RIGHTS,
            shown_as_own: true,
        })
    }
}

/// Tries it out in a process of its own, which needs to have a single thread.
fn can_be_shown_as_own(folder: &Path, program: &Path) -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where ownership is tried out"
    )]
    let mut trial = Command::new(program);
    let tried = trial
        .arg0("navi-trial")
        .arg(ownership::ARGUMENT)
        .arg(folder)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}
