//! Hides the process's memory and environment from others of the same user: commands of the agent run
//! beside it.

use nix::sys::prctl::set_dumpable;

/// Closes the process's memory and environment, with the secrets in them, to every other process
/// without the right to trace any (`CAP_SYS_PTRACE`, which root has): `/proc/PID/environ`,
/// `/proc/PID/mem`, `/proc/PID/fd`, debuggers and core dumps. A program that this one starts is
/// open again.
pub fn close_to_others() -> std::io::Result<()> {
    Ok(set_dumpable(false)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_process_still_reads_its_own_files() {
        close_to_others().unwrap();
        assert!(!nix::sys::prctl::get_dumpable().unwrap());
        for own in ["environ", "stat", "fd", "exe"] {
            assert!(
                std::fs::metadata(format!("/proc/self/{own}")).is_ok(),
                "{own}"
            );
        }
        // `environ` itself now belongs to root; only root would get it open.
        assert!(std::fs::read_dir("/proc/self/fd").unwrap().count() > 2);
        assert!(std::fs::read_link("/proc/self/exe").unwrap().is_absolute());
    }
}
