//! A run in the terminal: its frames as they arrive, in words.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use crate::platform::text::{visible, visible_prose, within_chars};

/// The most lines of one block of command output that are shown; the log has them all.
const MAX_OUTPUT_LINES: usize = 40;
/// The most characters of a line.
const MAX_LINE_CHARS: usize = 160;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const TOOL: Style = AnsiColor::Cyan.on_default();

/// Shows frames on a stream, usually standard output.
pub struct Show<W> {
    out: W,
    /// Whether the cursor stands within a line of the model's text.
    in_text: bool,
    /// The command whose output is being shown.
    command: String,
    /// Lines of its output shown so far.
    output_lines: usize,
}

impl<W: Write> Show<W> {
    /// Shows on `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            in_text: false,
            command: String::new(),
            output_lines: 0,
        }
    }

    /// A heading.
    pub fn heading(&mut self, text: &str) -> std::io::Result<()> {
        self.end_text()?;
        writeln!(self.out, "\n{BOLD}{text}{BOLD:#}")
    }

    /// A line.
    pub fn line(&mut self, text: &str) -> std::io::Result<()> {
        self.end_text()?;
        writeln!(self.out, "{text}")
    }

    /// A line that may be overlooked.
    pub fn note(&mut self, text: &str) -> std::io::Result<()> {
        self.end_text()?;
        writeln!(self.out, "{DIM}{text}{DIM:#}")
    }

    /// A unified diff, coloured.
    pub fn diff(&mut self, text: &str) -> std::io::Result<()> {
        self.end_text()?;
        for line in text.lines() {
            let style = match line.as_bytes().first() {
                Some(b'+') => GOOD,
                Some(b'-') => BAD,
                Some(b'@') => TOOL,
                _ => Style::new(),
            };
            writeln!(self.out, "{style}{}{style:#}", visible_prose(line))?;
        }
        Ok(())
    }

    /// One frame of a run's stream. Frames without a meaning for the terminal show nothing.
    pub fn frame(&mut self, frame: &Value) -> std::io::Result<()> {
        match frame["type"].as_str().unwrap_or_default() {
            "" => self.model(&frame["router_info"]),
            "thinking_progress" => self.note(&prose(&frame["message"])),
            "plan_start" => self.plan(&frame["data"]),
            "text" => self.text(&prose(&frame["text"])),
            "tool_call" => self.tool_call(&frame["tool_call"]),
            // What the checks said before the first change is for comparing, not for watching.
            "check_output" if text(&frame["check_id"]).starts_with("baseline") => Ok(()),
            "command_output" | "check_output" => {
                self.output(&text(&frame["command"]), &prose(&frame["line"]))
            }
            "tool_result" => self.tool_result(&frame["tool_result"]["result"]),
            "iteration" => {
                let heading = format!("Round {}: {}", frame["iteration"], prose(&frame["reason"]));
                self.heading(&heading)
            }
            "verification" => self.verification(frame),
            "prompt_request" => self.question(&frame["data"]),
            "command.consent_required" => self.consent(&frame["data"]),
            "approval_recorded" => self.decision(true, &frame["approval"]),
            "approval_denied" => self.decision(false, &frame["approval"]),
            "error" => {
                self.end_text()?;
                writeln!(self.out, "{BAD}error{BAD:#}: {}", prose(&frame["error"]))
            }
            "complete" => self.complete(&frame["summary"]),
            _ => Ok(()),
        }
    }

    /// Who works, and why it is another one than was asked for.
    fn model(&mut self, info: &Value) -> std::io::Result<()> {
        let Some(model) = info["effectiveModelId"].as_str() else {
            return Ok(());
        };
        self.note(&format!("Model: {}", short(&visible(model))))?;
        if info["wasFallback"] == Value::Bool(true) {
            self.end_text()?;
            let reason = prose(&info["fallbackReason"]);
            writeln!(
                self.out,
                "{BAD}not the model that was asked for{BAD:#}: {reason}"
            )?;
        }
        Ok(())
    }

    fn plan(&mut self, data: &Value) -> std::io::Result<()> {
        self.heading("Plan")?;
        for step in data["steps"].as_array().into_iter().flatten() {
            let (title, detail) = (prose(&step["title"]), prose(&step["detail"]));
            let detail = if detail == title { "" } else { &detail };
            writeln!(
                self.out,
                "  {}. {title} {DIM}{detail}{DIM:#}",
                step["index"]
            )?;
        }
        writeln!(self.out)
    }

    fn text(&mut self, text: &str) -> std::io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        write!(self.out, "{text}")?;
        self.in_text = !text.ends_with('\n');
        self.out.flush()
    }

    fn tool_call(&mut self, call: &Value) -> std::io::Result<()> {
        self.end_text()?;
        let name = text(&call["name"]);
        let about = ["command", "path", "pattern", "url", "question", "port"]
            .iter()
            .find_map(|key| call["arguments"].get(*key))
            .map(|value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            })
            .unwrap_or_default();
        let command = text(&call["arguments"]["command"]);
        self.begin_command(&command);
        writeln!(
            self.out,
            "{TOOL}▸ {name}{TOOL:#} {}",
            short(&visible(&about))
        )
    }

    fn begin_command(&mut self, command: &str) {
        command.clone_into(&mut self.command);
        self.output_lines = 0;
    }

    fn output(&mut self, command: &str, lines: &str) -> std::io::Result<()> {
        self.end_text()?;
        if self.command != command {
            // The project's checks are run without a tool call.
            writeln!(self.out, "{TOOL}▸ {TOOL:#}{}", short(command))?;
            self.begin_command(command);
        }
        for line in lines.lines() {
            self.output_lines += 1;
            if self.output_lines <= MAX_OUTPUT_LINES {
                writeln!(self.out, "{DIM}  │ {}{DIM:#}", short(line))?;
            } else if self.output_lines == MAX_OUTPUT_LINES + 1 {
                writeln!(self.out, "{DIM}  │ …{DIM:#}")?;
            }
        }
        Ok(())
    }

    fn tool_result(&mut self, result: &Value) -> std::io::Result<()> {
        self.end_text()?;
        let about = outcome(result);
        self.mark(result["success"] == Value::Bool(true), &about)
    }

    fn verification(&mut self, frame: &Value) -> std::io::Result<()> {
        self.heading("Verification")?;
        let results = frame["results"].as_array().map_or(&[][..], Vec::as_slice);
        if results.is_empty() {
            return self.note("  no check of this project could be run");
        }
        for check in results {
            let about = format!("{} ({})", text(&check["command"]), text(&check["type"]));
            self.mark(check["success"] == Value::Bool(true), &about)?;
            for error in check["errors"].as_array().into_iter().flatten() {
                self.note(&format!("    {}", short(&prose(error))))?;
            }
        }
        Ok(())
    }

    fn question(&mut self, data: &Value) -> std::io::Result<()> {
        self.heading(&prose(&data["title"]))?;
        writeln!(self.out, "{}", prose(&data["description"]))?;
        for option in data["options"].as_array().into_iter().flatten() {
            writeln!(self.out, "  - {}", text(&option["value"]))?;
        }
        Ok(())
    }

    fn consent(&mut self, data: &Value) -> std::io::Result<()> {
        self.heading("May this run?")?;
        let danger = text(&data["danger_level"]);
        // Each line of it shows that it is one, so that none looks like what follows.
        for line in text(&data["command"]).lines() {
            writeln!(self.out, "  {BOLD}│{BOLD:#} {line}")?;
        }
        writeln!(
            self.out,
            "  {BAD}{danger}{BAD:#}: {}",
            text(&data["warning"])
        )?;
        for (about, key) in [("it may", "consequences"), ("instead", "alternatives")] {
            for line in data[key].as_array().into_iter().flatten() {
                writeln!(self.out, "  {DIM}{about}: {}{DIM:#}", text(line))?;
            }
        }
        let covers = text(&data["always_type_covers"]);
        if !covers.is_empty() {
            writeln!(self.out, "  {DIM}always this type: {covers}{DIM:#}")?;
        }
        self.note(
            "  y yes, once   a always this   t always this type   n no   or a command to run instead",
        )
    }

    fn decision(&mut self, good: bool, approval: &Value) -> std::io::Result<()> {
        self.end_text()?;
        let decision = text(&approval["decision"]).replace('_', " ");
        self.mark(good, &decision)
    }

    fn complete(&mut self, summary: &Value) -> std::io::Result<()> {
        self.end_text()?;
        writeln!(self.out)?;
        let success = summary["success"] == Value::Bool(true);
        let reason = text(&summary["stopped_reason"]);
        let verification = text(&summary["verification"]).replace('_', " ");
        let seconds = summary["elapsed_ms"].as_f64().unwrap_or_default() / 1_000.0;
        let word = if success {
            "Done".to_owned()
        } else {
            format!("Not done ({reason})")
        };
        self.mark(
            success,
            &format!("{word}; verification {verification}; {seconds:.1} s"),
        )
    }

    fn mark(&mut self, good: bool, about: &str) -> std::io::Result<()> {
        let (style, sign) = if good { (GOOD, '✓') } else { (BAD, '✗') };
        writeln!(self.out, "  {style}{sign}{style:#} {about}")
    }

    fn end_text(&mut self) -> std::io::Result<()> {
        if std::mem::take(&mut self.in_text) {
            writeln!(self.out)?;
        }
        Ok(())
    }
}

