//! A run in the terminal: its frames as they arrive, in words.

use std::io::Write;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use crate::cli::terminal::flow::Flow;
use crate::cli::terminal::spinner::Spinner;
use crate::cli::terminal::texts::{one_line, outcome, prose, text};
use crate::cli::terminal::words::{folded, wrapped};
use crate::platform::text::{visible, visible_prose};

/// The most lines of one block of command output that are shown; the log has them all.
const MAX_OUTPUT_LINES: usize = 40;
/// The most columns of a line where there is no terminal.
const MAX_COLUMNS: usize = 160;
/// The columns before a line of output.
const OUTPUT_INDENT: usize = 4;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const TOOL: Style = AnsiColor::Cyan.on_default();
/// The activity of a run that runs no tool.
const MODEL: &str = "the model works";

/// Shows frames on a stream, usually standard output.
pub struct Show<W> {
    out: W,
    /// The columns of the terminal, where there is one.
    columns: Option<usize>,
    /// The model's text.
    flow: Flow,
    spinner: Spinner,
    /// The command whose output is being shown.
    command: String,
    /// Lines of its output shown so far.
    output_lines: usize,
    /// The run's current activity.
    busy: String,
    /// True if a person is there, whom questions are for.
    attended: bool,
}

impl<W: Write> Show<W> {
    /// Shows on `out`, a terminal with this many columns or something else.
    pub fn new(out: W, columns: Option<usize>) -> Self {
        Self {
            out,
            columns,
            flow: Flow::new(columns),
            spinner: Spinner::default(),
            command: String::new(),
            output_lines: 0,
            busy: MODEL.to_owned(),
            attended: true,
        }
    }

    /// The same where no person is there to answer.
    #[must_use]
    pub fn unattended(self) -> Self {
        Self {
            attended: false,
            ..self
        }
    }

    /// The columns of the terminal, where there is one.
    pub fn columns(&self) -> Option<usize> {
        self.columns
    }

    /// Shows that work goes on after a silence of this length, on a terminal and nowhere else.
    pub fn tick(&mut self, silence: Duration) -> std::io::Result<()> {
        let Some(columns) = self.columns else {
            return Ok(());
        };
        let place = (self.flow.line(), columns);
        self.spinner.draw(&mut self.out, place, &self.busy, silence)
    }

    /// A heading.
    pub fn heading(&mut self, text: &str) -> std::io::Result<()> {
        self.end_text()?;
        writeln!(self.out)?;
        self.styled(BOLD, text, 0)
    }

    /// A line.
    pub fn line(&mut self, text: &str) -> std::io::Result<()> {
        self.end_text()?;
        self.styled(Style::new(), text, 0)
    }

    /// Lines that are as wide as they are, such as a table.
    pub fn block(&mut self, text: &str) -> std::io::Result<()> {
        self.end_text()?;
        writeln!(self.out, "{text}")
    }

    /// A question, behind which the answer is written.
    pub fn prompt(&mut self, text: &str) -> std::io::Result<()> {
        self.end_text()?;
        write!(self.out, "{BOLD}{text}{BOLD:#} ")?;
        self.out.flush()
    }

