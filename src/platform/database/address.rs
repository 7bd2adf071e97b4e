//! The way to reach the database that an address names.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::platform::database::servers::{Servers, WantedServer};
use crate::platform::database::spelling::{AddressError, Spelled, SpelledServer};

/// Parameters that mean something to sqlx, under every name that they have.
const PASSED_ON: &[(&str, &str)] = &[
    ("user", "user"),
    ("username", "user"),
    ("password", "password"),
    ("dbname", "dbname"),
    ("database", "dbname"),
    ("application_name", "application_name"),
    ("applicationname", "application_name"),
    ("fallback_application_name", "application_name"),
    ("sslrootcert", "sslrootcert"),
    ("ssl-root-cert", "sslrootcert"),
    ("ssl-ca", "sslrootcert"),
    ("sslcert", "sslcert"),
    ("ssl-cert", "sslcert"),
    ("sslkey", "sslkey"),
    ("ssl-key", "sslkey"),
    ("options", "options"),
    ("statement-cache-capacity", "statement-cache-capacity"),
];

/// Names of the parameter that says whether the way is encrypted.
const TLS: &[&str] = &["sslmode", "ssl-mode", "ssl"];

/// Names of the parameter that says what a server must be, by libpq and by Java's driver.
const TARGET: &[&str] = &["target_session_attrs", "targetservertype"];

/// Parameters that say nothing to this program and change nothing that matters.
const LEFT_OUT: &[&str] = &[
    "async_fallback",
    "channel_binding",
    "client_encoding",
    "command_timeout",
    "connect_timeout",
    "connection_limit",
    "gssencmode",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "pgbouncer",
    "pool_timeout",
    "prepared_statement_cache_size",
    "require_auth",
    "sslnegotiation",
    "sslsni",
    "tcp_user_timeout",
    "timeout",
];

/// The beginning of the pair that names the authority's certificate.
const ROOT_PAIR: &str = "sslrootcert=";
/// The beginning of a certificate in a file.
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// The servers of an address, and the names of parameters that were not understood.
#[derive(Debug)]
pub struct DatabaseAddress {
    /// The servers, with the options of connections.
    pub servers: Servers,
    /// Parameters of the address that change nothing.
    pub ignored: Vec<String>,
}

impl DatabaseAddress {
    /// Reads an address in any spelling that [`Spelled`] knows.
    ///
    /// The rest comes from `PGHOST` and its like, and from the file of passwords. Of several servers one
    /// that takes writes is wanted unless the address says otherwise: all sessions write, and with the
    /// default of libpq they would stay on a primary of before that came back as a standby.
    pub fn read(text: &str) -> Result<Self, AddressError> {
        let spelled = Spelled::read(text)?;
        let mut common = Vec::new();
        let mut ignored = Vec::new();
        let mut wanted = None;
        for (name, value) in &spelled.parameters {
            let lower = name.to_ascii_lowercase();
            if TLS.contains(&&*lower) {
                common.push(pair("sslmode", tls_mode(value)?));
            } else if TARGET.contains(&&*lower) {
                wanted = Some(WantedServer::named(value).ok_or(AddressError::Target)?);
            } else if lower == "sslrootcert" && value == "system" {
                // Without any, the certificates of the system are used.
            } else if let Some((_, known)) = PASSED_ON.iter().find(|(known, _)| *known == lower) {
                common.push(pair(known, value));
            } else if lower.starts_with("options[") {
                common.push(pair(name, value));
            } else if !LEFT_OUT.contains(&&*lower) {
                ignored.push(name.clone());
            }
        }
        let (first, others) = spelled.servers()?;
        let usual = if others.is_empty() {
            WantedServer::Any
        } else {
            WantedServer::ReadWrite
        };
        let first = options(&first, &common)?;
        check_authority(first.get_ssl_mode(), &common)?;
        let others = others.iter().map(|server| options(server, &common));
        let others = others.collect::<Result<_, _>>()?;
        let servers = Servers::new(first, others, wanted.unwrap_or(usual));
        Ok(Self { servers, ignored })
    }
}

/// The options of connections to one server.
fn options(server: &SpelledServer, common: &[String]) -> Result<PgConnectOptions, AddressError> {
    let host = server.host.as_ref().map(|host| pair("host", host));
    let port = server.port.as_ref().map(|port| pair("port", port));
    let query: Vec<_> = host.into_iter().chain(port).collect();
    let query = [&query, common].concat();
    // Everything in the query: the authority of a URL has no room for every host and password.
    let url = format!("postgres:///?{}", query.join("&"));
    url.parse().map_err(|_| AddressError::Unreadable)
}

