//! The command line, the settings' documents, and a server from start to end.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use navi::auth::principal::Role;
use navi::auth::token::Verifier;
use navi::cli::config::documents::{Document, generated};
use navi::cli::serve::Running;
use navi::config::settings::Config;
use navi::platform::clock::Clock;
use navi::platform::secret::SecretString;
use sqlx::{ConnectOptions, PgPool};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::app::{AUDIT_KEY, ORG, SECRET, USER, principal, unmigrated};

/// The program with an empty environment but for these variables.
#[expect(
    clippy::disallowed_methods,
    reason = "the program itself is what is tested"
)]
fn navi(variables: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_navi"));
    command
        .env_clear()
        .envs(variables.iter().copied())
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn outcome(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn run(variables: &[(&str, &str)], arguments: &[&str]) -> (Option<i32>, String, String) {
    outcome(&navi(variables, arguments).output().unwrap())
}

fn url(db: &PgPool) -> String {
    db.connect_options().to_url_lossy().to_string()
}

#[test]
fn the_documents_say_what_the_settings_say() {
    for (document, file, name) in [
        (
            Document::Markdown,
            include_str!("../../docs/configuration.md"),
            "markdown > docs/configuration.md",
        ),
        (
            Document::Env,
            include_str!("../../.env.example"),
            "env > .env.example",
        ),
    ] {
        assert!(
            generated(document) == file,
            "run `cargo run -- config docs {name}`"
        );
    }
}

#[test]
fn a_minted_token_is_printed_alone_and_is_good() {
    let arguments = [
        "token", "mint", "--org", "o", "--user", "u", "--role", "planner", "--ttl", "5m",
    ];
    let (code, token, log) = run(&[("JWT_SECRET", SECRET)], &arguments);
    assert_eq!((code, log.as_str()), (Some(0), ""));
    let config = Config::from_flags([]).unwrap();
    let verifier = Verifier::new(&config.auth, &SecretString::from(SECRET), Clock::System);
    let principal = verifier.verify(token.trim_end()).unwrap();
    assert_eq!(principal.role, Role::Planner);
    assert_eq!(token.lines().count(), 1);
}

#[test]
fn a_development_server_and_the_command_line_share_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let arguments = [
        "token", "mint", "--org", "o", "--user", "u", "--role", "admin",
    ];
    let (code, token, _) = run(&[("NAVI_DATA_DIR", data), ("JWT_SECRET", "")], &arguments);
    assert_eq!(code, Some(0));
    let config = Config::from_flags(["--data-dir", data]).unwrap();
    let secret = config.signing_secret().unwrap();
    let verifier = Verifier::new(&config.auth, &secret, Clock::System);
    assert!(verifier.verify(token.trim_end()).is_ok());
}

#[test]
fn mistakes_on_the_command_line_end_with_2_and_print_no_secret() {
    for arguments in [
        &["serve", "--bind", "nowhere"][..],
        &["serve", "--jwt-algorithm", "none"],
        &[
            "token", "mint", "--org", "o", "--user", "u", "--role", "root",
        ],
        &[
            "token", "mint", "--org", "", "--user", "u", "--role", "admin",
        ],
        &[
            "token", "mint", "--org", "o", "--user", "u", "--role", "admin", "--ttl", "1y",
        ],
        &["fly"],
        &[],
    ] {
        let (code, out, _) = run(&[], arguments);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}");
    }
    let secrets = [
        ("JWT_SECRET", SECRET),
        ("DATABASE_URL", "postgres://u:hunter2@h/n"),
    ];
    for arguments in [&["serve", "--help"][..], &["serve", "--bind", "nowhere"]] {
        let (_, out, log) = run(&secrets, arguments);
        let shown = out + &log;
        assert!(
            !shown.contains(SECRET) && !shown.contains("hunter2"),
            "{shown}"
        );
    }
    let (code, _, log) = run(&[("NAVI_BIND", "8787")], &["serve"]);
    assert_eq!(code, Some(2));
    assert!(
        log.contains("a port is missing") && log.contains("localhost:8787"),
        "{log}"
    );
    let bad_url = [("DATABASE_URL", "postgres://u:hunter2@h:port/n")];
    let (code, _, log) = run(&bad_url, &["migrate", "--check"]);
    assert_eq!(code, Some(2));
    assert!(
        log.contains("DATABASE_URL") && !log.contains("hunter2"),
        "{log}"
    );
}

