//! Matches rules against programs that would run.

use crate::policy::judge::call::{Call, Certainty, Field, Stdin};
use crate::policy::rule::{Expression, Input, Rule};

/// A rule's conditions, compiled.
#[derive(Debug)]
pub struct Matcher {
    subcommands: Vec<Vec<String>>,
    flags: Vec<String>,
    without: Vec<String>,
    text: Option<Expression>,
    inline: Vec<String>,
    input: Option<Input>,
    unless_local: bool,
}

impl Matcher {
    pub(super) fn of(rule: &Rule) -> Self {
        let subcommands = rule.subcommand.iter();
        Self {
            subcommands: subcommands
                .map(|words| words.split(' ').map(str::to_owned).collect())
                .collect(),
            flags: rule.flags.clone(),
            without: rule.without.clone(),
            text: rule.text.clone(),
            inline: rule.inline.clone(),
            input: rule.input,
            unless_local: rule.unless_local,
        }
    }

    /// True when the rule is about this call. An unknown part counts as the one that the rule looks for.
    pub(super) fn is_about(&self, call: &Call, valued: &[&str]) -> bool {
        self.has_subcommand(call, valued)
            && self.has_flag(call)
            && !self.has_exception(call)
            && self.has_text(call)
            && self.has_input(call)
            && !(self.unless_local && asks_this_machine(call))
    }

    /// True when an option is given that makes the call harmless. It must stand as the rule says, and not
    /// after another option, whose value it might be.
    fn has_exception(&self, call: &Call) -> bool {
        let stands = |(at, arg): (usize, &Field)| {
            let before = at
                .checked_sub(1)
                .map_or("", |at| call.args[at].text.as_str());
            // Of git's options that such rules are about, only these take a value.
            let valued = ["-e", "--exclude", "-s", "--source", "--pathspec-from-file"];
            let takes_value = if call.program == "git" {
                valued.contains(&before)
            } else {
                before.starts_with('-')
            };
            !takes_value && self.without.contains(&arg.text)
        };
        call.args.iter().enumerate().any(stands)
    }

    fn has_subcommand(&self, call: &Call, valued: &[&str]) -> bool {
        if self.subcommands.is_empty() {
            return true;
        }
        let operands = call.operands(valued);
        self.subcommands.iter().any(|words| {
            operands.len() >= words.len()
                && words
                    .iter()
                    .zip(&operands)
                    .all(|(word, given)| given.text == *word || given.certainty > Certainty::Tame)
        })
    }

    fn has_flag(&self, call: &Call) -> bool {
        let flags: Vec<_> = self.flags.iter().map(String::as_str).collect();
        flags.is_empty() || call.has(&flags) || {
            // A message is no option, whatever it says.
            let messages = ["-m", "--message", "-F"];
            let follows = |at: usize| at > 0 && messages.contains(&call.args[at - 1].text.as_str());
            let mut args = call.args.iter().enumerate();
            args.any(|(at, arg)| arg.may_be_option() && !follows(at))
        }
    }

    fn has_text(&self, call: &Call) -> bool {
        if self.inline.is_empty() {
            let typed = match (&call.stdin, self.input) {
                (Stdin::Text(text), Some(Input::Text)) => Some(text),
                (Stdin::Nothing | Stdin::Text(_) | Stdin::File(_) | Stdin::Unknown, _) => None,
            };
            if let (Some(typed), Some(text)) = (typed, &self.text)
                && text.is_match(typed)
            {
                return true;
            }
            return self
                .text
                .as_ref()
                .is_none_or(|text| text.is_match(&call.text()));
        }
        let inline: Vec<_> = self.inline.iter().map(String::as_str).collect();
        let code = call.value(&inline);
        let typed = match &call.stdin {
            Stdin::Text(text) => Some(text.as_str()),
            Stdin::Nothing | Stdin::File(_) | Stdin::Unknown => None,
        };
        let pieces = [code.as_ref().map(|code| code.text.as_str()), typed];
        let unknown = code
            .as_ref()
            .is_some_and(|code| code.certainty > Certainty::Tame);
        unknown
            || pieces
                .into_iter()
                .flatten()
                .any(|piece| self.text.as_ref().is_none_or(|text| text.is_match(piece)))
    }

    fn has_input(&self, call: &Call) -> bool {
        match (self.input, &call.stdin) {
            (None | Some(Input::Text), _)
            | (Some(Input::Unknown), Stdin::Unknown)
            | (Some(Input::File), Stdin::Unknown | Stdin::File(_))
            | (Some(Input::Any), Stdin::Unknown | Stdin::File(_) | Stdin::Text(_)) => true,
            (Some(Input::Unknown), Stdin::Nothing | Stdin::Text(_) | Stdin::File(_))
            | (Some(Input::File), Stdin::Nothing | Stdin::Text(_))
            | (Some(Input::Any), Stdin::Nothing) => false,
        }
    }
}

/// True when all addresses of a request are this machine's.
fn asks_this_machine(call: &Call) -> bool {
    let valued = [
        "-d",
        "--data",
        "--data-raw",
        "--data-binary",
        "--json",
        "-H",
        "--header",
        "-X",
        "--request",
        "-o",
        "--output",
        "-F",
        "--form",
        "-w",
        "--write-out",
        "-u",
        "--user",
        "-m",
        "--max-time",
        "-b",
        "-A",
        "--retry",
        "--connect-timeout",
        "--data-urlencode",
        "-T",
        "-c",
        "--post-data",
        "--method",
        "--body-data",
    ];
    let addresses = call.operands(&valued);
    !addresses.is_empty()
        && addresses
            .iter()
            .all(|address| is_this_machine(&address.text))
}

fn is_this_machine(address: &str) -> bool {
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|start| address.strip_prefix(start));
    let authority = rest
        .unwrap_or(address)
        .split(['/', '?', '#'])
        .next()
        .unwrap_or_default();
    let host = authority.split(':').next().unwrap_or_default();
    let names = ["localhost", "127.0.0.1", "0.0.0.0"];
    (names.contains(&host) || authority.starts_with("[::1]")) && !address.contains(['@', '\\', '{'])
}
