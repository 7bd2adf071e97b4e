//! The commands of a Makefile's targets, as far as its text tells them.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The deepest nesting of variables in variables, and of files in files.
const MAX_DEPTH: usize = 8;
/// The most text that is made of one Makefile, in bytes.
const MAX_TEXT: usize = 256 * 1024;
/// The most variables that are put in place.
const MAX_EXPANSIONS: usize = 10_000;
/// Stands for what is not known before make runs.
const UNKNOWN: &str = "make-variable";

/// The commands that make runs for a target, a line each, as the shell would be given them: those of
/// what the target needs and of what the file runs while it is read come with it. `read` opens the
/// files that it includes.
pub(super) fn recipe(
    makefile: &str,
    target: &str,
    read: impl Fn(&str) -> Option<String>,
) -> String {
    let mut whole = String::new();
    include(makefile, &read, &mut whole, 0);
    let file = Makefile::of(&whole);
    let mut commands = file.commands(target, Definition::Last);
    // Which of several definitions counts may depend on conditions.
    if file.variables.values().any(|values| values.len() > 1) {
        commands.push_str(&file.commands(target, Definition::First));
    }
    commands
}

/// A file's text with its long lines joined and what it includes in its place.
fn include(text: &str, read: &impl Fn(&str) -> Option<String>, into: &mut String, depth: usize) {
    for line in text.replace("\\\n", " ").lines() {
        let names = ["include ", "-include ", "sinclude "]
            .iter()
            .find_map(|word| line.trim_start().strip_prefix(word));
        let names = names.filter(|_| depth < MAX_DEPTH && into.len() < MAX_TEXT);
        for name in names.unwrap_or_default().split_whitespace() {
            if let Some(text) = read(name) {
                include(&text, read, into, depth + 1);
            }
        }
        into.push_str(line);
        into.push('\n');
    }
}

/// The definition of a variable that counts when there are several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Definition {
    First,
    Last,
}

/// A target and what it needs and runs.
#[derive(Debug, Default)]
struct Target {
    needs: Vec<String>,
    recipe: Vec<String>,
}

#[derive(Debug, Default)]
struct Makefile {
    variables: BTreeMap<String, Vec<String>>,
    targets: BTreeMap<String, Target>,
    /// Text that runs while the file is read: the values of `!=`, and lines that may hold `$(shell …)`.
    read: Vec<String>,
    /// The number of variables put in place.
    expansions: Cell<usize>,
}

impl Makefile {
    fn of(text: &str) -> Self {
        let mut file = Self::default();
        let mut heads: Vec<String> = Vec::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(command) = line.strip_prefix('\t') {
                for head in &heads {
                    let target = file.targets.entry(head.clone()).or_default();
                    target.recipe.push(command.to_owned());
                }
                continue;
            }
            let line = line.split(" #").next().unwrap_or_default().trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            file.read.push(line.to_owned());
            if let Some(name) = line.strip_prefix("define ") {
                let name = name.trim_end_matches(['=', ':', '?', '+', ' ']).trim();
                let body = lines.by_ref().take_while(|line| line.trim() != "endef");
                file.define(name, body.collect::<Vec<_>>().join("\n"));
            } else if let Some((head, value)) = assignment(line) {
                let runs = head.ends_with('!');
                let name = head.trim_end_matches([':', '?', '+', '!', ' ']);
                let name = name.rsplit([' ', ':']).next().unwrap_or_default();
                if runs {
                    file.read.push(format!("$(shell {value})"));
                }
                file.define(name, value.to_owned());
            } else if let Some((names, rest)) = line.split_once(':') {
                let (needs, first) = match rest.split_once(';') {
                    Some((needs, first)) => (needs, Some(first)),
                    None => (rest, None),
                };
                heads = names.split_whitespace().map(str::to_owned).collect();
                for head in &heads {
                    let target = file.targets.entry(head.clone()).or_default();
                    let needs = needs
                        .split_whitespace()
                        .map(|need| need.trim_matches([':', '|']));
                    target.needs.extend(needs.map(str::to_owned));
                    target.recipe.extend(first.map(str::to_owned));
                }
            }
        }
        file
    }

    fn define(&mut self, name: &str, value: String) {
        let values = self.variables.entry(name.to_owned()).or_default();
        values.push(value);
    }

    fn commands(&self, target: &str, definition: Definition) -> String {
        let mut text = String::new();
        for line in &self.read {
            self.expanded(line, definition, 0, &mut text);
        }
        if let Some(shell) = self.value("SHELL", definition) {
            let shell = self.expanded(shell, definition, 0, &mut text);
            let _ = writeln!(text, "{shell} -c true");
        }
        // Make first makes its own file, when there is a rule for it.
        let files = ["GNUmakefile", "makefile", "Makefile", ".DEFAULT"];
        let mut waiting: Vec<String> = files.map(str::to_owned).to_vec();
        waiting.extend(
            self.targets
                .keys()
                .filter(|name| name.contains('%'))
                .cloned(),
        );
        waiting.push(target.to_owned());
        let mut seen = BTreeSet::new();
        while let Some(name) = waiting.pop() {
            let target = self.targets.get(&name);
            let Some(target) = target.filter(|_| seen.insert(name)) else {
                continue;
            };
            for need in &target.needs {
                let needs = self.expanded(need, definition, 0, &mut text);
                waiting.extend(needs.split_whitespace().map(str::to_owned));
            }
            for line in &target.recipe {
                let mut shells = String::new();
                let commands = self.expanded(line, definition, 0, &mut shells);
                text.push_str(&shells);
                for command in commands.lines() {
                    let command = command.trim_start_matches(['\t', '@', '-', '+', ' ']);
                    if command.split_whitespace().any(|word| word == "make") {
                        let words = command.split_whitespace().map(str::to_owned);
                        waiting.extend(words);
                    }
                    text.push_str(command);
                    text.push('\n');
                }
            }
            if text.len() > MAX_TEXT {
                break;
            }
        }
        text
    }

    fn value(&self, name: &str, definition: Definition) -> Option<&str> {
        let values = self.variables.get(name)?;
        let value = match definition {
            Definition::First => values.first(),
            Definition::Last => values.last(),
        };
        value.map(String::as_str)
    }

    /// A text with its variables in place. What `$(shell …)` runs is added to `shells`.
    fn expanded(
        &self,
        text: &str,
        definition: Definition,
        depth: usize,
        shells: &mut String,
    ) -> String {
        let mut made = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            made.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let Some(next) = rest.chars().next() else {
                break;
            };
            if next == '$' {
                made.push('$');
                rest = &rest[1..];
                continue;
            }
            if !matches!(next, '(' | '{') {
                rest = &rest[next.len_utf8()..];
                made.push_str(self.value(&next.to_string(), definition).unwrap_or(UNKNOWN));
                continue;
            }
            let length = closing(rest).unwrap_or(rest.len());
            let inner = &rest[1..length];
            rest = rest.get(length + 1..).unwrap_or_default();
            self.expansions.set(self.expansions.get() + 1);
            if depth >= MAX_DEPTH || self.expansions.get() > MAX_EXPANSIONS {
                made.push_str(UNKNOWN);
            } else if let Some(command) = inner.strip_prefix("shell ") {
                let command = self.expanded(command, definition, depth + 1, shells);
                shells.push_str(command.trim());
                shells.push('\n');
                made.push_str(UNKNOWN);
            } else if let Some(value) = self.value(inner, definition) {
                made.push_str(&self.expanded(value, definition, depth + 1, shells));
            } else if inner == "MAKE" {
                made.push_str("make");
            } else {
                // A function of make, or a name that the environment may know.
                self.expanded(inner, definition, depth + 1, shells);
                made.push_str(UNKNOWN);
            }
        }
        made.push_str(rest);
        made
    }
}

