//! The file of rules: its format, and the checks when it is loaded.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::policy::error::{MAX_RULES_BYTES, PolicyError};
use crate::policy::judge::facts::FACTS;
use crate::policy::matcher::Matcher;
use crate::policy::model::Verdict;
use crate::policy::rule::{Expression, FileAccess, Lists, Rule, RulesFile};

/// Rules that are ready to be used.
#[derive(Debug)]
pub struct Rules {
    /// The rules in order.
    pub rules: Vec<Rule>,
    matchers: Vec<Matcher>,
    by_program: HashMap<String, Vec<usize>>,
    /// Rules whose program ends with `*`.
    patterns: Vec<(String, usize)>,
    by_fact: HashMap<String, Vec<usize>>,
    files: GlobSet,
    /// The owner of each pattern in `files`.
    patterns_of: Vec<FilePattern>,
    pub(super) lists: Lists,
    known: HashSet<String>,
    disposable: GlobSet,
    project_tools: GlobSet,
}

/// A pattern of file names, and whose it is.
#[derive(Debug)]
struct FilePattern {
    /// The rule, by its place in the list.
    rule: usize,
    /// True if the rule is not about these files.
    exception: bool,
    /// True if it fits at any depth.
    anywhere: bool,
}

impl Rules {
    /// Reads the built-in file.
    pub(super) fn built_in(text: &str) -> Result<Self, PolicyError> {
        let file = read(text)?;
        Self::compiled(file.rules, file.lists.unwrap_or_default())
    }

    /// These rules with a workspace's additions, none of which may loosen anything.
    pub(super) fn stricter(&self, text: &str) -> Result<Self, PolicyError> {
        let file = read(text)?;
        let looser = |rule: &str, reason| PolicyError::Looser {
            rule: rule.to_owned(),
            reason,
        };
        if file.lists.is_some() {
            return Err(looser("lists", "the lists are not for workspaces"));
        }
        let mut rules = self.rules.clone();
        for raise in file.raises {
            let Some(rule) = rules.iter_mut().find(|rule| rule.id == raise.id) else {
                return Err(PolicyError::NoSuchRule(raise.id));
            };
            if raise.verdict < rule.verdict {
                return Err(looser(&raise.id, "its verdict is stricter than that"));
            }
            rule.verdict = raise.verdict;
            // The verdict that a workspace asks for holds behind a wall as well.
            rule.sandboxed = None;
        }
        for rule in file.rules {
            if rule.verdict == Verdict::Allow {
                return Err(looser(&rule.id, "a workspace's rule asks or forbids"));
            }
            if let Some(Err(error)) = rule.text.as_ref().map(Expression::check) {
                return Err(PolicyError::Expression {
                    rule: rule.id.clone(),
                    reason: error.to_string(),
                });
            }
            if rule.sandboxed.is_some() {
                let reason = "a workspace's rule says the same under every setting";
                return Err(looser(&rule.id, reason));
            }
            if self.rules.iter().any(|known| known.id == rule.id) {
                return Err(looser(
                    &rule.id,
                    "a built-in rule has this id; use `raise` to make it stricter",
                ));
            }
            rules.push(rule);
        }
        Self::compiled(rules, self.lists.clone())
    }

    fn compiled(rules: Vec<Rule>, lists: Lists) -> Result<Self, PolicyError> {
        let mut matchers = Vec::new();
        let mut by_program: HashMap<_, Vec<_>> = HashMap::new();
        let mut patterns = Vec::new();
        let mut by_fact: HashMap<_, Vec<_>> = HashMap::new();
        let mut files = GlobSetBuilder::new();
        let mut patterns_of = Vec::new();
        let mut ids = HashSet::new();
        for (number, rule) in rules.iter().enumerate() {
            if !ids.insert(rule.id.clone()) {
                return Err(PolicyError::Duplicate(rule.id.clone()));
            }
            rule.check()?;
            matchers.push(Matcher::of(rule));
            for program in &rule.program {
                match program.strip_suffix('*') {
                    Some(start) => patterns.push((start.to_owned(), number)),
                    None => by_program.entry(program.clone()).or_default().push(number),
                }
            }
            if let Some(fact) = &rule.fact {
                by_fact.entry(fact.clone()).or_default().push(number);
            }
            let patterns = rule.files.iter().map(|file| (file, false));
            for (file, exception) in patterns.chain(rule.except.iter().map(|file| (file, true))) {
                files.add(glob(file, &rule.id)?);
                patterns_of.push(FilePattern {
                    rule: number,
                    exception,
                    anywhere: file.starts_with("**/"),
                });
            }
        }
        // A fact that no rule is about would pass unseen.
        if let Some(fact) = FACTS.iter().find(|fact| !by_fact.contains_key(**fact)) {
            return Err(PolicyError::Empty((*fact).to_owned()));
        }
        let set = |patterns: &[String]| {
            let mut set = GlobSetBuilder::new();
            for pattern in patterns {
                set.add(glob(pattern, "lists")?);
            }
            build(&set)
        };
        Ok(Self {
            matchers,
            by_program,
            patterns,
            by_fact,
            files: build(&files)?,
            patterns_of,
            known: lists
                .known
                .iter()
                .flat_map(|line| line.split_whitespace())
                .map(str::to_owned)
                .collect(),
            disposable: set(&lists.disposable)?,
            project_tools: set(&lists.project_tools)?,
            lists,
            rules,
        })
    }

