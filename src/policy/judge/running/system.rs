//! Programs that the system's packages install.

/// Folders of the programs that the system's packages install.
const SYSTEM: &[&str] = &[
    "/bin/",
    "/usr/bin/",
    "/usr/local/bin/",
    "/sbin/",
    "/usr/sbin/",
    "/usr/local/sbin/",
    "/usr/local/go/bin/",
    "/opt/homebrew/bin/",
    "~/.cargo/bin/",
    "~/.local/bin/",
    "~/go/bin/",
    "~/.nvm/",
    "~/.volta/bin/",
    "~/.bun/bin/",
    "~/.deno/bin/",
];

/// True if a path is that of a program which the system's packages install.
pub(in crate::policy::judge) fn is_system(path: &str) -> bool {
    SYSTEM.iter().any(|folder| path.starts_with(folder)) && !path.contains("..")
}
