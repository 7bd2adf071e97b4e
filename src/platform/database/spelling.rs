//! The parts of a database's address, as other programs spell it.

use std::net::Ipv6Addr;

use percent_encoding::percent_decode_str;

/// The parts of an address as they were found, decoded.
#[derive(Default, PartialEq, Eq)]
pub struct Spelled {
    /// Hosts, or folders of sockets.
    hosts: Vec<String>,
    /// Their addresses, where those are known without asking for them.
    addresses: Vec<String>,
    /// One for all, or one for each; one that is empty is the usual.
    ports: Vec<String>,
    /// Everything else, by libpq's names.
    pub parameters: Vec<(String, String)>,
}

/// A server as an address names it; what it leaves out comes from elsewhere.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SpelledServer {
    /// The host, or the folder of a socket.
    pub host: Option<String>,
    /// The port.
    pub port: Option<String>,
}

/// Reasons for which an address cannot be used. None of them repeats a part that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is neither a URL nor a list of `name=value`.
    #[error("is not a Postgres address; write `postgres://USER:PASSWORD@HOST/NAME`")]
    Unreadable,
    /// It names another kind of database.
    #[error(
        "names a `{0}` database, and navi needs Postgres; write \
         `postgres://USER:PASSWORD@HOST/NAME`"
    )]
    Foreign(String),
    /// Some of several servers have no name, or there is another number of ports.
    #[error(
        "names several hosts, which need a name each, and one port for all or one each; write \
         `postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME`"
    )]
    Hosts,
    /// It asks for a server that is of no use here.
    #[error(
        "has a `target_session_attrs` that navi cannot use: since it writes, that is `read-write`, `primary` \
         or `any`"
    )]
    Target,
    /// It points to another file.
    #[error(
        "names a service of `pg_service.conf`, which navi does not read; write the address out"
    )]
    Service,
    /// The port is none, most often because of a character in the password.
    #[error(
        "has no valid port; in the user and the password write `/` as %2F, `?` as %3F, `:` as \
         %3A and `@` as %40; write `postgres://USER:PASSWORD@HOST:PORT/NAME`"
    )]
    Port,
    /// An IPv6 address has no end.
    #[error("has an IPv6 address that is not valid; write it in brackets, as in `[::1]:5432`")]
    Brackets,
    /// The certificate of the authority is not where it should be.
    #[error("is verified with the certificate in `{path}`, which {setting} names: {problem}")]
    Authority {
        /// The parameter or variable.
        setting: &'static str,
        /// The file.
        path: String,
        /// The fault.
        problem: String,
    },
    /// A parameter has a value that is none.
    #[error("has a value for the parameter `{0}` that is not valid")]
    Parameter(&'static str),
}

impl Spelled {
    /// Reads a URL, with any driver's name in its scheme, or libpq's `name=value name=value`.
    pub fn read(text: &str) -> Result<Self, AddressError> {
        let text = bare(text);
        match text.split_once("://") {
            Some((scheme, rest)) => {
                check_scheme(scheme)?;
                Self::read_url(rest)
            }
            None => Self::read_pairs(text),
        }
    }

