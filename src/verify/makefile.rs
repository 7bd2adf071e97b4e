//! The commands of a Makefile's targets.

use std::sync::LazyLock;

use regex::Regex;

/// The commands of a target, a line each, as the shell would be given them. A variable of make stands
/// for a word.
pub(super) fn recipe(makefile: &str, target: &str) -> String {
    let is_head = |line: &&str| {
        let rest = line.strip_prefix(target).map(str::trim_start);
        rest.is_some_and(|rest| rest.starts_with(':') && !rest.starts_with(":="))
    };
    let mut lines = makefile.lines().skip_while(|line| !is_head(line)).skip(1);
    let mut commands = String::new();
    while let Some(line) = lines.next().filter(|line| line.starts_with('\t')) {
        let line = line.trim_start_matches(['\t', '@', '-', '+', ' ']);
        commands.push_str(
            &VARIABLE
                .replace_all(line, "make-variable")
                .replace("$$", "$"),
        );
        commands.push('\n');
    }
    commands
}

/// `$(NAME)`, `${NAME}` and the one-letter `$@` of make, and not `$$`, which is the shell's `$`.
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
    #[expect(clippy::unwrap_used, reason = "a constant, which a test compiles")]
    Regex::new(r"\$(?:\([A-Za-z_][\w.-]*\)|\{[A-Za-z_][\w.-]*\}|[@<^?*+%])").unwrap()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_is_what_the_shell_is_given() {
        let makefile =
            "all: test\ntest: deps\n\t@$(GO) test ./...\n\t-echo $$HOME $@\n\nother:\n\trm x\n";
        assert_eq!(
            recipe(makefile, "test"),
            "make-variable test ./...\necho $HOME make-variable\n"
        );
    }
}
