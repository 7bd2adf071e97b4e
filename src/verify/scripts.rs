//! The scripts of a `package.json`.

use std::collections::BTreeSet;

use serde_json::Value;

/// The text that a script runs: its own, what runs before and after it, and the scripts that one of
/// these may mean by a name. A word that is only called like a script counts as well.
pub(super) fn script(manifest: &Value, name: &str) -> Option<String> {
    let scripts = manifest["scripts"].as_object()?;
    scripts.get(name)?.as_str()?;
    let (mut text, mut seen) = (String::new(), BTreeSet::new());
    let mut waiting = vec![name.to_owned()];
    while let Some(name) = waiting.pop() {
        for name in [format!("pre{name}"), name.clone(), format!("post{name}")] {
            let script = scripts.get(&name).and_then(Value::as_str);
            let Some(script) = script.filter(|_| seen.insert(name)) else {
                continue;
            };
            text.push_str(script);
            text.push('\n');
            let words = script.split(|c: char| !(c.is_alphanumeric() || "-_.:".contains(c)));
            for word in words.filter(|word| !word.is_empty()) {
                // `lint:*` means all that begin so.
                let means = |known: &&String| {
                    *known == word || (word.ends_with(':') && known.starts_with(word))
                };
                waiting.extend(scripts.keys().filter(means).cloned());
            }
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_script_is_all_that_it_runs() {
        let manifest = json!({ "scripts": {
            "pretest": "echo before",
            "test": "npm run unit && run-p \"lint:*\"",
            "posttest": "echo after",
            "unit": "node --test",
            "lint:js": "eslint .",
            "lint:css": "stylelint .",
            "deploy": "git push",
            "turning": "npm run turning",
        } });
        let mut lines: Vec<_> = script(&manifest, "test")
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        lines.sort();
        assert_eq!(
            lines,
            [
                "echo after",
                "echo before",
                "eslint .",
                "node --test",
                "npm run unit && run-p \"lint:*\"",
                "stylelint .",
            ]
        );
        assert_eq!(script(&manifest, "turning").unwrap(), "npm run turning\n");
        assert_eq!(script(&manifest, "absent"), None);
    }
}
