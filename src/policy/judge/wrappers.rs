//! Programs and builtins that run what they are given.

use crate::policy::judge::call::{Call, Certainty, Field, Stdin};
use crate::policy::judge::shell_state::Directory;
use crate::policy::judge::walker::Walker;
use crate::policy::judge::xargs;
use crate::policy::paths::normalised;

/// Programs that run the rest of their words: options that take a value, and how many operands
/// come before the program.
const PLAIN: &[(&str, &[&str], usize)] = &[
    ("nohup", &[], 0),
    ("setsid", &[], 0),
    ("nice", &["-n", "--adjustment"], 0),
    ("ionice", &["-c", "-n", "--class", "--classdata"], 0),
    ("timeout", &["-s", "-k", "--signal", "--kill-after"], 1),
    ("gtimeout", &["-s", "-k"], 1),
    ("stdbuf", &["-i", "-o", "-e"], 0),
    ("unbuffer", &[], 0),
    ("time", &["-f", "-o", "--format", "--output"], 0),
    ("chrt", &[], 1),
    ("taskset", &[], 1),
    ("builtin", &[], 0),
    ("exec", &["-a"], 0),
    ("busybox", &[], 0),
    ("toybox", &[], 0),
    ("strace", &["-o", "-e", "-s", "-p", "-E", "-u"], 0),
    ("ltrace", &["-o", "-e", "-s", "-p", "-u"], 0),
    ("valgrind", &[], 0),
    ("xvfb-run", &["-s", "-n", "-e", "-f"], 0),
    ("dbus-run-session", &[], 0),
    ("rlwrap", &["-H", "-f"], 0),
    ("catchsegv", &[], 0),
    ("chronic", &[], 0),
    ("setarch", &[], 1),
    ("corepack", &[], 0),
    ("linux64", &[], 0),
    ("linux32", &[], 0),
    ("prlimit", &[], 0),
    ("cpulimit", &["-l", "-e", "-p"], 0),
    ("faketime", &[], 1),
    ("numactl", &[], 0),
    ("firejail", &[], 0),
    ("logsave", &[], 1),
    ("softlimit", &["-m", "-t"], 0),
    ("cross-env", &[], 0),
    ("dotenv", &["-e", "-f"], 0),
    ("env-cmd", &["-f"], 0),
    ("hyperfine", &["-w", "-r", "--warmup", "--runs"], usize::MAX),
    ("doas", &["-u", "-C"], 0),
    (
        "sudo",
        &[
            "-u", "-g", "-h", "-p", "-C", "-D", "-R", "-T", "-U", "-r", "-t", "--user", "--group",
        ],
        0,
    ),
    ("pkexec", &["--user"], 0),
    ("runuser", &["-u", "-g", "-G"], 0),
    ("chroot", &[], 1),
    ("unshare", &["-S", "-G"], 0),
    ("nsenter", &["-t", "-S", "-G"], 0),
    ("capsh", &[], usize::MAX),
    ("start-stop-daemon", &[], usize::MAX),
];

/// Shells; what they are given is judged as a script.
pub(super) const SHELLS: &[&str] = &[
    "sh", "bash", "dash", "zsh", "ksh", "ash", "mksh", "rbash", "fish",
];

/// Programs that run another in a project's environment, by their first words.
const RUNNERS: &[&[&str]] = &[
    &["uv", "run"],
    &["poetry", "run"],
    &["pipenv", "run"],
    &["pdm", "run"],
    &["rye", "run"],
    &["hatch", "run"],
    &["bundle", "exec"],
    &["direnv", "exec"],
    &["mise", "exec"],
    &["asdf", "exec"],
    &["conda", "run"],
    &["pixi", "run"],
    &["rbenv", "exec"],
    &["pnpm", "exec"],
    &["yarn", "exec"],
    &["npm", "exec"],
    &["npm", "x"],
    &["pyenv", "exec"],
];

