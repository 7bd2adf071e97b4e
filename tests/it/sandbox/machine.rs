//! The machine around a run: secrets, other programs, other workspaces.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use clap::Parser;
use navi::exec::finding::find_sandbox;
use navi::exec::sandbox::machine::Sandbox;
use navi::exec::sandbox::settings::Demand;
use navi::exec::sandbox::settings::SandboxConfig;
use navi::exec::sandbox::wall::Tier;
use serde_json::{Value, json};
use tempfile::{NamedTempFile, TempDir};

use crate::tools::{Bench, Settings, program};

/// Files in a home folder that hold keys.
const KEYS: &[&str] = &[
    ".ssh/id_ed25519",
    ".ssh/known_hosts",
    ".aws/credentials",
    ".azure/accessTokens.json",
    ".bash_history",
    ".cargo/credentials.toml",
    ".config/gcloud/credentials.db",
    ".config/gh/hosts.yml",
    ".docker/config.json",
    ".git-credentials",
    ".gnupg/private-keys-v1.d/key",
    ".kube/config",
    ".local/share/keyrings/login.keyring",
    ".local/share/navi/key",
    ".m2/settings.xml",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    ".terraform.d/credentials.tfrc.json",
    ".vault-token",
];

/// Settings and secrets of the system, with what they hold.
const SYSTEM: &[(&str, &str)] = &[
    ("/etc/shadow", "root:"),
    ("/etc/shadow-", "root:"),
    ("/etc/gshadow", "root:"),
    ("/etc/ssl/private/ssl-cert-snakeoil.key", "PRIVATE"),
    ("/etc/sudoers", "root"),
    ("/etc/security/opasswd", ""),
];

/// The interpreter of the attempts, wherever toolchains have others.
pub(super) const PYTHON: &str = "/usr/bin/python3";

const SCRIPTS: &[&str] = &[
    "attempt.py",
    "reading.py",
    "writing.py",
    "processes.py",
    "system_calls.py",
    "network.py",
];

/// The machine, until it is dropped.
pub(super) struct Machine {
    pub(super) folder: TempDir,
    victim: Child,
    told: Value,
    pub(super) canary: String,
    server: TcpListener,
    temporary: NamedTempFile,
}

/// A wall that can be built here, by its column in the table.
pub(super) struct Level {
    pub(super) name: &'static str,
    pub(super) sandbox: Sandbox,
}

