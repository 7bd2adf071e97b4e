//! Figures of the kernel about processes and this machine (`/proc`).

use std::fs;
use std::path::Path;

/// Parts of a second in which the kernel counts processor time, on every architecture.
const TICKS: f64 = 100.0;

/// Seconds of processor time of a process so far; none if it is gone or on another machine.
pub fn processor_seconds(pid: u32) -> Option<f64> {
    let fields = stat_fields(pid)?;
    Some((number(&fields, 11)? + number(&fields, 12)?) / TICKS)
}

/// The same of this process.
pub fn own_processor_seconds() -> Option<f64> {
    processor_seconds(std::process::id())
}

/// The same of a Postgres on this machine, which has a session with this process id: of its sessions, its
/// helpers and those of them that ended.
pub fn postgres_processor_seconds(session: u32) -> Option<f64> {
    if read(&format!("/proc/{session}/comm"))?.trim() != "postgres" {
        return None;
    }
    let parent = parent(session)?;
    let own = stat_fields(parent)?;
    let ticks: Option<f64> = (11..=14).map(|at| number(&own, at)).sum();
    let children = fs::read_dir("/proc").ok()?.filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        (self::parent(pid)? == parent).then(|| processor_seconds(pid))?
    });
    Some(ticks? / TICKS + children.sum::<f64>())
}

/// Seconds that all processors of this machine together have worked since it was started.
pub fn machine_processor_seconds() -> Option<f64> {
    let text = read("/proc/stat")?;
    let fields: Vec<f64> = text
        .lines()
        .next()?
        .split_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    // user, nice, system, idle, waiting for disks, interrupts (two kinds), stolen.
    let busy: f64 = [0, 1, 2, 5, 6, 7]
        .into_iter()
        .filter_map(|at| fields.get(at))
        .sum();
    Some(busy / TICKS)
}

/// The processors that this program may use.
pub fn processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(1))
}

/// The load average of the last minute.
pub fn load_average() -> f64 {
    let text = read("/proc/loadavg").unwrap_or_default();
    let first = text.split(' ').next().unwrap_or_default();
    first.parse().unwrap_or_default()
}

/// A sentence about this machine.
pub fn describe_machine() -> String {
    let cpuinfo = read("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| Some(line.strip_prefix("model name")?.split_once(": ")?.1))
        .unwrap_or("an unknown processor");
    let memory = read("/proc/meminfo").unwrap_or_default();
    let kib: u64 = memory
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.trim().split(['-', '+']).next().unwrap_or_default();
    format!(
        "{} virtual processors ({model}), {} GiB, Linux {kernel}",
        processors(),
        kib / 1_048_576
    )
}

fn parent(pid: u32) -> Option<u32> {
    stat_fields(pid)?.get(1)?.parse().ok()
}

/// The fields behind the name of a process, which may hold spaces and parentheses.
fn stat_fields(pid: u32) -> Option<Vec<String>> {
    let text = read(&format!("/proc/{pid}/stat"))?;
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

fn number(fields: &[String], at: usize) -> Option<f64> {
    fields.get(at)?.parse().ok()
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(Path::new(path)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_and_this_machine_have_worked() {
        let own = own_processor_seconds().unwrap();
        let machine = machine_processor_seconds().unwrap();
        assert!(own >= 0.0 && machine > own, "{own} of {machine}");
        assert!(processors() > 0);
    }

    #[test]
    fn a_process_that_is_no_postgres_is_none() {
        assert_eq!(postgres_processor_seconds(std::process::id()), None);
        assert_eq!(processor_seconds(u32::MAX), None);
    }
}
