//! A setting of the servers that a load starts, as `NAME=VALUE`.

use clap::{Args as _, Command};

use crate::cli::agent::named_model::nearest;
use crate::config::secret_files::is_secret;
use crate::config::settings::Config;

/// Reads a setting. A name that no server reads is refused: its load would measure something else than
/// what was asked for.
pub fn named_setting(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = pair.ok_or("a setting is NAME=VALUE")?;
    let known = variables();
    if known.iter().any(|one| one == name) {
        return Ok((name.to_owned(), value.to_owned()));
    }
    let hint = match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "docs/configuration.md lists the settings".to_owned(),
    };
    Err(format!("unknown setting `{name}`; {hint}"))
}

/// The variables of all settings, and those that name the file of a secret.
fn variables() -> Vec<String> {
    let command = Config::augment_args(Command::new("settings"));
    let names = command.get_arguments().flat_map(|arg| {
        let name = arg.get_env().and_then(|name| name.to_str());
        let file = name.filter(|_| is_secret(arg));
        let name = name.map(str::to_owned);
        name.into_iter()
            .chain(file.map(|name| format!("{name}_FILE")))
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_files_of_secrets_are_known() {
        for name in ["NAVI_WRITES_PER_MINUTE", "LOG_LEVEL", "JWT_SECRET_FILE"] {
            let read = named_setting(&format!("{name}=a=b"));
            assert_eq!(read, Ok((name.to_owned(), "a=b".to_owned())));
        }
    }

    #[test]
    fn an_unknown_setting_is_refused_with_the_name_that_is_meant() {
        for (text, said) in [
            (
                "NAVI_WRITES_PER_MINUT=0",
                "unknown setting `NAVI_WRITES_PER_MINUT`; did you mean `NAVI_WRITES_PER_MINUTE`?",
            ),
            (
                "COLOUR=blue",
                "unknown setting `COLOUR`; docs/configuration.md lists the settings",
            ),
            ("LOG_LEVEL_FILE=/a", "unknown setting `LOG_LEVEL_FILE`"),
            ("=1", "a setting is NAME=VALUE"),
        ] {
            let refused = named_setting(text).unwrap_err();
            assert!(refused.starts_with(said), "{text}: {refused}");
        }
    }
}
