//! Files that programs read and write.

use crate::policy::judge::call::{Call, Field};
use crate::policy::judge::walker::Walker;
use crate::policy::kill::{Signalled, signalled};
use crate::policy::paths::Place;

impl Walker<'_> {
    /// Judges what a program does to files.
    pub(super) fn judge_effects(&mut self, call: &Call) {
        self.judge_reads(call);
        self.judge_code(call);
        let segment = call.segment.as_str();
        let program = call.program.as_str();
        let operands: Vec<Field> = call.operands(&[]).into_iter().cloned().collect();
        match program {
            "rm" | "unlink" | "shred" | "rmdir" | "trash" | "srm" | "wipe" | "rimraf" => {
                let recursive =
                    call.has(&["-r", "-R", "--recursive"]) || ["srm", "rimraf"].contains(&program);
                self.deletes(call, recursive);
            }
            "tee" | "sponge" | "truncate" | "mkfifo" | "touch" | "mkdir" | "fallocate"
            | "split" => {
                let written = call.operands(&["-s", "--size", "-r", "-t", "-m", "-l", "-b"]);
                for file in written.into_iter().cloned().collect::<Vec<_>>() {
                    self.writes(&file, program, segment);
                }
            }
            "cp" | "mv" | "install" | "ln" | "link" | "rsync" | "scp" => self.copies(call),
            "chmod" | "chown" | "chgrp" | "setfacl" | "chattr" => {
                for file in operands.iter().skip(1) {
                    self.writes(file, program, segment);
                }
            }
            "sed" | "gsed" | "perl" | "ruby" | "yq" | "patch" | "sd" => self.edits_in_place(call),
            "dd" => {
                for arg in &call.args {
                    if let Some(text) = arg.text.strip_prefix("of=") {
                        let file = Field {
                            text: text.to_owned(),
                            ..arg.clone()
                        };
                        self.writes(&file, program, segment);
                    }
                    if let Some(text) = arg.text.strip_prefix("if=") {
                        let file = Field {
                            text: text.to_owned(),
                            ..arg.clone()
                        };
                        self.reads(&file, program, segment);
                    }
                }
            }
            "curl" | "wget" | "aria2c" => self.downloads(call),
            "sort" | "shuf" | "gcc" | "cc" | "g++" | "clang" | "go" | "tree" | "pandoc"
            | "openssl" | "jq" | "uniq" => {
                let output = call.value(&["-o", "--output", "-out"]);
                if program == "uniq" {
                    for file in operands.iter().skip(1) {
                        self.writes(file, program, segment);
                    }
                } else if let Some(file) = output {
                    self.writes(&file, program, segment);
                }
            }
            "tar" | "unzip" | "bsdtar" | "cpio" | "7z" => self.unpacks(call),
            "git" => self.git_files(call),
            "kill" => self.kills(call),
            "npx" | "bunx" | "pnpx" => self.package(call),
            _ => {}
        }
    }

    fn edits_in_place(&mut self, call: &Call) {
        let in_place = call.has(&["-i", "--in-place", "--inplace"])
            || call.args.iter().any(|arg| arg.text.starts_with("-i"))
            || ["patch", "sd"].contains(&call.program.as_str());
        if !in_place {
            return;
        }
        let mut files: Vec<Field> = call
            .operands(&["-e", "-f", "--expression", "-p", "-d"])
            .into_iter()
            .cloned()
            .collect();
        let has_script = call.has(&["-e", "--expression", "-f"]);
        if !has_script && !files.is_empty() && call.program != "patch" {
            files.remove(0);
        }
        for file in files {
            self.writes(&file, &call.program, &call.segment);
        }
    }

    fn git_files(&mut self, call: &Call) {
        if let Some(file) = call.value(&["--output"]) {
            self.writes(&file, "git", &call.segment);
        }
        // A repository's settings run programs, and a link may lead to another repository.
        let folder = call.value(&["-C"]).unwrap_or_else(|| Field::of("."));
        if self.leads_out(&folder) {
            self.fact("runs-outside-program", "git", &call.segment);
        }
        let operands: Vec<Field> = call
            .operands(&self.rules.valued("git"))
            .into_iter()
            .cloned()
            .collect();
        let first = operands.first().map_or("", |first| first.text.as_str());
        // Where a repository is made: the last operand, when there is one beside the address.
        let needed = if first == "init" { 1 } else { 2 };
        if ["clone", "init", "worktree"].contains(&first)
            && operands.len() > needed
            && let Some(target) = operands.last()
            && matches!(self.place(target), Place::Outside(_))
        {
            self.writes(target, "git", &call.segment);
        }
        if ["rm", "mv"].contains(&first) {
            for file in operands.iter().skip(1) {
                self.writes(file, "git", &call.segment);
            }
        }
    }

    /// Judges whether a signal reaches only what the command itself started.
    fn kills(&mut self, call: &Call) {
        match signalled(call) {
            Signalled::Own => {}
            Signalled::Others => self.fact("kills-others", "kill", &call.segment),
            Signalled::Everything => self.fact("kills-everything", "kill", &call.segment),
        }
    }

    /// The protected files that a pattern may stand for.
    pub(super) fn glob_names(pattern: &str) -> Vec<String> {
        const SAMPLES: &[&str] = &[
            ".env",
            ".env.local",
            ".env.production",
            ".git/config",
            ".git/hooks/pre-commit",
            "id_rsa",
            "package.json",
            "package-lock.json",
            "cargo.lock",
            "yarn.lock",
            "dockerfile",
            ".npmrc",
            ".netrc",
            "server.key",
            ".github/workflows/ci.yml",
            ".gitlab-ci.yml",
            "~/.ssh/id_rsa",
            "~/.aws/credentials",
            "/etc/shadow",
            "/etc/passwd",
            "/proc/1/environ",
            "/proc/self/environ",
            ".gitignore",
            ".husky/pre-commit",
            "~/.bashrc",
            "~/.netrc",
        ];
        let pattern = pattern.to_lowercase();
        // The folder of a process that has a number.
        if let Some((process, _)) = pattern
            .strip_prefix("/proc/")
            .and_then(|rest| rest.split_once('/'))
            && process
                .chars()
                .all(|c| c.is_ascii_digit() || "*?[]-{},".contains(c))
        {
            return vec!["/proc/1/environ".to_owned()];
        }
        let glob = globset::GlobBuilder::new(&pattern)
            .literal_separator(true)
            .build();
        let Ok(glob) = glob else {
            return Vec::new();
        };
        let matcher = glob.compile_matcher();
        // A star at the beginning of a name matches no hidden file.
        let hidden = |sample: &str| {
            let wild = pattern
                .rsplit('/')
                .next()
                .is_some_and(|last| last.starts_with(['*', '?']));
            wild && sample
                .rsplit('/')
                .next()
                .is_some_and(|last| last.starts_with('.'))
        };
        let found = SAMPLES
            .iter()
            .filter(|sample| matcher.is_match(sample) && !hidden(sample));
        found.map(|sample| (*sample).to_owned()).collect()
    }
}
