//! The policy itself: one judge for every request.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

use crate::policy::error::PolicyError;
use crate::policy::explain::explanation::Explanation;
use crate::policy::judge::facts::{Found, Sighting};
use crate::policy::judge::scan;
use crate::policy::judge::scopes::files;
use crate::policy::judge::shell_state::Directory;
use crate::policy::judge::trace::tree::ReadTrace;
use crate::policy::judge::walker::Walker;
use crate::policy::model::{Action, Finding, Judgement, Verdict};
use crate::policy::paths::{Place, Places};
use crate::policy::reach::closed::Closed;
use crate::policy::request::Request;
use crate::policy::rule::{FileAccess, Rule};
use crate::policy::rules::{Rules, Shared};
use crate::policy::scope::ActionScope;
use crate::policy::secret_files::SecretFiles;
use crate::policy::wall::setting::{PolicySetting, PolicyWall};
use crate::policy::wall::widening::CallNeeds;
use crate::policy::wall::wishes::{self, Needing};

/// The built-in rules.
const BUILT_IN: &str = include_str!("rules.toml");

/// The policy. A clone is the same policy.
#[derive(Clone, Debug)]
pub struct Policy {
    rules: Shared,
    /// Folders of the server's own data.
    closed: Arc<Closed>,
    setting: PolicySetting,
    wall: PolicyWall,
}

impl Policy {
    /// The built-in rules. They are read once; every answer is the same policy, so that asking for
    /// it costs nothing. A test checks their examples, since they are the same in every process.
    pub fn built_in() -> Result<Self, PolicyError> {
        static POLICY: LazyLock<Result<Policy, PolicyError>> = LazyLock::new(|| {
            let rules = Arc::new(Rules::built_in(BUILT_IN)?);
            Ok(Policy {
                rules,
                closed: Arc::default(),
                setting: PolicySetting::default(),
                wall: PolicyWall::Sandbox,
            })
        });
        POLICY.clone()
    }

    /// This policy where these folders hold the server's own data, which nothing may look into, and
    /// commands have this home folder.
    #[must_use]
    pub fn closing(self, folders: &[PathBuf], home: Option<&Path>) -> Self {
        let closed = Arc::new(Closed::new(folders, home));
        Self { closed, ..self }
    }

    /// This policy under a setting. Callers whose wall may be missing take [`Self::behind`].
    #[must_use]
    pub fn under(self, setting: PolicySetting) -> Self {
        Self { setting, ..self }
    }

    /// This policy under a setting, where the wall is there that the setting relies on.
    pub fn behind(self, wanted: PolicySetting, wall: PolicyWall) -> Result<Self, PolicyError> {
        let policy = self.under(wanted.behind(wall)?);
        Ok(Self { wall, ..policy })
    }

    /// This policy with a workspace's rules, which may ask and forbid but loosen nothing.
    pub fn stricter(&self, toml_text: &str) -> Result<Self, PolicyError> {
        let policy = Self {
            rules: Arc::new(self.rules.stricter(toml_text)?),
            closed: Arc::clone(&self.closed),
            setting: self.setting,
            wall: self.wall,
        };
        match policy.broken_examples().into_iter().next() {
            None => Ok(policy),
            Some(error) => Err(error),
        }
    }

