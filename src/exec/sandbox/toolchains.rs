//! The files that programs need: the system, and the toolchains in a home folder.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::libc;

/// Programs and libraries of the system, and its settings.
const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc",
    "/opt",
    "/nix/store",
    "/run/current-system",
    "/gnu/store",
    "/snap",
];

/// Secrets of the system, which root may read without any capability.
const SYSTEM_SECRETS: &[&str] = &[
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssh",
    "/etc/ssl/private",
    "/etc/krb5.keytab",
    "/etc/letsencrypt",
    "/etc/kubernetes",
    "/etc/rancher",
    "/etc/wireguard",
    "/etc/openvpn",
    "/etc/postgresql",
    "/etc/navi",
    "/etc/credstore",
    "/etc/credstore.encrypted",
    "/etc/docker",
    "/etc/NetworkManager/system-connections",
    "/etc/apt/auth.conf",
    "/etc/apt/auth.conf.d",
    "/etc/mysql/debian.cnf",
    "/etc/netrc",
    "/etc/pki/tls/private",
    "/etc/ppp",
    "/etc/samba",
    "/etc/security/opasswd",
];

/// Where the settings of the system's programs are, and some of their secrets.
const SETTINGS: &str = "/etc";

/// Toolchains in a home folder, and the packages that they have fetched. Their settings and
/// credentials, which lie beside these, are not among them.
const IN_HOME: &[&str] = &[
    ".cargo/bin",
    ".cargo/env",
    ".cargo/git",
    ".cargo/registry",
    ".rustup",
    ".pyenv",
    ".nvm",
    ".volta",
    ".fnm",
    ".asdf",
    ".bun",
    ".deno",
    ".sdkman",
    ".rbenv",
    ".rvm",
    ".gem/ruby",
    ".dotnet",
    ".ghcup",
    ".juliaup",
    ".local/bin",
    ".local/lib",
    ".local/share/fnm",
    ".local/share/mise",
    ".local/share/pipx",
    ".local/share/pnpm",
    ".local/share/uv",
    ".m2/repository",
    ".gradle/caches",
    ".gradle/wrapper",
    ".npm/_cacache",
    ".cache/pip",
    ".cache/uv",
    ".cache/go-build",
    "go",
    "miniconda3",
    "anaconda3",
];

/// Variables that lead to a toolchain, and where in the home folder it is when they are not set.
const VARIABLES: &[(&str, &str)] = &[
    ("CARGO_HOME", ".cargo"),
    ("RUSTUP_HOME", ".rustup"),
    ("PYENV_ROOT", ".pyenv"),
    ("NVM_DIR", ".nvm"),
    ("VOLTA_HOME", ".volta"),
    ("SDKMAN_DIR", ".sdkman"),
    ("RBENV_ROOT", ".rbenv"),
    ("DOTNET_ROOT", ".dotnet"),
    ("BUN_INSTALL", ".bun"),
    ("GOPATH", "go"),
];

/// Variables whose folder is a toolchain as a whole.
const WHOLE: &[&str] = &[
    "RUSTUP_HOME",
    "GOROOT",
    "GOPATH",
    "GOMODCACHE",
    "NVM_DIR",
    "VOLTA_HOME",
    "FNM_DIR",
    "PNPM_HOME",
    "BUN_INSTALL",
    "DENO_DIR",
    "PYENV_ROOT",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "POETRY_HOME",
    "JAVA_HOME",
    "MAVEN_HOME",
    "GRADLE_HOME",
    "ANDROID_HOME",
    "DOTNET_ROOT",
    "SDKMAN_DIR",
    "RBENV_ROOT",
    "GEM_HOME",
];

/// Variables that name a folder for built or fetched files, which an operator has so given away.
const CACHES: &[&str] = &[
    "CARGO_TARGET_DIR",
    "GOCACHE",
    "PIP_CACHE_DIR",
    "UV_CACHE_DIR",
];

/// Parts of `CARGO_HOME` that are neither settings nor credentials.
const OF_CARGO: &[&str] = &["bin", "env", "git", "registry"];