/// Looks at the file of the authority, where the server's certificate is verified: the library that reads it at
/// each connection names neither the file nor the setting.
fn check_authority(mode: PgSslMode, common: &[String]) -> Result<(), AddressError> {
    let is_verified = matches!(mode, PgSslMode::VerifyCa | PgSslMode::VerifyFull);
    let in_address = common.iter().rfind(|pair| pair.starts_with(ROOT_PAIR));
    let Some(path) = authority(in_address).filter(|_| is_verified) else {
        return Ok(());
    };
    let is_there = |text: &[u8]| {
        text.windows(CERTIFICATE.len())
            .any(|part| part == CERTIFICATE)
    };
    let problem = match std::fs::read(&path) {
        Ok(text) if is_there(&text) => return Ok(()),
        Ok(_) => "there is no certificate in it (PEM, `-----BEGIN CERTIFICATE-----`)".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(AddressError::Authority {
        setting: match in_address {
            Some(_) => "sslrootcert",
            None => "PGSSLROOTCERT",
        },
        path,
        problem,
    })
}

/// The file of the authority, as the library finds it in the address or the environment.
fn authority(in_address: Option<&String>) -> Option<String> {
    // Another host and user, since theirs may fit into no URL.
    let query = [pair("host", "localhost"), pair("user", "navi")];
    let query: Vec<_> = query.iter().chain(in_address).map(String::as_str).collect();
    let url = format!("postgres:///?{}", query.join("&"));
    let options = url.parse::<PgConnectOptions>().ok()?.to_url_lossy();
    let mut pairs = options.query_pairs();
    let (_, named) = pairs.find(|(name, _)| name == "sslrootcert")?;
    named.strip_prefix("file: ").map(str::to_owned)
}

fn pair(name: &str, value: &str) -> String {
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    format!("{}={}", encoded(name), encoded(value))
}

/// The mode by libpq's names, from those of the drivers of Python and Node.
fn tls_mode(value: &str) -> Result<&'static str, AddressError> {
    Ok(match value.to_ascii_lowercase().as_str() {
        "disable" | "false" | "0" | "off" => "disable",
        "allow" => "allow",
        "prefer" => "prefer",
        "require" | "true" | "1" | "on" | "no-verify" => "require",
        "verify-ca" => "verify-ca",
        "verify-full" => "verify-full",
        _ => return Err(AddressError::Parameter("sslmode")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Servers {
        DatabaseAddress::read(text)
            .unwrap_or_else(|error| panic!("{text}: {error}"))
            .servers
    }

    fn options(text: &str) -> PgConnectOptions {
        let servers = read(text);
        assert!(!servers.are_several(), "{text}");
        servers.good().clone()
    }

    fn refusal(text: &str) -> AddressError {
        DatabaseAddress::read(text).unwrap_err()
    }

    #[test]
    fn every_spelling_of_one_address_means_the_same() {
        for text in [
            "postgres://ada:pw@db.example:6432/navi",
            "postgresql://ada:pw@db.example:6432/navi",
            "POSTGRES://ada:pw@db.example:6432/navi",
            "postgresql+asyncpg://ada:pw@db.example:6432/navi",
            "postgresql+psycopg2://ada:pw@db.example:6432/navi",
            "postgres+psycopg://ada:pw@db.example:6432/navi/",
            "jdbc:postgresql://db.example:6432/navi?user=ada&password=pw",
            " \"postgres://ada:pw@db.example:6432/navi\"\n",
            "'postgres://ada:pw@db.example:6432/navi'",
            "postgres://%61da:p%77@db.example:6432/nav%69",
            "postgres:///navi?host=db.example&port=6432&user=ada&password=pw",
            "postgres://ada@db.example:6432/?dbname=navi&password=pw",
            "host=db.example port=6432 user=ada password=pw dbname=navi",
            " user = ada  password = 'pw' host='db.example' port=6432 dbname = navi ",
        ] {
            let options = options(text);
            assert_eq!(options.get_host(), "db.example", "{text}");
            assert_eq!(options.get_port(), 6432, "{text}");
            assert_eq!(options.get_username(), "ada", "{text}");
            assert_eq!(options.get_database(), Some("navi"), "{text}");
            assert!(
                format!("{options:?}").contains("password: Some(\"pw\")"),
                "{text}"
            );
        }
    }

    #[test]
    fn an_ipv6_address_loses_its_brackets_and_keeps_its_port() {
        for (text, host, port) in [
            ("postgres://u@[::1]:6432/n", "::1", 6432),
            ("postgres://u@[::1]/n", "::1", 5432),
            ("postgres://u@[::1]:/n", "::1", 5432),
            ("postgres://u@::1/n", "::1", 5432),
            ("postgres://u@[2001:db8::5]:6432/n", "2001:db8::5", 6432),
            ("postgres://u@[fe80::1%25eth0]:6432/n", "fe80::1%eth0", 6432),
            ("postgres:///n?host=::1&port=6432", "::1", 6432),
            ("postgres:///n?host=[::1]", "::1", 5432),
            ("host=::1 dbname=n", "::1", 5432),
            ("postgres://u@h:/n", "h", 5432),
        ] {
            let options = options(text);
            assert_eq!(
                (options.get_host(), options.get_port()),
                (host, port),
                "{text}"
            );
        }
    }

    #[test]
    fn several_servers_are_read_in_their_order_in_every_spelling() {
        for (text, expected) in [
            ("postgres://u@a:1,b:2/n", [("a", 1), ("b", 2)]),
            ("postgres://u@a:1,b/n", [("a", 1), ("b", 5432)]),
            ("postgres://u@a,b:2/n", [("a", 5432), ("b", 2)]),
            ("postgres://u:p,w@a,b/n", [("a", 5432), ("b", 5432)]),
            ("postgres://u@[::1]:1,[::2]/n", [("::1", 1), ("::2", 5432)]),
            ("postgres://u@/n?host=a,b&port=1,2", [("a", 1), ("b", 2)]),
            ("postgres://u@/n?host=a,b&port=7", [("a", 7), ("b", 7)]),
            ("postgres://u@/n?host=a:1&host=b:2", [("a", 1), ("b", 2)]),
            (
                "postgres://u@c:9,d:9/n?host=a,b&port=1,2",
                [("a", 1), ("b", 2)],
            ),
            (
                "jdbc:postgresql://a:1,b:2/n?targetServerType=primary",
                [("a", 1), ("b", 2)],
            ),
            ("host=a,b port=1,2 user=u dbname=n", [("a", 1), ("b", 2)]),
            ("host=a,b port=,2 user=u dbname=n", [("a", 5432), ("b", 2)]),
            (
                "hostaddr=192.0.2.1,192.0.2.2 port=1",
                [("192.0.2.1", 1), ("192.0.2.2", 1)],
            ),
            (
                "host=a,b hostaddr=192.0.2.1,192.0.2.2 port=1",
                [("a", 1), ("b", 1)],
            ),
        ] {
            let servers = read(text);
            let found: Vec<_> = servers
                .all()
                .map(|options| (options.get_host(), options.get_port()))
                .collect();
            assert_eq!(found, expected, "{text}");
        }
        let servers = read("host=/run/a,/run/b/.s.PGSQL.2 port=1 user=ada password=pw dbname=n");
        let found: Vec<_> = servers
            .all()
            .map(|it| (it.get_socket().unwrap().to_str().unwrap(), it.get_port()))
            .collect();
        assert_eq!(found, [("/run/a", 1), ("/run/b", 2)]);
        assert!(
            servers
                .all()
                .all(|it| it.get_username() == "ada" && it.get_database() == Some("n"))
        );
    }

    #[test]
    fn of_several_servers_one_that_takes_writes_is_wanted_unless_the_address_says_otherwise() {
        for (text, word) in [
            ("postgres://a,b/n", "wanted: ReadWrite"),
            ("postgres://a,b/n?target_session_attrs=any", "wanted: Any"),
            ("host=a,b target_session_attrs=primary", "wanted: Primary"),
            ("postgres://a/n", "wanted: Any"),
            (
                "postgres://a/n?target_session_attrs=read-write",
                "wanted: ReadWrite",
            ),
        ] {
            let shown = format!("{:?}", read(text));
            assert!(shown.contains(word), "{text}: {shown}");
        }
        for value in [
            "read-only",
            "standby",
            "prefer-standby",
            "writer",
            "read_write",
        ] {
            let text = format!("postgres://a,b/n?target_session_attrs={value}");
            assert_eq!(refusal(&text), AddressError::Target, "{text}");
            assert!(refusal(&text).to_string().contains("read-write"));
        }
    }

    #[test]
    fn a_socket_may_be_written_in_four_ways() {
        for text in [
            "postgres:///n?host=/run/postgresql&port=6432",
            "postgres://u@%2Frun%2Fpostgresql:6432/n",
            "postgres:///n?host=/run/postgresql/.s.PGSQL.6432",
            "host=/run/postgresql port=6432 dbname=n",
        ] {
            let options = options(text);
            let socket = options.get_socket().map(|path| path.to_str().unwrap());
            assert_eq!(socket, Some("/run/postgresql"), "{text}");
            assert_eq!(options.get_port(), 6432, "{text}");
        }
    }

    #[test]
    fn a_password_may_hold_anything() {
        for (text, password) in [
            ("postgres://u:p%40s%2Fs%3Fw%23d@h/n", "p@s/s?w#d"),
            ("postgres://u:p@ss@h/n", "p@ss"),
            ("postgres://u:p#ss@h/n", "p#ss"),
            ("postgres://u:a:b@h/n", "a:b"),
            ("postgres://u:100%@h/n", "100%"),
            ("postgres://u:a+b@h/n", "a+b"),
            ("postgres://u:%C3%BC@h/n", "ü"),
            (r"host=h user=u password='it\'s a b'", "it's a b"),
            (r"host=h user=u password=a\ b", "a b"),
        ] {
            let options = options(text);
            let shown = format!("{options:?}");
            assert!(
                shown.contains(&format!("password: Some({password:?})")),
                "{text}: {shown}"
            );
            assert_eq!(options.get_host(), "h", "{text}");
        }
    }

    #[test]
    fn the_names_of_other_drivers_for_tls_are_understood() {
        for (text, mode) in [
            ("postgres://h/n?sslmode=verify-full", PgSslMode::VerifyFull),
            (
                "postgres://h/n?sslmode=verify-full&sslrootcert=system",
                PgSslMode::VerifyFull,
            ),
            ("postgresql+asyncpg://h/n?ssl=require", PgSslMode::Require),
            ("postgresql://h/n?ssl=true", PgSslMode::Require),
            ("host=h sslmode=disable", PgSslMode::Disable),
        ] {
            assert!(
                std::mem::discriminant(&options(text).get_ssl_mode())
                    == std::mem::discriminant(&mode),
                "{text}"
            );
        }
        assert_eq!(
            refusal("postgres://h/n?sslmode=ful"),
            AddressError::Parameter("sslmode")
        );
    }

    #[test]
    fn a_file_that_is_no_authority_is_named_where_it_would_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let good = file("ca.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n");
        let missing = folder.path().join("none.pem").display().to_string();
        let address = |mode: &str, path: &str| {
            DatabaseAddress::read(&format!(
                "postgres://u:hunter2@h/n?sslmode={mode}&sslrootcert={path}"
            ))
        };
        assert!(address("verify-full", &good).is_ok());
        assert!(address("require", &missing).is_ok(), "it is not read");
        for (path, words) in [
            (missing, "No such file"),
            (file("empty.pem", ""), "no certificate"),
        ] {
            for mode in ["verify-full", "verify-ca"] {
                let said = address(mode, &path).unwrap_err().to_string();
                assert!(said.contains(&path) && said.contains(words), "{said}");
                assert!(said.contains("sslrootcert"), "{said}");
                assert!(!said.contains("hunter2"), "{said}");
            }
        }
    }

    #[test]
    fn what_is_not_understood_is_named_and_what_says_nothing_is_not() {
        let text = "postgres://h/n?channel_binding=require&connect_timeout=5&sslmod=require";
        let ignored = DatabaseAddress::read(text).unwrap().ignored;
        assert_eq!(ignored, ["sslmod"]);
    }

    #[test]
    fn other_databases_are_refused_by_name() {
        for (text, kind) in [
            ("mysql://u:hunter2@h/n", "mysql"),
            ("mysql+aiomysql://u:hunter2@h/n", "mysql"),
            ("sqlite:///home/ada/navi.db", "sqlite"),
            ("mongodb+srv://u:hunter2@h/n", "mongodb"),
            ("https://h/n", "https"),
        ] {
            assert_eq!(
                refusal(text),
                AddressError::Foreign(kind.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_address_is_refused_and_never_repeated() {
        for text in [
            "",
            "hunter2",
            "/run/hunter2",
            "postgres:hunter2@h",
            "postgres://u:hunter2@h:port/n",
            "postgres://u:hunter2@h:0/n",
            "postgres://u:hunter2@h:99999/n",
            "postgres://u:hun/ter2@h/n",
            "postgres://u:12/hunter2@h/n",
            "postgres://u:hunter2@[::1/n",
            "postgres://u:hunter2@a:1,b:x/n",
            "postgres://u:hunter2@a:1,/n",
            "host=a,b port=1,2,3 password=hunter2",
            "host=a,b port=1,0 password=hunter2",
            "host=a, password=hunter2",
            "postgres://u:hunter2@a,b/n?target_session_attrs=read-only",
            "host=h password='hunter2",
            "service=navi password=hunter2",
            "sqlite:hunter2.db",
            "hunter2hunter2hunter2hunter2://x",
        ] {
            let said = refusal(text).to_string();
            assert!(!said.contains("hunter2"), "{text}: {said}");
        }
    }
}
