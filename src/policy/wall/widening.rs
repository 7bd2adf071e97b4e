//! A call's stated needs beyond the wall.

use std::fmt;
use std::path::{Component, PathBuf};

use serde_json::Value;
use url::{Host, Url};

use crate::policy::error::PolicyError;

/// The most hosts, folders or ports that one call may need.
const MAX_WISHES: usize = 8;
/// The port of a host that names none.
const HTTPS: u16 = 443;
/// The longest name of a host or a folder, in bytes.
const MAX_NAME: usize = 512;

/// The needs of a call beyond the wall.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallNeeds {
    /// Hosts that it connects to.
    pub hosts: Vec<HostPort>,
    /// Folders that it reads and writes.
    pub folders: Vec<PathBuf>,
    /// Ports of its own servers that are to be reached from this machine.
    pub ports: Vec<u16>,
    /// Credentials that git is lent.
    pub credentials: Vec<CredentialNeed>,
    /// The time for which hosts and folders stay open.
    pub until: NeededUntil,
}

/// The time for which hosts and folders stay open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NeededUntil {
    /// Until the command has ended.
    #[default]
    CommandEnds,
    /// Until the run has ended, in the process that works on it.
    RunEnds,
}

impl NeededUntil {
    /// Reads `command` or `run`.
    fn parse(given: &Value) -> Result<Self, PolicyError> {
        match given.as_str() {
            Some("command") => Ok(Self::CommandEnds),
            Some("run") => Ok(Self::RunEnds),
            _ if given.is_null() => Ok(Self::CommandEnds),
            Some(_) | None => Err(refused("`for` is `command` or `run`")),
        }
    }
}

/// A credential for one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialNeed {
    /// Its kind.
    pub kind: CredentialKind,
    /// The host that it is for, and for no other.
    pub host: HostPort,
}

/// A kind of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// The SSH agent signs in.
    SshAgent,
    /// A token is handed over.
    GitToken,
}

impl CredentialKind {
    /// Its name in arguments, and the usual port of its hosts.
    const ALL: [(Self, &'static str, u16); 2] = [
        (Self::SshAgent, "ssh-agent", 22),
        (Self::GitToken, "git-token", 443),
    ];
}

impl CredentialNeed {
    /// Reads `KIND HOST` or `KIND HOST:PORT`.
    fn parse(text: &str) -> Result<Self, PolicyError> {
        let (name, host) = text.trim().split_once(' ').unwrap_or((text, ""));
        let known = CredentialKind::ALL.iter().find(|(_, it, _)| *it == name);
        let Some((kind, _, usual)) = known else {
            let told = format!(
                "credentials: `{name}` is unknown; known are `ssh-agent HOST`, `git-token HOST`"
            );
            return Err(refused(&told));
        };
        Ok(Self {
            kind: *kind,
            host: HostPort::parse(host.trim(), *usual)?,
        })
    }
}

/// A host and a port of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A name in lower case, or an address.
    pub host: Host,
    /// The port.
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl HostPort {
    /// Reads `NAME:PORT`, or `NAME` with the usual port.
    fn parse(text: &str, usual: u16) -> Result<Self, PolicyError> {
        let wrong = || refused(&format!("hosts: `{text}` is not NAME:PORT"));
        // Letters of other scripts look like others, and a text that is no name or address is something
        // else.
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]_".contains(c);
        if text.is_empty() || text.len() > MAX_NAME || !text.chars().all(plain) {
            return Err(wrong());
        }
        let url = Url::parse(&format!("https://{text}/")).map_err(|_| wrong())?;
        // The port that a URL leaves out may have been written.
        let unsaid = if text.ends_with(":443") { HTTPS } else { usual };
        let port = Some(url.port().unwrap_or(unsaid)).filter(|port| *port > 0);
        match (url.host().map(|host| host.to_owned()), port) {
            (Some(Host::Domain(name)), Some(port)) => {
                let name = name.trim_end_matches('.').to_owned();
                let host = Host::Domain(name);
                Ok(Self { host, port })
            }
            (Some(host), Some(port)) => Ok(Self { host, port }),
            _ => Err(wrong()),
        }
    }
}

impl CallNeeds {
    /// True if it needs nothing.
    pub fn is_empty(&self) -> bool {
        let opens = !(self.hosts.is_empty() && self.folders.is_empty() && self.ports.is_empty());
        !opens && self.credentials.is_empty()
    }

    /// Reads it from the argument of a call. An object inside a string is understood, as models send it.
    pub fn parse(given: Option<&Value>) -> Result<Self, PolicyError> {
        let inside;
        let object = match given {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(Value::Object(object)) => object,
            Some(other) => {
                let text = other.as_str().unwrap_or_default();
                inside = serde_json::from_str::<Value>(text).ok();
                let object = inside.as_ref().and_then(Value::as_object);
                object.ok_or_else(|| refused("it is not an object"))?
            }
        };
        let mut widening = Self::default();
        for (name, value) in object {
            match name.as_str() {
                "hosts" => {
                    for text in texts(name, value)? {
                        widening.hosts.push(HostPort::parse(text.trim(), HTTPS)?);
                    }
                }
                "folders" => {
                    for text in texts(name, value)? {
                        widening.folders.push(folder(text)?);
                    }
                }
                "ports" => widening.ports = ports(value)?,
                "credentials" => {
                    for text in texts(name, value)? {
                        widening.credentials.push(CredentialNeed::parse(text)?);
                    }
                }
                "for" => widening.until = NeededUntil::parse(value)?,
                _ => {
                    let told = format!(
                        "`{name}` is unknown; known are hosts, folders, ports, credentials, for"
                    );
                    return Err(refused(&told));
                }
            }
        }
        let is_of_command = !widening.ports.is_empty() || !widening.credentials.is_empty();
        if widening.until == NeededUntil::RunEnds && is_of_command {
            return Err(refused(
                "for the whole run only hosts and folders are opened",
            ));
        }
        Ok(widening)
    }
}

