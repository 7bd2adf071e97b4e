//! Interpreters, and the files of code that they are given.

use crate::policy::judge::call::{Call, Field, HOLE, Stdin, is_flag};
use crate::policy::judge::walker::Walker;
use crate::policy::judge::wrappers::is_descriptor;
use crate::policy::paths::Place;

/// An interpreter, as far as its words tell which file it runs.
struct Interpreter {
    /// Its names; `*` at the end stands for any rest.
    names: &'static [&'static str],
    /// Options with a value.
    valued: &'static [&'static str],
    /// Options with which the first operand is no file that runs.
    other: &'static [&'static str],
    /// Options whose value is a file of code, when it is a path.
    files: &'static [&'static str],
    /// Subcommands that run the file after them; none where the first operand is the file.
    runs: &'static [&'static str],
}

const INTERPRETERS: &[Interpreter] = &[
    Interpreter {
        names: &["python", "python2*", "python3*", "pypy*", "ipython"],
        valued: &["-W", "-X", "--check-hash-based-pycs"],
        other: &["-c", "-m", "-V", "--version"],
        files: &[],
        runs: &[],
    },
    Interpreter {
        names: &[
            "node", "nodejs", "tsx", "ts-node", "esno", "jiti", "coffee", "zx",
        ],
        valued: &[
            "-C",
            "--conditions",
            "--env-file",
            "--input-type",
            "--test-reporter",
            "--test-name-pattern",
            "-P",
            "--project",
            "-O",
            "--tsconfig",
        ],
        other: &[
            "-e",
            "-p",
            "-pe",
            "--eval",
            "--print",
            "--test",
            "-c",
            "--check",
            "-v",
            "--version",
        ],
        files: &[
            "-r",
            "--require",
            "--import",
            "--loader",
            "--experimental-loader",
        ],
        runs: &[],
    },
    Interpreter {
        names: &["bun", "deno"],
        valued: &["-c", "--config", "--cwd", "--env-file", "--import-map"],
        other: &["-e", "--eval", "--print", "--version"],
        files: &["-r", "--preload"],
        runs: &["run"],
    },
    Interpreter {
        names: &["ruby", "ruby2*", "ruby3*", "jruby"],
        valued: &["-I", "-r", "-C", "-E", "-W"],
        other: &["-e", "-c", "-v", "--version"],
        files: &[],
        runs: &[],
    },
    Interpreter {
        names: &["perl", "perl5*", "raku", "perl6"],
        valued: &["-I", "-M", "-m"],
        other: &["-e", "-E", "-v", "--version"],
        files: &[],
        runs: &[],
    },
    Interpreter {
        names: &["php", "php5*", "php7*", "php8*"],
        valued: &["-d", "-c", "-t", "-z"],
        other: &[
            "-r",
            "-B",
            "-R",
            "-E",
            "-l",
            "-S",
            "-v",
            "-m",
            "-i",
            "--version",
        ],
        files: &["-f", "-F"],
        runs: &[],
    },
    Interpreter {
        names: &[
            "lua",
            "lua5*",
            "luajit",
            "Rscript",
            "julia",
            "tclsh",
            "wish",
            "groovy",
            "osascript",
            "pwsh",
            "guile",
            "racket",
            "ocaml",
            "elixir",
            "octave",
            "gnuplot",
            "csh",
            "tcsh",
            "nu",
            "xonsh",
            "janet",
            "fennel",
            "bb",
            "runghc",
            "runhaskell",
            "escript",
        ],
        valued: &["-l", "-L"],
        other: &["-e", "-E", "-c", "--eval", "-v", "--version"],
        files: &["-f", "-File", "--script", "-s"],
        runs: &[],
    },
    Interpreter {
        names: &["java"],
        valued: &["-cp", "-classpath", "--class-path", "-p", "--module-path"],
        other: &["--version", "-version", "-h", "--help"],
        files: &["-jar"],
        runs: &[],
    },
    Interpreter {
        names: &["dotnet"],
        valued: &[],
        other: &["--version", "--info"],
        files: &[],
        runs: &["exec"],
    },
];