#[test]
fn production_does_not_start_with_what_config_check_refuses() {
    let variables = [
        ("APP_ENV", "Production "),
        ("JWT_SECRET", "weak"),
        ("DEV_USER_ID", "somebody"),
        ("ALLOW_DEV_AUTH_BYPASS", "false"),
        ("ENABLE_AUDIT_LOGGING", "true"),
        ("VSCODE_AUTH_REQUIRED", "off"),
        ("GITHUB_TOKEN", "ghp_0"),
        ("GH_TOKEN", ""),
    ];
    let (code, report, _) = run(&variables, &["config", "check", "--json"]);
    assert_eq!(code, Some(1));
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let violations = report["violations"].as_array().unwrap();
    let settings: Vec<_> = violations
        .iter()
        .map(|one| one["setting"].as_str().unwrap())
        .collect();
    assert_eq!(
        settings,
        [
            "DATABASE_URL",
            "NAVI_WORKSPACE_ROOTS",
            "JWT_SECRET",
            "AUDIT_ENCRYPTION_KEY",
            "TOKEN_ENCRYPTION_KEY_ID",
            "GITHUB_WEBHOOK_SECRET",
            "JIRA_WEBHOOK_SECRET",
            "SLACK_SIGNING_SECRET",
            "DEV_USER_ID",
            "VSCODE_AUTH_REQUIRED",
            "GITHUB_TOKEN",
        ]
    );
    let (code, _, log) = run(&variables, &["serve"]);
    assert_eq!(code, Some(1));
    assert!(
        settings.iter().all(|setting| log.contains(setting)),
        "{log}"
    );
    let (code, out, _) = run(&[("APP_ENV", "development")], &["config", "check"]);
    assert_eq!(code, Some(0));
    assert!(
        out.starts_with("the settings are fit for development"),
        "{out}"
    );
}

#[test]
fn no_command_makes_a_database_of_its_own_in_production() {
    let data = tempfile::tempdir().unwrap();
    let variables = [
        ("APP_ENV", "production"),
        ("AUDIT_ENCRYPTION_KEY", AUDIT_KEY),
        ("NAVI_DATA_DIR", data.path().to_str().unwrap()),
    ];
    for arguments in [
        &["migrate"][..],
        &["migrate", "--check"],
        &["audit", "verify"],
        &["audit", "list", "--server"],
        &["erase", "--org", "acme", "--user", "ada"],
        &["workspaces", "list"],
        &["retention", "run"],
        &["vault", "status"],
        &["feedback-analyzer"],
        &["agent", "list"],
    ] {
        let (code, out, log) = run(&variables, arguments);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{arguments:?}: {log}");
        assert!(
            log.contains("DATABASE_URL is required in production"),
            "{arguments:?}: {log}"
        );
        let made = std::fs::read_dir(data.path()).unwrap();
        let made: Vec<_> = made.map(|entry| entry.unwrap().file_name()).collect();
        assert!(
            !made.contains(&"postgres".into()),
            "{arguments:?}: {made:?}"
        );
    }
}

