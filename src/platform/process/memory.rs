//! Memory that the allocator keeps for later.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// The time between two returns of free memory. Each walks the free lists, which takes about a
/// millisecond.
const EVERY: Duration = Duration::from_secs(10);

/// Gives free memory back to the system until the process ends: soon after the start, whose patterns
/// and certificates leave a third of the heap free, and after bursts. The allocator of the C library
/// keeps it otherwise.
pub async fn keep_giving_back(stopping: CancellationToken) {
    let mut wait = Duration::from_secs(1);
    while stopping
        .run_until_cancelled(tokio::time::sleep(wait))
        .await
        .is_some()
    {
        give_back();
        wait = EVERY;
    }
}

#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "no crate of ours has this call")]
fn give_back() {
    // SAFETY: it takes no pointer and may be called by any thread (malloc_trim(3)).
    unsafe { nix::libc::malloc_trim(0) };
}

#[cfg(not(target_env = "gnu"))]
fn give_back() {}
