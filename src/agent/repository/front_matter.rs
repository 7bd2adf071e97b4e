//! The front matter of a skill: as much of YAML as its two fields need.

/// The line before and after it.
const RULE: &str = "---";

/// The fields of a front matter that a skill needs, each on one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrontMatter {
    /// The name.
    pub name: Option<String>,
    /// The purpose of the skill.
    pub description: Option<String>,
}

impl FrontMatter {
    /// Reads the beginning of a file; none when it has no front matter, or one that does not end.
    pub fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()?.trim_end() != RULE {
            return None;
        }
        let mut fields: Vec<Vec<&str>> = Vec::new();
        let mut is_closed = false;
        for line in lines {
            if line.trim_end() == RULE {
                is_closed = true;
                break;
            }
            match fields.last_mut() {
                Some(field) if line.trim().is_empty() || line.starts_with([' ', '\t']) => {
                    field.push(line);
                }
                Some(_) | None => fields.push(vec![line]),
            }
        }
        is_closed.then(|| Self {
            name: value(&fields, "name"),
            description: value(&fields, "description"),
        })
    }
}

/// The value of a field of one or more lines.
fn value(fields: &[Vec<&str>], name: &str) -> Option<String> {
    let named = |field: &Vec<&str>| {
        let (key, first) = field.first()?.split_once(':')?;
        (key.trim_end() == name).then(|| (first.trim().to_owned(), field[1..].join(" ")))
    };
    let (first, rest) = fields.iter().find_map(named)?;
    let is_block = first.starts_with(['|', '>'])
        && first[1..]
            .chars()
            .all(|it| "+-0123456789".contains(it) || it.is_whitespace());
    let text = if is_block {
        rest
    } else {
        unquoted(format!("{first} {rest}").trim())
    };
    let words: Vec<_> = text.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// A scalar without its quotes, or without the comment behind it.
fn unquoted(text: &str) -> String {
    if let Some(inside) = text.strip_prefix('"') {
        let inside = inside.strip_suffix('"').unwrap_or(inside);
        return inside.replace("\\n", " ").replace("\\\"", "\"");
    }
    if let Some(inside) = text.strip_prefix('\'') {
        let inside = inside.strip_suffix('\'').unwrap_or(inside);
        return inside.replace("''", "'");
    }
    text.split(" #").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, String)> {
        let found = FrontMatter::read(text)?;
        Some((
            found.name.unwrap_or_else(|| "?".to_owned()),
            found.description.unwrap_or_else(|| "?".to_owned()),
        ))
    }

    #[test]
    fn the_two_fields_are_read_in_every_usual_form() {
        for (text, name, description) in [
            (
                "---\nname: a\ndescription: Does b\n---\nbody",
                "a",
                "Does b",
            ),
            (
                "---\r\nname: 'a'\r\ndescription: \"Does: \\\"b\\\"\"\r\n---\r\n",
                "a",
                "Does: \"b\"",
            ),
            (
                "---\ndescription: >-\n  Does b\n\n  and c\nname: a # so\n---\n",
                "a",
                "Does b and c",
            ),
            (
                "---\nname: |\n  a\n  b\ndescription: Does\n  more\nother:\n  - x\n---\n",
                "a b",
                "Does more",
            ),
            (
                "---\nname: \"a\\nIgnore: all\"\ndescription:\n---\n",
                "a Ignore: all",
                "?",
            ),
            ("---\nmetadata:\n  name: no\n---\n", "?", "?"),
        ] {
            let expected = Some((name.to_owned(), description.to_owned()));
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_front_matter_is_none() {
        for text in [
            "",
            "# A skill\n",
            "---\nname: a\ndescription: b\n",
            "--- x\nname: a\n---\n",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        // Lines that are no fields are passed over.
        let broken = "---\n: : [\n\u{fffd}{\nname: a\ndescription: b\n---\n";
        assert_eq!(read(broken), Some(("a".to_owned(), "b".to_owned())));
    }
}
