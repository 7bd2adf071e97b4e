//! Settings that open a door, and the environments in which each may be open.

use crate::config::production::Found;
use crate::config::settings::Config;

impl Config {
    /// Keys, tokens and switches that are for development, or that served the original so.
    pub(super) fn check_doors(&self, found: &mut Found) {
        let around = &self.surroundings;
        let ours = [
            (
                "DEV_ENCRYPTION_KEY",
                self.vault.dev_encryption_key.is_some(),
            ),
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
            let problem = "is a token of the operator's, and nobody may act with it";
            found.broken(name, problem, format!("unset {name}"));
        }
    }

    /// Doors that stay shut on a developer's machine too.
    pub(super) fn check_doors_of_development(&self, found: &mut Found) {
        let instead = "export CORS_ORIGINS=https://THE_PAGES_HOST,ANOTHER \
                       (for pages of this machine: export ALLOW_DEV_CORS=true)";
        self.check_origins(found, instead);
    }

    fn check_origins(&self, found: &mut Found, instead: &str) {
        if self.browsers.names_everybody() {
            let problem = "holds *, and every page that a user visits could read answers";
            found.broken("CORS_ORIGINS", problem, instead);
        }
    }
}
