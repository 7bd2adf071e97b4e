//! Finding processes by the mark that everything a run starts carries in its environment.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Kills every process that carries a run's mark, and returns how many there were.
///
/// Supervisors leave none unless they are killed themselves; this is for that, and for what a run left
/// on this machine whose server was killed in the middle of it.
pub async fn sweep(mark: &str) -> usize {
    let wanted = format!("{MARK}={mark}").into_bytes();
    let swept = tokio::task::spawn_blocking(move || {
        let mut killed = 0;
        // Some may fork while others are killed; a few rounds see to that.
        for _ in 0..10 {
            let found = marked(&wanted);
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

fn marked(wanted: &[u8]) -> Vec<Pid> {
    let own = std::process::id().cast_signed();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pid = |process: std::fs::DirEntry| -> Option<Pid> {
        let pid: i32 = process.file_name().to_str()?.parse().ok()?;
        // What is dead already has an empty environment.
        let environment = std::fs::read(process.path().join("environ")).ok()?;
        let marked = environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == wanted);
        (marked && pid != own).then(|| Pid::from_raw(pid))
    };
    processes.filter_map(pid).collect()
}

/// The variable whose value marks what a run started.
pub const MARK: &str = "NAVI_RUN_ID";
