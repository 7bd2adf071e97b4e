//! Settings whose values in the environment cannot be read: all of them, by the names that they have there.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue};
use clap::{Args as _, Command, Error};

use crate::config::secret_files::is_secret;
use crate::config::settings::Config;
use crate::platform::reading::misfit::misfit;

/// A sentence for each of them, if the reader of the command line stopped at one of them: it names the first, and
/// by its flag, which no one wrote.
pub fn wrong_values(stopped: &Error) -> Option<Vec<String>> {
    let mut is_among = false;
    let mut told = Vec::new();
    for arg in Config::augment_args(Command::new("settings")).get_arguments() {
        let Some(variable) = arg.get_env() else {
            continue;
        };
        let alone = Command::new("setting").arg(arg.clone());
        let Err(error) = alone.try_get_matches_from(["setting"]) else {
            continue;
        };
        is_among |= is_the_same(&error, stopped);
        let mut wrong = wrong(&variable.to_string_lossy(), &error);
        let value = text(&error, ContextKind::InvalidValue).filter(|_| !is_secret(arg));
        if let Some(value) = value.filter(|value| !wrong.contains(&format!("`{value}`"))) {
            wrong = format!("{wrong}, and is `{value}`");
        }
        told.push(wrong);
    }
    is_among.then_some(told)
}

/// True if both are about the same value of the same setting.
fn is_the_same(one: &Error, other: &Error) -> bool {
    [ContextKind::InvalidArg, ContextKind::InvalidValue]
        .into_iter()
        .all(|part| one.get(part) == other.get(part))
}

fn text(error: &Error, part: ContextKind) -> Option<&str> {
    if let Some(ContextValue::String(text)) = error.get(part) {
        return Some(text);
    }
    None
}

fn wrong(variable: &str, error: &Error) -> String {
    if let Some(ContextValue::Strings(values)) = error.get(ContextKind::ValidValue) {
        return format!("`{variable}` must be one of {}", values.join(", "));
    }
    let cause = error.source().map(ToString::to_string);
    misfit(variable, &cause.unwrap_or_else(|| error.kind().to_string()))
}
