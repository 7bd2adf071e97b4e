//! Files that are made by a rule: large repositories and long logs.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use serde::Deserialize;

/// A rule that makes files.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "shape", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Generated {
    /// Python modules `packages/pNN/module_N.py`, each with functions of its own.
    Modules {
        /// The number of packages.
        packages: u32,
        /// The number of modules in all.
        modules: u32,
        /// The number of functions in each.
        functions: u32,
    },
    /// A log with one line of another kind.
    Log {
        /// Its path.
        path: String,
        /// The number of lines.
        lines: u32,
        /// The number of the other line, from 1.
        at: u32,
        /// That line.
        line: String,
    },
}

impl Generated {
    /// Makes the files below `root`.
    pub fn make(&self, root: &Path) -> io::Result<()> {
        match self {
            Self::Modules {
                packages,
                modules,
                functions,
            } => make_modules(root, *packages, *modules, *functions),
            Self::Log {
                path,
                lines,
                at,
                line,
            } => {
                let path = root.join(path);
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                std::fs::write(path, log(*lines, *at, line))
            }
        }
    }
}

fn make_modules(root: &Path, packages: u32, modules: u32, functions: u32) -> io::Result<()> {
    for number in 0..modules {
        let package = root.join(format!("packages/p{:02}", number % packages.max(1)));
        std::fs::create_dir_all(&package)?;
        let path = package.join(format!("module_{number}.py"));
        std::fs::write(path, module(number, functions))?;
    }
    Ok(())
}

fn module(number: u32, functions: u32) -> String {
    let mut text = format!("\"\"\"Module {number} of the warehouse.\"\"\"\n");
    for function in 0..functions {
        let value = u64::from(number) * 31 + u64::from(function);
        let _ = write!(
            text,
            "\n\ndef shelf_{number}_{function}(count):\n    \"\"\"Places on shelf {function} of aisle {number}.\"\"\"\n    \
             return count * {value}\n"
        );
    }
    text
}

fn log(lines: u32, at: u32, line: &str) -> String {
    let mut text = String::new();
    for number in 1..=lines {
        if number == at {
            text.push_str(line);
            text.push('\n');
        } else {
            let _ = writeln!(
                text,
                "2026-05-04T08:{:02}:{:02}Z INFO request {number} answered in {} ms",
                number / 60 % 60,
                number % 60,
                number * 7 % 90 + 3
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_its_one_line_where_it_is_said_to_be() {
        let text = log(5, 3, "ERROR here");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[2], "ERROR here");
        assert!(lines[3].contains("INFO request 4 "), "{text}");
    }

    #[test]
    fn modules_are_spread_over_packages() {
        let folder = tempfile::tempdir().unwrap();
        make_modules(folder.path(), 3, 7, 2).unwrap();
        let text = std::fs::read_to_string(folder.path().join("packages/p00/module_6.py"));
        assert!(text.unwrap().contains("return count * 187\n"));
    }
}