/// The name and the value of `NAME = value`, with the signs of the other kinds at the name's end.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (head, value) = line.split_once('=')?;
    let is_name = |c: char| !"$({\"';#".contains(c);
    head.chars()
        .all(is_name)
        .then_some((head.trim(), value.trim()))
}

/// Where the bracket closes that a text begins with.
fn closing(text: &str) -> Option<usize> {
    let opening = text.chars().next()?;
    let close = if opening == '(' { ')' } else { '}' };
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        if c == opening {
            depth += 1;
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alone(makefile: &str) -> String {
        recipe(makefile, "test", |_| None)
    }

    #[test]
    fn a_recipe_is_what_the_shell_is_given() {
        let makefile =
            "all: test\ntest: deps\n\t@$(GO) test ./...\n\t-echo $$HOME $@\n\nother:\n\trm x\n";
        assert_eq!(
            alone(makefile),
            "make-variable test ./...\necho $HOME make-variable\n"
        );
    }

    #[test]
    fn what_a_target_needs_and_a_variable_holds_comes_with_it() {
        for (makefile, command) in [
            ("test: deploy\n\techo\ndeploy:\n\tgit push\n", "git push"),
            ("X = git push\ntest:\n\t$(X)\n", "git push"),
            ("X := git\nY = ${X} push\ntest:\n\t@$(Y)\n", "git push"),
            ("test: ; git push\n", "git push"),
            ("test::\n\tgit \\\n\t  push\n", "git push"),
            ("A := $(shell git push)\ntest:\n\techo\n", "git push"),
            ("A != git push\ntest:\n\techo\n", "git push"),
            ("$(info $(shell git push))\ntest:\n\techo\n", "git push"),
            ("test:\n\t$(MAKE) all\nall:\n\tgit push\n", "git push"),
            ("test: a.o\n\techo\n%.o: %.c\n\tgit push\n", "git push"),
            ("Makefile: x\n\tgit push\ntest:\n\techo\n", "git push"),
            (
                "define X\necho\ngit push\nendef\ntest:\n\t$(X)\n",
                "git push",
            ),
            (
                "ifdef CI\nX = git push\nelse\nX = echo\nendif\ntest:\n\t$(X)\n",
                "git push",
            ),
            ("SHELL = ./shell\ntest:\n\techo\n", "./shell -c true"),
        ] {
            let commands = alone(makefile);
            assert!(
                commands
                    .lines()
                    .any(|line| line.split_whitespace().eq(command.split(' '))),
                "{makefile}: {commands}"
            );
        }
        let included = recipe("include rules.mk\ntest: x\n", "test", |name| {
            (name == "rules.mk").then(|| "x:\n\tgit push\n".to_owned())
        });
        assert_eq!(included, "git push\n");
    }

    #[test]
    fn a_makefile_without_end_is_bounded() {
        for makefile in [
            "X = $(X)\ntest:\n\t$(X)\n",
            "X = $(Y) $(Y)\nY = $(X) $(X)\ntest: test\n\t$(X) $(\n",
            "include Makefile\ntest:\n\t${\n",
        ] {
            let read = |_: &str| Some(makefile.to_owned());
            assert!(recipe(makefile, "test", read).len() < 4 * MAX_TEXT);
        }
    }
}
