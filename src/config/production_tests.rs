use super::*;
use crate::llm::script::Script;

const STRONG: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const AUDIT: &str = "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1-f4CBgoM=";

/// A random key.
fn audit_key() -> String {
    key::generate().unwrap().expose_secret().to_owned()
}

/// Settings by flag that are fit for production, with `changes` laid over them; nothing removes one.
struct Flags(BTreeMap<&'static str, String>);

impl Flags {
    fn fit() -> Self {
        let flags = [
            ("app-env", "production".to_owned()),
            ("database-url", "postgres://u@127.0.0.1/n".to_owned()),
            ("workspace-roots", "/srv/workspaces".to_owned()),
            ("jwt-secret", STRONG.to_owned()),
            ("audit-encryption-key", audit_key()),
            ("token-encryption-key-id", "alias/navi".to_owned()),
            ("github-webhook-secret", format!("1{STRONG}")),
            ("jira-webhook-secret", format!("2{STRONG}")),
            ("slack-signing-secret", format!("3{STRONG}")),
        ];
        Self(BTreeMap::from(flags))
    }

    fn with(mut self, flag: &'static str, value: impl Into<String>) -> Self {
        self.0.insert(flag, value.into());
        self
    }

    fn without(mut self, flag: &str) -> Self {
        assert!(self.0.remove(flag).is_some(), "{flag}");
        self
    }

    fn config(&self) -> Config {
        let flags: Vec<_> = self
            .0
            .iter()
            .map(|(flag, value)| format!("--{flag}={value}"))
            .collect();
        Config::from_flags(flags.iter().map(String::as_str)).unwrap()
    }

    /// The same in which an identity provider signs.
    fn provided(self) -> Self {
        self.without("jwt-secret")
            .with("auth0-domain", "tenant.example")
            .with("jwt-audience", "navi")
            .with("auth0-valid-client-ids", "app")
    }

    /// The settings whose rules are broken.
    fn settings(&self) -> Vec<&'static str> {
        settings(&self.config())
    }
}

fn settings(config: &Config) -> Vec<&'static str> {
    let violations = config.check().err().map(|refused| refused.violations);
    let violations = violations.unwrap_or_default().into_iter();
    violations.map(|violation| violation.setting).collect()
}

#[test]
fn what_keeps_every_rule_is_accepted() {
    assert_eq!(Flags::fit().config().check(), Ok(()));
    assert_eq!(Flags::fit().provided().config().check(), Ok(()));
}

#[test]
fn development_starts_with_nothing_set() {
    assert_eq!(Config::from_flags([]).unwrap().check(), Ok(()));
}

#[test]
fn what_is_missing_is_reported_alone() {
    for (flag, setting) in [
        ("database-url", "DATABASE_URL"),
        ("workspace-roots", "NAVI_WORKSPACE_ROOTS"),
        ("jwt-secret", "JWT_SECRET"),
        ("audit-encryption-key", "AUDIT_ENCRYPTION_KEY"),
        ("token-encryption-key-id", "TOKEN_ENCRYPTION_KEY_ID"),
        ("github-webhook-secret", "GITHUB_WEBHOOK_SECRET"),
        ("jira-webhook-secret", "JIRA_WEBHOOK_SECRET"),
        ("slack-signing-secret", "SLACK_SIGNING_SECRET"),
    ] {
        assert_eq!(Flags::fit().without(flag).settings(), [setting]);
    }
    for (flag, setting) in [
        ("jwt-audience", "JWT_AUDIENCE"),
        ("auth0-valid-client-ids", "AUTH0_VALID_CLIENT_IDS"),
    ] {
        assert_eq!(Flags::fit().provided().without(flag).settings(), [setting]);
    }
}