fn refused(reason: &str) -> PolicyError {
    PolicyError::Needs(format!("the argument `needs` cannot be used: {reason}"))
}

fn list<'a>(name: &str, value: &'a Value) -> Result<&'a [Value], PolicyError> {
    let items = match value {
        Value::Null => &[],
        Value::Array(items) => items.as_slice(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            return Err(refused(&format!("`{name}` is not an array")));
        }
    };
    if items.len() > MAX_WISHES {
        return Err(refused(&format!("`{name}` has more than {MAX_WISHES}")));
    }
    Ok(items)
}

fn texts<'a>(name: &str, value: &'a Value) -> Result<Vec<&'a str>, PolicyError> {
    let wrong = || refused(&format!("`{name}` holds something else than strings"));
    let texts = list(name, value)?.iter();
    texts.map(|item| item.as_str().ok_or_else(wrong)).collect()
}

/// An absolute path without `.` and `..`, so that a person is shown the path that is opened.
fn folder(text: &str) -> Result<PathBuf, PolicyError> {
    let path = PathBuf::from(text);
    let mut parts = path.components();
    let is_plain = parts.next() == Some(Component::RootDir)
        && parts.all(|part| matches!(part, Component::Normal(_)));
    let is_shown = !text.chars().any(char::is_control) && text.len() <= MAX_NAME;
    if is_plain && is_shown {
        return Ok(path.components().collect());
    }
    Err(refused("`folders` are absolute paths without `..`"))
}

fn ports(value: &Value) -> Result<Vec<u16>, PolicyError> {
    let wrong = || refused("`ports` are numbers from 1024 to 65535");
    let number = |item: &Value| match item {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let ports = list("ports", value)?.iter();
    ports
        .map(|item| {
            let port = number(item).and_then(|port| u16::try_from(port).ok());
            port.filter(|port| *port >= 1024).ok_or_else(wrong)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hosts(text: &str) -> Result<Vec<String>, PolicyError> {
        let widening = CallNeeds::parse(Some(&json!({ "hosts": [text] })))?;
        Ok(widening.hosts.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_host_is_a_name_or_an_address_with_a_port() {
        for (text, told) in [
            ("example.com:8080", "example.com:8080"),
            ("Example.COM.", "example.com:443"),
            ("192.0.2.7:22", "192.0.2.7:22"),
            ("0x7f.1:80", "127.0.0.1:80"),
            ("[2001:db8::1]:443", "[2001:db8::1]:443"),
        ] {
            assert_eq!(hosts(text).unwrap(), [told], "{text}");
        }
        for text in [
            "",
            "https://example.com",
            "example.com/path",
            "user@example.com",
            "*.example.com",
            "example.com:99999",
            "example.com:0",
            "exаmple.com",
            "a b",
            "example.com#x",
        ] {
            assert!(hosts(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_credential_is_for_one_host() {
        let read = |text: &str| {
            let needs = CallNeeds::parse(Some(&json!({ "credentials": [text] })))?;
            let need = needs.credentials.first().cloned().unwrap();
            Ok::<_, PolicyError>((need.kind, need.host.to_string()))
        };
        for (text, kind, host) in [
            (
                "ssh-agent Git.example",
                CredentialKind::SshAgent,
                "git.example:22",
            ),
            (
                "ssh-agent git.example:443",
                CredentialKind::SshAgent,
                "git.example:443",
            ),
            (
                "ssh-agent git.example:2222",
                CredentialKind::SshAgent,
                "git.example:2222",
            ),
            (
                "git-token git.example",
                CredentialKind::GitToken,
                "git.example:443",
            ),
            (
                "git-token  git.example:8443",
                CredentialKind::GitToken,
                "git.example:8443",
            ),
        ] {
            assert_eq!(read(text).unwrap(), (kind, host.to_owned()), "{text}");
        }
        for text in [
            "ssh-agent",
            "git-token",
            "ssh-key git.example",
            "ssh-agent git@git.example",
            "git-token https://git.example",
            "git-token *.example",
            "git-token a.example b.example",
            "",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_needed_is_read_strictly() {
        for value in [
            json!([]),
            json!(5),
            json!({ "host": ["example.com"] }),
            json!({ "hosts": "example.com" }),
            json!({ "hosts": [5] }),
            json!({ "folders": ["relative"] }),
            json!({ "folders": ["/opt/../etc"] }),
            json!({ "folders": ["~/x"] }),
            json!({ "ports": [80] }),
            json!({ "ports": [70_000] }),
            json!({ "folders": vec!["/opt/x"; 9] }),
        ] {
            assert!(CallNeeds::parse(Some(&value)).is_err(), "{value}");
        }
        let inside = json!("{\"folders\": [\"/opt/x/\"], \"ports\": [\"3000\"]}");
        let widening = CallNeeds::parse(Some(&inside)).unwrap();
        assert_eq!(widening.folders, [PathBuf::from("/opt/x")]);
        assert_eq!(widening.ports, [3000]);
        assert!(CallNeeds::parse(None).unwrap().is_empty());
    }
}
