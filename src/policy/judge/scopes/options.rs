//! Options, read as the program reads them, or not at all.

use std::collections::BTreeSet;

use crate::policy::judge::call::Field;

/// The options of a program that may stand in an action with an object.
pub(super) struct Grammar {
    /// Options without a value that change nothing about the object.
    pub(super) free: &'static [&'static str],
    /// Options without a value that make it another action.
    pub(super) telling: &'static [&'static str],
    /// Options with a value; whether it changes the object is for the caller to say.
    pub(super) valued: &'static [&'static str],
}

/// The arguments of a program.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Given<'a> {
    /// The options without a value that make it another action.
    pub(super) telling: BTreeSet<String>,
    /// The options with a value, and their values.
    pub(super) values: Vec<(&'static str, &'a str)>,
    /// The rest.
    pub(super) operands: Vec<&'a str>,
}

impl Grammar {
    /// Reads words; none when one of them is not known before it runs or is no option of these.
    pub(super) fn read<'a>(&self, args: &'a [Field]) -> Option<Given<'a>> {
        let mut given = Given::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if !arg.is_static() {
                return None;
            }
            let text = arg.text.as_str();
            if text == "--" {
                for arg in args.by_ref() {
                    given.operands.push(known(arg)?);
                }
            } else if !text.starts_with('-') {
                given.operands.push(text);
            } else if text.starts_with("--") {
                self.long(text, &mut given, || args.next().and_then(known))?;
            } else {
                self.cluster(text, &mut given, || args.next().and_then(known))?;
            }
        }
        Some(given)
    }

    fn long<'a>(
        &self,
        text: &'a str,
        given: &mut Given<'a>,
        next: impl FnOnce() -> Option<&'a str>,
    ) -> Option<()> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        if let Some(option) = self.valued.iter().find(|option| **option == name) {
            let value = match value {
                Some(value) => value,
                None => next()?,
            };
            given.values.push((*option, value));
            return Some(());
        }
        if value.is_some() {
            return None;
        }
        self.flag(name, given)
    }

    /// Letters behind one dash, of which the last may take a value.
    fn cluster<'a>(
        &self,
        text: &'a str,
        given: &mut Given<'a>,
        next: impl FnOnce() -> Option<&'a str>,
    ) -> Option<()> {
        let letters = text.strip_prefix('-').filter(|rest| !rest.is_empty())?;
        for (at, letter) in letters.char_indices() {
            let name = format!("-{letter}");
            if let Some(option) = self.valued.iter().find(|option| **option == name) {
                let attached = &letters[at + letter.len_utf8()..];
                let value = if attached.is_empty() {
                    next()?
                } else {
                    attached
                };
                given.values.push((*option, value));
                return Some(());
            }
            self.flag(&name, given)?;
        }
        Some(())
    }

    fn flag(&self, name: &str, given: &mut Given<'_>) -> Option<()> {
        if self.telling.contains(&name) {
            given.telling.insert(name.to_owned());
            return Some(());
        }
        self.free.contains(&name).then_some(())
    }
}

impl<'a> Given<'a> {
    /// The values of some options, in order.
    pub(super) fn of(&self, names: &[&str]) -> Vec<&'a str> {
        let values = self.values.iter().filter(|(name, _)| names.contains(name));
        values.map(|(_, value)| *value).collect()
    }

    /// True if one of these options is given.
    pub(super) fn tells(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.telling.contains(*name))
    }
}

fn known(arg: &Field) -> Option<&str> {
    arg.is_static().then_some(arg.text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAMMAR: Grammar = Grammar {
        free: &["-s", "--silent"],
        telling: &["-L"],
        valued: &["-X", "--request"],
    };

    fn read(words: &[&str]) -> Option<(Vec<String>, Vec<String>)> {
        let args: Vec<_> = words.iter().map(|word| Field::of(*word)).collect();
        let given = GRAMMAR.read(&args)?;
        let values = given.of(&["-X", "--request"]).into_iter();
        let operands = given.operands.iter();
        Some((
            values.map(str::to_owned).collect(),
            operands.map(|one| (*one).to_owned()).collect(),
        ))
    }

    #[test]
    fn a_value_is_found_however_it_is_written() {
        let expected = Some((vec!["POST".to_owned()], vec!["a".to_owned()]));
        for words in [
            &["-X", "POST", "a"][..],
            &["-XPOST", "a"],
            &["-sXPOST", "a"],
            &["a", "--request", "POST"],
            &["--request=POST", "--silent", "--", "a"],
        ] {
            assert_eq!(read(words), expected, "{words:?}");
        }
    }

    #[test]
    fn what_is_not_listed_is_not_read() {
        for words in [
            &["-x"][..],
            &["-sx"],
            &["--silen"],
            &["--silent=1"],
            &["-X"],
            &["-"],
        ] {
            assert_eq!(read(words), None, "{words:?}");
        }
    }
}