#[test]
fn what_is_wrong_is_reported_alone() {
    for (flag, value, setting) in [
        ("database-url", "postgres://u@db.example/n", "DATABASE_URL"),
        ("jwt-secret", "short", "JWT_SECRET"),
        ("jwt-secret-previous", "short", "JWT_SECRET_PREVIOUS"),
        ("audit-encryption-key", "short", "AUDIT_ENCRYPTION_KEY"),
        ("audit-encryption-key", AUDIT, "AUDIT_ENCRYPTION_KEY"),
        (
            "audit-encryption-keys-previous",
            "short",
            "AUDIT_ENCRYPTION_KEYS_PREVIOUS",
        ),
        ("github-webhook-secret", "short", "GITHUB_WEBHOOK_SECRET"),
        ("jira-webhook-secret", "short", "JIRA_WEBHOOK_SECRET"),
        ("slack-signing-secret", "short", "SLACK_SIGNING_SECRET"),
        ("dev-encryption-key", STRONG_TOO, "DEV_ENCRYPTION_KEY"),
        ("allow-dev-cors", "yes", "ALLOW_DEV_CORS"),
        ("allow-dev-auth-bypass", "1", "ALLOW_DEV_AUTH_BYPASS"),
        ("cors-origins", "*", "CORS_ORIGINS"),
        ("cors-origins", "https://app.example, *", "CORS_ORIGINS"),
        ("script", "demo.json", "NAVI_SCRIPT"),
    ] {
        assert_eq!(
            Flags::fit().with(flag, value).settings(),
            [setting],
            "{value}"
        );
    }
    for (flag, value, setting) in [
        ("auth0-domain", "http://tenant.example", "AUTH0_DOMAIN"),
        ("jwt-jwks-url", "http://127.0.0.1/keys", "JWT_JWKS_URL"),
        ("oidc-issuer", "https://tenant.example", "OIDC_ISSUER"),
        ("jwt-secret", "short", "JWT_SECRET"),
    ] {
        let flags = Flags::fit().provided().with(flag, value);
        assert_eq!(flags.settings(), [setting], "{value}");
    }
}

const STRONG_TOO: &str = "Qm9vc3QgdGhlIGVudHJvcHkgb2YgdGhpcyBvbmUgbm93";

#[test]
fn a_provider_by_the_address_of_its_keys_needs_an_issuer() {
    let flags = Flags::fit()
        .without("jwt-secret")
        .with("jwt-jwks-url", "https://tenant.example/keys")
        .with("jwt-audience", "navi")
        .with("oidc-client-ids", "app");
    assert_eq!(flags.settings(), ["JWT_ISSUER"]);
    let by_issuer = flags
        .without("jwt-jwks-url")
        .with("oidc-issuer", "https://tenant.example");
    assert_eq!(by_issuer.config().check(), Ok(()));
    let insecure = by_issuer.with("oidc-issuer", "http://tenant.example");
    assert_eq!(insecure.settings(), ["OIDC_ISSUER"]);
}

#[test]
fn a_door_of_the_original_is_reported_alone() {
    let mut config = Flags::fit().config();
    config.surroundings.development_switches = vec!["ALLOW_DEV_AUTH"];
    assert_eq!(settings(&config), ["ALLOW_DEV_AUTH"]);
    let mut config = Flags::fit().config();
    config.surroundings.protections_off = vec!["ENABLE_AUDIT_LOGGING"];
    assert_eq!(settings(&config), ["ENABLE_AUDIT_LOGGING"]);
    let mut config = Flags::fit().config();
    config.surroundings.operator_tokens = vec!["GITHUB_TOKEN"];
    assert_eq!(settings(&config), ["GITHUB_TOKEN"]);
    let mut config = Flags::fit().config();
    config.play(Script::default());
    assert_eq!(settings(&config), ["NAVI_SCRIPT"]);
}

#[test]
fn a_connector_that_is_not_offered_needs_no_secret() {
    let flags = Flags::fit()
        .without("jira-webhook-secret")
        .without("slack-signing-secret");
    assert_eq!(
        flags.settings(),
        ["JIRA_WEBHOOK_SECRET", "SLACK_SIGNING_SECRET"]
    );
    let github = flags.with("connectors", "github");
    assert_eq!(github.config().check(), Ok(()));
    let none = github
        .without("github-webhook-secret")
        .with("connectors", "none");
    assert_eq!(none.config().check(), Ok(()));
}

#[test]
fn a_secret_in_two_places_is_reported_at_the_second() {
    let key = audit_key();
    let previous = format!("old:{}", key.trim_end_matches('='));
    for (flag, value, setting) in [
        (
            "jwt-secret-previous",
            STRONG.to_owned(),
            "JWT_SECRET_PREVIOUS",
        ),
        (
            "audit-encryption-keys-previous",
            previous,
            "AUDIT_ENCRYPTION_KEYS_PREVIOUS",
        ),
        (
            "jira-webhook-secret",
            format!("1{STRONG}"),
            "JIRA_WEBHOOK_SECRET",
        ),
        ("slack-signing-secret", key.clone(), "SLACK_SIGNING_SECRET"),
    ] {
        let flags = Flags::fit()
            .with("audit-encryption-key", key.as_str())
            .with(flag, value);
        let refused = flags.config().check().unwrap_err();
        assert_eq!(flags.settings(), [setting]);
        let problem = &refused.violations[0].problem;
        assert!(
            problem.starts_with("holds the same secret as "),
            "{problem}"
        );
        assert!(!refused.to_string().contains(&key) && !refused.to_string().contains(STRONG));
    }
}

