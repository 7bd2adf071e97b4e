//! `read_file`: a file or some lines of it, never more than fits.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use crate::exec::text;
use crate::platform::encoding::contents::Contents;
use crate::policy::request::Request;
use crate::tools::arguments::Arguments;
use crate::tools::context::ToolContext;
use crate::tools::files::line_ends::FileLines;
use crate::tools::outcome::{Effect, Outcome, ToolError};
use crate::tools::tool::{Access, Probe, Tool, blocking, number, object, text};

/// Longer lines are cut: they are data rather than something to read.
const LINE_BYTES: usize = 2_000;

/// Files up to this size are read whole, in whatever encoding they are. Larger ones are taken for UTF-8.
const WHOLE_BYTES: u64 = 8 * 1024 * 1024;

/// The size of the part of a file in which lines are looked for and counted.
const SCAN_BYTES: u64 = 64 * 1024 * 1024;

/// `read_file`.
#[derive(Clone, Copy, Debug)]
pub struct ReadFile;

impl Tool for ReadFile {
    fn name(&self) -> &'static str {
        "read_file"
    }

    fn description(&self) -> &'static str {
        "Reads a text file of the workspace. Long files come in parts: the answer says how to go on."
    }

    fn parameters(&self) -> Value {
        object(
            &json!({
                "path": text("Path relative to the workspace."),
                "start_line": number("First line, from 1."),
                "end_line": number("Last line."),
            }),
            &["path"],
        )
    }

    fn access(&self) -> Access {
        Access::Read
    }

    fn request<'a>(&self, arguments: Arguments<'a>) -> Request<'a> {
        arguments.request("path", |path| Request::Read { path })
    }

    fn probe(&self, _arguments: Arguments<'_>, _context: &ToolContext) -> Probe {
        Probe::Repeatable
    }

    fn call<'a>(
        &'a self,
        _call_id: &'a str,
        arguments: Map<String, Value>,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<Outcome, ToolError>> {
        Box::pin(async move {
            let call = ReadFileCall::parse(Arguments::of(&arguments))?;
            let context = context.clone();
            blocking(move || execute(&call, &context)).await
        })
    }
}

/// The arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadFileCall {
    path: String,
    start_line: u64,
    end_line: u64,
}

impl ReadFileCall {
    /// Reads the arguments of a call.
    pub fn parse(given: Arguments<'_>) -> Result<Self, ToolError> {
        let call = Self {
            path: given.text("path")?,
            start_line: given
                .optional_whole("start_line", 0..=u64::MAX)?
                .unwrap_or(1)
                .max(1),
            end_line: given
                .optional_whole("end_line", 1..=u64::MAX)?
                .unwrap_or(u64::MAX),
        };
        if call.end_line < call.start_line {
            return Err(ToolError::Tell(format!(
                "`end_line` ({}) is before `start_line` ({})",
                call.end_line, call.start_line
            )));
        }
        Ok(call)
    }
}

/// Reads.
pub fn execute(call: &ReadFileCall, context: &ToolContext) -> Result<Outcome, ToolError> {
    let (file, path) = context.workspace.open_file(&call.path)?;
    let path = path.to_string();
    let unreadable =
        |error: std::io::Error| ToolError::Tell(format!("`{path}` cannot be read: {error}"));
    let size = file.metadata().map_err(unreadable)?.len();
    let room = context.limits.read_bytes;
    let found = if size <= WHOLE_BYTES {
        whole(file, call, room)
    } else {
        Reading::of(file, call, room).map(WholeText::of)
    };
    let WholeText {
        reading,
        encoding,
        mut notes,
    } = found.map_err(unreadable)?;
    if let Some(what) = reading.not_text {
        return Err(ToolError::Tell(format!(
            "`{path}` holds {what} ({size} bytes) and cannot be shown as text"
        )));
    }
    if reading.shown == 0 && call.start_line > 1 {
        return Err(ToolError::Tell(if reading.complete {
            format!(
                "`{path}` has {} lines; line {} is beyond its end",
                reading.lines, call.start_line
            )
        } else {
            format!(
                "line {} of `{path}` lies beyond the first {SCAN_BYTES} bytes; use `run_command` \
                 with a tool that seeks, such as tail or grep",
                call.start_line
            )
        }));
    }
    let unmarked = reading.content.strip_prefix(b"\xef\xbb\xbf");
    let (shown, is_clean) = text::lossy(unmarked.unwrap_or(&reading.content));
    if let Some(next) = reading.next_line {
        notes.push(format!(
            "only lines {} to {} are shown; continue with start_line {next}",
            call.start_line,
            next - 1
        ));
    }
    if reading.cut_lines > 0 {
        notes.push(format!(
            "{} lines longer than {LINE_BYTES} bytes are cut and marked",
            reading.cut_lines
        ));
    }
    if !is_clean {
        notes.push("the file is not valid UTF-8; what is not is shown as \u{fffd}".to_owned());
    }
    let mut result = json!({
        "success": true,
        "content": shown,
        "total_lines": reading.complete.then_some(reading.lines),
        "path": path,
        "size": size,
    });
    if let Some(encoding) = encoding {
        result["encoding"] = json!(encoding);
    }
    if call.start_line > 1 || call.end_line < u64::MAX || reading.next_line.is_some() {
        result["start_line"] = json!(call.start_line);
        result["end_line"] = json!(call.start_line + reading.shown.saturating_sub(1));
        result["truncated"] = json!(reading.next_line.is_some());
    }
    if !notes.is_empty() {
        result["note"] = json!(notes.join("; "));
    }
    Ok(Outcome::new(result, vec![Effect::Read(path)]))
}