/// Looks through a program that runs another. Answers whether there is nothing more to judge.
pub(super) fn unwrap(walker: &mut Walker<'_>, call: &Call) -> bool {
    let name = call.program.as_str();
    if SHELLS.contains(&name) {
        walker.shell(call);
        return true;
    }
    match name {
        "env" => env(walker, call),
        "command" => {
            if !call.has(&["-v", "-V"]) {
                inner(walker, call, &[], 0);
            }
        }
        "eval" => {
            let outer_words = call.args.clone();
            if outer_words.iter().all(Field::is_static) {
                let texts: Vec<_> = outer_words.iter().map(|word| word.text.as_str()).collect();
                let text = texts.join(" ");
                walker.fed_with(call.stdin.clone(), |walker| walker.script_text(&text));
            } else {
                walker.reads_only = false;
                walker.fact("code-not-static", "eval", &call.segment);
            }
        }
        "source" | "." => source(walker, call),
        "trap" => {
            if let Some(code) = call.operands(&[]).first().filter(|_| call.args.len() > 1) {
                walker.elsewhere(|walker| walker.code(&(*code).clone(), call));
            }
        }
        "cd" | "pushd" => {
            let target = call.operands(&[]).first().map(|field| (*field).clone());
            walker.scope.change_directory(target.as_ref());
        }
        "popd" => walker.scope.directory = Directory::Unknown,
        "export" | "declare" | "typeset" | "local" | "readonly" => declare(walker, call),
        "read" | "mapfile" | "readarray" | "getopts" => read(walker, call),
        "printf" => {
            if let Some(name) = call.value(&["-v"]) {
                walker.scope.forget(&name.text, Certainty::Wild);
                walker.variable(&name.text, &Field::hole(Certainty::Wild), &call.segment);
            }
        }
        "su" => {
            walker.match_privilege(call);
            if let Some(code) = call.value(&["-c", "--command"]) {
                walker.code(&code, call);
            }
        }
        "xargs" => xargs::xargs(walker, call),
        "parallel" => xargs::parallel(walker, call),
        "watch" | "entr" => {
            let words = after_options(&call.args, &["-n", "--interval"], 0);
            walker.joined_code(&words, call);
        }
        "script" | "flock" => locked(walker, call),
        "find" | "fd" | "fdfind" => return xargs::found_files(walker, call),
        "node" | "ssh" | "git" | "docker" | "kubectl" => return false,
        _ => return others(walker, call),
    }
    true
}

fn others(walker: &mut Walker<'_>, call: &Call) -> bool {
    if let Some((name, valued, skipped)) = PLAIN.iter().find(|(name, ..)| *name == call.program) {
        if [
            "sudo", "doas", "pkexec", "runuser", "chroot", "unshare", "nsenter", "capsh",
        ]
        .contains(&call.program.as_str())
        {
            walker.match_privilege(call);
        }
        if *skipped == usize::MAX {
            // Every operand is a command.
            for operand in call.operands(valued) {
                walker.code(&operand.clone(), call);
            }
        } else {
            walker.handing_on_if(*name == "logsave", |walker| {
                inner(walker, call, valued, *skipped);
            });
        }
        return true;
    }
    let operands = call.operands(&["--with", "--package", "-p", "--python", "-n", "-e"]);
    let runner = RUNNERS.iter().find(|runner| {
        runner[0] == call.program
            && operands
                .first()
                .is_some_and(|first| first.text == runner[1])
    });
    if let Some(runner) = runner {
        if let Some(code) = call.value(&["-c", "--call"])
            && ["npm", "pnpm"].contains(&runner[0])
        {
            walker.code(&code, call);
            return true;
        }
        let at = call.args.iter().position(|arg| arg.text == runner[1]);
        let rest = &call.args[at.map_or(0, |at| at + 1)..];
        let words = after_options(
            rest,
            &["--with", "--package", "-p", "--python", "-n", "--env-file"],
            0,
        );
        if !words.is_empty() {
            run_words(walker, call, words);
        }
        return true;
    }
    // `python -m pip` is `pip`.
    if call.program.starts_with("python")
        && let Some(at) = call.args.iter().position(|arg| arg.text == "-m")
        && let Some(module) = call.args.get(at + 1)
    {
        if [
            "pip",
            "twine",
            "pytest",
            "http.server",
            "black",
            "ruff",
            "mypy",
        ]
        .contains(&module.text.as_str())
        {
            run_words(walker, call, call.args[at + 1..].to_vec());
            return true;
        }
        return false;
    }
    false
}

/// The words after options, and after operands that come before the program.
pub(super) fn after_options(args: &[Field], valued: &[&str], skipped: usize) -> Vec<Field> {
    let mut at = 0;
    let mut left = skipped;
    while let Some(arg) = args.get(at) {
        if arg.text == "--" {
            at += 1;
            if left == 0 {
                break;
            }
        } else if arg.is_option() || (arg.text.starts_with('+') && left == 0) {
            at += 1 + usize::from(valued.contains(&arg.text.as_str()));
        } else if is_assignment(&arg.text) && left == 0 {
            at += 1;
        } else if left > 0 {
            left -= 1;
            at += 1;
        } else {
            break;
        }
    }
    args.get(at..).unwrap_or_default().to_vec()
}

fn is_assignment(text: &str) -> bool {
    let length = text
        .bytes()
        .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
        .count();
    length > 0 && text[length..].starts_with('=')
}

