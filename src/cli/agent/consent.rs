//! Questions of a run, answered by the person at the terminal.

use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal};
use std::path::Path;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::cli::agent::named_model::nearest;
use crate::cli::failure::Failure;
use crate::cli::policy::place::of_workspace;
use crate::config::settings::Config;
use crate::platform::text::{cut_chars, visible};
use crate::policy::model::OUTCOME_UNKNOWN;
use crate::policy::service::Policy;

/// The question that follows what is asked about.
pub const CONSENT: &str = "[y]es [a]lways [t]ype [N]o [c]ommand >";
/// The question for a command to run instead.
pub const COMMAND: &str = "the command to run instead >";
/// The answer where no person could be asked.
pub const NEEDS_A_PERSON: &str = "needs a person; nothing was asked, and nothing was run";
/// The most of a line that is repeated, in characters.
const LINE_CHARS: usize = 40;

/// A question that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenQuestion {
    /// A question whether something may run.
    Consent {
        /// Its id.
        id: String,
    },
    /// The command to run instead.
    Command {
        /// The id of the consent.
        id: String,
    },
    /// Anything else, answered in words.
    Prompt {
        /// Its id.
        id: String,
    },
}

impl OpenQuestion {
    /// The words before the answer.
    pub fn prompt(&self) -> &'static str {
        match self {
            Self::Consent { .. } => CONSENT,
            Self::Command { .. } => COMMAND,
            Self::Prompt { .. } => ">",
        }
    }
}

/// The meaning of a line at the terminal.
#[derive(Clone, Debug, PartialEq)]
pub enum TypedReply {
    /// This is sent to this path.
    Send(String, Value),
    /// Another question comes first, after these words.
    Ask(OpenQuestion, Option<String>),
}

/// The meaning of a line for an open question; none is the end of the input.
pub fn reply(question: &OpenQuestion, line: Option<&str>) -> TypedReply {
    match question {
        OpenQuestion::Prompt { id } => {
            let answer = match line {
                Some(line) if !line.is_empty() => json!({ "response": line }),
                Some(_) | None => json!({ "cancelled": true }),
            };
            TypedReply::Send(format!("api/navi/prompt/{id}"), answer)
        }
        OpenQuestion::Consent { id } => consent(id, line.unwrap_or_default()),
        OpenQuestion::Command { id } => match line.map(str::trim) {
            Some("") => TypedReply::Ask(OpenQuestion::Consent { id: id.clone() }, None),
            Some(command) => instead(id, command),
            None => decide(id, "deny"),
        },
    }
}

/// The choices of a consent, a line each.
pub fn choices(covers: &str) -> Vec<String> {
    let covers = visible(covers);
    let kind = if covers.is_empty() {
        "yes, and never ask again about actions of this type".to_owned()
    } else {
        format!("yes, and never ask again about this type: {covers}")
    };
    [
        ("y", "yes, this once"),
        ("a", "yes, and never ask again about exactly this"),
        ("t", &kind),
        ("n", "no; Enter alone is the same"),
        ("c", "no, but run another command, which you type next"),
    ]
    .map(|(letter, meaning)| format!("  {letter}  {meaning}"))
    .to_vec()
}

/// The answer to a question where no person can be asked. Older servers take it for a plain no.
pub fn unasked(question: &OpenQuestion) -> TypedReply {
    match question {
        OpenQuestion::Prompt { id } => TypedReply::Send(
            format!("api/navi/prompt/{id}"),
            json!({ "cancelled": true, "nobody_asked": true }),
        ),
        OpenQuestion::Consent { id } | OpenQuestion::Command { id } => {
            TypedReply::Send(path(id), json!({ "choice": "deny", "nobody_asked": true }))
        }
    }
}

/// The answer to a consent in a typed line. An empty line is a no, and an unknown letter is asked about
/// again: a slip of the finger neither allows nor runs anything.
fn consent(id: &str, line: &str) -> TypedReply {
    let line = line.trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    match word.to_ascii_lowercase().as_str() {
        "c" | "command" if rest.is_empty() => {
            TypedReply::Ask(OpenQuestion::Command { id: id.to_owned() }, None)
        }
        "c" | "command" => instead(id, rest),
        _ if !rest.is_empty() => again(id, line),
        "" | "n" | "no" => decide(id, "deny"),
        "y" | "yes" => decide(id, "allow_once"),
        "a" | "always" => decide(id, "allow_always_exact"),
        "t" | "type" => decide(id, "allow_always_type"),
        _ => again(id, line),
    }
}

fn again(id: &str, line: &str) -> TypedReply {
    let line = cut_chars(&visible(line), LINE_CHARS);
    let words = format!("`{line}` is none of these; a command comes after `c`");
    TypedReply::Ask(OpenQuestion::Consent { id: id.to_owned() }, Some(words))
}

/// The answer to a consent.
pub fn decide(id: &str, choice: &str) -> TypedReply {
    TypedReply::Send(path(id), json!({ "choice": choice }))
}

fn instead(id: &str, command: &str) -> TypedReply {
    let answer = json!({ "choice": "alternative", "alternative_command": command });
    TypedReply::Send(path(id), answer)
}

fn path(id: &str) -> String {
    format!("api/navi/consent/{id}")
}

/// The rules that make a question of an action.
fn asking(consent: &Value) -> impl Iterator<Item = &str> {
    let reasons = consent["reasons"].as_array().into_iter().flatten();
    reasons
        .filter(|reason| reason["verdict"] != "allow")
        .map(|reason| reason["rule"].as_str().unwrap_or_default())
}

