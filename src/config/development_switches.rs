//! Switches for development, and the environments that refuse each.

use crate::auth::principal::{Principal, Proof};
use crate::config::production::Found;
use crate::config::settings::{AppEnv, Config};

const BYPASS: &str = "ALLOW_DEV_AUTH_BYPASS";

impl Config {
    /// The identity of requests without a token, on a developer's own machine and nowhere else.
    pub fn development_identity(&self) -> Option<Principal> {
        let settings = &self.auth.development;
        let is_here = self.server.bind.is_loopback();
        let is_on = settings.allow_dev_auth_bypass && self.app_env == AppEnv::Development;
        (is_on && is_here).then(|| Principal {
            org_id: settings.dev_org_id.clone(),
            user_id: settings.dev_user_id.clone(),
            team_id: None,
            role: settings.dev_user_role,
            proof: Proof::Development,
        })
    }

    /// Keys, tokens and switches that are for development, or that served the original so.
    pub(super) fn check_development_switches(&self, found: &mut Found) {
        let around = &self.surroundings;
        let ours = [
            (
                "DEV_ENCRYPTION_KEY",
                self.vault.dev_encryption_key.is_some(),
            ),
            (BYPASS, self.auth.development.allow_dev_auth_bypass),
            ("ALLOW_DEV_CORS", self.browsers.allow_dev_cors),
        ];
        let ours = ours.into_iter().filter(|(_, is_open)| *is_open);
        let names = ours.map(|(name, _)| name);
        for name in names.chain(around.development_switches.iter().copied()) {
            found.broken(name, "is for development only", format!("unset {name}"));
        }
        self.check_origins(found, "export CORS_ORIGINS=https://THE_PAGES_HOST,ANOTHER");
        for name in &around.protections_off {
            let problem = "is off, and what it stands for cannot be switched off here";
            found.broken(name, problem, format!("unset {name}"));
        }
        for name in &around.operator_tokens {
            let problem = "is an operator token, which this environment does not accept";
            found.broken(name, problem, format!("unset {name}"));
        }
    }

    /// Switches that are refused on a developer's machine too, in some combinations.
    pub(super) fn check_switches_of_development(&self, found: &mut Found) {
        let instead = "export CORS_ORIGINS=https://THE_PAGES_HOST,ANOTHER \
                       (for pages of this machine: export ALLOW_DEV_CORS=true)";
        self.check_origins(found, instead);
        let bind = &self.server.bind;
        if self.auth.development.allow_dev_auth_bypass && !bind.is_loopback() {
            found.broken(
                BYPASS,
                format!("accepts requests without a token, and {bind} is reachable from elsewhere"),
                format!("unset {BYPASS} (or export NAVI_BIND=127.0.0.1:8787)"),
            );
        }
    }

    /// Refuses credentials of the operator's that every organisation may borrow.
    pub(super) fn check_lent_credentials(&self, found: &mut Found) {
        for setting in self.sandbox.credentials.given_to_all() {
            found.broken(
                setting,
                "lets the people of every organisation act in the operator's name",
                "name the organisations in place of `*`",
            );
        }
    }

    fn check_origins(&self, found: &mut Found, instead: &str) {
        if self.browsers.allows_every_origin() {
            let problem = "holds *, and every page that a user visits could read answers";
            found.broken("CORS_ORIGINS", problem, instead);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The settings whose rules are broken.
    fn broken(config: &Config) -> Vec<&'static str> {
        let refused = config.check().unwrap_err();
        let violations = refused.violations.iter();
        violations.map(|violation| violation.setting).collect()
    }

    #[test]
    fn requests_without_a_token_have_an_identity_on_a_developers_own_machine_alone() {
        let config = |environment: &str, bind: &str| {
            let (environment, bind) =
                (format!("--app-env={environment}"), format!("--bind={bind}"));
            Config::from_flags(["--allow-dev-auth-bypass=true", &environment, &bind]).unwrap()
        };
        for bind in ["127.0.0.1:8787", "127.0.0.2:0", "[::1]:8787"] {
            let config = config("development", bind);
            assert_eq!(config.check(), Ok(()), "{bind}");
            let identity = config.development_identity().unwrap();
            assert_eq!(identity.user_id.as_str(), "dev_user", "{bind}");
        }
        for bind in ["0.0.0.0:8787", "192.168.1.2:8787", "[::]:8787"] {
            let config = config("development", bind);
            assert_eq!(broken(&config), ["ALLOW_DEV_AUTH_BYPASS"], "{bind}");
            assert_eq!(config.development_identity(), None, "{bind}");
            let said = config.check().unwrap_err().to_string();
            assert!(said.contains(bind) && said.contains("NAVI_BIND"), "{said}");
        }
        for environment in ["staging", "production", "test", "ci"] {
            let config = config(environment, "127.0.0.1:8787");
            let refused = broken(&config);
            assert!(refused.contains(&"ALLOW_DEV_AUTH_BYPASS"), "{environment}");
            assert_eq!(config.development_identity(), None, "{environment}");
        }
        assert_eq!(Config::from_flags([]).unwrap().development_identity(), None);
    }

    #[test]
    fn credentials_of_the_operator_are_for_organisations_that_are_named() {
        let broken = |agent: &str, tokens: &str| {
            let agent = format!("--git-ssh-agent={agent}");
            let tokens = format!("--git-tokens={tokens}/git.example=a-word-of-some-length");
            let config = Config::from_flags(["--app-env=production", &agent, &tokens]).unwrap();
            let mut broken = broken(&config);
            broken.retain(|it| it.starts_with("NAVI_GIT"));
            broken
        };
        assert_eq!(
            broken("acme,*", "*"),
            ["NAVI_GIT_SSH_AGENT", "NAVI_GIT_TOKENS"]
        );
        assert!(broken("acme", "acme").is_empty());
    }

    #[test]
    fn every_page_of_the_world_is_refused_in_development_too() {
        let config = Config::from_flags(["--cors-origins=*"]).unwrap();
        insta::assert_snapshot!(config.check().unwrap_err(), @r"
        the settings are not fit for development:
          CORS_ORIGINS holds *, and every page that a user visits could read answers
            mend it with: export CORS_ORIGINS=https://THE_PAGES_HOST,ANOTHER (for pages of this machine: export ALLOW_DEV_CORS=true)
        ");
        let named = [
            "--cors-origins=http://localhost:3000",
            "--allow-dev-cors=true",
        ];
        assert_eq!(Config::from_flags(named).unwrap().check(), Ok(()));
    }
}
