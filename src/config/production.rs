//! What production must not run with.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::auth::token;
use crate::config::settings::{AppEnv, Config};
use crate::platform::secret::ExposeSecret;

/// A rule that a setting breaks.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    /// The environment variable.
    pub setting: &'static str,
    /// What is wrong with it.
    pub problem: String,
    /// What mends it: a command, or what to put there.
    pub mend: String,
}

/// Why a command cannot run with these settings. Lists every violation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refused(pub Vec<Violation>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings are not fit for production:")?;
        for violation in &self.0 {
            let Violation {
                setting,
                problem,
                mend,
            } = violation;
            write!(f, "\n  {setting} {problem}\n    mend it with: {mend}")?;
        }
        Ok(())
    }
}

impl Config {
    /// Refuses settings that break a rule of production, all violations together. Elsewhere every
    /// setting that can be read is good enough.
    pub fn check(&self) -> Result<(), Refused> {
        match self.app_env {
            AppEnv::Development | AppEnv::Staging => Ok(()),
            AppEnv::Production => {
                let violations = self.violations();
                if violations.is_empty() {
                    Ok(())
                } else {
                    Err(Refused(violations))
                }
            }
        }
    }

    /// Every rule of production that these settings break, wherever they are used.
    pub fn violations(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut broken = |setting, problem: &str, mend: &str| {
            found.push(Violation {
                setting,
                problem: problem.to_owned(),
                mend: mend.to_owned(),
            });
        };
        match &self.database.database_url {
            None => broken(
                "DATABASE_URL",
                "is not set, and a private Postgres in a data folder is no place for production",
                "export DATABASE_URL='postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full'",
            ),
            Some(url) => {
                if let Some(problem) = insecure_database(url.expose_secret()) {
                    let mend = "add ?sslmode=verify-full (or &sslmode=verify-full) to DATABASE_URL";
                    broken("DATABASE_URL", problem, mend);
                }
            }
        }
        let new_secret = "export JWT_SECRET=\"$(openssl rand -hex 32)\"";
        match &self.auth.jwt_secret {
            None => broken("JWT_SECRET", "is not set", new_secret),
            Some(secret) => {
                if let Some(problem) = token::weakness(secret.expose_secret()) {
                    broken("JWT_SECRET", problem, new_secret);
                }
            }
        }
        for secret in self.auth.previous_secrets() {
            if let Some(problem) = token::weakness(secret) {
                broken(
                    "JWT_SECRET_PREVIOUS",
                    &format!("holds a secret that {problem}"),
                    "take it out of JWT_SECRET_PREVIOUS; its tokens could be forged",
                );
            }
        }
        if self.agent.workspace_roots.is_empty() {
            broken(
                "NAVI_WORKSPACE_ROOTS",
                "is not set, and every user could work in every folder that the server may read",
                "export NAVI_WORKSPACE_ROOTS=/path/to/the/workspaces",
            );
        }
        if self.vault.dev_encryption_key.is_some() {
            broken(
                "DEV_ENCRYPTION_KEY",
                "is for development only",
                "unset DEV_ENCRYPTION_KEY, and name a KMS key in TOKEN_ENCRYPTION_KEY_ID",
            );
        }
        for name in &self.surroundings.development_switches {
            broken(name, "is for development only", &format!("unset {name}"));
        }
        found
    }
}

/// Why the way to this database is not safe outside one machine, if it is not.
fn insecure_database(url: &str) -> Option<&'static str> {
    // The parser takes any scheme.
    let named = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let Some(options) = PgConnectOptions::from_str(url).ok().filter(|_| named) else {
        return Some("is no Postgres address");
    };
    let host = options.get_host();
    let local = options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    match options.get_ssl_mode() {
        PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull => None,
        PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer => {
            (!local).then_some("does not insist on TLS to a database on another machine")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRONG: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    fn config(flags: &[&str]) -> Config {
        Config::from_flags(flags.iter().copied()).unwrap()
    }

    #[test]
    fn production_names_every_violation_at_once_and_how_to_mend_it() {
        let mut config = config(&["--app-env", "production", "--jwt-secret-previous", "old"]);
        config.surroundings.development_switches = vec!["DEV_USER_ID"];
        insta::assert_snapshot!(config.check().unwrap_err(), @r#"
    the settings are not fit for production:
      DATABASE_URL is not set, and a private Postgres in a data folder is no place for production
        mend it with: export DATABASE_URL='postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full'
      JWT_SECRET is not set
        mend it with: export JWT_SECRET="$(openssl rand -hex 32)"
      JWT_SECRET_PREVIOUS holds a secret that is shorter than 32 bytes
        mend it with: take it out of JWT_SECRET_PREVIOUS; its tokens could be forged
      NAVI_WORKSPACE_ROOTS is not set, and every user could work in every folder that the server may read
        mend it with: export NAVI_WORKSPACE_ROOTS=/path/to/the/workspaces
      DEV_USER_ID is for development only
        mend it with: unset DEV_USER_ID
    "#);
    }

    #[test]
    fn development_starts_with_nothing_set() {
        assert_eq!(config(&[]).check(), Ok(()));
    }

    #[test]
    fn production_wants_tls_unless_the_database_is_on_this_machine() {
        for (url, good) in [
            ("postgres://u@db.example/n?sslmode=verify-full", true),
            ("postgres://u@db.example/n?sslmode=require", true),
            ("postgres://u@db.example/n", false),
            ("postgres://u@db.example/n?sslmode=disable", false),
            ("postgres://u@10.0.0.1/n", false),
            ("postgres://u@127.0.0.1/n", true),
            ("postgres://u@localhost/n?host=/run/postgresql", true),
            ("mysql://u@127.0.0.1/n", false),
            ("nonsense", false),
        ] {
            let flags = [
                "--app-env",
                "production",
                "--database-url",
                url,
                "--jwt-secret",
                STRONG,
                "--workspace-roots",
                "/srv",
            ];
            assert_eq!(config(&flags).check().is_ok(), good, "{url}");
        }
    }

    #[test]
    fn weak_secrets_are_refused_in_production() {
        for weak in ["short", &"a".repeat(64)] {
            let url = "postgres://u@127.0.0.1/n";
            let flags = [
                "--app-env",
                "prod",
                "--database-url",
                url,
                "--jwt-secret",
                weak,
            ];
            assert_eq!(
                config(&flags).check().unwrap_err().0[0].setting,
                "JWT_SECRET"
            );
        }
    }
}
