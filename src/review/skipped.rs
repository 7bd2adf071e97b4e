//! The files that a review skips, in words for people and programs.

use std::collections::BTreeMap;

/// The most names of one kind that are listed.
const LISTED: usize = 50;
/// The most names of one kind that a sentence holds.
const NAMED: usize = 5;

/// The reason why a file is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Its name says that it may hold secrets.
    Secret,
    /// It is no text.
    Binary,
    /// It is too large to be read.
    Large,
    /// It is a link to another file.
    Link,
    /// It is a repository of its own.
    Nested,
    /// It cannot be read, or is gone by now.
    Unreadable,
    /// It comes after the last file that one review takes.
    TooMany,
    /// The files before it fill the review.
    TooMuch,
    /// The model gave no answer about it that can be read.
    Unanswered,
}

impl Reason {
    /// The word that programs see.
    pub fn word(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Binary => "binary",
            Self::Large => "large",
            Self::Link => "link",
            Self::Nested => "nested_repository",
            Self::Unreadable => "unreadable",
            Self::TooMany => "too_many_files",
            Self::TooMuch => "too_much_text",
            Self::Unanswered => "unanswered",
        }
    }

    /// The words for people.
    fn sentence(self) -> &'static str {
        match self {
            Self::Secret => "Not reviewed (it may hold secrets)",
            Self::Binary => "Not reviewed (no text)",
            Self::Large => "Not reviewed (too large)",
            Self::Link => "Not reviewed (a link)",
            Self::Nested => "Not reviewed (a repository of its own)",
            Self::Unreadable => "Not reviewed (unreadable)",
            Self::TooMany => "Not reviewed (more files than one review takes)",
            Self::TooMuch => "Not reviewed (more text than one review takes)",
            Self::Unanswered => "Not reviewed (the model gave no readable answer)",
        }
    }
}

/// Files that were skipped, whole or in part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    files: BTreeMap<Reason, Files>,
    /// Files of which only the beginning was reviewed.
    cut: Files,
    /// Files whose names nothing here can say.
    unnamed: usize,
    /// True when there are more changed files than were listed.
    is_endless: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Files {
    names: Vec<String>,
    count: usize,
}

impl Files {
    fn push(&mut self, name: &str) {
        self.count += 1;
        if self.names.len() < LISTED {
            self.names.push(name.to_owned());
        }
    }

    fn sentence(&self, what: &str) -> Option<String> {
        let shown = self.names.iter().take(NAMED);
        let mut shown: Vec<_> = shown.map(|name| format!("`{name}`")).collect();
        let more = self.count - shown.len();
        if more > 0 {
            shown.push(format!("{more} more"));
        }
        (self.count > 0).then(|| format!("{what}: {}.", shown.join(", ")))
    }
}

impl Skipped {
    /// Adds a file that is skipped.
    pub fn add(&mut self, reason: Reason, path: &str) {
        self.files.entry(reason).or_default().push(path);
    }

    /// Adds a file of which only the beginning is reviewed.
    pub fn add_cut(&mut self, path: &str) {
        self.cut.push(path);
    }

    /// Notes that the list of changed files was shorter than it should be.
    pub fn add_missing(&mut self, unnamed: usize, is_endless: bool) {
        self.unnamed += unnamed;
        self.is_endless |= is_endless;
    }

    /// The files by name, with the reason of each.
    pub fn listed(&self) -> Vec<(String, Reason)> {
        let of = |(reason, files): (&Reason, &Files)| -> Vec<(String, Reason)> {
            let names = files.names.iter();
            names.map(|name| (name.clone(), *reason)).collect()
        };
        self.files.iter().flat_map(of).collect()
    }

    /// The sentences for people; none when nothing was skipped.
    pub fn sentences(&self) -> Vec<String> {
        let files = self.files.iter();
        let told = files.filter_map(|(reason, files)| files.sentence(reason.sentence()));
        let mut told: Vec<_> = told.collect();
        told.extend(
            self.cut
                .sentence("Reviewed only at the beginning (too long)"),
        );
        if self.unnamed > 0 {
            let count = self.unnamed;
            told.push(format!("Not reviewed (the name is not UTF-8): {count}."));
        }
        if self.is_endless {
            told.push("There are more changed files than can be listed.".to_owned());
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_how_many_and_the_first_names() {
        let mut skipped = Skipped::default();
        assert_eq!(skipped.sentences(), Vec::<String>::new());
        skipped.add(Reason::Secret, ".env");
        for number in 0..60 {
            skipped.add(Reason::TooMany, &format!("f{number}"));
        }
        skipped.add_cut("long.rs");
        skipped.add_missing(1, true);
        insta::assert_snapshot!(skipped.sentences().join("\n"), @r"
        Not reviewed (it may hold secrets): `.env`.
        Not reviewed (more files than one review takes): `f0`, `f1`, `f2`, `f3`, `f4`, 55 more.
        Reviewed only at the beginning (too long): `long.rs`.
        Not reviewed (the name is not UTF-8): 1.
        There are more changed files than can be listed.
        ");
        assert_eq!(skipped.listed().len(), 51);
    }
}
