//! The machine that figures were measured on, and what else it was busy with.

/// The processors, the memory, the kernel, and the load when it began.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let count = processors.matches("processor\t").count();
    let field = |text: &str, name: &str| {
        let mut lines = text.lines();
        let line = lines.find_map(|line| Some(line.strip_prefix(name)?.split_once(':')?.1));
        line.unwrap_or_default().trim().to_owned()
    };
    let model = field(&processors, "model name");
    let memory = field(&read("/proc/meminfo"), "MemTotal");
    let kib: u64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel = kernel.trim().split(['-', '+']).next().unwrap_or_default();
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "{count} virtual processors ({model}), {} GiB, Linux {kernel}, load {load} at the beginning",
        kib / 1_048_576
    )
}

/// Version and build of this program.
pub fn program() -> String {
    let build = if cfg!(debug_assertions) {
        "debug build"
    } else {
        "release build"
    };
    format!("navi {}, {build}", env!("CARGO_PKG_VERSION"))
}
