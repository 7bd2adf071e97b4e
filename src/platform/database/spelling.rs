//! The parts of a database's address, as other programs spell it.

use std::net::Ipv6Addr;

use percent_encoding::percent_decode_str;

/// The parts of an address as they were found, decoded.
#[derive(Default, PartialEq, Eq)]
pub struct Spelled {
    /// The host, or the folder of a socket.
    pub host: Option<String>,
    /// The port.
    pub port: Option<String>,
    /// Everything else, by libpq's names.
    pub parameters: Vec<(String, String)>,
}

/// Reasons for which an address cannot be used. None of them repeats a part that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is neither a URL nor a list of `name=value`.
    #[error("is no Postgres address; it looks like `postgres://USER:PASSWORD@HOST/NAME`")]
    Unreadable,
    /// It names another kind of database.
    #[error(
        "names a database of the kind `{0}`, and navi needs Postgres; its address looks like \
         `postgres://USER:PASSWORD@HOST/NAME`"
    )]
    Foreign(String),
    /// It names more than one server.
    #[error(
        "names several hosts, and navi connects to one; name the one that takes writes, or a proxy \
         that finds it"
    )]
    SeveralHosts,
    /// It points to another file.
    #[error(
        "names a service of `pg_service.conf`, which navi does not read; write the address out"
    )]
    Service,
    /// The port is none, most often because of a character in the password.
    #[error(
        "has no port where one should be; in the user and the password write `/` as %2F, `?` as %3F, \
         `:` as %3A and `@` as %40; it looks like `postgres://USER:PASSWORD@HOST:PORT/NAME`"
    )]
    Port,
    /// An IPv6 address has no end.
    #[error("has an IPv6 address that is none; it stands in brackets, as in `[::1]:5432`")]
    Brackets,
    /// A parameter has a value that is none.
    #[error("has a parameter `{0}` whose value is none of those that it can have")]
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
        spelled.read_host(hosts)?;
        spelled.add("dbname", decoded(path.trim_matches('/')));
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            spelled.take(&decoded(name), decoded(&value.replace('+', "%20")))?;
        }
        Ok(spelled)
    }

    fn read_host(&mut self, hosts: &str) -> Result<(), AddressError> {
        if hosts.contains(',') {
            return Err(AddressError::SeveralHosts);
        }
        let (host, port) = match hosts.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or(AddressError::Brackets)?;
                match (after.strip_prefix(':'), after) {
                    (Some(port), _) => (host, port),
                    (None, "") => (host, ""),
                    (None, _) => return Err(AddressError::Port),
                }
            }
            // Without brackets, as some write it, there is no room for a port.
            None if hosts.parse::<Ipv6Addr>().is_ok() => (hosts, ""),
            None => hosts.rsplit_once(':').unwrap_or((hosts, "")),
        };
        self.set_host(decoded(host));
        self.set_port(port)
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
            "host" | "hostaddr" | "port" if value.contains(',') => Err(AddressError::SeveralHosts),
            "host" | "hostaddr" => {
                let plain = value.strip_prefix('[').and_then(|v| v.strip_suffix(']'));
                self.set_host(plain.map_or(value.clone(), ToOwned::to_owned));
                Ok(())
            }
            "port" => self.set_port(&value),
            "service" | "servicefile" => Err(AddressError::Service),
            _ => {
                self.add(name, value);
                Ok(())
            }
        }
    }

    fn add(&mut self, name: &str, value: String) {
        if !value.is_empty() {
            self.parameters.push((name.to_owned(), value));
        }
    }

    fn set_host(&mut self, host: String) {
        // The socket itself, where its folder is meant.
        if host.starts_with('/')
            && let Some((folder, port)) = host.rsplit_once("/.s.PGSQL.")
        {
            self.port = Some(port.to_owned());
            self.host = Some(folder.to_owned());
        } else if !host.is_empty() {
            self.host = Some(host);
        }
    }

    fn set_port(&mut self, port: &str) -> Result<(), AddressError> {
        if port.is_empty() {
            return Ok(());
        }
        match port.parse::<u16>() {
            Ok(1..) => {
                self.port = Some(port.to_owned());
                Ok(())
            }
            Ok(0) | Err(_) => Err(AddressError::Port),
        }
    }
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
