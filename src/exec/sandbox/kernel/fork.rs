//! The one place where a process of ours is divided.

use nix::unistd::ForkResult;

use crate::exec::sandbox::error::WallError;

/// Divides this process. It must have one thread, as supervisors and holders do: then the child may do
/// whatever its parent could.
#[expect(
    unsafe_code,
    reason = "in a process with several threads a child could wait for a lock that another thread \
              held; these have one"
)]
pub fn fork() -> Result<ForkResult, WallError> {
    // SAFETY: this process has a single thread.
    unsafe { nix::unistd::fork() }.map_err(WallError::at("starting a process"))
}
