//! The files that programs read and may show.

use std::path::Path;

use crate::policy::judge::call::{Call, Certainty, Field, HOLE};
use crate::policy::judge::reading::code::{is_code, script};
use crate::policy::judge::reading::folders::SEARCH_VALUED;
use crate::policy::judge::walker::Walker;
use crate::policy::paths::Place;
use crate::policy::rule::FileAccess;

/// Programs that show or copy the contents of the files they are given.
const READERS: &[&str] = &[
    "cat",
    "tac",
    "head",
    "tail",
    "less",
    "more",
    "nl",
    "od",
    "xxd",
    "hexdump",
    "strings",
    "base64",
    "base32",
    "cut",
    "sort",
    "uniq",
    "paste",
    "rev",
    "fold",
    "fmt",
    "pr",
    "column",
    "bat",
    "batcat",
    "view",
    "diff",
    "cmp",
    "comm",
    "join",
    "jq",
    "yq",
    "source",
    "wc",
    "expand",
    "iconv",
    "gzip",
    "bzip2",
    "xz",
    "zstd",
    "zip",
    "tar",
    "openssl",
    "gpg",
    "split",
    "csplit",
    "look",
    "ul",
    "most",
    "grep",
    "egrep",
    "fgrep",
    "rg",
    "ag",
    "ack",
    "awk",
    "gawk",
    "mawk",
    "nawk",
    "sed",
    "perl",
    "dd",
    "file",
    "envsubst",
    "zcat",
    "zgrep",
    "tee",
    "shuf",
    "tsort",
    "vim",
    "vi",
    "nano",
    "ed",
    "emacs",
    "curl",
    "wget",
    "scp",
    "rsync",
    "nc",
    "cp",
    "mv",
    "ln",
    "install",
    "python",
    "python3",
    "node",
    "ruby",
    "php",
    "dotenv",
    "md5sum",
    "sha1sum",
    "sha256sum",
    "b2sum",
    "basenc",
    "uuencode",
    "aspell",
    "git",
    "docker",
    "enscript",
    "rclone",
    "sqlite3",
    "7z",
    "cpio",
    "ar",
    "date",
    "mapfile",
    "readarray",
];

/// Programs that show nothing of the contents of the files they are given.
const SILENT: &[&str] = &[
    "ls",
    "ll",
    "la",
    "exa",
    "eza",
    "lsd",
    "stat",
    "test",
    "[",
    "rm",
    "unlink",
    "rmdir",
    "shred",
    "srm",
    "wipe",
    "trash",
    "chmod",
    "chown",
    "chgrp",
    "touch",
    "mkdir",
    "mkfifo",
    "truncate",
    "echo",
    "printf",
    "cd",
    "pushd",
    "popd",
    "basename",
    "dirname",
    "realpath",
    "readlink",
    "find",
    "fd",
    "fdfind",
    "du",
    "df",
    "tree",
    "which",
    "type",
    "whereis",
    "hash",
    "export",
    "declare",
    "local",
    "readonly",
    "typeset",
    "unset",
    "set",
    "shift",
    "return",
    "exit",
    "kill",
    "pkill",
    "sleep",
    "seq",
    "read",
    "trap",
    "alias",
    "unalias",
    "pwd",
    "true",
    "false",
    "let",
    "getopts",
    "wait",
    "sync",
    "chattr",
    "lsattr",
    "setfacl",
    "getfacl",
    "inotifywait",
];

/// Readers that show no more of a file than its size, its kind or its sum, or that pass it on.
const PASSING: &[&str] = &[
    "wc",
    "file",
    "md5sum",
    "sha1sum",
    "sha256sum",
    "b2sum",
    "cp",
    "mv",
    "ln",
    "install",
    "tee",
    "date",
    "git",
    "docker",
    "python",
    "python3",
    "node",
    "ruby",
    "php",
    "curl",
    "wget",
    "openssl",
    "gpg",
];