    /// The rules that may be about a program.
    pub(super) fn about(&self, program: &str) -> impl Iterator<Item = (usize, &Matcher)> {
        let exact = self.by_program.get(program).into_iter().flatten().copied();
        let patterns = self.patterns.iter();
        let starts = patterns.filter(|(start, _)| program.starts_with(start.as_str()));
        exact
            .chain(starts.map(|(_, number)| *number))
            .map(|number| (number, &self.matchers[number]))
    }

    /// The rules about a fact.
    pub(super) fn about_fact(&self, fact: &str) -> &[usize] {
        self.by_fact.get(fact).map_or(&[], Vec::as_slice)
    }

    /// The rules about a file, by its lower-case path.
    pub(super) fn about_file(&self, path: &str, access: FileAccess) -> Vec<usize> {
        self.about_path(path, access, |_| true)
    }

    /// The rules about the place of a file that is read, by its lower-case absolute path: a workspace
    /// may lie in a folder of secrets. Patterns of absolute paths are left out, because a workspace
    /// may lie below the home folder of `root` as well.
    pub(super) fn about_place(&self, path: &str) -> Vec<usize> {
        self.about_path(path, FileAccess::Read, |pattern| pattern.anywhere)
    }

    fn about_path(
        &self,
        path: &str,
        access: FileAccess,
        counts: impl Fn(&FilePattern) -> bool,
    ) -> Vec<usize> {
        let found = self.files.matches(path);
        let found = found.into_iter().map(|at| &self.patterns_of[at]);
        let (exceptions, patterns): (Vec<_>, Vec<_>) = found
            .filter(|pattern| counts(pattern))
            .partition(|pattern| pattern.exception);
        let is_excepted = |rule| exceptions.iter().any(|pattern| pattern.rule == rule);
        let mut rules: Vec<_> = patterns
            .iter()
            .map(|pattern| pattern.rule)
            .filter(|rule| self.rules[*rule].access == access && !is_excepted(*rule))
            .collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }

    /// True when a program may run when no rule speaks against it.
    pub fn is_known(&self, program: &str) -> bool {
        self.known.contains(program) || self.is_watched(program)
    }

    /// True when a rule is about a program.
    pub fn is_watched(&self, program: &str) -> bool {
        self.about(program).next().is_some()
    }

    /// True when a file of this name is made by tools and may be deleted.
    pub fn is_disposable(&self, path: &str) -> bool {
        self.disposable.is_match(path)
    }

    /// True when a file of the workspace is its build, or a tool that it has installed.
    pub fn is_project_tool(&self, path: &str) -> bool {
        self.project_tools.is_match(path)
    }

    /// True when the output of these words is harmless as a word of a command.
    pub(super) fn is_tame(&self, words: &[&str]) -> bool {
        is_listed(&self.lists.tame, words)
    }

    /// True when these words change nothing.
    pub(super) fn only_reads(&self, words: &[&str]) -> bool {
        is_listed(&self.lists.reads_only, words)
    }

    /// The options of a program that take a value and may stand before its subcommand.
    pub(super) fn valued(&self, program: &str) -> Vec<&str> {
        let options = self.lists.options.get(program);
        options.into_iter().flatten().map(String::as_str).collect()
    }
}

fn is_listed(list: &[String], words: &[&str]) -> bool {
    list.iter().any(|line| {
        let mut wanted = line.split(' ');
        let mut given = words.iter();
        wanted.all(|word| given.next() == Some(&word))
    })
}

fn glob(pattern: &str, rule: &str) -> Result<globset::Glob, PolicyError> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .map_err(|error| PolicyError::Expression {
            rule: rule.to_owned(),
            reason: error.to_string(),
        })
}

fn build(builder: &GlobSetBuilder) -> Result<GlobSet, PolicyError> {
    builder.build().map_err(|error| PolicyError::Expression {
        rule: "files".to_owned(),
        reason: error.to_string(),
    })
}

fn read(text: &str) -> Result<RulesFile, PolicyError> {
    if text.len() > MAX_RULES_BYTES {
        return Err(PolicyError::TooLarge(text.len()));
    }
    toml::from_str(text).map_err(|error| PolicyError::Unreadable(error.to_string()))
}

/// Rules that are shared between the runs that use them.
pub(super) type Shared = Arc<Rules>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expression_of_the_built_in_rules_can_be_compiled() {
        let rules = Rules::built_in(include_str!("rules.toml")).unwrap();
        for rule in &rules.rules {
            if let Some(text) = &rule.text {
                assert!(text.check().is_ok(), "{}", rule.id);
            }
        }
    }
}