    fn read_url(rest: &str) -> Result<Self, AddressError> {
        let mut spelled = Self::default();
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let hosts = match authority.rsplit_once('@') {
            Some((user, hosts)) => {
                let (user, password) = user
                    .split_once(':')
                    .map_or((user, None), |(user, password)| (user, Some(password)));
                spelled.add("user", decoded(user));
                if let Some(password) = password {
                    spelled.add("password", decoded(password));
                }
                hosts
            }
            // The password ended what looked like the host.
            None if path.contains('@') => return Err(AddressError::Port),
            None => authority,
        };
        spelled.read_hosts(hosts)?;
        spelled.add("dbname", decoded(path.trim_matches('/')));
        let mut hosts = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name), decoded(&value.replace('+', "%20")));
            match &*name {
                // SQLAlchemy writes it once for each.
                "host" => hosts.push(value),
                _ => spelled.take(&name, value)?,
            }
        }
        if !hosts.is_empty() {
            spelled.set_hosts(&hosts.join(","));
        }
        Ok(spelled)
    }

    fn read_hosts(&mut self, hosts: &str) -> Result<(), AddressError> {
        if hosts.is_empty() {
            return Ok(());
        }
        for host in hosts.split(',') {
            let (host, port) = match host.strip_prefix('[') {
                Some(rest) => {
                    let (host, after) = rest.split_once(']').ok_or(AddressError::Brackets)?;
                    match (after.strip_prefix(':'), after) {
                        (Some(port), _) => (host, port),
                        (None, "") => (host, ""),
                        (None, _) => return Err(AddressError::Port),
                    }
                }
                // Without brackets, as some write it, there is no room for a port.
                None if host.parse::<Ipv6Addr>().is_ok() => (host, ""),
                None => host.rsplit_once(':').unwrap_or((host, "")),
            };
            self.hosts.push(decoded(host));
            self.ports.push(port.to_owned());
        }
        Ok(())
    }

    /// Reads libpq's `name=value`, with values in single quotes and characters behind backslashes.
    fn read_pairs(text: &str) -> Result<Self, AddressError> {
        let mut spelled = Self::default();
        let mut left = text.trim_start();
        while !left.is_empty() {
            let (name, rest) = left.split_once('=').ok_or(AddressError::Unreadable)?;
            let name = name.trim_end();
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return Err(AddressError::Unreadable);
            }
            let (value, rest) = pair_value(rest.trim_start())?;
            spelled.take(name, value)?;
            left = rest.trim_start();
        }
        if spelled == Self::default() {
            return Err(AddressError::Unreadable);
        }
        Ok(spelled)
    }

    /// Takes a parameter by its name.
    fn take(&mut self, name: &str, value: String) -> Result<(), AddressError> {
        match name {
            "host" => self.set_hosts(&value),
            "hostaddr" => self.addresses = listed(&value),
            "port" => self.ports = listed(&value),
            "service" | "servicefile" => return Err(AddressError::Service),
            _ => self.add(name, value),
        }
        Ok(())
    }

    fn add(&mut self, name: &str, value: String) {
        if !value.is_empty() {
            self.parameters.push((name.to_owned(), value));
        }
    }

    /// Sets hosts from a list in which each may have its port, as `SQLAlchemy` writes them.
    fn set_hosts(&mut self, hosts: &str) {
        let hosts = listed(hosts).into_iter().map(|host| {
            let (name, port) = host.rsplit_once(':').unwrap_or((&host, ""));
            let is_bare = !name.contains(':') || name.ends_with(']');
            let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
            if is_bare && is_port && !host.starts_with('/') {
                (name.to_owned(), port.to_owned())
            } else {
                (host, String::new())
            }
        });
        let (hosts, ports): (Vec<_>, Vec<_>) = hosts.unzip();
        self.hosts = hosts;
        if ports.iter().any(|port| !port.is_empty()) {
            self.ports = ports;
        }
    }

    /// The servers, the first apart from the others.
    pub fn servers(&self) -> Result<(SpelledServer, Vec<SpelledServer>), AddressError> {
        let are_named = self.hosts.iter().any(|host| !host.is_empty());
        let hosts = if are_named {
            &self.hosts
        } else {
            &self.addresses
        };
        let count = hosts.len().max(1);
        let has_port = self.ports.iter().any(|port| !port.is_empty());
        let ports = if has_port { &self.ports[..] } else { &[] };
        if count > 1 && hosts.iter().any(String::is_empty) {
            return Err(AddressError::Hosts);
        }
        if ports.len() > 1 && ports.len() != count {
            return Err(AddressError::Hosts);
        }
        let server = |at: usize| {
            let host = hosts.get(at).map_or("", |host| host);
            let port = ports.get(at).or(ports.first()).map_or("", |port| port);
            SpelledServer::read(host, port)
        };
        let others = (1..count).map(server).collect::<Result<_, _>>()?;
        Ok((server(0)?, others))
    }
}

impl SpelledServer {
    fn read(host: &str, port: &str) -> Result<Self, AddressError> {
        let bracketed = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let mut server = Self {
            host: Some(bracketed.unwrap_or(host).to_owned()).filter(|host| !host.is_empty()),
            port: Some(port.to_owned()).filter(|port| !port.is_empty()),
        };
        // The socket itself, where its folder is meant.
        if host.starts_with('/')
            && let Some((folder, port)) = host.rsplit_once("/.s.PGSQL.")
        {
            server.host = Some(folder.to_owned());
            server.port = Some(port.to_owned());
        }
        let is_port = |port: &String| matches!(port.parse::<u16>(), Ok(1..));
        match &server.port {
            Some(port) if !is_port(port) => Err(AddressError::Port),
            Some(_) | None => Ok(server),
        }
    }
}

fn listed(text: &str) -> Vec<String> {
    text.split(',').map(|one| one.trim().to_owned()).collect()
}

/// The text without the space and the quotes that files of variables leave around it.
fn bare(text: &str) -> &str {
    let text = text.trim();
    let unquoted = ['"', '\''].into_iter().find_map(|quote| {
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        Some(inner.trim())
    });
    let text = unquoted.unwrap_or(text);
    text.strip_prefix("jdbc:").unwrap_or(text)
}

/// Accepts `postgres` and `postgresql`, with the name of a driver behind a plus as Python has it.
fn check_scheme(scheme: &str) -> Result<(), AddressError> {
    let scheme = scheme.to_ascii_lowercase();
    let kind = scheme.split_once('+').map_or(&*scheme, |(kind, _)| kind);
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    match kind {
        "postgres" | "postgresql" => Ok(()),
        "" => Err(AddressError::Unreadable),
        // Anything longer may be a pasted secret.
        _ if kind.len() <= 20 && kind.chars().all(is_name) => {
            Err(AddressError::Foreign(kind.to_owned()))
        }
        _ => Err(AddressError::Unreadable),
    }
}

fn pair_value(text: &str) -> Result<(String, &str), AddressError> {
    let (quoted, text) = match text.strip_prefix('\'') {
        Some(inner) => (true, inner),
        None => (false, text),
    };
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            '\'' if quoted => return Ok((value, &text[at + 1..])),
            _ if !quoted && character.is_whitespace() => return Ok((value, &text[at..])),
            _ => value.push(character),
        }
    }
    if quoted {
        return Err(AddressError::Unreadable);
    }
    Ok((value, ""))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
