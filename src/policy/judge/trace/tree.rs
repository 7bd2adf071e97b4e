//! The steps of a walk, as a tree: for explanations of how a command is read.

use serde::Serialize;

use crate::policy::judge::call::{Call, HOLE, Stdin};
use crate::policy::shell::ast::{Command, Node};

/// The most steps that are kept.
const MAX_STEPS: usize = 2_000;

/// The kinds of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// A simple command, with what its words and its redirections run.
    Command,
    /// A program that would run, with its words as they are known.
    Program,
    /// Commands, each of which reads what the one before it prints.
    Pipeline,
    /// `( … )`.
    Subshell,
    /// `{ …; }`.
    Group,
    /// `if` and `case`.
    Choice,
    /// `for`, `while`, `until` and `select`.
    Loop,
    /// `[[ … ]]` and `(( … ))`.
    Test,
    /// The body of a function.
    Function,
    /// `$( … )`.
    Substitution,
    /// `<( … )` and `>( … )`.
    Process,
    /// A text that a shell reads as code.
    Script,
}

impl StepKind {
    /// The kind of a command, by what it begins with.
    pub(in crate::policy::judge) fn of(command: &Command) -> Self {
        let text = command.text.as_str();
        let word = text.split(|c: char| !c.is_ascii_lowercase()).next();
        match (&command.node, word) {
            (Node::Simple { .. }, _) => Self::Command,
            (Node::Function { .. }, _) => Self::Function,
            (Node::For { .. }, _) | (_, Some("while" | "until" | "for" | "select")) => Self::Loop,
            (_, Some("if" | "case")) => Self::Choice,
            _ if text.starts_with("((") || text.starts_with("[[") => Self::Test,
            _ if text.starts_with('(') => Self::Subshell,
            _ => Self::Group,
        }
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Program => "program",
            Self::Pipeline => "pipeline",
            Self::Subshell => "subshell",
            Self::Group => "group",
            Self::Choice => "choice",
            Self::Loop => "loop",
            Self::Test => "test",
            Self::Function => "function",
            Self::Substitution => "substitution",
            Self::Process => "process",
            Self::Script => "script",
        }
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadStep {
    /// Its kind.
    pub kind: StepKind,
    /// Its text: as it is written, or a program's words as far as they are known, with `…` for the rest.
    pub text: String,
    /// The program's standard input, when it is given something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// The steps that it runs in turn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<ReadStep>,
}

/// The steps so far.
#[derive(Clone, Debug, Default)]
pub struct ReadTrace {
    /// The steps that are begun, the outermost first.
    open: Vec<ReadStep>,
    steps: Vec<ReadStep>,
    count: usize,
}

impl ReadTrace {
    pub(in crate::policy::judge) fn begin(&mut self, kind: StepKind, text: &str) {
        self.open.push(ReadStep {
            kind,
            text: text.replace(HOLE, "…"),
            input: None,
            steps: Vec::new(),
        });
    }

    /// Begins a program with the words it is given.
    pub(in crate::policy::judge) fn begin_program(&mut self, name: &str, call: &Call) {
        let words = [name].into_iter();
        let words = words.chain(call.args.iter().map(|arg| arg.text.as_str()));
        let words: Vec<_> = words.map(shown).collect();
        self.begin(StepKind::Program, &words.join(" "));
        let input = match &call.stdin {
            Stdin::Nothing => None,
            Stdin::Text(text) => Some(format!("the text {}", shown(text))),
            Stdin::File(file) => Some(format!("the file {}", shown(file))),
            Stdin::Unknown => Some("what is not known before it runs".to_owned()),
        };
        if let Some(step) = self.open.last_mut() {
            step.input = input;
        }
    }

    pub(in crate::policy::judge) fn done(&mut self) {
        let Some(mut step) = self.open.pop() else {
            return;
        };
        // A command that is nothing but a program is that program.
        if step.kind == StepKind::Command
            && let [only] = step.steps.as_mut_slice()
            && only.kind == StepKind::Program
        {
            step = step.steps.remove(0);
        }
        self.count += 1;
        if self.count > MAX_STEPS {
            return;
        }
        match self.open.last_mut() {
            Some(around) => around.steps.push(step),
            None => self.steps.push(step),
        }
    }

    /// The steps of the whole command.
    pub fn into_steps(self) -> Vec<ReadStep> {
        self.steps
    }
}

/// A word as it could be typed.
fn shown(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,~*?[]{}\u{fffc}".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
