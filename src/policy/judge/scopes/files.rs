//! Files that are read, written or deleted.

use crate::policy::scope::ActionScope;

/// Programs that show the content of a file and send it nowhere.
const SHOW: &[&str] = &[
    "redirection",
    "cat",
    "tac",
    "head",
    "tail",
    "nl",
    "od",
    "xxd",
    "hexdump",
    "strings",
    "base64",
    "cut",
    "sort",
    "uniq",
    "rev",
    "fold",
    "fmt",
    "column",
    "bat",
    "batcat",
    "diff",
    "cmp",
    "comm",
    "jq",
    "yq",
    "wc",
    "grep",
    "egrep",
    "fgrep",
    "rg",
    "ag",
    "awk",
    "gawk",
    "mawk",
    "nawk",
    "sed",
    "less",
    "more",
    "file",
    "md5sum",
    "sha1sum",
    "sha256sum",
    "b2sum",
];

/// Programs that write what they are told or given into a file, and do nothing else to it.
const WRITE: &[&str] = &[
    "redirection",
    "tee",
    "sponge",
    "touch",
    "truncate",
    "sed",
    "gsed",
    "patch",
    "dd",
    "yq",
    "sort",
    "jq",
    "mkdir",
];

/// Programs that delete.
const DELETE: &[&str] = &["rm", "unlink", "rmdir", "trash"];

/// True if a program with these words only shows what it is given. Where they are not known, one does
/// that may do more with some of them.
pub(in crate::policy::judge) fn only_shows(program: &str, args: Option<&[&str]>) -> bool {
    let is_plain = SHOW.contains(&program)
        || matches!(program, "tr" | "paste" | "true" | "false" | "test" | "[");
    let begins = |starts: &[&str]| {
        let starts_with = |arg: &&str| starts.iter().any(|start| arg.starts_with(start));
        args.is_none_or(|args| args.iter().any(starts_with))
    };
    let are_several = || {
        let operands = |args: &[&str]| args.iter().filter(|arg| !is_option(arg)).count();
        args.is_none_or(|args| operands(args) > 1)
    };
    let does_more = match program {
        "sort" => args.is_none_or(|args| args.iter().any(|arg| may_write(arg))),
        // The second operand is written.
        "uniq" | "xxd" => are_several(),
        "less" | "more" => begins(&["+", "-o", "-O", "-k", "-t", "-T", "-p", "--"]),
        "bat" | "batcat" => begins(&["--pag", "--dia", "--gen"]),
        "rg" => begins(&["--pre", "--host"]),
        "yq" => begins(&["-i", "--in", "-s", "--split"]),
        "sed" => begins(&["-i", "--in", "-f", "--fi", "-s"]),
        _ => false,
    };
    is_plain && !does_more
}

/// True if an option of `sort` may name a file that it writes or a program that it runs.
fn may_write(arg: &str) -> bool {
    is_option(arg) && (arg.starts_with("--") || arg.contains(['o', 'T']))
}

fn is_option(arg: &str) -> bool {
    arg.len() > 1 && arg.starts_with('-')
}

/// The longest path that is an object, in bytes.
const MAX_PATH: usize = 512;

/// Reading a file by a program; none when the program may do more with it.
pub(in crate::policy::judge) fn read(program: &str, path: &str) -> Option<ActionScope> {
    let path = SHOW.contains(&program).then(|| object(path))??;
    Some(ActionScope::Read { path })
}

/// Writing a file by a program, or deleting it; none when the program may do something else to it.
pub(in crate::policy::judge) fn written(program: &str, path: &str) -> Option<ActionScope> {
    if DELETE.contains(&program) {
        return deleted(program, path);
    }
    let path = WRITE.contains(&program).then(|| object(path))??;
    Some(ActionScope::Write { path })
}

/// Deleting a file or a folder; none for the whole workspace.
pub(in crate::policy::judge) fn deleted(program: &str, path: &str) -> Option<ActionScope> {
    let path = DELETE.contains(&program).then(|| object(path))??;
    (path != ".").then_some(ActionScope::Delete { path })
}

fn object(path: &str) -> Option<String> {
    let fits = !path.is_empty() && path.len() <= MAX_PATH;
    fits.then(|| path.to_owned())
}

/// Reading a file by a tool.
pub(in crate::policy) fn read_by_tool(path: &str) -> Option<ActionScope> {
    object(path).map(|path| ActionScope::Read { path })
}

/// Writing a file by a tool.
pub(in crate::policy) fn written_by_tool(path: &str) -> Option<ActionScope> {
    object(path).map(|path| ActionScope::Write { path })
}
