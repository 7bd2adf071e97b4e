//! The settings of a repository that a command made, without those that run programs.

/// Settings that name no program and no place outside of the repository, by their section.
const HARMLESS: &[(&str, &[&str])] = &[
    (
        "core",
        &[
            "autocrlf",
            "bare",
            "eol",
            "filemode",
            "ignorecase",
            "logallrefupdates",
            "precomposeunicode",
            "quotepath",
            "repositoryformatversion",
            "safecrlf",
            "sharedrepository",
            "sparsecheckout",
            "sparsecheckoutcone",
            "symlinks",
        ],
    ),
    ("branch", &["description", "merge", "rebase", "remote"]),
    (
        "extensions",
        &[
            "compatobjectformat",
            "objectformat",
            "partialclone",
            "refstorage",
        ],
    ),
    ("init", &["defaultbranch"]),
    ("pull", &["ff", "rebase"]),
    ("push", &["autosetupremote", "default"]),
    (
        "remote",
        &["fetch", "promisor", "partialclonefilter", "tagopt", "url"],
    ),
    ("submodule", &["active", "branch", "url"]),
    ("user", &["email", "name"]),
];

/// The settings that remain, and the names of those that do not. Only lines of the plainest form remain,
/// so that git reads them as they are read here.
pub(super) fn harmless(text: &str) -> (String, Vec<String>) {
    let mut kept = String::new();
    let mut removed = Vec::new();
    let mut section: Option<(&str, &[&str])> = None;
    let mut continued = false;
    for line in text.lines() {
        let plain = line.trim();
        let is_rest = std::mem::replace(&mut continued, plain.ends_with('\\'));
        if plain.is_empty() || plain.starts_with(['#', ';']) {
            continue;
        }
        if plain.starts_with('[') && !is_rest {
            section = section_of(plain);
            if section.is_none() {
                removed.push(plain.to_owned());
                continue;
            }
        } else {
            let name = plain
                .split(['=', ' ', '\t'])
                .next()
                .unwrap_or(plain)
                .to_ascii_lowercase();
            let is_kept = !is_rest
                && !continued
                && section.is_some_and(|(_, names)| names.contains(&name.as_str()))
                && names_no_program(plain);
            if !is_kept {
                let of = section.map_or("", |(section, _)| section);
                removed.push(format!("{of}.{name}").trim_start_matches('.').to_owned());
                continue;
            }
        }
        kept.push_str(line);
        kept.push('\n');
    }
    (kept, removed)
}

/// The harmless settings of the section that a line begins, if it does nothing else.
fn section_of(line: &str) -> Option<(&'static str, &'static [&'static str])> {
    let inside = line.strip_prefix('[')?.strip_suffix(']')?;
    let (name, rest) = inside.split_once(' ').unwrap_or((inside, ""));
    let sub = rest.trim();
    let is_quoted = sub.is_empty() || (sub.len() > 1 && sub.starts_with('"') && sub.ends_with('"'));
    let is_plain = !sub.trim_matches('"').contains(['"', '\\', ']']);
    let section = HARMLESS
        .iter()
        .find(|(it, _)| name.eq_ignore_ascii_case(it))?;
    (is_quoted && is_plain).then_some(*section)
}

/// True if a value is no address of the kind that runs a program (`ext::sh -c …`).
fn names_no_program(line: &str) -> bool {
    !line.contains("::") && !line.contains('\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_makes_itself_stays() {
        let made = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\
                    [remote \"origin\"]\n\turl = https://example.com/x.git\n\
                    \tfetch = +refs/heads/*:refs/remotes/origin/*\n\
                    [branch \"main\"]\n\tremote = origin\n\tmerge = refs/heads/main\n";
        assert_eq!(harmless(made), (made.to_owned(), Vec::new()));
    }

    #[test]
    fn what_runs_programs_goes() {
        for evil in [
            "[core]\n\thooksPath = evil\n",
            "[core]\n\tfsmonitor = ./evil\n",
            "[core] pager = evil\n",
            "[CORE]\n\tsshCommand=evil\n",
            "[include]\n\tpath = evil\n",
            "[includeIf \"gitdir:/\"]\n\tpath = evil\n",
            "[filter \"x\"]\n\tclean = evil\n",
            "[alias]\n\tst = !evil\n",
            "[core]\n\tbare = \\\nevil\n",
            "[remote \"x\"]\n\turl = ext::sh -c evil\n",
            "[remote \"x\"]\n\tuploadpack = evil\n",
            "[remote \"a]\\\"\"]\n\turl = evil\n",
            "[extensions]\n\tworktreeConfig = evil\n",
            "[diff.x]\n\tcommand = evil\n",
        ] {
            let (kept, removed) = harmless(evil);
            assert!(!kept.contains("evil"), "{evil} {kept}");
            assert!(!removed.is_empty(), "{evil}");
        }
    }
}