    /// The examples that do not do what their rules say of them.
    fn broken_examples(&self) -> Vec<PolicyError> {
        // The match of a rule does not depend on the setting.
        let strict = self.clone().under(PolicySetting::Strict);
        let mut broken = Vec::new();
        for rule in &self.rules.rules {
            let matching = rule.matches.iter().map(|example| (example, true));
            let others = rule.not_match.iter().map(|example| (example, false));
            for (example, expected) in matching.chain(others) {
                let judgement = strict.example(example);
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

    /// Judges an example: a command, `write_file` or `read_file` with a path, or `needs` with what a
    /// call needs beyond the wall.
    fn example(&self, example: &str) -> Judgement {
        let needs = example.strip_prefix("needs ");
        let needs = needs.and_then(|needs| serde_json::from_str(needs).ok());
        let path_for = |tool: &str| example.strip_prefix(tool)?.strip_prefix(' ');
        let (tool, request) = if let Some(path) = path_for("write_file") {
            ("write_file", Request::Write { path })
        } else if let Some(path) = path_for("read_file") {
            ("read_file", Request::Read { path })
        } else {
            let command = Request::Command {
                text: if needs.is_some() { "true" } else { example },
                directory: ".",
                in_background: false,
                needs: needs.as_ref(),
            };
            ("run_command", command)
        };
        self.judge_in(Places::of_examples(), tool, request)
    }

    /// True for a folder that no call may open: one with keys, with data of the server, or with the
    /// folders of others.
    pub fn closes(&self, folder: &Path, root: &Path) -> bool {
        wishes::is_closed(folder, &Places::new(root).closing(&self.closed))
    }

    /// Judges a request. `tool` names it in findings.
    pub fn judge(&self, tool: &str, request: Request<'_>, root: &Path) -> Judgement {
        self.judge_in(Places::new(root).closing(&self.closed), tool, request)
    }

    fn judge_in(&self, places: Places<'_>, tool: &str, request: Request<'_>) -> Judgement {
        match request {
            Request::Command {
                text,
                directory,
                in_background,
                needs,
            } => {
                let folder = inside(directory, places.root());
                // A call whose needs cannot be read is refused by its tool.
                let needs = CallNeeds::parse(needs).unwrap_or_default();
                let needing = Needing {
                    command: text,
                    folder: &folder,
                    wall: self.wall,
                };
                let wishes = wishes::sightings(&needs, &places, needing);
                self.judge_command(text, &folder, in_background, places, &wishes)
            }
            Request::Read { path } => self.judge_file(tool, path, FileAccess::Read, places),
            Request::Write { path } => self.judge_file(tool, path, FileAccess::Write, places),
            Request::Harmless { reads_only } => Judgement {
                reads_only,
                ..Judgement::default()
            },
        }
    }

    fn judge_command(
        &self,
        command: &str,
        directory: &str,
        in_background: bool,
        places: Places<'_>,
        wishes: &[Sighting],
    ) -> Judgement {
        let mut walker = Walker::new(&self.rules, places, directory.to_owned());
        walker.script_text(command);
        let reads_only = walker.reads_only;
        let mut findings = Vec::new();
        for sighting in walker.sightings.iter().chain(wishes) {
            self.findings(sighting, &mut findings);
        }
        let mut judgement = Judgement::of(findings);
        judgement.reads_only = reads_only && judgement.verdict == Verdict::Allow && !in_background;
        // A scan that has nothing else against it can be bounded instead.
        let only_scan = judgement.findings.iter().all(|found| found.rule == "scan");
        if !in_background && only_scan && !judgement.findings.is_empty() {
            judgement.rewrite = scan::rewrite(command, directory);
        }
        judgement
    }

    /// Its rules, those of the workspace last.
    pub fn rules(&self) -> &[Rule] {
        &self.rules.rules
    }

    /// The names of its rules.
    pub fn rule_ids(&self) -> impl Iterator<Item = &str> {
        self.rules.rules.iter().map(|rule| rule.id.as_str())
    }

    /// Says how a command is read, and what every setting makes of it.
    pub fn explain(&self, command: &str, root: &Path) -> Explanation {
        let places = Places::new(root).closing(&self.closed);
        let mut walker = Walker::new(&self.rules, places, ".".to_owned());
        walker.trace = Some(ReadTrace::default());
        walker.script_text(command);
        let steps = walker.trace.take().map(ReadTrace::into_steps);
        let judged = |setting| {
            let policy = self.clone().under(setting);
            let mut findings = Vec::new();
            for sighting in &walker.sightings {
                policy.findings(sighting, &mut findings);
            }
            Judgement::of(findings)
        };
        let (strict, sandboxed) = (
            judged(PolicySetting::Strict),
            judged(PolicySetting::Sandboxed),
        );
        Explanation::of(command, steps.unwrap_or_default(), strict, &sandboxed)
    }

    /// The files of the workspace at `root` whose contents leave it only after a question.
    pub fn secret_files(&self, root: &Path) -> SecretFiles {
        SecretFiles::new(Arc::clone(&self.rules), root)
    }

    fn judge_file(
        &self,
        tool: &str,
        path: &str,
        access: FileAccess,
        places: Places<'_>,
    ) -> Judgement {
        // The file tools know no home directory and refuse paths outside.
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
        let mut sightings: Vec<(Option<ActionScope>, Found)> = names
            .iter()
            .map(|name| match access {
                FileAccess::Read => (files::read_by_tool(name), Found::Reads(name.to_lowercase())),
                FileAccess::Write => (
                    files::written_by_tool(name),
                    Found::Writes(name.to_lowercase()),
                ),
            })
            .collect();
        // A change of a file is shown with the lines around it.
        let is_shown = access == FileAccess::Read || places.absolute(&inside).is_file();
        if access == FileAccess::Write && is_shown {
            let names: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
            let reads = names.into_iter().map(Found::Reads);
            sightings.extend(reads.map(|found| (files::read_by_tool(&inside), found)));
        }
        if is_shown {
            let scope = || files::read_by_tool(&places.real_name(&inside));
            let absolute = places.absolute(&inside);
            let place = absolute.to_string_lossy().to_lowercase();
            sightings.push((scope(), Found::ReadsAt(place)));
            if places.holds_secret(&inside) {
                sightings.push((scope(), Found::Fact("holds-secret")));
            }
        }
        let mut findings = Vec::new();
        for (scope, found) in sightings {
            let sighting = Sighting {
                found,
                kind: tool.to_owned(),
                segment: path.to_owned(),
                scope,
            };
            self.findings(&sighting, &mut findings);
        }
        let mut judgement = Judgement::of(findings);
        judgement.reads_only = access == FileAccess::Read && judgement.verdict == Verdict::Allow;
        judgement
    }

    fn findings(&self, sighting: &Sighting, into: &mut Vec<Finding>) {
        let numbers = match &sighting.found {
            Found::Fact(fact) => self.rules.about_fact(fact).to_vec(),
            Found::Reads(path) => self.rules.about_file(path, FileAccess::Read),
            Found::ReadsAt(path) => self.rules.about_place(path),
            Found::Writes(path) => self.rules.about_file(path, FileAccess::Write),
            Found::Rule(number) => vec![*number],
        };
        for number in numbers {
            let rule = &self.rules.rules[number];
            let verdict = rule.verdict_under(self.setting);
            if verdict == Verdict::Allow {
                continue;
            }
            let kind = match &sighting.found {
                Found::Reads(_) | Found::ReadsAt(_) | Found::Writes(_) => {
                    format!("{} {}", sighting.kind, rule.id)
                }
                Found::Fact(_) | Found::Rule(_) => sighting.kind.clone(),
            };
            into.push(Finding {
                rule: rule.id.clone(),
                kind,
                scope: sighting.scope.clone(),
                verdict,
                danger: rule.danger,
                segment: sighting.segment.clone(),
                why: rule.why.replace("{}", &sighting.segment),
                consequences: rule.consequences.clone(),
                alternatives: rule.alternatives.clone(),
                reversible: rule.reversible,
            });
        }
    }

    /// The exact action that a person agrees to: a request, with all `arguments` of its call.
    pub fn action(
        &self,
        tool: &str,
        request: Request<'_>,
        arguments: &Map<String, Value>,
        root: &Path,
    ) -> Action {
        let mut effective = arguments.clone();
        effective.retain(|name, value| !value.is_null() && name != "cwd");
        let path = effective.get("path").and_then(Value::as_str);
        if let Some(path) = path
            && let Place::Inside(path) = Places::new(root).of(path, &Directory::At(".".to_owned()))
        {
            effective.insert("path".to_owned(), Value::String(path));
        }
        let directory = match request {
            Request::Command { directory, .. } => inside(directory, root),
            Request::Read { .. } | Request::Write { .. } | Request::Harmless { .. } => {
                ".".to_owned()
            }
        };
        let display = match (request, request.shown()) {
            (
                Request::Command {
                    in_background: false,
                    ..
                },
                Some(command),
            ) => command.to_owned(),
            (_, Some(shown)) => format!("{tool} {shown}"),
            (_, None) => tool.to_owned(),
        };
        Action::new(tool, request.shell(), display, directory, &effective, root)
    }
}

/// A command's folder relative to the workspace, which is where it runs when it names none. The tool
/// refuses folders outside.
fn inside(directory: &str, root: &Path) -> String {
    let given = if directory.is_empty() { "." } else { directory };
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
        let broken = Policy::built_in().unwrap().broken_examples();
        let broken: Vec<_> = broken.iter().map(ToString::to_string).collect();
        assert_eq!(broken, Vec::<String>::new());
    }
}
