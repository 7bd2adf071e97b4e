//! Dropping every privilege beyond those of the user.

use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

use crate::exec::sandbox::error::WallError;
use crate::exec::sandbox::wall::CommandUser;

/// Becomes another user for good. Only root can.
pub fn become_user(user: CommandUser) -> Result<(), WallError> {
    let failed = "becoming the user of commands";
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    setgroups(&[gid]).map_err(WallError::at(failed))?;
    setresgid(gid, gid, gid).map_err(WallError::at(failed))?;
    setresuid(uid, uid, uid).map_err(WallError::at(failed))
}

/// Gives up every capability, and every way to get one back: by files that carry them, by programs of
/// root, by the user's id.
pub fn drop_all() -> Result<(), WallError> {
    let failed = "dropping capabilities";
    set_no_new_privs(true).map_err(WallError::at(failed))?;
    for capability in CapabilitySet::all().iter() {
        // Refused to a process that has none anyway, and for those that this kernel does not know.
        let _has_none = remove_capability_from_bounding_set(capability);
    }
    // Kernels before 4.3 have no ambient ones.
    let _unknown = clear_ambient_capability_set();
    let nothing = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, nothing).map_err(WallError::at(failed))
}
