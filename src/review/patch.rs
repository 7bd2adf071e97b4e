//! The difference of one file: git's patch, or one that is made for a file that git does not know. Secrets
//! are taken out as it is read.

use std::fmt::Write as _;

use crate::platform::redact::text::{redact_lines, redact_text};

/// The kind of a line of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Says which file, or which lines follow.
    Head,
    /// Is in both versions.
    Same,
    /// Is new.
    Added,
    /// Is gone.
    Removed,
    /// Says something about the line before.
    Note,
}

impl Kind {
    /// The sign at the line's beginning.
    fn sign(self) -> &'static str {
        match self {
            Self::Head => "",
            Self::Same => " ",
            Self::Added => "+",
            Self::Removed => "-",
            Self::Note => "\\",
        }
    }
}

/// A line of a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    kind: Kind,
    /// Its number in the new file.
    number: Option<u32>,
    text: String,
}

/// The difference of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    lines: Vec<Line>,
    is_binary: bool,
}

/// The position while a patch is read.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    old_left: u32,
    new_left: u32,
    next: u32,
}

impl Patch {
    /// Reads a patch as git writes it. One that was cut ends with its last whole line.
    pub fn read(text: &str, is_whole: bool) -> Self {
        let end = if is_whole {
            text.len()
        } else {
            text.rfind('\n').map_or(0, |end| end + 1)
        };
        let mut patch = Self::default();
        let mut place = Place::default();
        for line in text[..end].split_terminator('\n') {
            let line = place.line(line);
            patch.is_binary |= line.kind == Kind::Head && line.text.starts_with("Binary files ");
            patch.lines.push(line);
        }
        patch.redacted()
    }

    /// The patch of a file that is new, with the text that it has.
    pub fn of_new_file(path: &str, text: &str) -> Self {
        let path = quoted(&format!("b/{path}"));
        let count = text.split_terminator('\n').count();
        let heads = [
            "new file, not known to git".to_owned(),
            "--- /dev/null".to_owned(),
            format!("+++ {path}"),
            format!("@@ -0,0 +1,{count} @@"),
        ];
        let head = |text: String| Line {
            kind: Kind::Head,
            number: None,
            text,
        };
        let mut lines: Vec<_> = heads.into_iter().map(head).collect();
        for (text, number) in text.split_terminator('\n').zip(1..) {
            lines.push(Line {
                kind: Kind::Added,
                number: Some(number),
                text: text.to_owned(),
            });
        }
        let is_binary = false;
        Self { lines, is_binary }.redacted()
    }

    /// True when git takes the file for binary.
    pub fn is_binary(&self) -> bool {
        self.is_binary
    }

    /// The numbers of new and of removed lines.
    pub fn counts(&self) -> (usize, usize) {
        let count = |kind| self.lines.iter().filter(|line| line.kind == kind).count();
        (count(Kind::Added), count(Kind::Removed))
    }

    /// True when the patch shows this line of the new file.
    pub fn shows(&self, number: u32) -> bool {
        self.lines.iter().any(|line| line.number == Some(number))
    }

    /// The patch as people and programs read it.
    pub fn unified(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(line.kind.sign());
            text.push_str(&line.text);
            text.push('\n');
        }
        text
    }

    /// The patch with the number of every line of the new file, as the model reads it.
    pub fn numbered(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            if line.kind != Kind::Head {
                let number = line.number.map(|number| number.to_string());
                let _ = write!(text, "{:>6} ", number.unwrap_or_default());
            }
            let _ = writeln!(text, "{}{}", line.kind.sign(), line.text);
        }
        text
    }

    /// Takes the secrets out. The sign before each line would hide a secret that spans several, so the lines
    /// are searched without it.
    fn redacted(mut self) -> Self {
        for part in self.lines.chunk_by_mut(|a, b| is_body(a) == is_body(b)) {
            if !part.first().is_some_and(is_body) {
                for line in part {
                    line.text = redact_text(&line.text).into_owned();
                }
                continue;
            }
            let texts: Vec<_> = part.iter().map(|line| line.text.as_str()).collect();
            let text = texts.join("\n");
            let clean = redact_lines(&text);
            for (line, clean) in part.iter_mut().zip(clean.split('\n')) {
                clean.clone_into(&mut line.text);
            }
        }
        self
    }
}

impl Place {
    fn line(&mut self, text: &str) -> Line {
        let sign = text.chars().next();
        let (kind, number) = match sign {
            Some('\\') if self.next > 0 => (Kind::Note, None),
            Some('+') if self.new_left > 0 => (Kind::Added, Some(self.take_new())),
            Some('-') if self.old_left > 0 => {
                self.old_left -= 1;
                (Kind::Removed, None)
            }
            // Some programs leave out the space of an empty line.
            Some(' ') | None if self.old_left > 0 && self.new_left > 0 => {
                self.old_left -= 1;
                (Kind::Same, Some(self.take_new()))
            }
            _ => {
                *self = Self::after(text);
                (Kind::Head, None)
            }
        };
        let sign = kind.sign().len();
        Line {
            kind,
            number,
            text: text.get(sign..).unwrap_or_default().to_owned(),
        }
    }

