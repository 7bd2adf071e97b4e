//! The walk through a command's tree.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::policy::judge::call::{Call, Certainty, Field, Stdin};
use crate::policy::judge::expansion::{join, printed};
use crate::policy::judge::facts::Sighting;
use crate::policy::judge::program::hides_code;
use crate::policy::judge::reading::listed::ListedFiles;
use crate::policy::judge::scopes::outputs;
use crate::policy::judge::shell_state::{Scope, names};
use crate::policy::judge::trace::tree::{ReadTrace, StepKind};
use crate::policy::paths::Places;
use crate::policy::reach::below::Searched;
use crate::policy::rules::Rules;
use crate::policy::scope::ActionScope;
use crate::policy::shell::ast::{Assignment, Command, Node, Redirect, RedirectKind, Script, Word};
use crate::policy::shell::commands::parse;
use crate::policy::shell::lexer::Trouble;
use crate::policy::variables::is_dangerous;

/// The most programs of one command that are judged.
const MAX_CALLS: usize = 1_000;
/// The most text that is parsed for one command, with the scripts inside it.
const MAX_PARSED: usize = 256 * 1024;
/// The deepest nesting of scripts inside scripts.
const MAX_SCRIPTS: usize = 8;
/// The number of values of a loop that are followed one by one.
const MAX_VALUES: usize = 16;

/// A walk through one command.
pub struct Walker<'a> {
    pub(super) rules: &'a Rules,
    pub(super) places: Places<'a>,
    pub(super) scope: Scope,
    /// The findings so far.
    pub sightings: Vec<Sighting>,
    /// True while nothing so far changes anything.
    pub reads_only: bool,
    /// Files the command wrote, with their text where it is known.
    pub(super) written: HashMap<String, Option<String>>,
    /// Files the command downloads.
    pub(super) downloaded: HashSet<String>,
    /// Names that the command gives to what had another: by moving it or by a link.
    pub(super) renamed: HashSet<String>,
    /// The standard input of the commands that come next, as the compound around them is given it.
    pub(super) input: Stdin,
    pub(super) calls: usize,
    parsed: usize,
    scripts: usize,
    /// The number of programs that run others around the one that is judged.
    pub(super) wrapped: usize,
    /// The words of the command that was walked through last; none when it was no simple one.
    pub(super) last: Vec<Field>,
    /// The number of times that each name stands in the text other than as the use of a variable.
    names: HashMap<String, usize>,
    /// The command, and the folder it begins in.
    pub(super) command: Option<String>,
    pub(super) folder: String,
    /// The program that is judged; none between programs.
    pub(super) current: Option<Call>,
    /// The exact scope of the segment that was noted last, because most are noted more than once.
    pub(super) exact: Option<(String, ActionScope)>,
    /// True if something around the program that is judged gives it an input.
    pub(super) fed: bool,
    /// True if what the program that is judged prints goes on to a file or to a program that may do
    /// more with it than show it.
    pub(super) passes_on: bool,
    /// True if a file was written since the last program ended.
    pub(super) has_written: bool,
    /// True if something before changed a file or the shell, so that what comes may be another thing
    /// than its text says.
    pub(super) disturbed: bool,
    /// The findings below folders so far.
    pub(super) searched: Searched,
    /// The files whose names the program that is judged receives; none when they are not known.
    pub(super) listed: Option<ListedFiles>,
    /// The tree of steps, for explanations.
    pub trace: Option<ReadTrace>,
}

impl<'a> Walker<'a> {
    /// A walk that begins in a directory, relative to the workspace of `places`.
    pub fn new(rules: &'a Rules, places: Places<'a>, directory: String) -> Self {
        Self {
            rules,
            places,
            scope: Scope::new(directory.clone()),
            sightings: Vec::new(),
            reads_only: true,
            written: HashMap::new(),
            downloaded: HashSet::new(),
            renamed: HashSet::new(),
            input: Stdin::Nothing,
            calls: 0,
            parsed: 0,
            scripts: 0,
            wrapped: 0,
            last: Vec::new(),
            names: HashMap::new(),
            command: None,
            folder: directory,
            current: None,
            exact: None,
            fed: false,
            passes_on: false,
            has_written: false,
            disturbed: false,
            searched: Searched::default(),
            listed: None,
            trace: None,
        }
    }

