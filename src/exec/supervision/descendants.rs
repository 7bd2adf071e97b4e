//! Finding the processes that a supervisor watches over.

use std::collections::BTreeMap;

use nix::unistd::Pid;

/// Our children, their children, and so on, as the list of all processes shows them.
pub fn descendants() -> Vec<Pid> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let parent = std::fs::read_to_string(process.path().join("stat")).ok();
        if let (Some(pid), Some(parent)) = (pid, parent.as_deref().and_then(parent_of)) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = vec![std::process::id().cast_signed()];
    let mut next = 0;
    while let Some(parent) = found.get(next) {
        found.extend(children.remove(parent).into_iter().flatten());
        next += 1;
    }
    found.into_iter().skip(1).map(Pid::from_raw).collect()
}

/// The parent in a line of `/proc/PID/stat`. The name before it is in parentheses and may itself hold
/// spaces and parentheses.
fn parent_of(stat: &str) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// [`descendants`], as each process lists its children: cheap, but a child can be missing while others
/// end, and some kernels keep no such lists.
pub fn quick_look() -> Vec<Pid> {
    let own = std::process::id().cast_signed();
    let Some(mut found) = children(own) else {
        return descendants();
    };
    let mut next = 0;
    while let Some(parent) = found.get(next) {
        found.extend(children(*parent).unwrap_or_default());
        next += 1;
    }
    found.into_iter().map(Pid::from_raw).collect()
}

fn children(pid: i32) -> Option<Vec<i32>> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let mut children = Vec::new();
    for thread in threads.flatten() {
        let list = std::fs::read_to_string(thread.path().join("children")).ok()?;
        children.extend(
            list.split_whitespace()
                .filter_map(|pid| pid.parse::<i32>().ok()),
        );
    }
    Some(children)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_a_hostile_name() {
        assert_eq!(parent_of("12 (a) b (c) R 7 12 12 0"), Some(7));
        assert_eq!(parent_of("12 () 1 (x)) S 42 0"), Some(42));
        assert_eq!(parent_of("nonsense"), None);
    }
}
