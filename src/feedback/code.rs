//! Code style, by counting signs instead of parsing. An unclear style has no value.

/// The fewest signs of a value.
const MIN_SIGNS: usize = 2;
/// The ratio of signs from which a value is clear.
const MIN_RATIO: usize = 3;

/// Returns the style of code in a language: subjects and values.
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

/// Returns the value with clearly more signs.
fn clearer(
    (one, ones): (&'static str, usize),
    (other, others): (&'static str, usize),
) -> Option<&'static str> {
    if ones >= MIN_SIGNS && ones >= others * MIN_RATIO {
        Some(one)
    } else if others >= MIN_SIGNS && others >= ones * MIN_RATIO {
        Some(other)
    } else {
        None
    }
}

/// Counts strings in single and in double quotes; quotes inside a string do not count.
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

/// Counts statements with a semicolon, and those that could have one.
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
        (MIN_SIGNS.., all) if count * 10 >= all => Some("some"),
        _ => None,
    }
}

/// Counts Python functions with and without annotations.
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
    (annotated * MIN_SIGNS, bare * MIN_SIGNS)
}

/// Counts names defined in `snake_case` and in `camelCase`.
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
