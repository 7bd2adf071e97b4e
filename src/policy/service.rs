//! The policy itself: one judge for every tool.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

use crate::policy::error::PolicyError;
use crate::policy::judge::facts::{Found, Sighting};
use crate::policy::judge::scan;
use crate::policy::judge::shell_state::Directory;
use crate::policy::judge::walker::Walker;
use crate::policy::model::{Action, Finding, Judgement, Verdict};
use crate::policy::paths::{Place, Places};
use crate::policy::rules::{Access, Rules, Shared};
use crate::tools::registry::Tool;

/// The built-in rules.
const BUILT_IN: &str = include_str!("rules.toml");

/// Where the examples of rules are judged; nothing is there.
const EXAMPLES: &str = "/nowhere/workspace";

/// The policy. A clone is the same policy.
#[derive(Clone, Debug)]
pub struct Policy {
    rules: Shared,
}

impl Policy {
    /// The built-in rules, with their examples checked. They are read once; every answer is the
    /// same policy, so that asking for it costs nothing.
    pub fn built_in() -> Result<Self, PolicyError> {
        static POLICY: LazyLock<Result<Policy, PolicyError>> =
            LazyLock::new(|| Policy::checked(Rules::built_in(BUILT_IN)?));
        POLICY.clone()
    }

    /// This policy with a workspace's rules, which may ask and forbid but loosen nothing.
    pub fn stricter(&self, toml_text: &str) -> Result<Self, PolicyError> {
        Self::checked(self.rules.stricter(toml_text)?)
    }

    fn checked(rules: Rules) -> Result<Self, PolicyError> {
        let policy = Self {
            rules: Arc::new(rules),
        };
        match policy.broken_examples().into_iter().next() {
            None => Ok(policy),
            Some(error) => Err(error),
        }
    }

    /// The examples that do not do what their rules say of them.
    fn broken_examples(&self) -> Vec<PolicyError> {
        let mut broken = Vec::new();
        for rule in &self.rules.rules {
            let matching = rule.matches.iter().map(|example| (example, true));
            let others = rule.not_match.iter().map(|example| (example, false));
            for (example, expected) in matching.chain(others) {
                let judgement = self.example(example);
                let matched = judgement.findings.iter().any(|found| found.rule == rule.id);
                if matched != expected {
                    broken.push(PolicyError::Example {
                        rule: rule.id.clone(),
                        example: example.clone(),
                        expected,
                    });
                }
            }
        }
        broken
    }

    /// Judges an example: a command, or `write_file` or `read_file` with a path.
    fn example(&self, example: &str) -> Judgement {
        let tools = [Tool::WriteFile, Tool::ReadFile];
        let as_file = tools.into_iter().find_map(|tool| {
            let path = example.strip_prefix(tool.name())?.strip_prefix(' ')?;
            Some((tool, "path", path))
        });
        let (tool, name, value) = as_file.unwrap_or((Tool::RunCommand, "command", example));
        let arguments = Map::from_iter([(name.to_owned(), Value::String(value.to_owned()))]);
        self.judge(tool, &arguments, Path::new(EXAMPLES))
    }

    /// Judges a call. Arguments that the tool refuses need no judgement.
    pub fn judge(&self, tool: Tool, arguments: &Map<String, Value>, root: &Path) -> Judgement {
        match tool {
            Tool::RunCommand | Tool::StartServer => self.judge_command(tool, arguments, root),
            Tool::WriteFile | Tool::EditFile => {
                self.judge_file(tool, arguments, Access::Write, root)
            }
            Tool::ReadFile => self.judge_file(tool, arguments, Access::Read, root),
            Tool::SearchFiles => self.judge_search(tool, arguments, root),
            Tool::ListDirectory => Judgement {
                reads_only: true,
                ..Judgement::default()
            },
            Tool::StopServer | Tool::CheckEndpoint | Tool::AskUser => Judgement::default(),
        }
    }

    fn judge_command(&self, tool: Tool, arguments: &Map<String, Value>, root: &Path) -> Judgement {
        let Some(command) = text(arguments, "command") else {
            return Judgement::default();
        };
        let directory = directory(arguments, root);
        let mut walker = Walker::new(&self.rules, root, directory.clone());
        walker.script_text(command);
        let reads_only = walker.reads_only;
        let mut findings = Vec::new();
        for sighting in &walker.sightings {
            self.findings(sighting, &mut findings);
        }
        let mut judgement = Judgement::of(findings);
        judgement.reads_only =
            reads_only && judgement.verdict == Verdict::Allow && tool == Tool::RunCommand;
        // A scan that has nothing else against it can be bounded instead.
        let only_scan = judgement.findings.iter().all(|found| found.rule == "scan");
        if tool == Tool::RunCommand && only_scan && !judgement.findings.is_empty() {
            judgement.rewrite = scan::rewrite(command, &directory);
        }
        judgement
    }

