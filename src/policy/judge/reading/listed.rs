//! The files whose names one program tells the next.

use crate::policy::judge::call::{Call, Field};
use crate::policy::reach::below::FileFilter;

/// The files whose names a program tells the next one.
#[derive(Clone, Debug, Default)]
pub struct ListedFiles {
    /// The folders that it looks into; none when that is not known.
    pub folders: Vec<Field>,
    /// The filter on the files that it lists.
    pub reading: FileFilter,
}

impl ListedFiles {
    /// The files that `find` and its like list with these words.
    pub(in crate::policy::judge) fn by(words: &[Field]) -> Option<Self> {
        let (program, args) = words.split_first()?;
        let is_path =
            |arg: &&Field| !arg.is_option() && !["(", "!", ")"].contains(&arg.text.as_str());
        let call = Call {
            program: program.text.clone(),
            args: args.to_vec(),
            ..Call::default()
        };
        let (mut folders, names, skips_hidden): (Vec<Field>, _, _) = match program.text.as_str() {
            "find" => {
                let starts = args
                    .iter()
                    .skip_while(|arg| ["-L", "-H", "-P"].contains(&arg.text.as_str()));
                let names = if call.has(&["-o", "-or", "!", "-not"]) {
                    Vec::new()
                } else {
                    values(&call, &["-name"])
                };
                (starts.take_while(is_path).cloned().collect(), names, false)
            }
            "ls" => (
                args.iter().filter(is_path).cloned().collect(),
                Vec::new(),
                !call.has(&["-a", "-A"]),
            ),
            _ => return None,
        };
        if folders.is_empty() {
            folders.push(Field::of("."));
        }
        Some(Self {
            folders,
            reading: FileFilter {
                names,
                skips_hidden,
            },
        })
    }
}

/// All values of options.
pub(super) fn values(call: &Call, options: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (at, arg) in call.args.iter().enumerate() {
        for option in options {
            if arg.text == *option {
                found.extend(call.args.get(at + 1).map(|next| next.text.clone()));
            } else if let Some(rest) = arg.text.strip_prefix(option)
                && let Some(value) = rest.strip_prefix('=')
            {
                found.push(value.to_owned());
            }
        }
    }
    found
}
