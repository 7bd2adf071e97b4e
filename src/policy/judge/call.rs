//! One program that would run, and the words it would be given.

use crate::policy::reach::closed::UNKNOWN_PART;

/// Stands in a text for a part that is not known before the command runs.
pub const HOLE: char = UNKNOWN_PART;

/// The degree to which a word is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// Completely.
    #[default]
    Static,
    /// Not its text, but that it is no option and no path out of the workspace.
    Tame,
    /// A variable from outside the command, or a line that is read.
    Unknown,
    /// Whatever another program prints.
    Wild,
}

/// A word after its expansion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// Its text, with a [`HOLE`] for every part that is not known.
    pub text: String,
    /// The degree to which it is known.
    pub certainty: Certainty,
    /// True when the shell expands a pattern in it to the names of files.
    pub glob: bool,
}

impl Field {
    /// A word that is known.
    pub fn of(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// A word of which nothing is known.
    pub fn hole(certainty: Certainty) -> Self {
        Self {
            text: HOLE.to_string(),
            certainty,
            glob: false,
        }
    }

    /// True when the whole text is known.
    pub fn is_static(&self) -> bool {
        self.certainty == Certainty::Static
    }

    /// True when it may turn out to be an option.
    pub fn may_be_option(&self) -> bool {
        self.certainty == Certainty::Wild && self.text.starts_with([HOLE, '-'])
    }

    /// True for an option; `-` and `--` are none.
    pub fn is_option(&self) -> bool {
        self.text.len() > 1 && self.text.starts_with('-') && self.text != "--"
    }
}

/// The standard input of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stdin {
    /// Nothing.
    #[default]
    Nothing,
    /// This text.
    Text(String),
    /// A file of this name.
    File(String),
    /// The output of something that is not known.
    Unknown,
}

/// One program that would run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Its name without the folder.
    pub program: String,
    /// Its arguments.
    pub args: Vec<Field>,
    /// Its input.
    pub stdin: Stdin,
    /// The text that is shown.
    pub segment: String,
}

impl Call {
    /// The arguments' texts, joined by blanks.
    pub fn text(&self) -> String {
        let texts: Vec<_> = self.args.iter().map(|arg| arg.text.as_str()).collect();
        texts.join(" ")
    }

    /// The arguments that are no options, given which options take a value.
    pub fn operands<'a>(&'a self, valued: &[&str]) -> Vec<&'a Field> {
        let mut found = Vec::new();
        let mut args = self.args.iter();
        while let Some(arg) = args.next() {
            if arg.text == "--" {
                found.extend(args.by_ref());
            } else if !arg.is_option() {
                found.push(arg);
            } else if valued.contains(&arg.text.as_str()) {
                args.next();
            }
        }
        found
    }

    /// True when one of these options is given: exactly, in a cluster of letters, with a value attached,
    /// or abbreviated as long options may be.
    pub fn has(&self, flags: &[&str]) -> bool {
        let mut options = self.args.iter().take_while(|arg| arg.text != "--");
        options.any(|arg| flags.iter().any(|flag| is_flag(&arg.text, flag)))
    }

    /// The value of the first of these options that is given.
    pub fn value(&self, flags: &[&str]) -> Option<Field> {
        let mut args = self.args.iter();
        while let Some(arg) = args.next() {
            for flag in flags {
                if arg.text == *flag {
                    return args.next().cloned();
                }
                let attached = match arg.text.strip_prefix(flag) {
                    Some(rest) if flag.starts_with("--") => rest.strip_prefix('='),
                    rest => rest,
                };
                if let Some(text) = attached {
                    let text = text.to_owned();
                    return Some(Field {
                        text,
                        ..arg.clone()
                    });
                }
                // The last letter of a cluster may take the next word: `python -Ic code`.
                if flag.len() == 2
                    && !arg.text.starts_with("--")
                    && arg.text.starts_with('-')
                    && arg.text.len() <= 5
                    && arg.text.ends_with(&flag[1..])
                {
                    return args.next().cloned();
                }
            }
        }
        None
    }
}

/// True when `given` is the option `flag`.
pub fn is_flag(given: &str, flag: &str) -> bool {
    if given == flag {
        return true;
    }
    if let Some(long) = flag.strip_prefix("--") {
        let name = given.split('=').next().unwrap_or(given);
        return name
            .strip_prefix("--")
            .is_some_and(|name| name == long || (name.len() >= 3 && long.starts_with(name)));
    }
    let letters = flag.strip_prefix('-').unwrap_or(flag);
    if letters.len() != 1 {
        // `-delete`, or `+x`: programs with long options behind one dash do not cluster them.
        return given.split('=').next() == Some(flag);
    }
    given.strip_prefix('-').is_some_and(|cluster| {
        let plain = cluster
            .split(|c: char| !c.is_ascii_alphabetic())
            .next()
            .unwrap_or("");
        !cluster.starts_with('-') && plain.len() <= 8 && plain.contains(letters)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_however_they_are_written() {
        for (given, flag) in [
            ("-f", "-f"),
            ("-rf", "-f"),
            ("--force", "--force"),
            ("--forc", "--force"),
            ("--force=yes", "--force"),
            ("-delete", "-delete"),
        ] {
            assert!(is_flag(given, flag), "{given} {flag}");
        }
        for (given, flag) in [
            ("--for-each", "--force"),
            ("--f", "-f"),
            ("f", "-f"),
            ("-n", "-f"),
        ] {
            assert!(!is_flag(given, flag), "{given} {flag}");
        }
    }
}
