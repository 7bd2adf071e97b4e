//! Finding processes by the mark that everything a run starts carries in its environment.
//!
//! Supervisors are started before there is a run, and close their environment to others: they carry the
//! mark in their name (`proc_pid_comm(5)`), which they take on with their order.

use std::ffi::CString;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sha2::{Digest, Sha256};

use crate::platform::hex::hex;

/// Kills every process that carries a run's mark, and returns their number. Supervisors go first: their
/// note of a command that was killed would not be its outcome.
///
/// Supervisors leave none unless they are killed themselves. This is for that case, and for processes of
/// a run on this machine whose server was killed in the middle of it.
pub async fn sweep(mark: &str) -> usize {
    let (wanted, name) = (format!("{MARK}={mark}").into_bytes(), supervisor_name(mark));
    let swept = tokio::task::spawn_blocking(move || {
        let mut killed = 0;
        // Some may fork while others are killed; a few rounds see to that.
        for _ in 0..10 {
            let found = marked(&wanted, &name);
            if found.is_empty() {
                break;
            }
            for pid in found {
                killed += usize::from(kill(pid, Signal::SIGKILL).is_ok());
            }
        }
        killed
    });
    swept.await.unwrap_or_default()
}

/// The name of a run's supervisors: as much of a digest of its mark as fits in fifteen bytes.
pub fn supervisor_name(mark: &str) -> CString {
    let digest = hex(&Sha256::digest(mark)[..5]);
    CString::new(format!("navi:{digest}")).unwrap_or_default()
}

/// True for a process with this name that is alive: a dead one has no command line.
fn has_name(process: &Path, name: &CString) -> bool {
    let read = |file| std::fs::read(process.join(file)).unwrap_or_default();
    read("comm").trim_ascii_end() == name.as_bytes() && !read("cmdline").is_empty()
}

/// The supervisors with this name, and then the processes with this variable.
fn marked(wanted: &[u8], name: &CString) -> Vec<Pid> {
    let own = std::process::id().cast_signed();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let (mut supervisors, mut others) = (Vec::new(), Vec::new());
    for process in processes {
        let pid = process
            .file_name()
            .to_str()
            .and_then(|pid| pid.parse().ok());
        let Some(pid) = pid.filter(|pid| *pid != own).map(Pid::from_raw) else {
            continue;
        };
        let process = process.path();
        // A process that is dead already has an empty environment.
        let environment = std::fs::read(process.join("environ")).unwrap_or_default();
        if has_name(&process, name) {
            supervisors.push(pid);
        } else if environment.split(|byte| *byte == 0).any(|it| it == wanted) {
            others.push(pid);
        }
    }
    supervisors.extend(others);
    supervisors
}

/// The variable whose value marks what a run started.
pub const MARK: &str = "NAVI_RUN_ID";
