//! Redirections: what a command reads instead of its standard input, and which files it writes.

use crate::policy::judge::call::{Field, HOLE, Stdin};
use crate::policy::judge::expansion::join;
use crate::policy::judge::walker::Walker;
use crate::policy::judge::wrappers::is_descriptor;
use crate::policy::shell::ast::{Command, Redirect, RedirectKind};

impl Walker<'_> {
    /// Judges a redirection, and notes what it makes of the standard input and output.
    pub(in crate::policy::judge) fn redirect(
        &mut self,
        redirect: &Redirect,
        command: &Command,
        input: &mut Stdin,
        output: &mut Option<String>,
    ) {
        let words = self.expand(&redirect.target);
        if words.len() > 1 && redirect.kind == RedirectKind::Write {
            self.fact("writes-unknown", "redirection", &command.text);
        }
        let target = join(words);
        match redirect.kind {
            RedirectKind::Duplicate => {
                if redirect.is_input {
                    match target.text.as_str() {
                        "-" => *input = Stdin::Nothing,
                        "0" => {}
                        _ => *input = Stdin::Unknown,
                    }
                }
            }
            RedirectKind::Text => {
                if redirect.is_input {
                    *input = if target.is_static() {
                        Stdin::Text(redirect.target.literal().unwrap_or(target.text))
                    } else {
                        Stdin::Unknown
                    };
                }
            }
            RedirectKind::Read => {
                self.reads(&target, "redirection", &command.text);
                if redirect.is_input {
                    *input = opened(target);
                }
            }
            RedirectKind::Write => {
                let harmless = ["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"];
                if !harmless.contains(&target.text.as_str()) {
                    self.writes(&target, "redirection", &command.text);
                    if redirect.is_input {
                        *input = opened(target.clone());
                    }
                    *output = Some(target.text);
                }
            }
        }
    }
}

/// The input of a program whose standard input is this file.
fn opened(file: Field) -> Stdin {
    match file.text.as_str() {
        "/dev/null" => Stdin::Nothing,
        text if text.starts_with(HOLE) || is_descriptor(text) => Stdin::Unknown,
        _ => Stdin::File(file.text),
    }
}
