//! The names of settings, and the one that is meant by a name that is none.

use clap::{Args as _, Command};

use crate::cli::agent::named_model::nearest;
use crate::config::secret_files::is_secret;
use crate::config::settings::Config;

/// The beginning of the names of variables that are ours alone.
const OURS: &str = "NAVI_";
/// The shortest name that others may not have as well but for one letter.
const LONG: usize = 7;

/// Variables of single commands.
const OF_COMMANDS: [&str; 2] = ["NAVI_SERVER", "NAVI_TOKEN"];

/// The variables of all settings, and those that name the file of a secret.
pub fn variables() -> Vec<String> {
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

/// The setting that is meant by a name, if one is alike enough.
pub fn meant<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    nearest(name, known.iter().map(String::as_str))
}

/// The variables among these that are no settings and look like one, each with that one. Names that do not
/// begin like ours may be another program's, so of those one wrong letter counts, in a long name. Others are
/// left alone: orchestrators set variables of their own for a service that is called navi.
pub fn misspelled(set: &[String]) -> Vec<(String, String)> {
    let known = variables();
    let is_known = |name: &String| known.contains(name) || OF_COMMANDS.contains(&name.as_str());
    let unknown = set.iter().filter(|name| !is_known(name));
    let slips = unknown.filter_map(|name| Some((name.clone(), slip(name, &known)?.to_owned())));
    slips.collect()
}

fn slip<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    if name.starts_with(OURS) {
        return meant(name, known);
    }
    let mut known = known.iter().map(String::as_str);
    known.find(|known| known.len() >= LONG && is_one_slip(name, known))
}

/// True if one letter is wrong, missing or too many, or two neighbours are swapped. At the start every
/// variable is held against every setting, so it costs one look at each letter.
fn is_one_slip(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let same = |pairs: (&u8, &u8)| pairs.0 == pairs.1;
    let front = one.iter().zip(other).take_while(|it| same(*it)).count();
    let (one, other) = (&one[front..], &other[front..]);
    let backwards = one.iter().rev().zip(other.iter().rev());
    let back = backwards.take_while(|it| same(*it)).count();
    match (&one[..one.len() - back], &other[..other.len() - back]) {
        ([], []) => false,
        ([a, b], [c, d]) => a == d && b == c,
        (one, other) => one.len() <= 1 && other.len() <= 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_is_a_letter_more_less_other_or_two_swapped() {
        for slip in ["AB", "ABCD", "XABC", "ABX", "XBC", "BAC", "ACB"] {
            assert!(is_one_slip(slip, "ABC"), "{slip}");
        }
        for other in ["ABC", "A", "ABCDE", "CBA", "XYC", "BCA", ""] {
            assert!(!is_one_slip(other, "ABC"), "{other}");
        }
    }

    #[test]
    fn a_slip_is_told_from_a_setting_and_from_what_others_set() {
        let set = [
            "NAVI_SANBOX",
            "NAVI_SANDBOX",
            "NAVI_SERVER",
            "NAVI_SERVICE_HOST",
            "NAVI_PORT_8080_TCP_ADDR",
            "NAVI_WORKSPACE_ROOT",
            "AUDIT_RETENTION_DAY",
            "AUDIT_RETENTION_DAYS",
            "HOSTNAME",
            "LOGNAME",
            "PORTS",
        ];
        let found = misspelled(&set.map(str::to_owned));
        let found: Vec<_> = found
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("NAVI_SANBOX", "NAVI_SANDBOX"),
                ("NAVI_WORKSPACE_ROOT", "NAVI_WORKSPACE_ROOTS"),
                ("AUDIT_RETENTION_DAY", "AUDIT_RETENTION_DAYS")
            ]
        );
    }
}
