//! Settings that production must not run with.
//!
//! Staging keeps the rules about who is let in and what is sealed: it is reachable, and often holds
//! copies of real data. It is spared the rules about where things are, because a rehearsal may run on
//! one machine, with a private database and a scripted model.

use std::collections::BTreeMap;
use std::fmt;

use crate::auth::config::{IdentityProvider, weakness};
use crate::config::database::open_way;
use crate::config::settings::{AppEnv, Config};
use crate::connectors::model::Provider;
use crate::platform::secret::{ExposeSecret, SecretString};
use crate::vault::key;

const NEW_SECRET: &str = "export JWT_SECRET=\"$(navi keys generate jwt)\"";
const NEW_AUDIT_KEY: &str = "export AUDIT_ENCRYPTION_KEY=\"$(navi keys generate audit)\"";
/// A key that was mangled on its way is not replaced: logs that it sealed would be closed.
const SAME_AUDIT_KEY: &str = "copy the key whole, without quotes and spaces, from where it is kept; only where no log was ever \
     written, make one with `navi keys generate audit`";

/// A rule that a setting breaks.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    /// The environment variable.
    pub setting: &'static str,
    /// The problem.
    pub problem: String,
    /// The remedy: a command, or the value to set.
    pub mend: String,
}

/// Why a command cannot run with these settings. Lists every violation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refused {
    /// The environment whose rules are broken.
    pub environment: AppEnv,
    /// The rules.
    pub violations: Vec<Violation>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings are not fit for {}:", self.environment)?;
        for violation in &self.violations {
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

/// The rules that were found broken.
#[derive(Default)]
pub(super) struct Found(Vec<Violation>);

impl Found {
    /// Adds a rule.
    pub(super) fn broken(
        &mut self,
        setting: &'static str,
        problem: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.0.push(Violation {
            setting,
            problem: problem.into(),
            mend: mend.into(),
        });
    }
}

impl Config {
    /// Refuses settings that break a rule of their environment, all violations together.
    pub fn check(&self) -> Result<(), Refused> {
        let environment = self.app_env;
        let violations = match environment {
            AppEnv::Development => self.violations_in_development(),
            AppEnv::Staging | AppEnv::Production => self.violations_in(environment),
        };
        if violations.is_empty() {
            Ok(())
        } else {
            Err(Refused {
                environment,
                violations,
            })
        }
    }

    /// Refuses a database that breaks a rule of its environment, whatever else the settings say.
    pub fn check_database_alone(&self) -> Result<(), Refused> {
        let mut found = Found::default();
        if self.app_env == AppEnv::Production {
            self.check_database(&mut found);
        }
        if found.0.is_empty() {
            return Ok(());
        }
        Err(Refused {
            environment: self.app_env,
            violations: found.0,
        })
    }

    /// Every rule of production that these settings break, wherever they are used.
    pub fn violations(&self) -> Vec<Violation> {
        self.violations_in(AppEnv::Production)
    }

    /// In development nearly every setting that can be read is good enough.
    fn violations_in_development(&self) -> Vec<Violation> {
        let mut found = Found::default();
        self.check_switches_of_development(&mut found);
        found.0
    }

    fn violations_in(&self, environment: AppEnv) -> Vec<Violation> {
        let mut found = Found::default();
        if environment == AppEnv::Production {
            self.check_database(&mut found);
            self.check_place(&mut found);
        }
        self.check_secrets_of_tokens(&mut found);
        if let Some(provider) = self.auth.identity_provider() {
            self.check_identity_provider(&provider, &mut found);
        }
        self.check_sealing(&mut found);
        self.check_webhooks(&mut found);
        self.check_development_switches(&mut found);
        self.check_lent_credentials(&mut found);
        self.check_reuse(&mut found);
        found.0
    }

    /// Where rows are kept.
    fn check_database(&self, found: &mut Found) {
        match &self.database.database_url {
            None => found.broken(
                "DATABASE_URL",
                "is required in production, and is not set: a private Postgres in a data folder is no place for it",
                "export DATABASE_URL='postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full'",
            ),
            Some(url) => {
                check_way("DATABASE_URL", url, found);
            }
        }
        if self.database.direct().is_err() {
            found.broken(
                "DATABASE_DIRECT_URL",
                "is not set, and a pooler that shares sessions cannot keep one for migrations and locks",
                "export DATABASE_DIRECT_URL='postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full'",
            );
        }
        if let Some(url) = &self.database.database_direct_url {
            check_way("DATABASE_DIRECT_URL", url, found);
        }
    }

    /// Where the agent works, and what answers.
    fn check_place(&self, found: &mut Found) {
        if self.agent.workspace_roots.is_none() {
            found.broken(
                "NAVI_WORKSPACE_ROOTS",
                "is not set, and every user could work in every folder that the server may read",
                "export NAVI_WORKSPACE_ROOTS=/path/to/the/workspaces",
            );
        }
        if self.llm.script.is_some() || self.scripted.is_some() {
            let problem = "plays a script to people who expect a model";
            found.broken("NAVI_SCRIPT", problem, "unset NAVI_SCRIPT");
        }
    }

    fn check_secrets_of_tokens(&self, found: &mut Found) {
        match &self.auth.jwt_secret {
            None if self.auth.identity_provider().is_none() => found.broken(
                "JWT_SECRET",
                "is not set, and neither is an identity provider: nobody could be let in",
                format!("{NEW_SECRET} (or name a provider with AUTH0_DOMAIN or OIDC_ISSUER)"),
            ),
            None => {}
            Some(secret) => {
                if let Some(problem) = weakness(secret.expose_secret()) {
                    found.broken("JWT_SECRET", problem, NEW_SECRET);
                }
            }
        }
        for secret in self.auth.previous_secrets() {
            if let Some(problem) = weakness(secret) {
                found.broken(
                    "JWT_SECRET_PREVIOUS",
                    format!("holds a secret that {problem}"),
                    "take it out of JWT_SECRET_PREVIOUS; its tokens could be forged",
                );
            }
        }
    }

    fn check_identity_provider(&self, provider: &IdentityProvider, found: &mut Found) {
        let auth = &self.auth;
        let (setting, clients) = if auth.oidc_issuer.is_some() && auth.auth0_domain.is_none() {
            ("OIDC_ISSUER", "OIDC_CLIENT_IDS")
        } else if auth.auth0_domain.is_some() {
            ("AUTH0_DOMAIN", "AUTH0_VALID_CLIENT_IDS")
        } else {
            ("JWT_JWKS_URL", "OIDC_CLIENT_IDS")
        };
        if auth.oidc_issuer.is_some() && auth.auth0_domain.is_some() {
            let problem = "names a second identity provider beside AUTH0_DOMAIN";
            found.broken("OIDC_ISSUER", problem, "unset OIDC_ISSUER, or AUTH0_DOMAIN");
        }
        if provider.keys.url().scheme() != "https" {
            let setting = if auth.jwt_jwks_url.is_some() {
                "JWT_JWKS_URL"
            } else {
                setting
            };
            let problem = "is not https: whoever is on the way could give us keys of their own";
            found.broken(setting, problem, format!("begin {setting} with https://"));
        }
        if provider.audience.is_none() {
            found.broken(
                "JWT_AUDIENCE",
                "is not set, and the provider's tokens for other services would be accepted",
                "export JWT_AUDIENCE=THE_IDENTIFIER_OF_THIS_API",
            );
        }
        if provider.issuer.is_none() {
            found.broken(
                "JWT_ISSUER",
                "is not set, and does not follow from JWT_JWKS_URL",
                "export JWT_ISSUER=THE_PROVIDER_AS_ITS_TOKENS_NAME_IT",
            );
        }
        if provider.client_ids.is_empty() {
            found.broken(
                clients,
                "is not set, and tokens of every application at the provider would be accepted",
                format!("export {clients}=THE_CLIENT_ID,ANOTHER"),
            );
        }
    }

    fn check_sealing(&self, found: &mut Found) {
        const SETTING: &str = "AUDIT_ENCRYPTION_KEY";
        match &self.audit.audit_encryption_key {
            None => found.broken(SETTING, "is not set", NEW_AUDIT_KEY),
            Some(text) => match key::parse(text.expose_secret()) {
                Err(error) => found.broken(SETTING, error.to_string(), SAME_AUDIT_KEY),
                Ok(key) => {
                    if let Some(problem) = key::weakness(&key) {
                        found.broken(SETTING, problem, NEW_AUDIT_KEY);
                    }
                }
            },
        }
        if let Err(error) = self.audit.previous_keys() {
            found.broken(
                "AUDIT_ENCRYPTION_KEYS_PREVIOUS",
                format!("cannot be used: {error}"),
                "write it as NAME:KEY,NAME:KEY with the names that the keys had",
            );
        }
        if self.vault.token_encryption_key_id.is_none() {
            found.broken(
                "TOKEN_ENCRYPTION_KEY_ID",
                "is not set, and tokens of connected accounts could not be sealed",
                "export TOKEN_ENCRYPTION_KEY_ID=\"$(aws kms create-key --query KeyMetadata.Arn --output text)\"",
            );
        }
    }

    fn check_webhooks(&self, found: &mut Found) {
        for (connector, name, setting, secret) in self.webhook_secrets() {
            if !self.connectors.offers(connector) {
                continue;
            }
            let problem = match secret {
                None => "is not set",
                Some(secret) => match weakness(secret.expose_secret()) {
                    Some(problem) => problem,
                    None => continue,
                },
            };
            found.broken(
                setting,
                format!("{problem}, and anybody could send webhooks in the name of {name}"),
                format!("export {setting}=THE_SECRET_OF_THE_WEBHOOK (or leave {name} out of NAVI_CONNECTORS)"),
            );
        }
    }

    fn webhook_secrets(
        &self,
    ) -> [(Provider, &'static str, &'static str, Option<&SecretString>); 3] {
        let of = &self.connectors;
        [
            (
                Provider::GitHub,
                "GitHub",
                "GITHUB_WEBHOOK_SECRET",
                of.github_webhook_secret.as_ref(),
            ),
            (
                Provider::Jira,
                "Jira",
                "JIRA_WEBHOOK_SECRET",
                of.jira_webhook_secret.as_ref(),
            ),
            (
                Provider::Slack,
                "Slack",
                "SLACK_SIGNING_SECRET",
                of.slack_signing_secret.as_ref(),
            ),
        ]
    }

    /// A secret that leaks from one place must not reveal another one.
    fn check_reuse(&self, found: &mut Found) {
        let previous_keys = self.audit.audit_encryption_keys_previous.as_ref();
        let previous_keys = previous_keys.map_or("", ExposeSecret::expose_secret);
        let key_of = |entry: &'_ str| entry.split_once(':').map(|(_, key)| key.to_owned());
        let one = |setting, secret: Option<&SecretString>| {
            secret.map(|secret| (setting, secret.expose_secret().to_owned()))
        };
        let mut all = Vec::new();
        all.extend(one("JWT_SECRET", self.auth.jwt_secret.as_ref()));
        let previous = self.auth.previous_secrets().into_iter();
        all.extend(previous.map(|secret| ("JWT_SECRET_PREVIOUS", secret.to_owned())));
        let audit = self.audit.audit_encryption_key.as_ref();
        all.extend(one("AUDIT_ENCRYPTION_KEY", audit));
        let previous = previous_keys.split(',').filter_map(key_of);
        all.extend(previous.map(|key| ("AUDIT_ENCRYPTION_KEYS_PREVIOUS", key)));
        let development = self.vault.dev_encryption_key.as_ref();
        all.extend(one("DEV_ENCRYPTION_KEY", development));
        for (_, _, setting, secret) in self.webhook_secrets() {
            all.extend(one(setting, secret));
        }
        let mut first = BTreeMap::new();
        for (setting, secret) in all {
            // Padding and space around it make no other secret of it.
            let secret = secret.trim().trim_end_matches('=').to_owned();
            if let Some(other) = first.get(&secret) {
                let problem = format!("holds the same secret as {other}");
                found.broken(setting, problem, format!("put another into {setting}"));
            } else {
                first.insert(secret, setting);
            }
        }
    }
}

/// The way to a database on another machine, on which nothing may stand in the database's place.
fn check_way(setting: &'static str, url: &SecretString, found: &mut Found) {
    if let Some(problem) = open_way(url) {
        let mend = format!(
            "write {setting} as postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full; the certificate of an \
             authority of your own is named with &sslrootcert=/path/to/ca.pem there, or with PGSSLROOTCERT"
        );
        found.broken(setting, problem, mend);
    }
}

#[cfg(test)]
#[path = "production_tests.rs"]
mod tests;