    /// A search of a file's content shows the file, so it is judged as reading it. Of what lies
    /// below a directory the tool itself leaves out what [`Self::reads_unasked`] does not name.
    fn judge_search(&self, tool: Tool, arguments: &Map<String, Value>, root: &Path) -> Judgement {
        // Names are no secrets: `list_directory` shows them, too.
        let by_name = text(arguments, "search_type") == Some("filename");
        let mut judgement = if by_name {
            Judgement::default()
        } else {
            self.judge_file(tool, arguments, Access::Read, root)
        };
        judgement.reads_only = judgement.verdict == Verdict::Allow;
        judgement
    }

    /// Whether a file may be read without a question, by its path relative to the workspace and
    /// with all links resolved.
    pub fn reads_unasked(&self, path: &str) -> bool {
        self.rules
            .about_file(&path.to_lowercase(), Access::Read)
            .is_empty()
    }

    fn judge_file(
        &self,
        tool: Tool,
        arguments: &Map<String, Value>,
        access: Access,
        root: &Path,
    ) -> Judgement {
        let Some(path) = text(arguments, "path") else {
            return Judgement::default();
        };
        let places = Places::new(root);
        // The file tools know no home directory and refuse what is outside.
        let path_text = path
            .strip_prefix('~')
            .map_or_else(|| path.to_owned(), |rest| format!("./~{rest}"));
        let Place::Inside(inside) = places.of(&path_text, &Directory::At(".".to_owned())) else {
            return Judgement::default();
        };
        let mut names = vec![inside.clone()];
        if let Some(Place::Inside(real)) = places.resolved(&inside) {
            names.push(real);
        }
        let mut findings = Vec::new();
        for name in names {
            let name = name.to_lowercase();
            let found = match access {
                Access::Read => Found::Reads(name),
                Access::Write => Found::Writes(name),
            };
            let sighting = Sighting {
                found,
                kind: tool.name().to_owned(),
                segment: path.to_owned(),
            };
            self.findings(&sighting, &mut findings);
        }
        let mut judgement = Judgement::of(findings);
        judgement.reads_only = access == Access::Read && judgement.verdict == Verdict::Allow;
        judgement
    }

    fn findings(&self, sighting: &Sighting, into: &mut Vec<Finding>) {
        let numbers = match &sighting.found {
            Found::Fact(fact) => self.rules.about_fact(fact).to_vec(),
            Found::Reads(path) => self.rules.about_file(path, Access::Read),
            Found::Writes(path) => self.rules.about_file(path, Access::Write),
            Found::Rule(number) => vec![*number],
        };
        for number in numbers {
            let rule = &self.rules.rules[number];
            let kind = match &sighting.found {
                Found::Reads(_) | Found::Writes(_) => format!("{} {}", sighting.kind, rule.id),
                Found::Fact(_) | Found::Rule(_) => sighting.kind.clone(),
            };
            into.push(Finding {
                rule: rule.id.clone(),
                kind,
                verdict: rule.verdict,
                danger: rule.danger,
                segment: sighting.segment.clone(),
                why: rule.why.clone(),
                consequences: rule.consequences.clone(),
                alternatives: rule.alternatives.clone(),
                reversible: rule.reversible,
            });
        }
    }

    /// The exact action that a person agrees to.
    pub fn action(&self, tool: Tool, arguments: &Map<String, Value>, root: &Path) -> Action {
        let mut effective = arguments.clone();
        effective.retain(|name, value| !value.is_null() && name != "cwd");
        let places = Places::new(root);
        if let Some(path) = text(arguments, "path")
            && let Place::Inside(path) = places.of(path, &Directory::At(".".to_owned()))
        {
            effective.insert("path".to_owned(), Value::String(path));
        }
        let directory = directory(arguments, root);
        let shown = text(arguments, "command").or_else(|| text(arguments, "path"));
        let display = match (tool, shown) {
            (Tool::RunCommand, Some(command)) => command.to_owned(),
            (_, Some(shown)) => format!("{} {shown}", tool.name()),
            (_, None) => tool.name().to_owned(),
        };
        Action::new(tool, display, directory, &effective, root)
    }
}

fn text<'a>(arguments: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    arguments.get(name).and_then(Value::as_str)
}

/// Where a command runs, relative to the workspace. The tool refuses directories outside.
fn directory(arguments: &Map<String, Value>, root: &Path) -> String {
    let given = text(arguments, "cwd")
        .filter(|cwd| !cwd.is_empty())
        .unwrap_or(".");
    match Places::new(root).of(given, &Directory::At(".".to_owned())) {
        Place::Inside(inside) => inside,
        Place::Temporary(other) | Place::Outside(other) => other,
        Place::Unknown => ".".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_rules_keep_their_own_examples() {
        let rules = Arc::new(Rules::built_in(BUILT_IN).unwrap());
        let broken = Policy { rules }.broken_examples();
        let broken: Vec<_> = broken.iter().map(ToString::to_string).collect();
        assert_eq!(broken, Vec::<String>::new());
    }
}
