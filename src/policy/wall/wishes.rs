//! Judges a call's needs beyond the wall, one by one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use url::{Host, Url};

use crate::platform::outbound::reach::Reach;
use crate::policy::judge::facts::{Found, Sighting};
use crate::policy::paths::Places;
use crate::policy::reach::links::real_path;
use crate::policy::scope::{ActionScope, hashed};
use crate::policy::wall::setting::PolicyWall;
use crate::policy::wall::widening::{
    CallNeeds, CredentialKind, CredentialNeed, HostPort, NeededUntil,
};

/// Ends of names that belong to a private network, whatever resolves them.
const PRIVATE_NAMES: &[&str] = &[
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "arpa",
    "onion",
    "svc",
    "cluster",
    "test",
    "invalid",
];

/// Folders that hold keys, or things that stand for the machine.
const CLOSED_NAMES: &[&str] = &[
    ".ssh",
    ".aws",
    ".gnupg",
    ".kube",
    ".docker",
    ".azure",
    ".config",
    ".netrc",
    ".pgpass",
    ".git-credentials",
    ".password-store",
    ".mozilla",
    ".oci",
    "keyrings",
    "credentials",
    "credentials.toml",
];

/// Names in a home folder with keys, and in hardly any other.
const HOME_NAMES: &[&str] = &[
    ".ssh",
    ".aws",
    ".gnupg",
    ".kube",
    ".netrc",
    ".pgpass",
    ".git-credentials",
    ".password-store",
    "credentials.toml",
];

/// Folders that are closed with all that is in them.
const CLOSED_TREES: &[&str] = &[
    "/proc", "/sys", "/dev", "/run", "/var/run", "/boot", "/etc", "/usr", "/bin", "/sbin", "/lib",
    "/lib64",
];

/// Folders that hold the folders of others.
const CLOSED_ROOTS: &[&str] = &[
    "/", "/home", "/root", "/tmp", "/var", "/var/tmp", "/var/lib", "/srv", "/opt", "/mnt",
    "/media", "/Users",
];

/// The command that needs something, which an answer for good is bound to.
#[derive(Clone, Copy)]
pub(in crate::policy) struct Needing<'a> {
    pub(in crate::policy) command: &'a str,
    pub(in crate::policy) folder: &'a str,
    /// The wall around it.
    pub(in crate::policy) wall: PolicyWall,
}

impl Needing<'_> {
    fn sighting(self, fact: &'static str, kind: &str, object: String) -> Sighting {
        let digest = hashed(&[self.folder, self.command, fact, &object]);
        Sighting {
            found: Found::Fact(fact),
            kind: kind.to_owned(),
            segment: object,
            scope: Some(ActionScope::Command {
                digest,
                code: BTreeSet::new(),
            }),
        }
    }
}

/// The findings about each wish.
pub(in crate::policy) fn sightings(
    widening: &CallNeeds,
    places: &Places<'_>,
    needing: Needing<'_>,
) -> Vec<Sighting> {
    let mut found = Vec::new();
    let (host_fact, folder_fact) = match widening.until {
        NeededUntil::CommandEnds => ("wall-host", "wall-folder"),
        NeededUntil::RunEnds => ("wall-host-run", "wall-folder-run"),
    };
    for host in &widening.hosts {
        let fact = if is_private(host) {
            "wall-host-closed"
        } else {
            host_fact
        };
        let object = match needing.wall {
            PolicyWall::WithoutHosts => {
                format!("{host}, and with it the whole network of this machine,")
            }
            PolicyWall::None | PolicyWall::Sandbox => host.to_string(),
        };
        found.push(needing.sighting(fact, "host", object));
    }
    for folder in &widening.folders {
        let shown = folder.to_string_lossy().into_owned();
        let Some(real) = real_path(folder) else {
            found.push(needing.sighting("wall-folder-closed", "folder", shown));
            continue;
        };
        let fact = if is_closed(folder, places) || is_closed(&real, places) {
            "wall-folder-closed"
        } else {
            folder_fact
        };
        let object = if real == *folder {
            shown
        } else {
            format!("{shown}, which is {}", real.display())
        };
        found.push(needing.sighting(fact, "folder", object.clone()));
        for protected in protected(&real, places) {
            found.push(Sighting {
                found: Found::Writes(protected),
                ..needing.sighting(fact, "folder", object.clone())
            });
        }
    }
    for port in &widening.ports {
        found.push(needing.sighting("wall-port", "port", port.to_string()));
    }
    for need in &widening.credentials {
        let object = lent(need, needing.wall);
        found.push(needing.sighting("wall-credential", "credential", object));
    }
    found
}

/// The credential that git is lent, in words.
fn lent(need: &CredentialNeed, wall: PolicyWall) -> String {
    let host = &need.host;
    let lent = match need.kind {
        CredentialKind::SshAgent => format!("git sign in at {host} with your SSH agent"),
        CredentialKind::GitToken => format!(
            "git use your token for {host}, which all that the command runs can read meanwhile"
        ),
    };
    match wall {
        PolicyWall::None => format!("{lent} (without a sandbox around it)"),
        PolicyWall::WithoutHosts | PolicyWall::Sandbox => lent,
    }
}

/// True for this machine, its networks, and names that only those know.
fn is_private(to: &HostPort) -> bool {
    match &to.host {
        Host::Domain(name) => {
            let last = name.rsplit('.').next().unwrap_or_default();
            // A name without a dot is of the network that this machine is in.
            !name.contains('.') || PRIVATE_NAMES.contains(&last)
        }
        Host::Ipv4(_) | Host::Ipv6(_) => {
            let url = Url::parse(&format!("https://{to}/"));
            url.map_or(true, |url| Reach::public().check(&url).is_err())
        }
    }
}

/// True for a folder that holds keys, data of the server, or the folders of others.
pub(in crate::policy) fn is_closed(folder: &Path, places: &Places<'_>) -> bool {
    let text = folder.to_string_lossy();
    let name_is_closed = folder.iter().any(|name| {
        let name = name.to_string_lossy().to_lowercase();
        CLOSED_NAMES.contains(&name.as_str())
    });
    let holds_closed = || {
        let mut inside = HOME_NAMES.iter();
        inside.any(|name| folder.join(name).symlink_metadata().is_ok())
    };
    let is_home = folder.parent() == Some(Path::new("/home"));
    let in_tree = CLOSED_TREES.iter().any(|tree| folder.starts_with(tree));
    CLOSED_ROOTS.contains(&&*text)
        || in_tree
        || is_home
        || name_is_closed
        || places.closed().meets_any(&text, false)
        || holds_closed()
}

/// The protected paths of the workspace that a folder opens.
fn protected(folder: &Path, places: &Places<'_>) -> Vec<String> {
    let root = real_path(places.root()).unwrap_or_else(|| PathBuf::from(places.root()));
    if root.starts_with(folder) {
        return vec![".git".to_owned(), ".navi".to_owned()];
    }
    let inside = folder.strip_prefix(&root).ok();
    let inside = inside.map(|inside| inside.to_string_lossy().to_lowercase());
    inside.into_iter().collect()
}
