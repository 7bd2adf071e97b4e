//! Fingerprints of errors: type, message without variable parts, and top stack frames. Pure.
//!
//! The parts are stored and shown, to explain why two errors are or are not in one group.

use regex::Regex;
use sha2::{Digest, Sha256};

use crate::platform::hex::hex;
use crate::platform::text::first_chars;
use crate::telemetry::messages::general::VariableParts;

/// Version of the rules below. It changes with them, so that groups of different rules are not mixed.
pub const RULES_VERSION: u32 = 2;
/// The longest prefix of a message that is used, in characters.
const MAX_MESSAGE_CHARS: usize = 300;
/// Frames from the top that are used; deeper ones only say how the program got there.
const TOP_FRAMES: usize = 4;
/// The most lines of a stack that are parsed.
const MAX_LINES: usize = 100;
/// The longest frame, in characters.
const MAX_FRAME_CHARS: usize = 160;
/// Bytes of the hash; sixteen exclude collisions within an organisation.
const HASH_BYTES: usize = 16;

/// A stack frame of V8, Java and .NET, of Firefox and Safari, of Python, or of Rust. A V8 frame may lack the
/// function.
const FRAME: &str = r#"(?x)
    ^\s*at\s+(?:async\s+)?(?P<v8_fn>[^()]+?)\s*\((?P<v8_file>[^()]*?)(?::\d+)*\)\s*$
  | ^\s*at\s+(?:async\s+)?(?P<bare_file>[^()\s]+?)(?::\d+)+\s*$
  | ^\s*File\s+"(?P<py_file>[^"]+)",\s+line\s+\d+,\s+in\s+(?P<py_fn>.+?)\s*$
  | ^(?P<ff_fn>[^@\s]*)@(?P<ff_file>\S+?)(?::\d+)+\s*$
  | ^\s*\d+:\s+(?:0x[0-9a-f]+\s+-\s+)?(?P<rs_fn>[\w<>\[\]:{}\#&*,\ $.]+?)\s*$
"#;

/// Hashes in names of functions and files, which differ between builds.
const BUILD_HASH: &str = r"::h[0-9a-f]{16}$|(?P<before>[.-])[0-9a-f]{6,}(?P<after>[.-]|$)";

/// Parts of paths of code that is not the program's own.
const FOREIGN_PATHS: &[&str] = &[
    "node_modules",
    "node:",
    "internal/",
    "site-packages",
    "<frozen",
    "/rustc/",
    "/.cargo/",
];
/// Prefixes of functions that are not the program's own.
const FOREIGN_FUNCTIONS: &[&str] = &[
    "std::",
    "core::",
    "alloc::",
    "tokio::",
    "rust_begin_unwind",
    "java.",
    "sun.",
];

/// The fingerprint of an error group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorFingerprint {
    /// Error type.
    pub error_type: String,
    /// Message, with placeholders such as `<n>` and `<path>` for variable parts.
    pub message: String,
    /// Functions and files of the top frames, innermost first.
    pub frames: Vec<String>,
}

impl ErrorFingerprint {
    /// Returns the hash that identifies the group: a truncated SHA-256 of the rules' version and the parts, in
    /// hexadecimal.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(RULES_VERSION.to_be_bytes());
        let parts = [&self.error_type, &self.message];
        for part in parts.into_iter().chain(&self.frames) {
            // Prefixed with its length, so that no part can pass for two.
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        hex(&hash.finalize()[..HASH_BYTES])
    }
}

/// The compiled rules.
#[derive(Clone, Debug)]
pub struct Fingerprinter {
    variable_parts: VariableParts,
    frame: Regex,
    build_hash: Regex,
}

impl Fingerprinter {
    /// Compiles the rules, which takes longer than applying them.
    pub fn new() -> Result<Self, regex::Error> {
        Ok(Self {
            variable_parts: VariableParts::new()?,
            frame: Regex::new(FRAME)?,
            build_hash: Regex::new(BUILD_HASH)?,
        })
    }

    /// Computes the fingerprint of an error.
    pub fn of(&self, error_type: &str, message: &str, stack: Option<&str>) -> ErrorFingerprint {
        ErrorFingerprint {
            error_type: error_type.to_owned(),
            message: self.message(message),
            frames: stack.map(|stack| self.frames(stack)).unwrap_or_default(),
        }
    }

    /// Returns the first line of a message that is not empty, with placeholders for variable parts.
    fn message(&self, message: &str) -> String {
        let line = message.lines().map(str::trim).find(|line| !line.is_empty());
        let line = line.unwrap_or_default();
        let line = first_chars(line, MAX_MESSAGE_CHARS * 2);
        let general = self.variable_parts.general(line);
        first_chars(&general, MAX_MESSAGE_CHARS).to_owned()
    }

    /// Returns the top frames of the program's own code, or of any code if there are none.
    fn frames(&self, stack: &str) -> Vec<String> {
        let mut is_python = false;
        let mut all = Vec::new();
        for line in stack.lines().take(MAX_LINES) {
            let Some(found) = self.frame.captures(line) else {
                continue;
            };
            let part = |names: &[&str]| {
                let found = names.iter().find_map(|name| found.name(name));
                found.map_or("", |part| part.as_str().trim())
            };
            is_python |= found.name("py_file").is_some();
            let function = part(&["v8_fn", "py_fn", "ff_fn", "rs_fn"]);
            let file = part(&["v8_file", "bare_file", "py_file", "ff_file"]);
            let is_own = !FOREIGN_PATHS.iter().any(|foreign| file.contains(foreign))
                && !FOREIGN_FUNCTIONS
                    .iter()
                    .any(|foreign| function.starts_with(foreign));
            all.push((is_own, self.frame_text(function, file)));
        }
        if is_python {
            // Python lists the innermost frame last.
            all.reverse();
        }
        let any_own = all.iter().any(|(is_own, _)| *is_own);
        let counting = all.into_iter().filter(|(is_own, _)| *is_own || !any_own);
        counting.map(|(_, frame)| frame).take(TOP_FRAMES).collect()
    }

    /// Formats a frame without lines, folders and hashes, which differ between builds and machines.
    fn frame_text(&self, function: &str, file: &str) -> String {
        let file = file.split(['?', '#']).next().unwrap_or_default();
        let file = file.rsplit(['/', '\\']).next().unwrap_or_default();
        let function = function.split(" [as ").next().unwrap_or_default();
        let named = match (function, file) {
            ("" | "<anonymous>" | "Object.<anonymous>", "") => "<anonymous>".to_owned(),
            ("" | "<anonymous>" | "Object.<anonymous>", file) => file.to_owned(),
            (function, "") => function.to_owned(),
            (function, file) => format!("{function} ({file})"),
        };
        let stable = self.build_hash.replace_all(&named, "$before<hash>$after");
        first_chars(&stable, MAX_FRAME_CHARS).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        Fingerprinter::new().unwrap().message(text)
    }

    fn frames(stack: &str) -> Vec<String> {
        Fingerprinter::new().unwrap().frames(stack)
    }

    #[test]
    fn what_varies_in_a_message_does_not_count() {
        for (said, means) in [
            ("timeout after 3000ms", "timeout after <n>ms"),
            ("user 17 of 250 failed", "user <n> of <n> failed"),
            (
                "GET https://a.example/x?y=1 answered 502",
                "GET <url> answered <n>",
            ),
            ("no file /home/ada/src/main.rs here", "no file <path> here"),
            (r"no file C:\Users\ada\x.txt", "no file <path>"),
            (
                "run 018f3b9a-7c1d-7e2f-8a4b-5c6d7e8f9a0b is gone",
                "run <uuid> is gone",
            ),
            (
                "connect ECONNREFUSED 127.0.0.1:5432",
                "connect ECONNREFUSED <ip>",
            ),
            ("at 2026-11-25T10:00:00.123Z it broke", "at <time> it broke"),
            (
                "object 0x7ffe12 and deadbeef01 leak",
                "object <hex> and <hex> leak",
            ),
            ("mail to ada@example.org bounced", "mail to <email> bounced"),
            ("a facade defacedd", "a facade defacedd"),
            ("\n\n  first line \nsecond 2", "first line"),
            ("", ""),
        ] {
            assert_eq!(message(said), means, "{said}");
        }
    }

    #[test]
    fn frames_of_every_language_are_read_and_the_innermost_comes_first() {
        let javascript = "TypeError: x is undefined\n    at render (webpack:///./src/Panel.tsx?a1b2:10:5)\n    at Object.run [as go] (/app/main.8f3a1b2c.js:1:2)\n    at async /app/start.js:7:1\n    at node:internal/process/task_queues:95:5";
        assert_eq!(
            frames(javascript),
            [
                "render (Panel.tsx)",
                "Object.run (main.<hash>.js)",
                "start.js"
            ]
        );
        let firefox = "render@https://x.example/assets/app.0a1b2c3d.js:1:200\n@https://x.example/start.js:5:1";
        assert_eq!(frames(firefox), ["render (app.<hash>.js)", "start.js"]);
        let python = "Traceback (most recent call last):\n  File \"/srv/app/main.py\", line 3, in <module>\n    go()\n  File \"/srv/app/work.py\", line 9, in go\n    raise ValueError\nValueError: 3";
        assert_eq!(frames(python), ["go (work.py)", "<module> (main.py)"]);
        let java = "java.lang.IllegalStateException: no\n\tat org.acme.Job.run(Job.java:12)\n\tat java.base/java.lang.Thread.run(Thread.java:840)";
        assert_eq!(frames(java)[0], "org.acme.Job.run (Job.java)");
        let rust = "   0: core::panicking::panic_fmt\n   1: navi::agent::execution::run_loop::h0123456789abcdef\n             at ./src/agent/run.rs:10:5";
        assert_eq!(frames(rust)[0], "navi::agent::execution::run_loop<hash>");
    }

    #[test]
    fn the_same_error_on_another_machine_at_another_line_has_the_same_hash() {
        let fingerprinter = Fingerprinter::new().unwrap();
        let one = fingerprinter.of(
            "TypeError",
            "item 7 is gone",
            Some("    at f (/home/ada/a.ts:1:2)"),
        );
        let other = fingerprinter.of(
            "TypeError",
            "item 9 is gone",
            Some("    at f (/srv/a.ts:30:4)"),
        );
        assert_eq!(one, other);
        assert_eq!(one.hash(), other.hash());
        assert_eq!(one.hash().len(), 32);
        let another = fingerprinter.of(
            "TypeError",
            "item 7 is gone",
            Some("    at g (/srv/a.ts:30:4)"),
        );
        assert_ne!(one.hash(), another.hash());
    }

    #[test]
    fn parts_cannot_pretend_to_be_others() {
        let print = |error_type: &str, message: &str| ErrorFingerprint {
            error_type: error_type.to_owned(),
            message: message.to_owned(),
            frames: vec![],
        };
        assert_ne!(print("ab", "c").hash(), print("a", "bc").hash());
    }
}
