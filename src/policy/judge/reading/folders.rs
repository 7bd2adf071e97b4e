//! Programs that read whole folders, or files whose names others give them.

use crate::policy::judge::call::{Call, Certainty, Field, HOLE, Stdin};
use crate::policy::judge::facts::Found;
use crate::policy::judge::reading::listed::values;
use crate::policy::judge::walker::Walker;
use crate::policy::paths::Place;
use crate::policy::reach::below::FileFilter;

/// Options with a value of programs that search.
pub(super) const SEARCH_VALUED: &[&str] = &[
    "-e",
    "-f",
    "-m",
    "-A",
    "-B",
    "-C",
    "-d",
    "-D",
    "-g",
    "-t",
    "-T",
    "-j",
    "-M",
    "--regexp",
    "--file",
    "--max-count",
    "--after-context",
    "--before-context",
    "--context",
    "--include",
    "--exclude",
    "--exclude-dir",
    "--exclude-from",
    "--color",
    "--colour",
    "--glob",
    "--iglob",
    "--type",
    "--type-not",
    "--max-depth",
    "--sort",
    "--replace",
    "--threads",
    "--directories",
    "--devices",
    "--label",
    "--pre",
    "--ignore-file",
];

/// The endings of the kinds of files that `rg -t` knows by a short name.
const KINDS: &[(&str, &[&str])] = &[
    ("c", &["c", "h"]),
    ("cpp", &["cpp", "cc", "cxx", "hpp", "hh", "h"]),
    ("css", &["css", "scss"]),
    ("go", &["go"]),
    ("html", &["html", "htm", "ejs"]),
    ("java", &["java", "jsp"]),
    ("js", &["js", "jsx", "mjs", "cjs", "vue"]),
    ("json", &["json"]),
    ("kotlin", &["kt", "kts"]),
    ("md", &["md", "markdown", "mdx"]),
    ("php", &["php"]),
    ("py", &["py", "pyi"]),
    ("ruby", &["rb", "rake"]),
    ("rust", &["rs"]),
    ("sh", &["sh", "bash", "zsh"]),
    ("sql", &["sql"]),
    ("swift", &["swift"]),
    ("toml", &["toml"]),
    ("ts", &["ts", "tsx", "mts", "cts"]),
    ("yaml", &["yaml", "yml"]),
];

/// Subcommands of git that show the contents of files that it tracks.
const GIT_SHOWS: &[&str] = &[
    "grep",
    "archive",
    "show",
    "diff",
    "log",
    "stash",
    "format-patch",
    "diff-tree",
    "diff-index",
    "diff-files",
    "whatchanged",
    "reflog",
    "range-diff",
    "bundle",
    "cat-file",
    "fast-export",
];

