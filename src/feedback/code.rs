//! How a piece of code looks: counted signs, no parser. What is not clear is not claimed.

/// Fewer signs than this say nothing.
const ENOUGH: usize = 2;
/// One side must have this many times the signs of the other.
const CLEARLY: usize = 3;

/// The style of a text in a language: names of subjects and their values.
pub fn style(language: &str, code: &str) -> Vec<(&'static str, &'static str)> {
    let lines: Vec<&str> = code
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let mut found = Vec::new();
    let mut add =
        |name, value: Option<&'static str>| found.extend(value.map(|value| (name, value)));
    if matches!(
        language,
        "python" | "javascript" | "typescript" | "ruby" | "php"
    ) {
        let (single, double) = quotes(code);
        add("quotes", clearer(("single", single), ("double", double)));
    }
    add("indent", indent(&lines));
    if matches!(language, "javascript" | "typescript") {
        let (with, without) = semicolons(&lines);
        add("semicolons", clearer(("yes", with), ("no", without)));
    }
    add("comments", comments(language, &lines));
    if language == "python" {
        let (annotated, bare) = types(&lines);
        add("types", clearer(("annotated", annotated), ("bare", bare)));
    }
    if matches!(
        language,
        "python" | "javascript" | "typescript" | "php" | "ruby"
    ) {
        let (snake, camel) = names(&lines);
        add(
            "names",
            clearer(("snake_case", snake), ("camel_case", camel)),
        );
    }
    found
}

/// The side that clearly has more signs.
fn clearer(
    (one, ones): (&'static str, usize),
    (other, others): (&'static str, usize),
) -> Option<&'static str> {
    if ones >= ENOUGH && ones >= others * CLEARLY {
        Some(one)
    } else if others >= ENOUGH && others >= ones * CLEARLY {
        Some(other)
    } else {
        None
    }
}

/// Strings that begin with a single and with a double quote. What stands inside one does not count.
fn quotes(code: &str) -> (usize, usize) {
    let (mut single, mut double) = (0, 0);
    for line in code.lines() {
        let mut inside: Option<char> = None;
        let mut escaped = false;
        let mut before = ' ';
        for c in line.chars() {
            match inside {
                Some(_) if escaped => escaped = false,
                Some(_) if c == '\\' => escaped = true,
                Some(quote) if c == quote => inside = None,
                // An apostrophe in a comment opens no string.
                None if c == '\'' && before.is_alphanumeric() => {}
                None if c == '\'' || c == '"' => {
                    if c == '\'' {
                        single += 1;
                    } else {
                        double += 1;
                    }
                    inside = Some(c);
                }
                Some(_) | None => {}
            }
            before = c;
        }
    }
    (single, double)
}

fn indent(lines: &[&str]) -> Option<&'static str> {
    let tabs = lines.iter().filter(|line| line.starts_with('\t')).count();
    let widths: Vec<usize> = lines
        .iter()
        .map(|line| line.len() - line.trim_start_matches(' ').len())
        .filter(|width| *width > 0)
        .collect();
    let value = clearer(("tabs", tabs), ("spaces", widths.len()))?;
    if value == "tabs" {
        return Some("tabs");
    }
    match widths.iter().min() {
        Some(2) => Some("2_spaces"),
        Some(4) => Some("4_spaces"),
        _ => None,
    }
}

/// Statements that end with a semicolon, and that could.
fn semicolons(lines: &[&str]) -> (usize, usize) {
    let mut with = 0;
    let mut without = 0;
    for line in lines {
        let line = line.trim();
        if line.ends_with(';') {
            with += 1;
        } else if line.ends_with([')', '\'', '"', ']', '`'])
            || line.ends_with(|c: char| c.is_alphanumeric())
        {
            without += 1;
        }
    }
    (with, without)
}

fn comments(language: &str, lines: &[&str]) -> Option<&'static str> {
    let mark = match language {
        "python" | "ruby" | "shell" => "#",
        _ => "//",
    };
    let is_comment = |line: &&&str| {
        let line = line.trim_start();
        line.starts_with(mark) || line.starts_with("/*") || line.starts_with("\"\"\"")
    };
    let count = lines.iter().filter(is_comment).count();
    match (count, lines.len()) {
        (0, 4..) => Some("none"),
        (ENOUGH.., all) if count * 10 >= all => Some("some"),
        _ => None,
    }
}

/// Functions of Python with and without annotations.
fn types(lines: &[&str]) -> (usize, usize) {
    let (mut annotated, mut bare) = (0, 0);
    for line in lines {
        let line = line.trim_start();
        let Some(rest) = line.strip_prefix("def ") else {
            continue;
        };
        if rest.contains("->") || rest.contains(": ") {
            annotated += 1;
        } else {
            bare += 1;
        }
    }
    // A function is a stronger sign than a quote: one is enough.
    (annotated * ENOUGH, bare * ENOUGH)
}

/// Names that are given in `snake_case` and in `camelCase`.
fn names(lines: &[&str]) -> (usize, usize) {
    let (mut snake, mut camel) = (0, 0);
    for line in lines {
        let line = line.trim_start();
        let given = ["def ", "function ", "const ", "let ", "var "]
            .iter()
            .find_map(|word| line.strip_prefix(word))
            .or_else(|| line.split_once(" = ").map(|(name, _)| name));
        let Some(given) = given else { continue };
        let name: String = given
            .trim_start_matches('$')
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        let has_lower = name.chars().any(char::is_lowercase);
        let inner_upper = name.chars().skip(1).any(char::is_uppercase);
        let inner_line = name.trim_matches('_').contains('_');
        if has_lower && inner_line && !inner_upper {
            snake += 1;
        } else if inner_upper && !inner_line && name.starts_with(char::is_lowercase) {
            camel += 1;
        }
    }
    (snake, camel)
}
