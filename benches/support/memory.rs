//! The memory of a process.

use nix::unistd::Pid;

/// Resident and proportional memory, in MiB.
pub(crate) fn of(pid: Pid) -> (f64, f64) {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let of = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib / 1_024.0
    };
    (of("Rss:"), of("Pss:"))
}