    /// A line that may be overlooked.
    pub fn note(&mut self, text: &str) -> std::io::Result<()> {
        self.end_text()?;
        let indent = text.len() - text.trim_start().len();
        self.styled(DIM, text, indent)
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
            "" | "router_info" => self.model(&frame["router_info"]),
            "status" => self.run(&frame["task_id"]),
            "thinking_progress" => self.note(&prose(&frame["message"])),
            "plan_start" => self.plan(&frame["data"]),
            "text" => self.text(&prose(&frame["text"])),
            "tool_call" => self.tool_call(&frame["tool_call"]),
            // The output of the checks before the first change is for comparing, not for watching.
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
            "error" => self.bad("error", &prose(&frame["error"])),
            _ => Ok(()),
        }
    }

    /// Who works, and why it is another one than was asked for.
    fn model(&mut self, info: &Value) -> std::io::Result<()> {
        let Some(model) = info["effectiveModelId"].as_str() else {
            return Ok(());
        };
        self.note(&format!("Model: {}", self.short(&visible(model))))?;
        if info["wasFallback"] == Value::Bool(true) {
            let reason = prose(&info["fallbackReason"]);
            self.bad("not the model that was asked for", &reason)?;
        }
        Ok(())
    }

    /// The run's id, which its first status tells.
    fn run(&mut self, id: &Value) -> std::io::Result<()> {
        match id.as_str() {
            Some(id) => self.note(&format!("Run: {}", visible(id))),
            None => Ok(()),
        }
    }

    fn bad(&mut self, word: &str, text: &str) -> std::io::Result<()> {
        self.end_text()?;
        let text = format!("{word}: {text}");
        let mut lines = wrapped(&text, self.columns, 0).into_iter();
        let first = lines.next().unwrap_or_default();
        let rest = first.strip_prefix(word).unwrap_or_default();
        writeln!(self.out, "{BAD}{word}{BAD:#}{rest}")?;
        lines.try_for_each(|line| writeln!(self.out, "{line}"))
    }

    fn plan(&mut self, data: &Value) -> std::io::Result<()> {
        self.heading("Plan")?;
        for step in data["steps"].as_array().into_iter().flatten() {
            let (title, detail) = (prose(&step["title"]), prose(&step["detail"]));
            let number = format!("  {}. ", step["index"]);
            self.styled(Style::new(), &format!("{number}{title}"), number.len())?;
            if detail != title && !detail.is_empty() {
                let detail = format!("{}{detail}", " ".repeat(number.len()));
                self.styled(DIM, &detail, number.len())?;
            }
        }
        writeln!(self.out)
    }

    fn text(&mut self, text: &str) -> std::io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.spinner.clear(&mut self.out, self.flow.line())?;
        MODEL.clone_into(&mut self.busy);
        self.flow.push(text, &mut self.out)?;
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
        let room = self.room().saturating_sub(name.chars().count() + 3);
        let about = one_line(&visible(&about), room);
        self.busy = format!("{name} {about}");
        writeln!(self.out, "{TOOL}▸ {name}{TOOL:#} {about}")
    }

    fn begin_command(&mut self, command: &str) {
        command.clone_into(&mut self.command);
        self.output_lines = 0;
    }

    fn output(&mut self, command: &str, lines: &str) -> std::io::Result<()> {
        self.end_text()?;
        if self.command != command {
            // The project's checks are run without a tool call.
            let shown = one_line(command, self.room().saturating_sub(2));
            writeln!(self.out, "{TOOL}▸ {TOOL:#}{shown}")?;
            self.begin_command(command);
            self.busy = shown;
        }
        let room = self.room().saturating_sub(OUTPUT_INDENT);
        for line in lines.lines() {
            self.output_lines += 1;
            if self.output_lines <= MAX_OUTPUT_LINES {
                writeln!(self.out, "{DIM}  │ {}{DIM:#}", one_line(line, room))?;
            } else if self.output_lines == MAX_OUTPUT_LINES + 1 {
                writeln!(self.out, "{DIM}  │ …{DIM:#}")?;
            }
        }
        Ok(())
    }

    fn tool_result(&mut self, result: &Value) -> std::io::Result<()> {
        self.end_text()?;
        MODEL.clone_into(&mut self.busy);
        let about = one_line(&outcome(result), self.room().saturating_sub(OUTPUT_INDENT));
        self.mark(result["success"] == Value::Bool(true), &about)
    }

    fn verification(&mut self, frame: &Value) -> std::io::Result<()> {
        self.heading("Verification")?;
        MODEL.clone_into(&mut self.busy);
        let results = frame["results"].as_array().map_or(&[][..], Vec::as_slice);
        if results.is_empty() {
            return self.note("  no check of this project could be run");
        }
        for check in results {
            let about = format!("{} ({})", text(&check["command"]), text(&check["type"]));
            self.mark(check["success"] == Value::Bool(true), &about)?;
            for error in check["errors"].as_array().into_iter().flatten() {
                self.note(&format!("    {}", self.short(&prose(error))))?;
            }
        }
        Ok(())
    }

    fn question(&mut self, data: &Value) -> std::io::Result<()> {
        self.heading(&prose(&data["title"]))?;
        self.styled(Style::new(), &prose(&data["description"]), 0)?;
        for option in data["options"].as_array().into_iter().flatten() {
            writeln!(self.out, "  - {}", text(&option["value"]))?;
        }
        Ok(())
    }

    fn consent(&mut self, data: &Value) -> std::io::Result<()> {
        self.heading(if self.attended {
            "May this run?"
        } else {
            "This needs a yes"
        })?;
        let danger = text(&data["danger_level"]);
        // Each line of it shows that it is one, so that none looks like what follows.
        let room = self.columns.map(|columns| columns - OUTPUT_INDENT);
        for line in text(&data["command"]).lines() {
            for (at, piece) in folded(line, room).into_iter().enumerate() {
                let sign = if at == 0 { '│' } else { '┆' };
                writeln!(self.out, "  {BOLD}{sign}{BOLD:#} {piece}")?;
            }
        }
        self.styled(BAD, &format!("  {danger}: {}", text(&data["warning"])), 4)?;
        for (about, key) in [("it may", "consequences"), ("instead", "alternatives")] {
            for line in data[key].as_array().into_iter().flatten() {
                self.styled(DIM, &format!("  {about}: {}", text(line)), 4)?;
            }
        }
        let rules = data["reasons"].as_array().into_iter().flatten();
        let mut rules: Vec<String> = rules.map(|reason| text(&reason["rule"])).collect();
        rules.dedup();
        if !rules.is_empty() {
            let rules = rules.join(", ");
            self.styled(DIM, &format!("  by the policy's rules: {rules}"), 4)?;
        }
        Ok(())
    }

    fn decision(&mut self, good: bool, approval: &Value) -> std::io::Result<()> {
        self.end_text()?;
        let decision = match approval["decision"].as_str().unwrap_or_default() {
            "canceled" => "cancelled".to_owned(),
            "timeout" => "not answered in time".to_owned(),
            "unasked" => "needs a person; nothing was asked".to_owned(),
            other => visible(&other.replace('_', " ")).into_owned(),
        };
        self.mark(good, &decision)
    }

    /// The end of the run, in a line.
    pub fn end(&mut self, good: bool, words: &str) -> std::io::Result<()> {
        self.end_text()?;
        writeln!(self.out)?;
        self.mark(good, words)
    }

    fn mark(&mut self, good: bool, about: &str) -> std::io::Result<()> {
        let (style, sign) = if good { (GOOD, '✓') } else { (BAD, '✗') };
        let columns = self
            .columns
            .map(|columns| columns.saturating_sub(OUTPUT_INDENT));
        let lines = wrapped(about, columns, 0);
        for (at, line) in lines.iter().enumerate() {
            if at == 0 {
                writeln!(self.out, "  {style}{sign}{style:#} {line}")?;
            } else {
                writeln!(self.out, "    {line}")?;
            }
        }
        Ok(())
    }

    /// A text in one style, with lines that fit.
    fn styled(&mut self, style: Style, text: &str, indent: usize) -> std::io::Result<()> {
        for line in wrapped(text, self.columns, indent) {
            writeln!(self.out, "{style}{line}{style:#}")?;
        }
        Ok(())
    }

    /// The columns of a line.
    fn room(&self) -> usize {
        self.columns.unwrap_or(MAX_COLUMNS)
    }

    /// One line of a readable text, cut at the width of a terminal.
    fn short(&self, text: &str) -> String {
        // A cut text stands behind a word of ours.
        one_line(text, self.room().saturating_sub(8))
    }

    fn end_text(&mut self) -> std::io::Result<()> {
        self.spinner.clear(&mut self.out, self.flow.line())?;
        self.flow.end(&mut self.out)
    }
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
        let mut show = Show::new(&mut bytes, None);
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
            json!({"type": "status", "status": evil, "task_id": evil}),
        ] {
            show.frame(&frame).expect("a vector takes everything");
        }
        show.diff(&format!("+++ b/{evil}\n+{evil}\n"))
            .expect("a vector takes everything");
        let text = String::from_utf8(bytes).expect("text");
        // The codes that are left are our own colours: ESC, a bracket, a number, `m`.
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
        let mut show = Show::new(&mut plain, None);
        for frame in frames {
            show.frame(frame).expect("a vector takes everything");
        }
        String::from_utf8(plain.into_inner()).expect("text")
    }

    #[test]
    fn a_long_command_is_folded_and_stays_what_it_is() {
        let mut plain = anstream::StripStream::new(Vec::new());
        let mut show = Show::new(&mut plain, Some(30));
        let data = json!({"command": "git push origin main --follow-tags\nls", "danger_level": "medium",
            "warning": "This publishes commits."});
        show.frame(&json!({"type": "command.consent_required", "data": data}))
            .expect("a vector takes everything");
        let text = String::from_utf8(plain.into_inner()).expect("text");
        let lines: Vec<_> = text.lines().skip(2).map(str::trim_end).collect();
        assert_eq!(
            lines[..3],
            ["  │ git push origin main", "  ┆ --follow-tags", "  │ ls"]
        );
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
        ]);
        insta::assert_snapshot!(text, @r"

        Plan
          1. Mend it
             in lib.rs

        Looking.
        ▸ run_command cargo test
          │ one\u{1b}[2J
          │ two
          ✗ exit code 101
        ▸ cargo check
          │ three

        Verification
          ✓ cargo test (tests)
        ");
    }

    #[test]
    fn on_a_narrow_terminal_lines_break_between_words() {
        let mut plain = anstream::StripStream::new(Vec::new());
        let mut show = Show::new(&mut plain, Some(30));
        for frame in [
            json!({"type": "plan_start", "data": {"steps": [{"index": 1,
                "title": "Count the last, shorter page", "detail": "Round up in page_count"}]}}),
            json!({"type": "text", "text": "The division drops the rem"}),
            json!({"type": "text", "text": "ainder, so it has to round up."}),
            json!({"type": "tool_call", "tool_call":
                {"name": "run_command", "arguments": {"command": "cargo test --workspace"}}}),
            json!({"type": "command_output", "command": "cargo test --workspace",
                "line": "test tests::the_last_shorter_page_is_there ... ok"}),
            json!({"type": "tool_result", "tool_result": {"result": {"success": false,
                "error": "the user denied this; nothing was run"}}}),
        ] {
            show.frame(&frame).expect("a vector takes everything");
        }
        let text = String::from_utf8(plain.into_inner()).expect("text");
        insta::assert_snapshot!(text, @r"

        Plan
          1. Count the last, shorter
             page
             Round up in page_count

        The division drops the
        remainder, so it has to round
        up.
        ▸ run_command cargo test --wo…
          │ test tests::the_last_shor…
          ✗ the user denied this; not…
        ");
        assert!(
            text.lines()
                .all(|line| crate::cli::terminal::words::width(line) <= 30)
        );
    }
}
