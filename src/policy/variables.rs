//! Variables that make other programs run or load something.

use crate::policy::rules::Rules;

/// True if setting this variable makes other programs run something.
pub(super) fn is_dangerous(rules: &Rules, name: &str, value: &str) -> bool {
    // Adding folders of the project to the path is everyday work.
    if name == "PATH" {
        let added = value.split(':').all(|part| {
            (is_within(part)
                && (part.contains("node_modules/.bin") || part.contains("venv/bin")))
                // The present value of the path, as the walker shows it; a folder whose name merely has
                // these letters in it is another one.
                || ["$PATH", "${PATH}"].contains(&part)
                || [
                    "/usr/local/bin",
                    "/usr/bin",
                    "/bin",
                    "/usr/sbin",
                    "/sbin",
                    "~/.cargo/bin",
                    "~/.local/bin",
                ]
                .contains(&part)
        });
        return !added;
    }
    let harmless = match name {
        "PAGER" | "GIT_PAGER" | "MANPAGER" => ["cat", "less", ""].contains(&value),
        "EDITOR" | "VISUAL" | "GIT_EDITOR" | "GIT_SEQUENCE_EDITOR" => {
            ["true", ":", "vim", "vi", "nano", "cat"].contains(&value)
        }
        _ => false,
    };
    let listed = |known: &String| match known.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => known == name,
    };
    !harmless && rules.lists.dangerous_variables.iter().any(listed)
}

/// True if a folder is named from where the command runs, without leaving it.
fn is_within(part: &str) -> bool {
    !part.starts_with(['/', '~']) && !part.split('/').any(|step| step == "..")
}
