//! A command's output: its head and tail kept, its lines shown live, its amount never a problem.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::exec::output::{OutputLine, OutputStream};
use crate::exec::text;
use crate::platform::sync::lock;
use crate::platform::text::cut_bytes;

/// Lines are gathered for this long, so that a burst becomes few events.
const GATHER: Duration = Duration::from_millis(50);

/// A piece of live output has at most about this many bytes; so has a line.
const PIECE_BYTES: usize = 8 * 1024;

/// The first and the last bytes of a stream.
#[derive(Debug)]
pub struct HeadAndTail {
    head: Vec<u8>,
    tail: Vec<u8>,
    total: u64,
    room: usize,
}

impl HeadAndTail {
    /// Keeps the first `room` and the last `room` bytes.
    pub fn new(room: usize) -> Self {
        Self {
            head: Vec::new(),
            tail: Vec::new(),
            total: 0,
            room: room.max(1),
        }
    }

    /// Takes more of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (head, rest) = bytes.split_at(bytes.len().min(self.room - self.head.len()));
        self.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(self.room)..];
        self.tail.extend_from_slice(rest);
        // Twice the room, so that bytes are moved seldom.
        if self.tail.len() > 2 * self.room {
            self.tail.drain(..self.tail.len() - self.room);
        }
    }

    /// The number of bytes that came.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The kept text, with a mark that says how much is missing between head and tail.
    pub fn text(&self) -> String {
        let tail = &self.tail[self.tail.len().saturating_sub(self.room)..];
        let missing = self.total - self.head.len() as u64 - tail.len() as u64;
        if missing == 0 {
            let whole = [self.head.as_slice(), tail].concat();
            return text::lossy(&whole).0;
        }
        let head = &self.head[..self.head.len() - text::unfinished(&self.head)];
        let inside = |byte: &&u8| **byte & 0b1100_0000 == 0b1000_0000;
        let tail = &tail[tail.iter().take(3).take_while(inside).count()..];
        let missing = self.total - head.len() as u64 - tail.len() as u64;
        format!(
            "{}\n… [{missing} bytes left out here] …\n{}",
            text::lossy(head).0,
            text::lossy(tail).0
        )
    }
}

/// A stream of a command that is being read.
#[derive(Clone, Debug)]
pub struct Capture {
    kept: Arc<Mutex<HeadAndTail>>,
}

impl Capture {
    /// Keeps the first and the last `room` bytes.
    pub fn new(room: usize) -> Self {
        Self {
            kept: Arc::new(Mutex::new(HeadAndTail::new(room))),
        }
    }

    /// The text kept so far.
    pub fn text(&self) -> String {
        lock(&self.kept).text()
    }

    /// The number of bytes so far.
    pub fn total(&self) -> u64 {
        lock(&self.kept).total()
    }

    /// Reads the stream to its end. Reading goes on when the live lines have no reader any more, so that
    /// the command never blocks on a full pipe nor dies of a closed one.
    pub async fn read(self, mut stream: impl AsyncRead + Unpin, live: Live) {
        let mut lines = Lines::new(live);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let reading = stream.read(&mut buffer);
            let read = match lines.due {
                None => reading.await,
                Some(due) => {
                    if let Ok(read) = tokio::time::timeout_at(due, reading).await {
                        read
                    } else {
                        lines.flush();
                        continue;
                    }
                }
            };
            match read {
                Ok(0) | Err(_) => break,
                Ok(read) => {
                    let bytes = &buffer[..read];
                    lock(&self.kept).push(bytes);
                    lines.push(bytes);
                }
            }
        }
        lines.end();
    }
}

/// Where a command's live output goes. Clones share one budget.
#[derive(Clone, Debug)]
pub struct Live {
    to: mpsc::Sender<OutputLine>,
    template: OutputLine,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    open: AtomicBool,
    budget: AtomicUsize,
    dropped: AtomicU64,
}

impl Live {
    /// Live output of a call, at most `budget` bytes of it.
    pub fn new(to: mpsc::Sender<OutputLine>, call_id: &str, command: &str, budget: usize) -> Self {
        Self {
            to,
            template: OutputLine {
                tool_call_id: call_id.to_owned(),
                stream: OutputStream::Stdout,
                line: String::new(),
                // It is repeated with every line.
                command: cut_bytes(command, 500),
            },
            shared: Arc::new(Shared {
                open: AtomicBool::new(true),
                budget: AtomicUsize::new(budget),
                dropped: AtomicU64::new(0),
            }),
        }
    }

    /// The same for the other stream.
    #[must_use]
    pub fn of(&self, stream: OutputStream) -> Self {
        let mut other = self.clone();
        other.template.stream = stream;
        other
    }

    /// Nothing is sent any more: the call has its result.
    pub fn close(&self) {
        self.shared.open.store(false, Ordering::Relaxed);
    }

    fn is_open(&self) -> bool {
        self.shared.open.load(Ordering::Relaxed)
    }

    fn send(&self, piece: &[u8]) {
        let lines = piece.split(|byte| *byte == b'\n').count() as u64;
        let budget = self.shared.budget.load(Ordering::Relaxed);
        self.shared
            .budget
            .store(budget.saturating_sub(piece.len()), Ordering::Relaxed);
        if budget <= piece.len() {
            self.try_send("… [further output is not shown live]".to_owned());
            self.close();
            return;
        }
        let mut line = text::lossy(piece).0;
        let dropped = self.shared.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            line = format!("… [{dropped} lines were not shown live]\n{line}");
        }
        if !self.try_send(line) {
            self.shared
                .dropped
                .fetch_add(dropped + lines, Ordering::Relaxed);
        }
    }

    fn try_send(&self, line: String) -> bool {
        let mut message = self.template.clone();
        message.line = line;
        self.to.try_send(message).is_ok()
    }
}