#[test]
fn a_server_that_does_not_start_says_why_in_a_line_like_all_others() {
    let production = [("APP_ENV", "production"), ("LOG_FORMAT", "json")];
    let (code, out, log) = run(&production, &["serve"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    let line: serde_json::Value = serde_json::from_str(&log).unwrap();
    assert_eq!(
        (&line["level"], &line["message"]),
        (&"ERROR".into(), &"the server ends".into())
    );
    let error = line["error"].as_str().unwrap();
    assert!(error.contains("DATABASE_URL is required"), "{error}");
    let silent = [production[0], production[1], ("LOG_LEVEL", "off")];
    let (_, _, log) = run(&silent, &["serve"]);
    assert!(log.starts_with("navi: the settings"), "{log}");
}

#[test]
fn a_placeholder_in_the_place_of_a_key_is_named() {
    let set = [
        ("APP_ENV", "development"),
        ("ANTHROPIC_API_KEY", "your-key-here"),
    ];
    let (code, out, _) = run(&set, &["config", "check"]);
    assert_eq!(code, Some(0), "{out}");
    for word in [
        "ANTHROPIC_API_KEY holds the placeholder",
        "NO_MODELS_AVAILABLE",
    ] {
        assert!(out.contains(word), "{word}: {out}");
    }
}

#[test]
fn settings_without_a_model_are_warned_of() {
    let development = ("APP_ENV", "development");
    let (code, out, _) = run(&[development], &["config", "check"]);
    assert!(
        code == Some(0) && out.contains("NO_MODELS_AVAILABLE"),
        "{out}"
    );
    let (_, json, _) = run(&[development], &["config", "check", "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&json).unwrap();
    let warning = answer["warnings"][0].as_str().unwrap();
    assert!(warning.contains("NO_MODELS_AVAILABLE"), "{warning}");
    let set = [development, ("OLLAMA_BASE_URL", "http://127.0.0.1:9")];
    let (_, out, _) = run(&set, &["config", "check"]);
    assert!(!out.contains("NO_MODELS_AVAILABLE"), "{out}");
}

#[test]
fn values_that_cannot_be_read_are_told_together_by_the_names_of_their_variables() {
    let set = [
        ("LOG_FORMAT", "xml"),
        ("NAVI_MAX_CONCURRENT_RUNS", "-1"),
        ("NAVI_SANDBOX", "required"),
    ];
    let (code, _, err) = run(&set, &["config", "check"]);
    assert_eq!(code, Some(2), "{err}");
    insta::assert_snapshot!(err, @"
    navi: `NAVI_MAX_CONCURRENT_RUNS` must be a whole number, and is `-1`
    navi: `NAVI_SANDBOX`: `required` is not one of auto, full, no-namespaces, off
    navi: `LOG_FORMAT` must be one of text, json, and is `xml`
    ");
    // A flag is told as one.
    let (code, _, err) = run(&set[1..], &["config", "check", "--log-format", "xml"]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("'--log-format"), "{err}");
}

#[test]
fn settings_that_are_seldom_meant_are_warned_of() {
    let set = [
        ("APP_ENV", "staging"),
        ("NAVI_SANBOX", "required"),
        ("NAVI_SANDBOX", "off"),
        ("NAVI_WORKSPACE_ROOTS", "/nowhere/at/all:/tmp"),
        ("NAVI_SERVICE_HOST", "10.0.0.1"),
        ("AUDIT_RETENTION_DAY", "30"),
        ("NAVI_AUDIT_WITNESS_FILE", "/nowhere/at/all/witness"),
    ];
    let (_, out, _) = run(&set, &["config", "check"]);
    for word in [
        "NAVI_SANBOX is no setting; did you mean NAVI_SANDBOX?",
        "NAVI_SANDBOX=off: the agent's commands can do all that this server's user can",
        "NAVI_WORKSPACE_ROOTS names /nowhere/at/all, which is no folder here",
        "AUDIT_RETENTION_DAY is no setting; did you mean AUDIT_RETENTION_DAYS?",
        "NAVI_AUDIT_WITNESS_FILE cannot be written, so checkpoints are not kept there: ",
    ] {
        assert!(out.contains(word), "{word}: {out}");
    }
    let (_, slip, _) = run(&[("APP_ENV", "developement")], &["config", "check"]);
    let word =
        "APP_ENV is `developement`, which is no environment, so the rules of production hold";
    assert!(slip.contains(word), "{slip}");
    assert!(!out.contains("SERVICE_HOST"), "{out}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let below = file.path().join("data");
    let far = [
        ("DATABASE_URL", "postgres://navi@db.example/navi"),
        ("NAVI_DATA_DIR", below.to_str().unwrap()),
    ];
    let (_, out, _) = run(&far, &["config", "check"]);
    for word in [
        "APP_ENV is development, and the database is on another machine",
        "NAVI_DATA_DIR: ",
    ] {
        assert!(out.contains(word), "{word}: {out}");
    }
    let near = [("DATABASE_URL", "postgres://navi@localhost/navi")];
    let (_, out, _) = run(&near, &["config", "check"]);
    assert!(!out.contains("another machine"), "{out}");
}

/// A server's log up to a text, or what there is of it after a while.
#[expect(
    clippy::disallowed_methods,
    reason = "the server is a process of its own"
)]
fn log_of_a_server(variables: &[(&str, &str)], until: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let file = std::fs::File::create(&log).unwrap();
    let flags = ["serve", "--bind", "127.0.0.1:0", "--jwt-secret", SECRET];
    let keys = ["--audit-encryption-key", AUDIT_KEY];
    let mut server = navi(variables, &[&flags[..], &keys].concat());
    let mut server = server.stdout(Stdio::null()).stderr(file).spawn().unwrap();
    let began = Instant::now();
    loop {
        let said = std::fs::read_to_string(&log).unwrap();
        let is_over = server.try_wait().unwrap().is_some();
        if said.contains(until) || is_over || began.elapsed() > Duration::from_secs(20) {
            let _ = server.kill();
            server.wait().unwrap();
            return said;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_without_a_model_says_so_at_its_start(db: PgPool) {
    let (url, data) = (url(&db), tempfile::tempdir().unwrap());
    let variables = [
        ("DATABASE_URL", url.as_str()),
        ("NAVI_DATA_DIR", data.path().to_str().unwrap()),
    ];
    let told = "NO_MODELS_AVAILABLE";
    let log = log_of_a_server(&variables, told);
    assert!(
        log.contains(told) && log.contains("ANTHROPIC_API_KEY"),
        "{log}"
    );
    let address = "http://127.0.0.1:9/v1";
    let own = [&variables[..], &[("SELF_HOSTED_API_BASE_URL", address)]].concat();
    let log = log_of_a_server(&own, told);
    let refused = "http://127.0.0.1:9/v1 (SELF_HOSTED_API_BASE_URL) refused the connection";
    assert!(log.contains(told) && log.contains(refused), "{log}");
}

#[test]
fn an_origin_that_is_none_is_named_before_anything_starts() {
    for (origins, named, why) in [
        (
            "https://a.example,app.example",
            "`app.example`",
            "SCHEME://HOST",
        ),
        (
            "https://a.example/app",
            "`https://a.example/app`",
            "remove everything",
        ),
        ("https://*", "`https://*`", "first label"),
    ] {
        let (code, out, log) = run(&[("CORS_ORIGINS", origins)], &["serve"]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{origins}");
        assert!(log.contains(named) && log.contains(why), "{log}");
    }
    let (code, _, log) = run(&[("CORS_ORIGINS", "*")], &["serve"]);
    assert_eq!(code, Some(1), "{log}");
    assert!(
        log.contains("CORS_ORIGINS") && log.contains("ALLOW_DEV_CORS"),
        "{log}"
    );
}

#[test]
fn a_server_that_others_reach_does_not_start_with_an_identity_to_lend() {
    for (environment, bind) in [
        ("development", "0.0.0.0:0"),
        ("staging", "127.0.0.1:0"),
        ("production", "127.0.0.1:0"),
    ] {
        let variables = [
            ("APP_ENV", environment),
            ("NAVI_BIND", bind),
            ("ALLOW_DEV_AUTH_BYPASS", "true"),
        ];
        let (code, out, log) = run(&variables, &["serve"]);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{environment}");
        assert!(log.contains("ALLOW_DEV_AUTH_BYPASS"), "{log}");
        assert!(log.contains("unset ALLOW_DEV_AUTH_BYPASS"), "{log}");
    }
}

#[test]
fn what_keys_generate_prints_is_what_production_accepts() {
    let generate = |purpose: &str| {
        let (code, key, log) = run(&[], &["keys", "generate", purpose]);
        assert_eq!((code, log.as_str()), (Some(0), ""), "{purpose}");
        assert_eq!(key.lines().count(), 1, "{purpose}");
        key.trim_end().to_owned()
    };
    let (jwt, audit, previous) = (generate("jwt"), generate("audit"), generate("audit"));
    assert!(jwt != audit && audit != previous);
    let previous = format!("2025:{previous}");
    let variables = [
        ("APP_ENV", "production"),
        ("DATABASE_URL", "postgres://u@127.0.0.1/n"),
        ("NAVI_WORKSPACE_ROOTS", "/srv"),
        ("JWT_SECRET", jwt.as_str()),
        ("AUDIT_ENCRYPTION_KEY", audit.as_str()),
        ("AUDIT_ENCRYPTION_KEYS_PREVIOUS", previous.as_str()),
        ("TOKEN_ENCRYPTION_KEY_ID", "alias/navi"),
        ("NAVI_CONNECTORS", "none"),
    ];
    let (code, out, _) = run(&variables, &["config", "check"]);
    assert_eq!(code, Some(0), "{out}");
    let token = generate("token");
    let (code, out, _) = run(&[("DEV_ENCRYPTION_KEY", &token)], &["config", "check"]);
    assert_eq!(code, Some(0), "{out}");
    let parsed = navi::vault::key::parse(&token).unwrap();
    assert_eq!(navi::vault::key::weakness(&parsed), None);
    let (code, json, _) = run(&[], &["keys", "generate", "audit", "--json"]);
    assert_eq!(code, Some(0));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["setting"], "AUDIT_ENCRYPTION_KEY");
    assert!(navi::vault::key::parse(json["value"].as_str().unwrap()).is_ok());
}

#[test]
fn every_secret_may_stand_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let (audit, other) = (AUDIT_KEY, "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{text}\n")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let settings = [
        ("DATABASE_URL", "postgres://u:planted-pw@127.0.0.1/n"),
        ("JWT_SECRET", SECRET),
        ("AUDIT_ENCRYPTION_KEY", audit),
        ("AUDIT_ENCRYPTION_KEYS_PREVIOUS", &format!("older:{other}")),
        (
            "GITHUB_WEBHOOK_SECRET",
            "a-planted-secret-of-a-webhook-0123456789",
        ),
    ];
    let files = settings.map(|(name, text)| (format!("{name}_FILE"), file(name, text)));
    let mut variables = vec![
        ("APP_ENV", "production"),
        ("NAVI_WORKSPACE_ROOTS", "/srv"),
        ("TOKEN_ENCRYPTION_KEY_ID", "alias/navi"),
        ("NAVI_CONNECTORS", "github"),
    ];
    variables.extend(files.iter().map(|(name, path)| (&**name, &**path)));
    let (code, out, log) = run(&variables, &["config", "check"]);
    assert_eq!(code, Some(0), "{out}{log}");
    // The content of a file is judged as that of a variable.
    file("JWT_SECRET", "planted");
    let (code, out, _) = run(&variables, &["config", "check"]);
    assert!(
        code == Some(1) && out.contains("JWT_SECRET") && !out.contains("planted"),
        "{out}"
    );
    let arguments = [
        "token", "mint", "--org", "o", "--user", "u", "--role", "admin",
    ];
    let signing = file("JWT_SECRET", SECRET);
    let (_, token, log) = run(&[("JWT_SECRET_FILE", &signing)], &arguments);
    let config = Config::from_flags([]).unwrap();
    let verifier = Verifier::new(&config.auth, &SecretString::from(SECRET), Clock::System);
    assert!(verifier.verify(token.trim_end()).is_ok(), "{log}");
}

#[test]
fn a_secret_in_two_places_or_in_a_file_without_one_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, SECRET).unwrap();
    let path = file.to_str().unwrap();
    let refused = |variables: &[(&str, &str)]| {
        let (code, out, log) = run(variables, &["config", "check"]);
        assert!(out.is_empty() && !log.contains(SECRET), "{out}{log}");
        (code, log)
    };
    let (code, log) = refused(&[("OPENAI_API_KEY", SECRET), ("OPENAI_API_KEY_FILE", path)]);
    assert_eq!(code, Some(2), "{log}");
    assert!(log.contains("--openai-api-key-file"), "{log}");
    // One that is set to nothing is not set.
    let (code, _, log) = run(
        &[("OPENAI_API_KEY", ""), ("OPENAI_API_KEY_FILE", path)],
        &["config", "check"],
    );
    assert_eq!(code, Some(0), "{log}");
    std::fs::write(&file, "\n").unwrap();
    for path in [path, "/nowhere/key"] {
        let (code, log) = refused(&[("OPENAI_API_KEY_FILE", path)]);
        assert_eq!(code, Some(1), "{log}");
        assert!(
            log.contains("OPENAI_API_KEY_FILE") && log.contains(path),
            "{log}"
        );
    }
}

#[test]
fn an_unreachable_database_ends_with_3() {
    // Port 1 refuses at once.
    let variables = [
        ("DATABASE_URL", "postgres://u:hunter2@127.0.0.1:1/n"),
        ("NAVI_BIND", "127.0.0.1:0"),
        ("JWT_SECRET", SECRET),
    ];
    let (code, out, log) = run(&variables, &["serve"]);
    assert_eq!((code, out.as_str()), (Some(3), ""), "{log}");
    assert!(
        log.contains("cannot be reached") && !log.contains("hunter2"),
        "{log}"
    );
}

#[sqlx::test(migrations = false)]
async fn a_database_that_is_behind_is_not_served_unless_asked(db: PgPool) {
    unmigrated(&db.connect_options()).await;
    let url = url(&db);
    let flags = [
        "--database-url",
        &url,
        "--bind",
        "127.0.0.1:0",
        "--jwt-secret",
        SECRET,
        "--audit-encryption-key",
        AUDIT_KEY,
    ];
    let config = Config::from_flags(flags).unwrap();
    let refused = Running::start(config.clone(), false).await;
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("navi migrate"), "{refused}");
    let running = Running::start(config, true).await.unwrap();
    assert!(running.app.health.ready().ok);
    assert!(running.stop().await);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_address_that_is_taken_is_named(db: PgPool) {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let url = url(&db);
    let flags = [
        "--database-url",
        &url,
        "--bind",
        &address,
        "--jwt-secret",
        SECRET,
        "--audit-encryption-key",
        AUDIT_KEY,
    ];
    let refused = Running::start(Config::from_flags(flags).unwrap(), false).await;
    let refused = refused.err().unwrap().to_string();
    assert!(
        refused.contains(&address) && refused.contains("NAVI_BIND"),
        "{refused}"
    );
}

/// Sends a request over a connection of its own and reads until the server closes it.
async fn exchange(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_ends_gracefully_and_promptly(db: PgPool) {
    let url = url(&db);
    let flags = [
        "--database-url",
        &url,
        "--bind",
        "127.0.0.1:0",
        "--jwt-secret",
        SECRET,
        "--audit-encryption-key",
        AUDIT_KEY,
    ];
    let running = Running::start(Config::from_flags(flags).unwrap(), false)
        .await
        .unwrap();
    let address = running.address;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let ready = "GET /health/ready HTTP/1.1\r\nHost: navi\r\nConnection: close\r\n\r\n";
    let answer = exchange(&mut stream, ready).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    // An idle connection, and a request whose body is still on its way.
    let _idle = TcpStream::connect(address).await.unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    let me = principal(ORG, USER, Role::Viewer);
    let token = running
        .app
        .verifier
        .mint(&me, Duration::from_mins(1))
        .unwrap();
    let head = format!(
        "POST /api/navi-memory/conversations HTTP/1.1\r\nHost: navi\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body when the handler reads it: the request is in flight.
    let mut more = [0; 25];
    slow.read_exact(&mut more).await.unwrap();
    assert_eq!(&more, b"HTTP/1.1 100 Continue\r\n\r\n");
    let health = running.app.health.clone();
    let streams_end = running.app.streams_end.clone();
    let began = Instant::now();
    let client = async {
        streams_end.cancelled().await;
        assert!(!health.ready().ok);
        exchange(&mut slow, "{}").await
    };
    let (complete, answer) = tokio::join!(running.stop(), client);
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(complete);
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert!(TcpStream::connect(address).await.is_err());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_signal_ends_the_process_with_0_and_one_line_said_where_it_listened(db: PgPool) {
    let url = url(&db);
    let variables = [
        ("DATABASE_URL", url.as_str()),
        ("NAVI_BIND", "127.0.0.1:0"),
        ("JWT_SECRET", SECRET),
        ("LOG_FORMAT", "json"),
    ];
    let mut child = navi(&variables, &["serve"]).spawn().unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let (line, output) = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        (line, child.wait_with_output().unwrap())
    })
    .await
    .unwrap();
    assert!(
        line.starts_with("navi listens on http://127.0.0.1:"),
        "{line}"
    );
    let (code, _, log) = outcome(&output);
    assert_eq!(code, Some(0), "{log}");
    for line in log.lines() {
        let line: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(line.is_ok(), "{log}");
    }
}