impl Machine {
    pub(super) fn new() -> Self {
        // Not beneath `/tmp`, which is another folder for commands that have namespaces.
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        let canary = format!("canary-{}", crate::tools::mark());
        let put = |path: &str, content: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, content).unwrap();
            path
        };
        for key in KEYS {
            put(&format!("home/{key}"), &canary);
        }
        for file in [
            "outside/secret",
            "outside/movable",
            "outside/target",
            "outside/cut",
            "outside/cut2",
            "outside/cut3",
            "outside/cut4",
            "outside/removable",
            "outside/renamable",
            "other/secret",
            "tools/data/key",
        ] {
            put(file, &canary);
        }
        put("home/.bashrc", "");
        put("home/.cargo/registry/src/x", "");
        for folder in [
            ".config/systemd/user",
            ".config/autostart",
            ".local/bin",
            ".local/lib",
        ] {
            put(&format!("home/{folder}/other"), "");
        }
        put("tools/readable", "");
        put("tools/program", "");
        put("outside/reached", "");
        std::fs::create_dir(folder.path().join("outside/empty")).unwrap();
        let program = put("outside/program", &format!("#!/bin/sh\necho {canary}\n"));
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let library = put("outside/library.c", "int navi(void) { return 1; }\n");
        compile(
            &["-shared", "-fPIC"],
            &library,
            &folder.path().join("outside/library.so"),
        );
        let calls = put("calls.c", &script("calls.c"));
        compile(&[], &calls, &folder.path().join("calls"));
        let victim = put("victim.py", &script("victim.py"));
        let mut victim = outside(PYTHON)
            .arg(victim)
            .arg(folder.path().join("outside"))
            .arg(&canary)
            .env("SECRET_OF_THE_VICTIM", &canary)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = String::new();
        let said = victim.stdout.take().unwrap();
        BufReader::new(said).read_line(&mut told).unwrap();
        Self {
            told: serde_json::from_str(&told).unwrap(),
            folder,
            victim,
            canary,
            server: TcpListener::bind(("127.0.0.1", 0)).unwrap(),
            temporary: NamedTempFile::new().unwrap(),
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The walls, the strongest first.
    pub(super) fn levels(&self) -> Vec<Level> {
        let found = self.sandbox(&[]);
        assert_eq!(found.tier(), Tier::Full, "{}", found.describe());
        let weakened = |name, tier, landlock| Level {
            name,
            sandbox: found.weakened(tier, landlock),
        };
        vec![
            weakened("full", Tier::Full, None),
            weakened("7", Tier::NoNamespaces, Some(7)),
            weakened("6", Tier::NoNamespaces, Some(6)),
            weakened("4", Tier::NoNamespaces, Some(4)),
            weakened("3", Tier::NoNamespaces, Some(3)),
            weakened("1", Tier::NoNamespaces, Some(1)),
        ]
    }

    /// The strongest wall, for a server whose home this is.
    pub(super) fn sandbox(&self, settings: &[&str]) -> Sandbox {
        let tools = format!("--sandbox-read={}", self.path("tools").display());
        let given = ["navi", &tools];
        let config: SandboxConfig = Settings::parse_from(given.iter().chain(settings)).sandbox;
        let environment = BTreeMap::from([
            ("HOME".to_owned(), self.path("home").display().to_string()),
            ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ]);
        let found = find_sandbox(&config, &program(), &environment, Demand::Wanted).unwrap();
        found.closing(&[self.path("tools/data")])
    }

    /// A bench within a wall, with everything that the attempts need in its workspace.
    pub(super) fn bench(&self, sandbox: &Sandbox, run_port: u16) -> Bench {
        let mut bench = Bench::within(sandbox);
        bench.context.limits.output_bytes = 1 << 20;
        for name in SCRIPTS {
            bench.put(name, script(name));
        }
        std::fs::copy(self.path("calls"), bench.root().join("calls")).unwrap();
        let mut files = serde_json::Map::new();
        let mut add = |name: &str, path: PathBuf| {
            files.insert(name.to_owned(), json!(path));
        };
        for key in KEYS {
            add(&format!("~/{key}"), self.path("home").join(key));
        }
        for (path, _) in SYSTEM {
            add(path, PathBuf::from(path));
        }
        add("the data folder", self.path("tools/data/key"));
        add("another workspace", self.path("other/secret"));
        add("a file outside", self.path("outside/secret"));
        let up = "../".repeat(20);
        let secret = self.path("outside/secret");
        add(
            "a file by climbing",
            PathBuf::from(format!("{up}{}", &secret.display().to_string()[1..])),
        );
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        let mut targets = json!({
            "control": sandbox.tier() == Tier::None,
            "tier": sandbox.tier().as_str(),
            "canary": self.canary,
            "outside": self.path("outside"),
            "home": self.path("home"),
            "data": self.path("tools/data"),
            "other": self.path("other"),
            "tool": self.path("tools/program"),
            "temporary": std::env::temp_dir(),
            "temporary_file": name(self.temporary.path()),
            "disk": "/dev/loop0",
            "server": std::process::id(),
            "server_port": self.server.local_addr().unwrap().port(),
            "run_port": run_port,
            "address": own_address().to_string(),
            "beyond": "198.51.100.1",
            "files": files,
        });
        let told = self.told.as_object().unwrap().clone();
        targets.as_object_mut().unwrap().extend(told);
        bench.put("targets.json", targets.to_string());
        bench
    }

    /// The victim's notes: signals, connections, messages.
    pub(super) fn reached(&self) -> Vec<String> {
        let noted = std::fs::read_to_string(self.path("outside/reached")).unwrap();
        noted.lines().map(str::to_owned).collect()
    }

    pub(super) fn victim(&self) -> i32 {
        self.victim.id().cast_signed()
    }

    /// Lets the victim go on, which debuggers stop.
    pub(super) fn go_on(&self) {
        let victim = nix::unistd::Pid::from_raw(self.victim());
        nix::sys::signal::kill(victim, nix::sys::signal::Signal::SIGCONT).unwrap();
    }

    /// The nice value of the victim.
    pub(super) fn rank(&self) -> i32 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.victim())).unwrap();
        let (_, rest) = stat.rsplit_once(')').unwrap();
        rest.split_whitespace().nth(16).unwrap().parse().unwrap()
    }

    /// The victim's port on the loopback addresses.
    pub(super) fn port(&self) -> u16 {
        u16::try_from(self.told["port"].as_u64().unwrap()).unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It tidies up when its input ends.
        self.go_on();
        drop(self.victim.stdin.take());
        self.victim.wait().unwrap();
    }
}

/// A program outside of any run.
pub(super) fn outside(program: &str) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "stands for the other programs of the machine"
    )]
    Command::new(program)
}

/// A script of this folder.
pub(super) fn script(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/sandbox/scripts");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn compile(flags: &[&str], source: &Path, to: &Path) {
    let done = outside("gcc")
        .args(flags)
        .args(["-O0", "-w", "-o"])
        .args([to, source])
        .status();
    assert!(done.unwrap().success(), "{}", source.display());
}

/// The address by which other machines would reach this one.
fn own_address() -> IpAddr {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
    match socket.connect(("198.51.100.1", 9)) {
        Ok(()) => socket.local_addr().unwrap().ip(),
        Err(_) => IpAddr::from([127, 0, 0, 1]),
    }
}
