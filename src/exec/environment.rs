//! The environment variables that commands may see: an explicit list, never the secrets.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::exec::text::lossy;
use crate::platform::text::cut_chars;

/// The most that is repeated of what a program complains about, in characters.
const MOST_SAID: usize = 200;

/// Variables that are passed on when they are set.
const PASSED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LANGUAGE",
    "SHELL",
    "TZ",
    "TMPDIR",
    // The author of commits; the file that names one lies in a folder that commands do not see.
    "GIT_AUTHOR_NAME",
    "GIT_AUTHOR_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_COMMITTER_EMAIL",
    // Toolchains and their caches.
    "CARGO_HOME",
    "CARGO_TARGET_DIR",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "GOPATH",
    "GOROOT",
    "GOCACHE",
    "GOMODCACHE",
    "GOFLAGS",
    "GOPROXY",
    "NVM_DIR",
    "NVM_BIN",
    "VOLTA_HOME",
    "FNM_DIR",
    "PNPM_HOME",
    "BUN_INSTALL",
    "DENO_DIR",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "UV_CACHE_DIR",
    "PIP_CACHE_DIR",
    "POETRY_HOME",
    "JAVA_HOME",
    "MAVEN_HOME",
    "GRADLE_HOME",
    "GRADLE_USER_HOME",
    "ANDROID_HOME",
    "DOTNET_ROOT",
    "SDKMAN_DIR",
    "RBENV_ROOT",
    "GEM_HOME",
    "GEM_PATH",
    "XDG_CACHE_HOME",
    // Where packages come from.
    "NPM_CONFIG_REGISTRY",
    "npm_config_registry",
    "PIP_INDEX_URL",
    "UV_INDEX_URL",
    // Certificates of a proxy that inspects traffic.
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    // Proxies.
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
];

/// Set for every command: no terminal, no pager, no questions.
const SET: &[(&str, &str)] = &[
    ("TERM", "dumb"),
    ("NO_COLOR", "1"),
    ("PAGER", "cat"),
    ("GIT_PAGER", "cat"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("PYTHONUNBUFFERED", "1"),
    ("npm_config_yes", "true"),
    ("npm_config_fund", "false"),
    ("npm_config_update_notifier", "false"),
];

/// The environment of commands, from that of the server.
pub fn for_commands(
    server: impl IntoIterator<Item = (String, String)>,
) -> BTreeMap<String, String> {
    let passed = |(name, value): &(String, String)| {
        (PASSED.contains(&name.as_str()) || name.starts_with("LC_")) && !names_credentials(value)
    };
    let set = SET
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut environment: BTreeMap<_, _> = server.into_iter().filter(passed).chain(set).collect();
    environment
        .entry("PATH".to_owned())
        .or_insert_with(|| "/usr/local/bin:/usr/bin:/bin".to_owned());
    environment
}

/// True when a value holds an address with a user or password, as those of proxies and indexes may.
fn names_credentials(value: &str) -> bool {
    let has_user = |rest: &str| {
        let host = rest.split(['/', ',', ' ']).next();
        host.is_some_and(|host| host.contains('@'))
    };
    // A proxy may be named without a scheme.
    has_user(value) || value.split("://").skip(1).any(has_user)
}

/// Tries out whether a program answers in the environment of commands, or says why not. Blocks.
pub fn try_out(
    program: &str,
    argument: &str,
    environment: &BTreeMap<String, String>,
    folder: &Path,
) -> Result<(), String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where programs are tried out"
    )]
    let mut trial = Command::new(program);
    let output = trial
        .arg(argument)
        .env_clear()
        .envs(environment)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let (text, _) = lossy(&output.stderr);
            let said = text.lines().find(|line| !line.trim().is_empty());
            let said = cut_chars(said.unwrap_or("it says nothing"), MOST_SAID);
            Err(format!("`{program} {argument}` fails: {said}"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(format!("`{program}` is not on the PATH"))
        }
        Err(error) => Err(format!("`{program}` cannot be run: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_passwords_stay_with_the_server() {
        assert!(names_credentials("http://user:password@proxy.example:3128"));
        assert!(names_credentials("user:password@proxy.example:3128"));
        assert!(names_credentials(
            "https://token@index.example/simple https://b.example"
        ));
        assert!(!names_credentials("https://proxy.example/@scope/package"));
        assert!(!names_credentials("/usr/bin:/bin"));
    }

    #[test]
    fn what_is_not_listed_is_not_passed_on() {
        let server = [
            ("PATH", "/bin"),
            ("LC_ALL", "C"),
            ("DATABASE_URL", "postgres://secret"),
            ("OPENAI_API_KEY", "sk-secret"),
            ("LD_PRELOAD", "/tmp/x.so"),
            ("https_proxy", "http://user:secret@proxy"),
            ("PIP_INDEX_URL", "https://__token__:secret@index.example"),
            ("http_proxy", "http://proxy"),
        ];
        let server = server.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let passed = for_commands(server);
        assert!(!format!("{passed:?}").contains("secret"));
        assert!(!passed.contains_key("LD_PRELOAD"));
        assert_eq!(passed["PATH"], "/bin");
        assert_eq!(passed["LC_ALL"], "C");
        assert_eq!(passed["http_proxy"], "http://proxy");
    }
}
