//! A setting of the servers that a load starts, as `NAME=VALUE`.

use crate::cli::config::setting_names::{meant, variables};

/// Reads a setting. A name that no server reads is refused: its load would measure something else than
/// what was asked for.
pub fn named_setting(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = pair.ok_or("a setting is NAME=VALUE")?;
    let known = variables();
    if known.iter().any(|one| one == name) {
        return Ok((name.to_owned(), value.to_owned()));
    }
    let hint = match meant(name, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "docs/configuration.md lists the settings".to_owned(),
    };
    Err(format!("unknown setting `{name}`; {hint}"))
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
