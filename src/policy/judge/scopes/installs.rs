//! Packages that are installed.

use std::collections::BTreeSet;

use crate::policy::judge::call::Call;
use crate::policy::judge::scopes::options::Grammar;
use crate::policy::scope::ActionScope;

/// Package managers, and their subcommands that install what they are given.
const MANAGERS: &[(&str, &[&str])] = &[
    ("npm", &["install", "i", "add"]),
    ("pnpm", &["add", "install", "i"]),
    ("yarn", &["add"]),
    ("bun", &["add", "install", "i"]),
    ("pip", &["install"]),
    ("pip3", &["install"]),
    ("pipx", &["install"]),
    ("uv", &["add"]),
    ("poetry", &["add"]),
    ("pdm", &["add"]),
    ("cargo", &["add", "install"]),
    ("go", &["get", "install"]),
    ("composer", &["require"]),
    ("apt", &["install"]),
    ("apt-get", &["install"]),
    ("aptitude", &["install"]),
    ("dnf", &["install"]),
    ("yum", &["install"]),
    ("zypper", &["install"]),
    ("apk", &["add"]),
    ("brew", &["install"]),
    ("snap", &["install"]),
    ("conda", &["install"]),
    ("mamba", &["install"]),
];

const INSTALL: Grammar = Grammar {
    free: &[
        "-y",
        "--yes",
        "--assume-yes",
        "-q",
        "--quiet",
        "--no-audit",
        "--no-fund",
        "--no-progress",
    ],
    telling: &[
        "-g",
        "--global",
        "-D",
        "--dev",
        "--save-dev",
        "-E",
        "--save-exact",
        "--user",
        "-U",
        "--upgrade",
        "--no-install-recommends",
        "--cask",
        "--locked",
    ],
    valued: &[],
};

/// The most packages of one installation that are an object.
const MAX_PACKAGES: usize = 8;
/// The longest name of a package that is an object, in bytes.
const MAX_NAME: usize = 128;

/// The packages that a call installs from the registry of its package manager.
pub(super) fn install(call: &Call, folder: &str) -> Option<ActionScope> {
    let manager = call.program.as_str();
    let (_, subcommands) = MANAGERS.iter().find(|(name, _)| *name == manager)?;
    let (subcommand, args) = call.args.split_first()?;
    let is_install = subcommand.is_static() && subcommands.contains(&subcommand.text.as_str());
    if !is_install || args.iter().any(|arg| arg.glob) {
        return None;
    }
    let given = INSTALL.read(args)?;
    let packages: BTreeSet<String> = given.operands.iter().map(|one| (*one).to_owned()).collect();
    let fits = (1..=MAX_PACKAGES).contains(&packages.len());
    if !fits || !packages.iter().all(|name| is_package(name)) {
        return None;
    }
    Some(ActionScope::Install {
        manager: manager.to_owned(),
        subcommand: subcommand.text.clone(),
        packages,
        folder: folder.to_owned(),
        options: given.telling,
    })
}

/// True if a text is the name of a package, with a version maybe, and no place to take it from.
fn is_package(name: &str) -> bool {
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'@' | b'/'
                    | b'.'
                    | b'_'
                    | b'-'
                    | b'+'
                    | b'~'
                    | b'^'
                    | b'='
                    | b'<'
                    | b'>'
                    | b'!'
                    | b','
                    | b'['
                    | b']'
            )
    };
    name.len() <= MAX_NAME && !name.starts_with(['.', '/', '~']) && name.bytes().all(plain)
}