/// Parts of an installation that its programs need beside the folder `bin` which the search path names:
/// those of a virtual environment of Python, of a Node release, of a Conda environment. Not `share`,
/// which is where programs keep keys in a home folder.
const OF_INSTALLATION: &[&str] = &[
    "conda-meta",
    "include",
    "lib",
    "lib64",
    "libexec",
    "pyvenv.cfg",
];

/// Paths of the machine that commands may read, as far as they exist.
pub fn readable(environment: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let home = environment.get("HOME").map(Path::new);
    let mut found: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
    let in_home = IN_HOME.iter().filter_map(|name| Some(home?.join(name)));
    found.extend(in_home);
    let named = WHOLE.iter().filter_map(|name| environment.get(*name));
    found.extend(named.map(PathBuf::from));
    if let Some(cargo) = environment.get("CARGO_HOME") {
        found.extend(OF_CARGO.iter().map(|name| Path::new(cargo).join(name)));
    }
    let path = environment
        .get("PATH")
        .map(String::as_str)
        .unwrap_or_default();
    for folder in std::env::split_paths(path) {
        let prefix = folder.parent().filter(|_| folder.ends_with("bin"));
        let prefix = prefix.filter(|prefix| Some(*prefix) != home);
        let parts = prefix.map(|it| OF_INSTALLATION.iter().map(|name| it.join(name)));
        found.extend(parts.into_iter().flatten());
        found.push(folder);
    }
    found.retain(|path| path.is_absolute() && path.exists());
    // A home folder as a whole is no toolchain, whatever a variable says.
    found.retain(|path| home.is_none_or(|home| !home.starts_with(path)));
    found.sort();
    found.dedup();
    found
}

/// The caches that the environment names; those that are not there yet are made.
pub fn writable(environment: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let named = CACHES.iter().filter_map(|name| environment.get(*name));
    let folders = named.map(PathBuf::from).filter(|path| path.is_absolute());
    folders
        .filter(|path| std::fs::create_dir_all(path).is_ok())
        .collect()
}

/// Paths in the system's folders that no command may read.
pub fn hidden() -> Vec<PathBuf> {
    let there = SYSTEM_SECRETS.iter().map(PathBuf::from);
    let mut found: Vec<_> = there.filter(|path| path.exists()).collect();
    if nix::unistd::geteuid().is_root() {
        // Commands in a folder of root's are root to its files.
        kept_from_others(Path::new(SETTINGS), &mut found);
    }
    found
}

/// The entries of a folder that are not readable for everyone.
fn kept_from_others(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, Ok(it)) = (entry.path(), entry.metadata()) else {
            continue;
        };
        if it.is_symlink() || found.contains(&path) {
            continue;
        }
        if it.permissions().mode() & libc::S_IROTH == 0 {
            found.push(path);
        } else if it.is_dir() {
            kept_from_others(&path, found);
        }
    }
}

/// Variables that lead to the toolchains of the real home folder when commands have another.
pub fn variables(environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let Some(home) = environment.get("HOME").map(Path::new) else {
        return BTreeMap::new();
    };
    let there = |(name, folder): &(&str, &str)| {
        let path = home.join(folder);
        let is_needed = !environment.contains_key(*name) && path.is_dir();
        is_needed.then(|| ((*name).to_owned(), path.to_string_lossy().into_owned()))
    };
    VARIABLES.iter().filter_map(there).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_in_the_search_path_is_readable_with_its_libraries_and_without_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [
            "venv/bin",
            "venv/lib",
            "venv/keys",
            "home/bin",
            "home/lib",
            "home/.local/bin",
            "home/.local/share",
        ] {
            std::fs::create_dir_all(at(name)).unwrap();
        }
        std::fs::write(at("venv/pyvenv.cfg"), "").unwrap();
        let path = ["venv/bin", "home/bin", "home/.local/bin"].map(at);
        let path = std::env::join_paths(path).unwrap().into_string().unwrap();
        let home = at("home").into_os_string().into_string().unwrap();
        let environment = BTreeMap::from([("PATH", path), ("HOME", home)]);
        let environment = environment
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        let mut found = readable(&environment.collect());
        found.retain(|path| path.starts_with(folder.path()));
        let expected = [
            "home/.local/bin",
            "home/bin",
            "venv/bin",
            "venv/lib",
            "venv/pyvenv.cfg",
        ];
        assert_eq!(found, expected.map(at));
    }
}