#[test]
fn production_wants_tls_unless_the_database_is_on_this_machine() {
    for (url, good) in [
        ("postgres://u@db.example/n?sslmode=verify-full", true),
        ("postgres://u@db.example/n?sslmode=verify-ca", true),
        ("postgres://u@db.example/n?sslmode=require", false),
        ("postgres://u@127.0.0.1/n?sslmode=require", true),
        (
            "postgres://u@localhost/n?host=/run/postgresql&sslmode=require",
            true,
        ),
        ("postgres://u@127.0.0.1,db.example/n?sslmode=require", false),
        ("postgres://u@db.example/n", false),
        ("postgres://u@db.example/n?sslmode=disable", false),
        ("postgres://u@10.0.0.1/n", false),
        ("postgres://u@127.0.0.1/n", true),
        ("postgres://u@localhost/n?host=/run/postgresql", true),
        ("mysql://u@127.0.0.1/n", false),
        ("nonsense", false),
    ] {
        let config = Flags::fit().with("database-url", url).config();
        assert_eq!(config.check().is_ok(), good, "{url}");
    }
}

#[test]
fn encryption_that_verifies_nothing_is_refused_with_what_to_write_instead() {
    let url = "postgres://u@db.example/n?sslmode=require";
    for (flag, setting) in [
        ("database-url", "DATABASE_URL"),
        ("database-direct-url", "DATABASE_DIRECT_URL"),
    ] {
        let refused = Flags::fit().with(flag, url).config().check().unwrap_err();
        let [violation] = refused.violations.as_slice() else {
            panic!("{refused}");
        };
        assert_eq!(violation.setting, setting);
        assert!(violation.problem.contains("sslmode=require"), "{refused}");
        for word in ["sslmode=verify-full", "sslrootcert", "PGSSLROOTCERT"] {
            assert!(violation.mend.contains(word), "{word}: {refused}");
        }
    }
}

#[test]
fn an_unknown_environment_keeps_the_rules_of_production() {
    for name in ["prod", "live", "PRODUCTION ", "develop", "test", "ci"] {
        let flags = Flags::fit().with("app-env", name);
        assert_eq!(
            flags.without("database-url").settings(),
            ["DATABASE_URL"],
            "{name}"
        );
    }
}

#[test]
fn staging_keeps_what_is_about_access_and_sealing() {
    let here = Flags::fit()
        .with("app-env", "staging")
        .without("database-url")
        .without("workspace-roots")
        .with("script", "demo.json");
    assert_eq!(here.config().check(), Ok(()));
    let bare = Config::from_flags(["--app-env", "staging"]).unwrap();
    assert_eq!(
        settings(&bare),
        [
            "JWT_SECRET",
            "AUDIT_ENCRYPTION_KEY",
            "TOKEN_ENCRYPTION_KEY_ID",
            "GITHUB_WEBHOOK_SECRET",
            "JIRA_WEBHOOK_SECRET",
            "SLACK_SIGNING_SECRET",
        ]
    );
    let open = here
        .with("dev-encryption-key", STRONG_TOO)
        .with("allow-dev-auth-bypass", "true")
        .with("allow-dev-cors", "true")
        .with("cors-origins", "*");
    assert_eq!(
        open.settings(),
        [
            "DEV_ENCRYPTION_KEY",
            "ALLOW_DEV_AUTH_BYPASS",
            "ALLOW_DEV_CORS",
            "CORS_ORIGINS"
        ]
    );
}

#[test]
fn named_origins_are_fit_for_production() {
    let origins = "https://app.example,https://*.vscode-cdn.net";
    let flags = Flags::fit().with("cors-origins", origins);
    assert_eq!(flags.config().check(), Ok(()));
}

