//! The name under which a run commits, where neither its repository nor the environment says one.
//!
//! Commands do not see the home folder of the server's user. So what that user's git calls them is written
//! into the home folder of the run, where a repository's own settings and the environment go before it.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

/// Variables by which git finds the settings of a user.
const FINDING: [&str; 2] = ["HOME", "PATH"];
/// The settings that are taken, by their names in the section `user`.
const TAKEN: [&str; 2] = ["name", "email"];

/// A settings file with the name and address that git has for the server's user; none where it has none.
/// Blocks.
pub fn settings(environment: &BTreeMap<String, String>) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where git is asked for its user"
    )]
    let mut git = Command::new("git");
    let known = FINDING
        .iter()
        .filter_map(|name| Some((name, environment.get(*name)?)));
    let output = git
        .args([
            "config",
            "--global",
            "--null",
            "--get-regexp",
            r"^user\.(name|email)$",
        ])
        .env_clear()
        .envs(known)
        .current_dir("/")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    written(&String::from_utf8(output.stdout).ok()?)
}

/// The file that says what `git config --null` listed: names and values, each with a line feed between and a
/// zero byte at its end.
fn written(listed: &str) -> Option<String> {
    let entries = listed.split('\0').filter_map(|entry| {
        let (name, value) = entry.split_once('\n')?;
        let name = name.strip_prefix("user.")?;
        TAKEN.contains(&name).then(|| {
            let value = value
                .replace('\\', r"\\")
                .replace('"', "\\\"")
                .replace('\n', r"\n");
            format!("\t{name} = \"{value}\"\n")
        })
    });
    let entries: String = entries.collect();
    (!entries.is_empty()).then(|| format!("[user]\n{entries}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_and_address_of_a_user_are_settings_of_the_run() {
        let listed =
            "user.name\nAda \"L\" \\ Byron\0user.email\nada@example.com\0user.signingkey\nx\0";
        insta::assert_snapshot!(written(listed).unwrap(), @r#"
        [user]
        	name = "Ada \"L\" \\ Byron"
        	email = "ada@example.com"
        "#);
        assert_eq!(written(""), None);
    }
}