impl Interpreter {
    fn named(program: &str) -> Option<&'static Self> {
        let is_name = |name: &str| match name.strip_suffix('*') {
            Some(start) => program.starts_with(start),
            None => name == program,
        };
        let mut all = INTERPRETERS.iter();
        all.find(|one| one.names.iter().any(|name| is_name(name)))
    }

    /// The files of code in a call; `-` for its standard input.
    fn scripts(&self, call: &Call) -> Vec<Field> {
        let mut found = Vec::new();
        let mut args = call.args.iter();
        let mut first = None;
        while let Some(arg) = args.next() {
            let text = arg.text.as_str();
            if text == "--" {
                first = args.next();
                break;
            }
            if !arg.is_option() {
                first = Some(arg);
                break;
            }
            if let Some(option) = self.files.iter().find(|option| begins(text, option)) {
                let value = match text
                    .strip_prefix(option)
                    .map(|rest| rest.trim_start_matches('='))
                {
                    Some("") | None => args.next().cloned(),
                    Some(rest) => Some(Field {
                        text: rest.to_owned(),
                        ..arg.clone()
                    }),
                };
                // A value that is no path is the name of a package.
                found.extend(value.filter(|file| is_path(&file.text)));
            } else if self.valued.contains(&text) {
                args.next();
            } else if !self.valued.iter().any(|option| begins(text, option))
                && self.other.iter().any(|option| is_flag(text, option))
            {
                return found;
            }
        }
        let is_plain = self.runs.is_empty();
        let first = match first {
            Some(word) if self.runs.contains(&word.text.as_str()) => args
                .find(|arg| !arg.is_option())
                .filter(|arg| is_path(&arg.text)),
            Some(word) => Some(word).filter(|word| is_plain || is_path(&word.text)),
            None => None,
        };
        // Without a file it reads code, as a shell does.
        let typed = (first.is_none() && is_plain).then(|| Field::of("-"));
        found.extend(first.cloned().or(typed));
        found
    }
}

/// True if a word is this option, alone or with its value attached.
fn begins(word: &str, option: &str) -> bool {
    match word.strip_prefix(option) {
        Some(rest) if option.starts_with("--") || option.len() > 2 => {
            rest.is_empty() || rest.starts_with('=')
        }
        Some(_) => true,
        None => false,
    }
}

/// True for text that is written like a path of a file of code.
fn is_path(text: &str) -> bool {
    const ENDINGS: &[&str] = &[
        ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".jar", ".java", ".dll",
        ".php",
    ];
    let is_package = text.starts_with('@') || text.contains(':');
    !is_package && (text.contains('/') || ENDINGS.iter().any(|ending| text.ends_with(ending)))
}

impl Walker<'_> {
    /// Judges the code that an interpreter or a build would run.
    pub(in crate::policy::judge) fn judge_code(&mut self, call: &Call) {
        if let Some(interpreter) = Interpreter::named(&call.program) {
            for script in interpreter.scripts(call) {
                self.interprets(&script, call);
            }
            if call.program.starts_with("python")
                && let Some(module) = call.value(&["-m"])
            {
                self.runs_module(&module, call);
            }
        }
        self.judge_build(call);
    }

    fn interprets(&mut self, script: &Field, call: &Call) {
        let text = script.text.as_str();
        if ["-", "/dev/stdin"].contains(&text) {
            return match &call.stdin {
                Stdin::Unknown => {
                    self.fact("piped-into-interpreter", &call.program, &call.segment);
                }
                Stdin::File(file) => self.runs_file(&Field::of(file.clone()), call),
                // A text is judged by the rules about inline code.
                Stdin::Nothing | Stdin::Text(_) => {}
            };
        }
        if text.starts_with(HOLE) || is_descriptor(text) {
            return self.fact("code-not-static", &call.program, &call.segment);
        }
        self.runs_file(script, call);
    }

    /// `python -m` runs a module of the folder it runs in, when there is one.
    fn runs_module(&mut self, module: &Field, call: &Call) {
        let path = module.text.replace('.', "/");
        for name in [format!("{path}.py"), format!("{path}/__main__.py")] {
            let file = Field::of(name);
            let is_there = match self.place(&file) {
                Place::Inside(at) => self.places.root().join(at).exists(),
                Place::Temporary(at) | Place::Outside(at) => std::path::Path::new(&at).exists(),
                Place::Unknown => false,
            };
            if is_there || self.written.contains_key(&file.text) {
                return self.runs_file(&file, call);
            }
        }
    }
}