#[test]
fn every_violation_is_named_at_once_with_what_mends_it() {
    let flags = [
        "--app-env=production",
        "--jwt-secret-previous=old",
        "--jwt-jwks-url=http://keys.example/set",
        "--audit-encryption-key=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "--audit-encryption-keys-previous=nameless",
        "--dev-encryption-key=old",
        "--script=demo.json",
        "--github-webhook-secret=short",
        "--allow-dev-cors=true",
        "--cors-origins=*",
    ];
    let mut config = Config::from_flags(flags).unwrap();
    config.surroundings.development_switches = vec!["DEV_USER_ID"];
    config.surroundings.protections_off = vec!["JWT_ENABLED"];
    config.surroundings.operator_tokens = vec!["GITHUB_TOKEN"];
    insta::assert_snapshot!(config.check().unwrap_err(), @r#"
    the settings are not fit for production:
      DATABASE_URL is required in production, and is not set: a private Postgres in a data folder is no place for it
        mend it with: export DATABASE_URL='postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full'
      NAVI_WORKSPACE_ROOTS is not set, and every user could work in every folder that the server may read
        mend it with: export NAVI_WORKSPACE_ROOTS=/path/to/the/workspaces
      NAVI_SCRIPT plays a script to people who expect a model
        mend it with: unset NAVI_SCRIPT
      JWT_SECRET_PREVIOUS holds a secret that is shorter than 32 bytes
        mend it with: take it out of JWT_SECRET_PREVIOUS; its tokens could be forged
      JWT_JWKS_URL is not https: whoever is on the way could give us keys of their own
        mend it with: begin JWT_JWKS_URL with https://
      JWT_AUDIENCE is not set, and the provider's tokens for other services would be accepted
        mend it with: export JWT_AUDIENCE=THE_IDENTIFIER_OF_THIS_API
      JWT_ISSUER is not set, and does not follow from JWT_JWKS_URL
        mend it with: export JWT_ISSUER=THE_PROVIDER_AS_ITS_TOKENS_NAME_IT
      OIDC_CLIENT_IDS is not set, and tokens of every application at the provider would be accepted
        mend it with: export OIDC_CLIENT_IDS=THE_CLIENT_ID,ANOTHER
      AUDIT_ENCRYPTION_KEY is a sequence, not a random key
        mend it with: export AUDIT_ENCRYPTION_KEY="$(navi keys generate audit)"
      AUDIT_ENCRYPTION_KEYS_PREVIOUS cannot be used: entry 1 of AUDIT_ENCRYPTION_KEYS_PREVIOUS is not NAME:KEY with 32 bytes in base64
        mend it with: write it as NAME:KEY,NAME:KEY with the names that the keys had
      TOKEN_ENCRYPTION_KEY_ID is not set, and tokens of connected accounts could not be sealed
        mend it with: export TOKEN_ENCRYPTION_KEY_ID="$(aws kms create-key --query KeyMetadata.Arn --output text)"
      GITHUB_WEBHOOK_SECRET is shorter than 32 bytes, and anybody could send webhooks in the name of GitHub
        mend it with: export GITHUB_WEBHOOK_SECRET=THE_SECRET_OF_THE_WEBHOOK (or leave GitHub out of NAVI_CONNECTORS)
      JIRA_WEBHOOK_SECRET is not set, and anybody could send webhooks in the name of Jira
        mend it with: export JIRA_WEBHOOK_SECRET=THE_SECRET_OF_THE_WEBHOOK (or leave Jira out of NAVI_CONNECTORS)
      SLACK_SIGNING_SECRET is not set, and anybody could send webhooks in the name of Slack
        mend it with: export SLACK_SIGNING_SECRET=THE_SECRET_OF_THE_WEBHOOK (or leave Slack out of NAVI_CONNECTORS)
      DEV_ENCRYPTION_KEY is for development only
        mend it with: unset DEV_ENCRYPTION_KEY
      ALLOW_DEV_CORS is for development only
        mend it with: unset ALLOW_DEV_CORS
      DEV_USER_ID is for development only
        mend it with: unset DEV_USER_ID
      CORS_ORIGINS holds *, and every page that a user visits could read answers
        mend it with: export CORS_ORIGINS=https://THE_PAGES_HOST,ANOTHER
      JWT_ENABLED is off, and what it stands for cannot be switched off here
        mend it with: unset JWT_ENABLED
      GITHUB_TOKEN is an operator token, which this environment does not accept
        mend it with: unset GITHUB_TOKEN
      DEV_ENCRYPTION_KEY holds the same secret as JWT_SECRET_PREVIOUS
        mend it with: put another into DEV_ENCRYPTION_KEY
    "#);
}