/// What a tool's result amounts to, in a line.
fn outcome(result: &Value) -> String {
    let said = ["error", "message"]
        .iter()
        .find_map(|key| result[*key].as_str());
    if let Some(said) = said {
        return short(&visible_prose(said.lines().next().unwrap_or_default()));
    }
    let counted = [
        ("", "total_lines", " lines"),
        ("", "count", " entries"),
        ("exit code ", "exit_code", ""),
    ];
    let what = counted
        .iter()
        .find_map(|(before, key, after)| Some(format!("{before}{}{after}", result.get(*key)?)))
        .map(|what| visible(&what).into_owned());
    let what = what.or_else(|| Some(text(result.get("action")?)));
    let path = text(&result["path"]);
    short(format!("{path} {}", what.unwrap_or_default()).trim())
}

/// A text that counts to the letter: what a model writes, a command prints or a file holds must not move
/// the cursor of whoever watches, set a window's title, or look like another text.
fn text(value: &Value) -> String {
    visible(value.as_str().unwrap_or_default()).into_owned()
}

/// A text to be read, in which emoji stay what they are.
fn prose(value: &Value) -> String {
    visible_prose(value.as_str().unwrap_or_default()).into_owned()
}

/// One line of a readable text, cut at the width of a terminal.
fn short(text: &str) -> String {
    let one_line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    // One more than is shown tells whether that is all.
    within_chars(
        &one_line.take(MAX_LINE_CHARS + 1).collect::<String>(),
        MAX_LINE_CHARS,
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::platform::text::is_unseen;

    #[test]
    fn nothing_that_a_stranger_wrote_controls_the_terminal() {
        let evil = "a\u{1b}]0;title\u{7}\u{9b}2Jb\rc\u{8}\u{202e}d\u{200b}\u{e0041}";
        let mut bytes = Vec::new();
        let mut show = Show::new(&mut bytes);
        for frame in [
            json!({"router_info": {"effectiveModelId": evil, "wasFallback": true, "fallbackReason": evil}}),
            json!({"type": "thinking_progress", "message": evil}),
            json!({"type": "plan_start", "data": {"steps": [{"index": 1, "title": evil, "detail": "x"}]}}),
            json!({"type": "text", "text": evil}),
            json!({"type": "tool_call", "tool_call": {"name": evil, "arguments": {"command": evil}}}),
            json!({"type": "command_output", "line": evil}),
            json!({"type": "check_output", "check_id": evil, "line": evil}),
            json!({"type": "tool_result", "tool_result": {"result": {"success": false, "error": evil}}}),
            json!({"type": "iteration", "iteration": 2, "reason": evil}),
            json!({"type": "verification", "results": [
                {"type": evil, "command": evil, "success": false, "errors": [evil]}]}),
            json!({"type": "prompt_request", "data":
                {"title": evil, "description": evil, "options": [{"value": evil}]}}),
            json!({"type": "command.consent_required", "data": {"command": evil,
                "danger_level": evil, "warning": evil, "consequences": [evil],
                "alternatives": [evil], "always_type_covers": evil}}),
            json!({"type": "error", "error": evil}),
            json!({"type": "complete", "summary": {"success": false, "stopped_reason": evil}}),
        ] {
            show.frame(&frame).expect("a vector takes everything");
        }
        show.diff(&format!("+++ b/{evil}\n+{evil}\n"))
            .expect("a vector takes everything");
        let text = String::from_utf8(bytes).expect("text");
        // What is left are our own colours: ESC, a bracket, a number, `m`.
        for (at, _) in text.match_indices('\u{1b}') {
            let code = &text[at + 1..];
            let end = code.find('m').expect("an end");
            let number = code[..end].strip_prefix('[').expect("a bracket");
            assert!(number.bytes().all(|byte| byte.is_ascii_digit()), "{code:?}");
        }
        let control = |c: char| c.is_control() && !matches!(c, '\n' | '\t' | '\u{1b}');
        assert!(!text.contains(control), "{text:?}");
        assert!(!text.contains(is_unseen), "{text:?}");
        assert!(text.contains("\\u{1b}]0;title\\u{7}"), "{text}");
    }

    #[test]
    fn a_question_shows_the_command_that_runs() {
        let command =
            "git push \u{202e}nigiro\u{202c} \u{2066}main\u{2069} a\u{200b}b\u{1b}[8m\nn no";
        let text = shown(&[
            json!({"type": "tool_call", "tool_call": {"name": "run_command", "arguments": {"command": command}}}),
            json!({"type": "command.consent_required", "data": {"command": command,
                "danger_level": "high", "warning": "it\u{202e} publishes", "consequences": ["a\u{200f}b"],
                "alternatives": ["c\u{feff}d"]}}),
        ]);
        assert!(!text.contains(is_unseen), "{text:?}");
        let whole =
            "git push \\u{202e}nigiro\\u{202c} \\u{2066}main\\u{2069} a\\u{200b}b\\u{1b}[8m";
        let question = text.split_once("May this run?").expect("a question").1;
        assert!(
            question.contains(&format!("│ {whole}\n  │ n no\n")),
            "{question}"
        );
        assert!(
            question.contains("it\\u{202e} publishes") && question.contains("c\\u{feff}d"),
            "{question}"
        );
    }

    fn shown(frames: &[Value]) -> String {
        let mut plain = anstream::StripStream::new(Vec::new());
        let mut show = Show::new(&mut plain);
        for frame in frames {
            show.frame(frame).expect("a vector takes everything");
        }
        String::from_utf8(plain.into_inner()).expect("text")
    }

    #[test]
    fn a_question_tells_what_always_would_cover() {
        let asked =
            |data: Value| shown(&[json!({"type": "command.consent_required", "data": data})]);
        let data = json!({"command": "git push origin main", "danger_level": "medium",
            "warning": "This publishes commits.",
            "always_type_covers": "Pushes to the remote `origin` without force."});
        insta::assert_snapshot!(asked(data), @r"

        May this run?
          │ git push origin main
          medium: This publishes commits.
          always this type: Pushes to the remote `origin` without force.
          y yes, once   a always this   t always this type   n no   or a command to run instead
        ");
        // A server that is older says nothing of it.
        assert!(!asked(json!({"command": "ls"})).contains("always this type:"));
    }

    #[test]
    fn a_run_reads_like_a_report() {
        let text = shown(&[
            json!({"type": "plan_start", "data": {"plan_id": "p", "steps":
                [{"index": 1, "title": "Mend it", "detail": "in lib.rs"}]}}),
            json!({"type": "text", "text": "Looking."}),
            json!({"type": "tool_call", "tool_call":
                {"id": "1", "name": "run_command", "arguments": {"command": "cargo test"}}}),
            json!({"type": "command_output", "command": "cargo test", "line": "one\u{1b}[2J\ntwo"}),
            json!({"type": "tool_result", "tool_result":
                {"id": "1", "result": {"success": false, "exit_code": 101}}}),
            json!({"type": "check_output", "check_id": "baseline_1", "command": "make",
                "line": "not shown"}),
            json!({"type": "check_output", "check_id": "verification_1", "command": "cargo check",
                "line": "three"}),
            json!({"type": "verification", "outcome": "passed", "results":
                [{"type": "tests", "command": "cargo test", "success": true, "errors": []}]}),
            json!({"type": "complete", "summary": {"success": true, "stopped_reason": "completed",
                "verification": "passed", "elapsed_ms": 1500}}),
        ]);
        insta::assert_snapshot!(text, @r"

        Plan
          1. Mend it in lib.rs

        Looking.
        ▸ run_command cargo test
          │ one\u{1b}[2J
          │ two
          ✗ exit code 101
        ▸ cargo check
          │ three

        Verification
          ✓ cargo test (tests)

          ✓ Done; verification passed; 1.5 s
        ");
    }
}