/// True if every rule that makes a question of an action is among these.
pub fn is_allowed_by(rules: &[String], consent: &Value) -> bool {
    let mut asking = asking(consent).peekable();
    asking.peek().is_some() && asking.all(|rule| rules.iter().any(|named| named == rule))
}

/// The flags that answer a question with yes.
pub fn yes_to(consent: &Value) -> String {
    let rules: BTreeSet<&str> = asking(consent).collect();
    let flags: Vec<_> = rules
        .into_iter()
        .map(|rule| format!("--yes-to {}", visible(rule)))
        .collect();
    flags.join(" ")
}

/// Refuses rules that the policy of the workspace does not have.
pub fn check_rules(rules: &[String], config: &Config, root: &Path) -> Result<(), Failure> {
    if rules.is_empty() {
        return Ok(());
    }
    let closed = config.workspace_rules().closed;
    let policy = Policy::built_in().map_err(std::io::Error::other)?;
    let unusable = |source| Failure::Workspace {
        path: root.to_owned(),
        source,
    };
    let policy = of_workspace(root, policy.closing(&closed, None)).map_err(unusable)?;
    let known: Vec<&str> = policy.rule_ids().chain([OUTCOME_UNKNOWN]).collect();
    match rules.iter().find(|rule| !known.contains(&rule.as_str())) {
        Some(unknown) => Err(Failure::Usage(no_rule(unknown, &known))),
        None => Ok(()),
    }
}

fn no_rule(name: &str, known: &[&str]) -> String {
    let near = nearest(name, known.iter().copied());
    let near = near.map_or_else(String::new, |near| format!(" did you mean `{near}`?"));
    format!("the policy has no rule `{name}`;{near} `navi policy rules` lists them")
}

/// The lines that a person types.
#[derive(Debug, Default)]
pub struct Keyboard {
    /// A read that is under way; nothing ends it but a line.
    reading: Option<JoinHandle<Option<String>>>,
}

impl Keyboard {
    /// True if a person sits there.
    pub fn is_there() -> bool {
        std::io::stdin().is_terminal()
    }

    /// The next line; none at the end of the input. Dropping the future loses nothing.
    pub async fn line(&mut self) -> Option<String> {
        let reading = self
            .reading
            .get_or_insert_with(|| tokio::task::spawn_blocking(read_line));
        let line = reading.await.unwrap_or_default();
        self.reading = None;
        line
    }
}

fn read_line() -> Option<String> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> OpenQuestion {
        OpenQuestion::Consent { id: "1".to_owned() }
    }

    fn choice(line: &str) -> Value {
        match reply(&asked(), Some(line)) {
            TypedReply::Send(path, answer) => {
                assert_eq!(path, "api/navi/consent/1");
                answer["choice"].clone()
            }
            TypedReply::Ask(..) => Value::Null,
        }
    }

    #[test]
    fn letters_and_words_count_in_any_case_and_nothing_is_a_no() {
        for (lines, expected) in [
            (["y", "Y", "yes", " YES "], "allow_once"),
            (["a", "A", "always", "Always"], "allow_always_exact"),
            (["t", "T", "type", "TYPE"], "allow_always_type"),
            (["n", "N", "", "No"], "deny"),
        ] {
            for line in lines {
                assert_eq!(choice(line), expected, "{line:?}");
            }
        }
        let end = reply(&asked(), None);
        assert_eq!(end, decide("1", "deny"));
    }

    #[test]
    fn what_is_no_letter_is_asked_again_and_runs_nothing() {
        for line in ["q", "yy", "git push", "y please", "\u{1b}[A"] {
            let TypedReply::Ask(question, Some(words)) = reply(&asked(), Some(line)) else {
                panic!("{line:?} is an answer");
            };
            assert_eq!(question, asked());
            assert!(words.contains("none of these"), "{words}");
            assert!(!words.contains('\u{1b}'), "{words}");
        }
    }

    #[test]
    fn a_command_comes_after_its_letter_alone() {
        let answer = json!({"choice": "alternative", "alternative_command": "git push --dry-run"});
        let expected = TypedReply::Send("api/navi/consent/1".to_owned(), answer);
        assert_eq!(reply(&asked(), Some("C git push --dry-run")), expected);
        let command = OpenQuestion::Command { id: "1".to_owned() };
        assert_eq!(
            reply(&asked(), Some("c")),
            TypedReply::Ask(command.clone(), None)
        );
        assert_eq!(reply(&command, Some("git push --dry-run")), expected);
        assert_eq!(reply(&command, Some("")), TypedReply::Ask(asked(), None));
        assert_eq!(reply(&command, None), decide("1", "deny"));
    }

    #[test]
    fn rules_allow_what_nothing_else_asks_about() {
        let asked = |rules: &[&str]| {
            let reasons: Vec<_> = rules
                .iter()
                .map(|rule| json!({"rule": rule, "verdict": "ask"}))
                .collect();
            json!({ "reasons": reasons })
        };
        let yes = ["git-push".to_owned(), "network".to_owned()];
        assert!(is_allowed_by(&yes, &asked(&["git-push"])));
        assert!(is_allowed_by(&yes, &asked(&["git-push", "network"])));
        assert!(!is_allowed_by(&yes, &asked(&["git-push", "privilege"])));
        assert!(!is_allowed_by(&yes, &asked(&[])));
        assert!(!is_allowed_by(&[], &asked(&["git-push"])));
        let flags = yes_to(&asked(&["privilege", "git-push", "privilege"]));
        assert_eq!(flags, "--yes-to git-push --yes-to privilege");
    }
}