impl Walker<'_> {
    /// Judges the files that a call names, whatever program it is: one that is not known to read may
    /// do so.
    pub(in crate::policy::judge) fn judge_reads(&mut self, call: &Call) {
        let program = call.program.as_str();
        if SILENT.contains(&program) {
            return;
        }
        let is_reader = READERS.contains(&program);
        if is_reader {
            self.reads_folders(call);
            self.reads_unnamed(call);
        }
        // These speak of names, not of contents.
        let names_only = [
            "check-ignore",
            "check-attr",
            "ls-files",
            "status",
            "rm",
            "add",
            "mv",
        ];
        let first = call.args.first().map_or("", |arg| arg.text.as_str());
        if call.program == "git" && names_only.contains(&first) && !call.has(&["-f", "--force"]) {
            return;
        }
        let script = script(call);
        for arg in &call.args {
            // `file=@.env`, `--data=@.env`, `if=.env`: the path is behind a mark.
            let mut text = arg.text.as_str();
            if arg.is_option() || text.contains("=@") || text.contains('@') {
                match text.rsplit_once(['=', '@']) {
                    Some((_, rest)) if !rest.is_empty() => text = rest,
                    _ if arg.is_option() => continue,
                    _ => {}
                }
            }
            let text = text.rsplit_once(':').map_or(text, |(_, path)| {
                if path.starts_with("//") { text } else { path }
            });
            if text.is_empty() || text.contains(['\n']) || text.contains("://") {
                continue;
            }
            let file = Field {
                text: text.to_owned(),
                ..arg.clone()
            };
            // A file that git shows of another time need not be there now.
            let is_of_git = call.program == "git" && arg.text.contains(':');
            let is_script = script.as_deref() == Some(&*arg.text);
            if !is_of_git && self.is_no_path(&file, is_script) {
                if is_script || is_code(program) {
                    self.reads_in_code(&arg.text, call);
                }
                continue;
            }
            if file.certainty > Certainty::Unknown && call.program == "git" {
                continue;
            }
            if !is_reader && !file.is_static() {
                continue;
            }
            self.reads(&file, &call.program, &call.segment);
        }
    }

    /// True for a word that is a pattern, a message or code rather than the name of a file: it is no
    /// file here, and looks like none.
    fn is_no_path(&self, file: &Field, is_script: bool) -> bool {
        let text = file.text.as_str();
        let signs = [
            ' ', '(', ')', '"', '\'', ';', '{', '}', '<', '>', '|', '\\', '^', '$',
        ];
        let name = text.rsplit('/').next().unwrap_or_default();
        let is_word = !name.contains(['.', '*', '?', HOLE]);
        let Place::Inside(inside) = self.said(file) else {
            return is_script && !Path::new(text).exists();
        };
        (is_script || is_word || text.contains(signs)) && !self.places.root().join(inside).exists()
    }

    /// Judges files whose names another program tells: these may be any that it lists.
    fn reads_unnamed(&mut self, call: &Call) {
        let program = call.program.as_str();
        let counts = call.has(&[
            "-l",
            "-c",
            "-q",
            "-L",
            "--files-with-matches",
            "--count",
            "--quiet",
        ]) && program.ends_with("grep");
        let edits = ["sed", "perl"].contains(&program) && call.has(&["-i", "--in-place"]);
        if PASSING.contains(&program) || counts || edits {
            return;
        }
        let mut valued = SEARCH_VALUED.to_vec();
        valued.extend([
            "-n", "-c", "--lines", "--bytes", "-s", "-w", "-F", "-v", "-k", "-o",
        ]);
        let skipped = usize::from(script(call).is_some());
        let operands: Vec<Field> = call.operands(&valued).into_iter().cloned().collect();
        for file in operands
            .iter()
            .skip(skipped)
            .filter(|file| file.text.contains(HOLE))
        {
            let listed = self.listed.clone().unwrap_or_default();
            if file.text.starts_with(HOLE) && !listed.folders.is_empty() {
                for folder in &listed.folders {
                    let place = self.place(folder);
                    self.server_data(
                        &place,
                        folder.glob,
                        FileAccess::Read,
                        program,
                        &call.segment,
                    );
                    self.reads_below(folder, &listed.reading, call);
                }
            } else {
                self.reads_below(file, &listed.reading, call);
            }
        }
    }
}