/// Cuts a stream into pieces of whole lines.
struct Lines {
    live: Live,
    pending: Vec<u8>,
    /// True while the rest of an overlong line is skipped.
    skipping: bool,
    due: Option<Instant>,
}

impl Lines {
    fn new(live: Live) -> Self {
        Self {
            live,
            pending: Vec::new(),
            skipping: false,
            due: None,
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        if !self.live.is_open() {
            (self.pending, self.due) = (Vec::new(), None);
            return;
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let ends = piece.ends_with(b"\n");
            if !self.skipping {
                let room = PIECE_BYTES - self.pending.len().min(PIECE_BYTES);
                if piece.len() > room {
                    // Whole lines that wait are one piece, an overlong line is cut.
                    self.flush();
                    let start = &piece[..piece.len().min(PIECE_BYTES - self.pending.len())];
                    self.pending.extend_from_slice(start);
                    if start.len() < piece.len() {
                        self.pending.extend_from_slice("… [line cut]\n".as_bytes());
                        self.flush();
                        self.skipping = !ends;
                    }
                } else {
                    self.pending.extend_from_slice(piece);
                }
            } else if ends {
                self.skipping = false;
            }
            if ends && self.pending.len() > PIECE_BYTES / 2 {
                self.flush();
            }
        }
        if self.due.is_none() && self.pending.contains(&b'\n') {
            self.due = Some(Instant::now() + GATHER);
        }
    }

    /// Sends the whole lines that wait.
    fn flush(&mut self) {
        self.due = None;
        let Some(last) = self.pending.iter().rposition(|byte| *byte == b'\n') else {
            return;
        };
        let rest = self.pending.split_off(last + 1);
        let whole = std::mem::replace(&mut self.pending, rest);
        if self.live.is_open() {
            self.live.send(&whole[..last]);
        }
    }

    fn end(mut self) {
        if !self.pending.is_empty() && !self.pending.ends_with(b"\n") {
            self.pending.push(b'\n');
        }
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn head_and_tail_are_kept_and_the_gap_is_measured() {
        let mut kept = HeadAndTail::new(4);
        for piece in ["ab", "cd", "efghi", "jklmnop"] {
            kept.push(piece.as_bytes());
        }
        assert_eq!(kept.text(), "abcd\n… [8 bytes left out here] …\nmnop");
    }

    proptest! {
        #[test]
        fn what_is_kept_does_not_depend_on_how_it_came(
            text in "[a-zé€\\n]{0,60}", cuts in prop::collection::vec(0_usize..200, 0..6), room in 1_usize..20,
        ) {
            let bytes = text.as_bytes();
            let mut whole = HeadAndTail::new(room);
            whole.push(bytes);
            let mut parts = HeadAndTail::new(room);
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.sort_unstable();
            let mut from = 0;
            for cut in cuts.into_iter().chain([bytes.len()]) {
                parts.push(&bytes[from..cut]);
                from = cut;
            }
            prop_assert_eq!(whole.text(), parts.text());
            prop_assert!(whole.text().len() <= 2 * room + 60 || bytes.len() <= 2 * room);
            if bytes.len() <= 2 * room {
                prop_assert_eq!(whole.text(), text);
            } else {
                let damaged = whole.text().contains(char::REPLACEMENT_CHARACTER);
                prop_assert!(!damaged);
            }
        }
    }

    async fn live(pieces: &[&str], capacity: usize, budget: usize) -> (Vec<String>, String) {
        let (to, mut from) = mpsc::channel(capacity);
        let live = Live::new(to, "call", "command", budget);
        let capture = Capture::new(100);
        let whole = pieces.concat();
        capture.clone().read(whole.as_bytes(), live).await;
        let mut lines = Vec::new();
        while let Ok(line) = from.try_recv() {
            lines.push(line.line);
        }
        (lines, capture.text())
    }

    #[tokio::test]
    async fn a_burst_is_joined_and_a_last_line_without_ending_comes_too() {
        let (lines, text) = live(&["one\n", "two\n", "three"], 8, 1000).await;
        assert_eq!(lines, ["one\ntwo\nthree"]);
        assert_eq!(text, "one\ntwo\nthree");
    }

    #[tokio::test]
    async fn an_endless_line_is_cut_once() {
        let long = "x".repeat(300_000);
        let (lines, _) = live(&["a\n", &long, "\nb\n"], 8, 1_000_000).await;
        let lengths: Vec<_> = lines.iter().map(String::len).collect();
        assert!(lengths.iter().all(|length| *length < 9_000), "{lengths:?}");
        assert_eq!(lines.last().unwrap(), "b");
        assert!(lines[1].ends_with("… [line cut]"));
    }

    #[tokio::test]
    async fn a_reader_that_does_not_read_costs_lines_only() {
        let flood = "0123456789\n".repeat(100_000);
        let (lines, text) = live(&[&flood], 2, 10_000_000).await;
        assert_eq!(lines.len(), 2);
        assert!(text.contains("bytes left out"));
    }

    #[tokio::test]
    async fn live_output_ends_with_its_budget_and_says_so() {
        let flood = "0123456789\n".repeat(100_000);
        let (lines, _) = live(&[&flood], 1000, 20_000).await;
        assert!(lines.iter().map(String::len).sum::<usize>() < 21_000);
        assert_eq!(
            lines.last().unwrap(),
            "… [further output is not shown live]"
        );
    }
}