/// A pass over a file, and remarks on how it is stored.
#[derive(Debug, Default)]
struct WholeText {
    reading: Reading,
    encoding: Option<&'static str>,
    notes: Vec<String>,
}

impl WholeText {
    fn of(reading: Reading) -> Self {
        Self {
            reading,
            ..Self::default()
        }
    }
}

/// Reads a file of any encoding.
fn whole(file: File, call: &ReadFileCall, room: usize) -> std::io::Result<WholeText> {
    let mut bytes = Vec::new();
    file.take(WHOLE_BYTES).read_to_end(&mut bytes)?;
    let (mut notes, mut encoding) = (Vec::new(), None);
    let text = match Contents::of(&bytes) {
        Contents::Text(stored) => {
            if !stored.form.is_utf8() {
                encoding = Some(stored.form.name());
                notes.push(format!("the file is stored as {}", stored.form.name()));
            }
            if stored.form.has_mark() {
                notes.push("the file begins with a byte order mark, not shown".to_owned());
            }
            stored.text
        }
        Contents::Inexact { text, why } => {
            let shown = "what could not be read is shown as \u{fffd}";
            notes.push(format!("the file {why}; {shown}"));
            text
        }
        Contents::Binary { what } => {
            let not_text = Some(what);
            return Ok(WholeText::of(Reading {
                not_text,
                ..Reading::default()
            }));
        }
    };
    // In a file without a line feed, a carriage return may end the lines.
    let lines = (!text.contains('\n')).then(|| FileLines::of(&text));
    let shown = lines.as_ref().map_or(text.as_str(), FileLines::text);
    Ok(WholeText {
        reading: Reading::of(shown.as_bytes(), call, room)?,
        encoding,
        notes,
    })
}

/// The result of one pass over a file.
#[derive(Debug, Default)]
struct Reading {
    content: Vec<u8>,
    /// Lines passed, the last one also when nothing ends it.
    lines: u64,
    shown: u64,
    cut_lines: u64,
    /// The first wanted line that did not fit.
    next_line: Option<u64>,
    /// True if the pass came to the file's end.
    complete: bool,
    not_text: Option<&'static str>,
}

impl Reading {
    fn of(file: impl Read, call: &ReadFileCall, room: usize) -> std::io::Result<Self> {
        let mut reader = BufReader::with_capacity(64 * 1024, file);
        let mut reading = Self::default();
        let mut line = Line::default();
        let mut passed = 0_u64;
        loop {
            let buffer = reader.fill_buf()?;
            if passed == 0 {
                let probe = &buffer[..buffer.len().min(text::PROBE_BYTES)];
                reading.not_text = text::not_text(probe);
            }
            reading.complete = buffer.is_empty();
            if buffer.is_empty() || reading.not_text.is_some() || passed >= SCAN_BYTES {
                break;
            }
            let length = buffer.len();
            for piece in buffer.split_inclusive(|byte| *byte == b'\n') {
                let wanted = reading.next_line.is_none()
                    && (call.start_line..=call.end_line).contains(&(reading.lines + 1));
                line.push(piece, wanted);
                if piece.ends_with(b"\n") {
                    reading.end(&mut line, wanted, room);
                }
            }
            reader.consume(length);
            passed += length as u64;
        }
        if line.length > 0 {
            let wanted = reading.next_line.is_none()
                && (call.start_line..=call.end_line).contains(&(reading.lines + 1));
            reading.end(&mut line, wanted, room);
        }
        Ok(reading)
    }

    fn end(&mut self, line: &mut Line, wanted: bool, room: usize) {
        self.lines += 1;
        let line = std::mem::take(line);
        if !wanted {
            return;
        }
        let was_cut = line.is_cut();
        let bytes = line.finish();
        if self.content.len() + bytes.len() > room && self.shown > 0 {
            self.next_line = Some(self.lines);
            return;
        }
        self.content.extend_from_slice(&bytes);
        self.shown += 1;
        self.cut_lines += u64::from(was_cut);
    }
}

/// A line of any length, of which little is kept. Its ending is not counted.
#[derive(Debug, Default)]
struct Line {
    kept: Vec<u8>,
    length: usize,
    ended: bool,
}

impl Line {
    fn push(&mut self, piece: &[u8], wanted: bool) {
        let text = piece.strip_suffix(b"\n").unwrap_or(piece);
        self.ended = text.len() < piece.len();
        self.length += text.len();
        if wanted {
            let room = LINE_BYTES.saturating_sub(self.kept.len());
            self.kept.extend_from_slice(&text[..text.len().min(room)]);
        }
    }

    fn is_cut(&self) -> bool {
        self.length > self.kept.len()
    }

    fn finish(mut self) -> Vec<u8> {
        if self.is_cut() {
            let whole = self.kept.len() - text::unfinished(&self.kept);
            self.kept.truncate(whole);
            let marker = format!("… [{} more bytes in this line]", self.length - whole);
            self.kept.extend_from_slice(marker.as_bytes());
        }
        if self.ended {
            self.kept.push(b'\n');
        }
        self.kept
    }
}