    /// Walks through something whose standard input is this.
    pub(super) fn fed_with<T>(&mut self, input: Stdin, walk: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.input, input);
        let walked = walk(self);
        self.input = outer;
        walked
    }

    /// Walks through a text that bash would run.
    pub fn script_text(&mut self, text: &str) {
        self.command.get_or_insert_with(|| text.to_owned());
        self.parsed += text.len();
        if self.places.closed().is_named_in(text, self.places.root()) {
            self.fact("server-data", "bash", text);
        }
        if self.scripts >= MAX_SCRIPTS || self.parsed > MAX_PARSED {
            return self.unread("too-much", text);
        }
        let is_inner = self.scripts > 0;
        if is_inner {
            self.begin(StepKind::Script, text);
        }
        match parse(text) {
            Err(Trouble::Invisible) => self.unread("invisible-characters", text),
            Err(Trouble::TooLong | Trouble::TooDeep) => self.unread("too-much", text),
            Err(Trouble::Unknown(_)) => self.unread("unparsed", text),
            Ok(script) => {
                let outer = std::mem::replace(&mut self.names, names(text));
                self.scripts += 1;
                self.script(&script);
                self.scripts -= 1;
                self.names = outer;
            }
        }
        if is_inner {
            self.done();
        }
    }

    /// Walks through a list. Answers with what its last command prints, where that is known.
    pub(super) fn script(&mut self, script: &Script) -> Option<String> {
        let mut printed = None;
        for pipeline in &script.pipelines {
            if self.calls > MAX_CALLS {
                self.fact("too-much", "bash", &script.text);
                return None;
            }
            printed = None;
            let mut stdin = self.input.clone();
            self.listed = None;
            let several = pipeline.len() > 1;
            if several {
                self.begin(StepKind::Pipeline, "");
            }
            let passes_on = self.passes_on;
            for (at, command) in pipeline.iter().enumerate() {
                self.passes_on = passes_on || pipeline[at + 1..].iter().any(outputs::does_more);
                let outer = several.then(|| (self.scope.directory.clone(), self.input.clone()));
                printed = self.command(command, stdin);
                stdin = printed.clone().map_or(Stdin::Unknown, Stdin::Text);
                self.listed = ListedFiles::by(&self.last);
                // Every part of a pipeline runs in a shell of its own.
                if let Some((directory, input)) = outer {
                    self.scope.directory = directory;
                    self.input = input;
                }
            }
            self.passes_on = passes_on;
            if several {
                self.done();
            }
            // It is not known how much of it was read by then.
            if self.input != Stdin::Nothing {
                self.input = Stdin::Unknown;
            }
        }
        printed
    }

    /// Walks through a command. Answers with what it prints, where that is known.
    fn command(&mut self, command: &Command, stdin: Stdin) -> Option<String> {
        self.calls += 1;
        let is_simple = matches!(command.node, Node::Simple { .. });
        self.begin(StepKind::of(command), &command.text);
        // Substitutions in its words read what it is given before its own redirections.
        let before = std::mem::replace(&mut self.input, stdin.clone());
        let mut input = stdin;
        let mut output_file = None;
        let outer = self.enter(None);
        let passes_on = self.passes_on;
        // The command reads the files that a redirection opens.
        self.passes_on |= outputs::does_more(command);
        for redirect in &command.redirects {
            self.redirect(redirect, command, &mut input, &mut output_file);
        }
        self.fed |= input != Stdin::Nothing && !is_simple;
        self.passes_on = passes_on || outputs::hands_on(command);
        let printed = self.node(command, input.clone(), output_file);
        self.passes_on = passes_on;
        self.leave(outer);
        self.disturbed |= std::mem::take(&mut self.has_written);
        if !is_simple {
            self.last.clear();
        }
        // `exec` without a program redirects the shell itself.
        let redirects_shell = self.last.len() == 1 && self.last[0].text == "exec";
        self.scope.hands_on |= redirects_shell && outputs::hands_on(command);
        self.input = if redirects_shell { input } else { before };
        self.done();
        printed
    }

    fn node(
        &mut self,
        command: &Command,
        input: Stdin,
        output_file: Option<String>,
    ) -> Option<String> {
        match &command.node {
            Node::Simple { assignments, words } => {
                let mut given = Vec::new();
                for word in words {
                    given.extend(self.expand(word));
                }
                let for_all = given.is_empty()
                    || ["export", "declare", "local", "readonly", "typeset"]
                        .contains(&given[0].text.as_str());
                for assignment in assignments {
                    self.assign(assignment, for_all, &command.text);
                }
                let mut printed = printed(&given, &input);
                if let Some(file) = output_file {
                    self.written.insert(file, printed.take());
                }
                let others = |redirect: &Redirect| redirect.kind != RedirectKind::Text;
                if command.redirects.iter().any(others) {
                    printed = None;
                }
                self.run(given.clone(), input, &command.text);
                self.last = given;
                printed
            }
            Node::Compound { lists, words } => {
                for word in words {
                    if self.expand(word).iter().any(hides_code) {
                        self.fact("code-not-static", "[[", &command.text);
                    }
                }
                self.disturbed |= outputs::changes_shell(command);
                let is_subshell = command.text.starts_with('(');
                let outer = is_subshell.then(|| self.scope.directory.clone());
                self.fed_with(input, |walker| {
                    for list in lists {
                        walker.script(list);
                    }
                });
                if let Some(outer) = outer {
                    self.scope.directory = outer;
                }
                None
            }
            Node::For { name, values, body } => {
                self.fed_with(input, |walker| {
                    walker.repeat(name, values.as_deref(), body);
                });
                None
            }
            Node::Function { name, body } => {
                self.function(name, body, &command.text);
                None
            }
        }
    }

    fn repeat(&mut self, name: &str, values: Option<&[Word]>, body: &Script) {
        // The end of the body comes before its beginning.
        self.disturbed = true;
        let mut known = Vec::new();
        for word in values.unwrap_or_default() {
            known.extend(self.expand(word));
        }
        let followed = values.is_some() && known.len() <= MAX_VALUES && self.is_set_once(name);
        if followed && !known.is_empty() {
            for value in known {
                self.scope.set(name, value);
                self.script(body);
            }
        } else {
            self.scope.forget(name, Certainty::Wild);
            self.script(body);
        }
    }

    /// True when a name is set at most once: only then is its value followed.
    fn is_set_once(&self, name: &str) -> bool {
        self.names.get(name).is_none_or(|count| *count <= 1)
    }

    fn function(&mut self, name: &str, body: &Script, text: &str) {
        let calls_itself = body
            .text
            .split(|c: char| !is_name(c))
            .any(|part| part == name)
            || (!name.chars().all(is_name) && body.text.contains(name));
        if calls_itself && body.text.contains(['|', '&']) {
            self.fact("self-calling-function", "bash", text);
        }
        if self.rules.is_known(name) || name.contains('/') {
            self.fact("shell-tampering", "function", text);
        }
        let kept = Rc::new(body.clone());
        self.scope.functions.insert(name.to_owned(), kept);
        // It runs later, and the use of its output is judged with its caller.
        self.elsewhere(|walker| walker.fed_with(Stdin::Nothing, |walker| walker.script(body)));
    }

    fn assign(&mut self, assignment: &Assignment, for_all: bool, segment: &str) {
        let mut values = Vec::new();
        for word in &assignment.values {
            values.extend(self.expand(word));
        }
        if let Some(subscript) = &assignment.subscript {
            self.expand(subscript);
        }
        let name = assignment.name.as_str();
        // Arithmetic evaluates subscripts, and so runs what stands in such a value.
        let hides = values
            .iter()
            .any(|value| value.text.contains('[') && value.text.contains(['`', '$']));
        if hides {
            self.fact("code-not-static", name, segment);
        }
        let value = if assignment.values.iter().all(|word| word.pieces.is_empty()) {
            Field::default()
        } else {
            join(values)
        };
        // `IFS=, read` splits one line and nothing else.
        if for_all || name != "IFS" {
            self.variable(name, &value, segment);
        }
        if for_all {
            if assignment.plain && self.is_set_once(name) {
                self.scope.set(name, value);
            } else {
                self.scope.forget(name, Certainty::Wild);
            }
        }
    }

    /// Judges what a variable is set to: some make other programs run something.
    pub(super) fn variable(&mut self, name: &str, value: &Field, segment: &str) {
        if is_dangerous(self.rules, name, &value.text) {
            self.fact("dangerous-variable", name, segment);
        }
    }

    /// Runs the words of a simple command.
    fn run(&mut self, given: Vec<Field>, stdin: Stdin, segment: &str) {
        let mut given = given.into_iter();
        let Some(name) = given.next() else {
            return;
        };
        let call = Call {
            program: name.text.clone(),
            args: given.collect(),
            stdin,
            segment: segment.to_owned(),
        };
        self.program(&name, call);
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
