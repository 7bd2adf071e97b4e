//! The variables by which git finds what it is lent.
//!
//! They outrank every file of settings. Programs that a repository names for git to run do not run while
//! something is lent: neither hooks nor `fsmonitor`, other helpers nor other kinds of addresses.

use std::fmt::Write;
use std::path::Path;

use crate::exec::credentials::settings::GitToken;
use crate::platform::secret::ExposeSecret;

/// Settings for as long as something is lent. The empty helper takes back all others.
const SETTINGS: &[(&str, &str)] = &[
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("credential.helper", ""),
    ("http.sslVerify", "true"),
];

/// Variables of the command.
pub(super) type Variables = Vec<(String, String)>;

/// Where `ssh` finds what it needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct SshPlaces<'a> {
    pub(super) socket: &'a Path,
    pub(super) known_hosts: &'a Path,
    /// The tunnel and the port of the run's proxy, where the run has a network of its own.
    pub(super) tunnel: Option<(&'a Path, u16)>,
}

/// The variables for a signature of the agent; none when a path cannot be written into a command.
pub(super) fn for_ssh(places: SshPlaces<'_>) -> Option<Variables> {
    let socket = plain(places.socket)?;
    let mut command = format!(
        "ssh -F none -o IdentityAgent={socket} -o UserKnownHostsFile={} \
         -o GlobalKnownHostsFile=none -o StrictHostKeyChecking=yes -o UpdateHostKeys=no \
         -o ForwardAgent=no -o ControlPath=none -o BatchMode=yes",
        plain(places.known_hosts)?,
    );
    if let Some((program, proxy)) = places.tunnel {
        let (program, argument) = (plain(program)?, super::tunnel::ARGUMENT);
        let _written = write!(
            command,
            " -o 'ProxyCommand=\"{program}\" {argument} {proxy} %h %p'"
        );
    }
    Some(vec![
        ("SSH_AUTH_SOCK".to_owned(), socket.to_owned()),
        ("GIT_SSH_COMMAND".to_owned(), command),
    ])
}

/// The variables for these tokens.
pub(super) fn for_git(tokens: &[&GitToken], has_ssh: bool) -> Variables {
    let mut variables = Vec::new();
    let fixed = SETTINGS.iter();
    let mut settings: Variables = fixed
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    for (number, token) in tokens.iter().enumerate() {
        let (user, secret) = (
            format!("NAVI_GIT_USER_{number}"),
            format!("NAVI_GIT_TOKEN_{number}"),
        );
        let helper = format!(
            "!f() {{ test \"$1\" != get || printf 'username=%s\\npassword=%s\\n' \"${user}\" \"${secret}\"; }}; f"
        );
        settings.push((format!("credential.{}.helper", token.origin()), helper));
        variables.push((user, token.user.clone()));
        variables.push((secret, token.token.expose_secret().to_owned()));
    }
    let protocols = match (tokens.is_empty(), has_ssh) {
        (true, _) => "ssh",
        (false, true) => "https:ssh",
        (false, false) => "https",
    };
    variables.push(("GIT_ALLOW_PROTOCOL".to_owned(), protocols.to_owned()));
    variables.push(("GIT_CONFIG_COUNT".to_owned(), settings.len().to_string()));
    for (number, (name, value)) in settings.into_iter().enumerate() {
        variables.push((format!("GIT_CONFIG_KEY_{number}"), name));
        variables.push((format!("GIT_CONFIG_VALUE_{number}"), value));
    }
    variables
}

/// A path that means the same to a shell and to `ssh` as it stands.
fn plain(path: &Path) -> Option<&str> {
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "/._-+@".contains(sign);
    path.to_str().filter(|text| text.chars().all(is_plain))
}