pub(super) fn run_words(walker: &mut Walker<'_>, call: &Call, words: Vec<Field>) {
    let mut words = words.into_iter();
    if let Some(name) = words.next() {
        let inner = Call {
            program: name.text.clone(),
            args: words.collect(),
            stdin: call.stdin.clone(),
            segment: call.segment.clone(),
        };
        if walker.calls < 5_000 {
            walker.program(&name, inner);
        }
    }
}

fn inner(walker: &mut Walker<'_>, call: &Call, valued: &[&str], skipped: usize) {
    for arg in &call.args {
        if is_assignment(&arg.text) {
            assigned(walker, arg, &call.segment);
        }
    }
    if ["strace", "ltrace", "time"].contains(&call.program.as_str())
        && let Some(output) = call.value(&["-o"])
    {
        walker.writes(&output, &call.program, &call.segment);
    }
    let words = after_options(&call.args, valued, skipped);
    run_words(walker, call, words);
}

fn assigned(walker: &mut Walker<'_>, arg: &Field, segment: &str) {
    if let Some((name, value)) = arg.text.split_once('=') {
        let value = Field {
            text: value.to_owned(),
            ..arg.clone()
        };
        walker.variable(name, &value, segment);
    }
}

fn env(walker: &mut Walker<'_>, call: &Call) {
    if let Some(text) = call.value(&["-S", "--split-string"]) {
        // Its quoting is close to the shell's, and the rest is judged as more words.
        let at = call
            .args
            .iter()
            .position(|arg| arg.text.ends_with(text.text.as_str()));
        let mut words = vec![Field::of("env"), text];
        words.extend(call.args.iter().skip(at.map_or(0, |at| at + 1)).cloned());
        return walker.joined_code(&words, call);
    }
    if let Some(directory) = call.value(&["-C", "--chdir"]) {
        let outer = walker.scope.clone();
        walker.scope.change_directory(Some(&directory));
        inner(walker, call, &["-u", "--unset", "-C", "--chdir"], 0);
        walker.scope = outer;
        return;
    }
    inner(walker, call, &["-u", "--unset"], 0);
}

fn source(walker: &mut Walker<'_>, call: &Call) {
    walker.reads_only = false;
    let Some(file) = call.args.first() else {
        return;
    };
    if file.text.starts_with(crate::policy::judge::call::HOLE) || is_descriptor(&file.text) {
        return walker.fact("code-not-static", &call.program, &call.segment);
    }
    let file = file.clone();
    walker.reads(&file, &call.program, &call.segment);
    walker.runs_script(&file, call);
}

/// True for a name of something that is open already, such as the standard input.
pub(super) fn is_descriptor(path: &str) -> bool {
    let path = normalised(path);
    path == "/dev/stdin"
        || path.starts_with("/dev/fd/")
        || (path.starts_with("/proc/") && path.contains("/fd/"))
}

fn declare(walker: &mut Walker<'_>, call: &Call) {
    // A name reference makes one variable stand for another.
    if call.has(&["-n"]) {
        walker.fact("shell-tampering", &call.program, &call.segment);
    }
    for arg in &call.args {
        if arg.is_option() {
            continue;
        }
        if let Some((name, _)) = arg.text.split_once('=') {
            assigned(walker, arg, &call.segment);
            walker.scope.forget(name, Certainty::Wild);
        }
        if arg.certainty > Certainty::Tame {
            walker.fact("shell-tampering", &call.program, &call.segment);
        }
    }
}

fn read(walker: &mut Walker<'_>, call: &Call) {
    let is_lines = call.stdin == Stdin::Nothing || call.stdin == Stdin::Unknown;
    for name in call.operands(&["-p", "-d", "-n", "-t", "-u", "-C", "-c"]) {
        let certainty = if is_lines {
            Certainty::Unknown
        } else {
            Certainty::Wild
        };
        walker.scope.forget(&name.text, certainty);
        let value = Field::hole(Certainty::Wild);
        walker.variable(&name.text, &value, &call.segment);
    }
}

fn locked(walker: &mut Walker<'_>, call: &Call) {
    if let Some(code) = call.value(&["-c", "--command"]) {
        // `script` keeps the output in a file.
        walker.handing_on(|walker| walker.code(&code, call));
        return;
    }
    if let Some(file) = call.operands(&[]).first() {
        walker.writes(&(*file).clone(), &call.program, &call.segment);
    }
    if call.program == "flock" {
        inner(walker, call, &["-w", "-E"], 1);
    }
}

impl Walker<'_> {
    fn match_privilege(&mut self, call: &Call) {
        self.reads_only = false;
        self.fact("privilege", &call.program, &call.segment);
    }
}