    /// The number of the next line of the new file.
    fn take_new(&mut self) -> u32 {
        self.new_left -= 1;
        self.next += 1;
        self.next - 1
    }

    /// The position after a line outside of all hunks, which may announce one.
    fn after(text: &str) -> Self {
        let ranges = text.strip_prefix("@@ -").and_then(|rest| {
            let (ranges, _) = rest.split_once(" @@")?;
            let (old, new) = ranges.split_once(" +")?;
            Some((range(old)?, range(new)?))
        });
        ranges.map_or_else(Self::default, |((_, old_left), (next, new_left))| Self {
            old_left,
            new_left,
            next,
        })
    }
}

/// `start,count`, or `start` alone for one line.
fn range(text: &str) -> Option<(u32, u32)> {
    let (start, count) = text.split_once(',').unwrap_or((text, "1"));
    Some((start.parse().ok()?, count.parse().ok()?))
}

fn is_body(line: &Line) -> bool {
    match line.kind {
        Kind::Same | Kind::Added | Kind::Removed => true,
        Kind::Head | Kind::Note => false,
    }
}

/// A path on one line: in quotes when it would not be otherwise.
pub fn quoted(path: &str) -> String {
    let is_plain = |character: char| !character.is_control() && !matches!(character, '"' | '\\');
    if path.chars().all(is_plain) {
        return path.to_owned();
    }
    serde_json::Value::from(path).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "diff --git a/a.rs b/a.rs\n\
        index 1..2 100644\n--- a/a.rs\n+++ b/a.rs\n\
        @@ -1,3 +1,4 @@ fn a()\n one\n-two\n+zwei\n+drei\n three\n\
        @@ -10 +11,2 @@\n-- item\n++++ b/x\n+@@ -1 +1 @@\n\\ No newline at end of file\n";

    #[test]
    fn lines_are_numbered_as_in_the_new_file() {
        let patch = Patch::read(PATCH, true);
        assert_eq!(patch.unified(), PATCH);
        assert_eq!(patch.counts(), (4, 2));
        insta::assert_snapshot!(patch.numbered(), @r"
        diff --git a/a.rs b/a.rs
        index 1..2 100644
        --- a/a.rs
        +++ b/a.rs
        @@ -1,3 +1,4 @@ fn a()
             1  one
               -two
             2 +zwei
             3 +drei
             4  three
        @@ -10 +11,2 @@
               -- item
            11 ++++ b/x
            12 +@@ -1 +1 @@
               \ No newline at end of file
        ");
        let shown: Vec<_> = (0..14).filter(|number| patch.shows(*number)).collect();
        assert_eq!(shown, [1, 2, 3, 4, 11, 12]);
    }

    #[test]
    fn a_patch_that_was_cut_ends_with_a_whole_line() {
        let patch = Patch::read(&PATCH[..PATCH.find("drei").unwrap() + 2], false);
        assert_eq!(patch.counts(), (1, 1));
        assert!(patch.unified().ends_with("+zwei\n"));
    }

    #[test]
    fn binary_files_and_renames_have_no_lines() {
        let patch = Patch::read(
            "diff --git a/a b/b\nBinary files a/a and b/b differ\n",
            true,
        );
        assert!(patch.is_binary());
        let patch = Patch::read("similarity index 100%\nrename from a\nrename to b\n", true);
        assert_eq!((patch.is_binary(), patch.counts()), (false, (0, 0)));
        assert!(!Patch::read("", true).is_binary());
    }

    #[test]
    fn secrets_over_several_lines_are_gone_and_the_numbers_stay() {
        let key = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC";
        let begin = ["-----BEGIN ", "PRIVATE KEY-----"].concat();
        let end = ["-----END ", "PRIVATE KEY-----"].concat();
        for sign in ["+", "-"] {
            let body: Vec<_> = [begin.as_str(), key, key, end.as_str()]
                .iter()
                .map(|line| format!("{sign}{line}"))
                .collect();
            let (old, new) = if sign == "+" { (1, 5) } else { (5, 1) };
            let text = format!("@@ -1,{old} +1,{new} @@\n{}\n last\n", body.join("\n"));
            let patch = Patch::read(&text, true);
            let shown = patch.numbered();
            assert!(!shown.contains("MIIE"), "{shown}");
            assert!(shown.contains("[redacted:private-key]"), "{shown}");
            assert!(shown.ends_with(&format!("{new:>6}  last\n")), "{shown}");
        }
        let patch = Patch::of_new_file("a", "PASSWORD=hunter2x\nlast");
        assert!(!patch.unified().contains("hunter2x"));
    }

    #[test]
    fn a_new_file_is_a_patch_of_its_own() {
        insta::assert_snapshot!(Patch::of_new_file("a\nb", "one\n\ntwo").unified(), @r#"
        new file, not known to git
        --- /dev/null
        +++ "b/a\nb"
        @@ -0,0 +1,3 @@
        +one
        +
        +two
        "#);
        assert_eq!(Patch::of_new_file("a", "").counts(), (0, 0));
    }
}