impl Walker<'_> {
    /// Judges a program that reads all that is in folders.
    pub(in crate::policy::judge) fn reads_folders(&mut self, call: &Call) {
        match call.program.as_str() {
            "grep" | "egrep" | "fgrep" | "zgrep" | "ugrep" => {
                let is_recursive =
                    call.has(&["-r", "-R", "--recursive", "--dereference-recursive"])
                        || call
                            .value(&["-d", "--directories"])
                            .is_some_and(|how| how.text == "recurse");
                if is_recursive {
                    let names = values(call, &["--include"]);
                    self.searches(
                        call,
                        &FileFilter {
                            names,
                            skips_hidden: false,
                        },
                    );
                }
            }
            "rg" | "ag" | "ack" | "pt" | "sift" if !call.has(&["--files", "--type-list"]) => {
                let hidden = ["--hidden", "-.", "-u", "-uu", "-uuu", "--unrestricted"];
                let skips_hidden = !call.args.iter().any(|arg| hidden.contains(&&*arg.text));
                let names = kinds(call);
                self.searches(
                    call,
                    &FileFilter {
                        names,
                        skips_hidden,
                    },
                );
            }
            "tar" | "bsdtar" | "zip" | "7z" | "7za" | "diff" | "colordiff" | "cp" | "rsync" => {
                self.copies_folders(call);
            }
            "git" => self.git_shows(call),
            _ => {}
        }
    }

    fn searches(&mut self, call: &Call, reading: &FileFilter) {
        let has_pattern = call.has(&["-e", "--regexp", "-f", "--file"]);
        let operands: Vec<Field> = call.operands(SEARCH_VALUED).into_iter().cloned().collect();
        let paths = operands
            .get(usize::from(!has_pattern)..)
            .unwrap_or_default();
        if paths.is_empty() && call.stdin == Stdin::Nothing {
            return self.reads_below(&Field::of("."), reading, call);
        }
        for path in paths {
            self.reads_below(path, reading, call);
        }
    }

    fn copies_folders(&mut self, call: &Call) {
        let first = call.args.first().map_or("", |arg| arg.text.as_str());
        let reads = match call.program.as_str() {
            "tar" | "bsdtar" => {
                call.has(&["-c", "--create", "-r", "--append", "-u"])
                    || (!first.starts_with('-') && first.contains(['c', 'r', 'u']))
            }
            "7z" | "7za" => first == "a",
            "zip" | "diff" | "colordiff" => call.has(&["-r", "--recurse-paths", "--recursive"]),
            _ => call.has(&["-r", "-R", "-a", "--recursive", "--archive"]),
        };
        if !reads {
            return;
        }
        if let Some(folder) = call.value(&["-C", "--directory"]) {
            self.reads_below(&folder, &FileFilter::default(), call);
        }
        let valued = [
            "-f",
            "--file",
            "-C",
            "--directory",
            "-x",
            "--exclude",
            "-t",
            "-e",
            "-T",
        ];
        let operands: Vec<Field> = call.operands(&valued).into_iter().cloned().collect();
        for folder in &operands {
            self.reads_below(folder, &FileFilter::default(), call);
        }
    }

    /// Judges the contents of tracked files that git shows, whatever the command names.
    fn git_shows(&mut self, call: &Call) {
        let operands = call.operands(&self.rules.valued("git"));
        let first = operands.first().map_or("", |first| first.text.as_str());
        let names_only = [
            "--name-only",
            "--name-status",
            "--stat",
            "--shortstat",
            "--numstat",
        ];
        let shows = match first {
            "log" | "reflog" | "whatchanged" => call.args.iter().any(|arg| {
                let text = arg.text.as_str();
                ["-p", "-u", "--patch", "-c", "--cc", "-m"].contains(&text)
                    || ["-G", "-S", "-L", "-U", "--unified"]
                        .iter()
                        .any(|option| text.starts_with(option))
            }),
            "stash" => operands.get(1).is_some_and(|second| second.text == "show"),
            "show" => !operands
                .get(1)
                .is_some_and(|object| object.text.contains(':')),
            "cat-file" => !call.has(&["-t", "-s", "-e"]),
            "grep" => !call.has(&["-l", "-L", "-c", "--count", "--files-with-matches"]),
            other => GIT_SHOWS.contains(&other),
        };
        if !shows
            || call
                .args
                .iter()
                .any(|arg| names_only.contains(&arg.text.as_str()))
        {
            return;
        }
        // The names behind `--` are all that is shown, and they are judged by themselves.
        let is_bounded = call
            .args
            .iter()
            .skip_while(|arg| arg.text != "--")
            .nth(1)
            .is_some();
        let found = (!is_bounded)
            .then(|| self.places.tracked_secret(self.rules))
            .flatten();
        if found.is_some() {
            let read = Found::Fact("secret-below");
            self.note_about(None, read, &format!("git {first}"), &call.segment);
        }
    }

    /// Judges that everything is read which is below a folder.
    pub(in crate::policy::judge) fn reads_below(
        &mut self,
        folder: &Field,
        reading: &FileFilter,
        call: &Call,
    ) {
        let mut reading = reading.clone();
        let folders = match self.said(folder) {
            Place::Inside(folder) if folder.contains(HOLE) => {
                let (known, name) = known_part(&folder);
                if reading.names.is_empty() {
                    reading.names.push(name.replace(HOLE, "*"));
                }
                vec![known.to_owned()]
            }
            Place::Inside(pattern) if folder.glob => {
                self.searched.matching(self.places.root(), &pattern)
            }
            Place::Inside(folder) => vec![folder],
            Place::Unknown if !self.is_lost() => vec![".".to_owned()],
            Place::Temporary(_) | Place::Outside(_) | Place::Unknown => return,
        };
        for folder in folders {
            if self.places.is_example(&folder) {
                return self.fact("secret-below", &call.program, &call.segment);
            }
            let there = self.places.root().join(&folder);
            if there.is_file() {
                let name = folder.to_lowercase();
                self.note_about(None, Found::Reads(name), &call.program, &call.segment);
                let file = Field::hole(Certainty::Tame);
                self.reads_inside(&folder, &file, &call.program, &call.segment);
            }
            if !there.is_dir() {
                continue;
            }
            let (rules, places) = (self.rules, self.places);
            if self
                .searched
                .below(rules, places, &folder, &reading)
                .is_some()
            {
                return self.fact("secret-below", &call.program, &call.segment);
            }
        }
    }

    /// Judges that files are read which a pattern stands for.
    pub(in crate::policy::judge) fn reads_matching(
        &mut self,
        pattern: &str,
        by: &str,
        segment: &str,
    ) {
        for path in self.searched.matching(self.places.root(), pattern) {
            if self.places.absolute(&path).is_dir() {
                continue;
            }
            let name = path.to_lowercase();
            self.note_about(None, Found::Reads(name), by, segment);
            self.reads_inside(&path, &Field::hole(Certainty::Tame), by, segment);
        }
    }
}

/// The folder that a path surely is in, although a part of it is not known, and its name.
fn known_part(path: &str) -> (&str, &str) {
    let known = path.split(HOLE).next().unwrap_or_default();
    let folder = known.rsplit_once('/').map_or(".", |(folder, _)| folder);
    (folder, path.rsplit('/').next().unwrap_or_default())
}

/// Patterns of the names that `rg` has to search; none when one of them cannot be known.
fn kinds(call: &Call) -> Vec<String> {
    let mut names: Vec<String> = values(call, &["-g", "--glob", "--iglob"])
        .into_iter()
        .filter(|glob| !glob.starts_with('!'))
        .map(|glob| glob.rsplit('/').next().unwrap_or_default().to_owned())
        .collect();
    let mut kinds = values(call, &["-t", "--type"]);
    let attached = call
        .args
        .iter()
        .filter_map(|arg| arg.text.strip_prefix("-t"));
    kinds.extend(attached.filter(|kind| !kind.is_empty()).map(str::to_owned));
    for kind in kinds {
        let Some((_, endings)) = KINDS.iter().find(|(name, _)| *name == kind) else {
            return Vec::new();
        };
        names.extend(endings.iter().map(|ending| format!("*.{ending}")));
    }
    names
}
