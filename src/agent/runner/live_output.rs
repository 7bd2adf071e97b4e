//! Live output of commands: gathered for a moment, bounded, written as events.

use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::exec::output::OutputLine;
use crate::platform::clock::Clock;
use crate::runs::event::Event;
use crate::runs::log::entry::JournalLost;
use crate::runs::log::journal::Journal;

/// The time over which lines are gathered into one event.
const GATHER: Duration = Duration::from_millis(50);
/// The most lines of one event.
const MAX_LINES: usize = 100;
/// Bytes of live output that one piece of work may send. The result keeps the head and the tail of
/// everything; the live view is for watching, not for keeping.
const MAX_LIVE_BYTES: usize = 256 * 1024;

/// The receiving end of what commands print.
#[derive(Debug)]
pub struct LiveOutput {
    lines: mpsc::Receiver<OutputLine>,
    journal: Journal,
    clock: Clock,
}

impl LiveOutput {
    /// Writes what arrives at `lines` into the journal.
    pub fn new(lines: mpsc::Receiver<OutputLine>, journal: Journal, clock: Clock) -> Self {
        Self {
            lines,
            journal,
            clock,
        }
    }

    /// Awaits tool calls and shows what their commands print meanwhile; everything they printed is in
    /// the journal when this returns.
    pub async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, JournalLost> {
        self.show(work, Printer::Command).await
    }

    /// The same for the project's checks.
    pub async fn during_checks<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> Result<T, JournalLost> {
        self.show(work, Printer::Check).await
    }

    async fn show<T>(
        &mut self,
        work: impl Future<Output = T>,
        printer: Printer,
    ) -> Result<T, JournalLost> {
        let mut work = std::pin::pin!(work);
        let mut gathered = Gathered::default();
        let mut tick = tokio::time::interval(GATHER);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let done = loop {
            tokio::select! {
                Some(line) = self.lines.recv() => gathered.push(line),
                done = &mut work => break done,
                _ = tick.tick() => self.write(&mut gathered, printer).await?,
            }
        };
        while let Ok(line) = self.lines.try_recv() {
            gathered.push(line);
        }
        self.write(&mut gathered, printer).await?;
        Ok(done)
    }

    async fn write(&self, gathered: &mut Gathered, printer: Printer) -> Result<(), JournalLost> {
        for line in gathered.take() {
            let event = printer.event(line, self.clock.millis());
            self.journal.event(event).await?;
        }
        Ok(())
    }
}

/// The source of a line.
#[derive(Clone, Copy, Debug)]
enum Printer {
    /// A command that the model asked for.
    Command,
    /// One of the project's checks.
    Check,
}

impl Printer {
    fn event(self, printed: OutputLine, timestamp: i64) -> Event {
        let OutputLine {
            tool_call_id,
            stream,
            line,
            command,
        } = printed;
        match self {
            Self::Command => Event::CommandOutput {
                tool_call_id,
                stream,
                line,
                command,
                timestamp,
            },
            Self::Check => Event::CheckOutput {
                check_id: tool_call_id,
                stream,
                line,
                command,
                timestamp,
            },
        }
    }
}

/// Lines that wait to become events, neighbours of one stream joined.
#[derive(Debug, Default)]
struct Gathered {
    blocks: Vec<(OutputLine, usize)>,
    bytes: usize,
}

impl Gathered {
    fn push(&mut self, line: OutputLine) {
        let before = self.bytes;
        self.bytes = self.bytes.saturating_add(line.line.len() + 1);
        if before >= MAX_LIVE_BYTES {
            return;
        }
        let line = if self.bytes >= MAX_LIVE_BYTES {
            let notice = "[no more live output; the result keeps its head and tail]".to_owned();
            OutputLine {
                line: notice,
                ..line
            }
        } else {
            line
        };
        match self.blocks.last_mut() {
            Some((block, lines))
                if block.stream == line.stream
                    && block.tool_call_id == line.tool_call_id
                    && *lines < MAX_LINES =>
            {
                block.line.push('\n');
                block.line.push_str(&line.line);
                *lines += 1;
            }
            _ => self.blocks.push((line, 1)),
        }
    }

    fn take(&mut self) -> Vec<OutputLine> {
        std::mem::take(&mut self.blocks)
            .into_iter()
            .map(|(block, _)| block)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::output::OutputStream;

    fn line(stream: OutputStream, text: &str) -> OutputLine {
        OutputLine {
            tool_call_id: "call_1".to_owned(),
            stream,
            line: text.to_owned(),
            command: "make".to_owned(),
        }
    }

    #[test]
    fn neighbouring_lines_of_one_stream_become_one_block() {
        let mut gathered = Gathered::default();
        gathered.push(line(OutputStream::Stdout, "a"));
        gathered.push(line(OutputStream::Stdout, "b"));
        gathered.push(line(OutputStream::Stderr, "c"));
        let blocks: Vec<_> = gathered
            .take()
            .into_iter()
            .map(|block| block.line)
            .collect();
        assert_eq!(blocks, ["a\nb", "c"]);
    }

    #[test]
    fn a_flood_ends_with_one_notice() {
        let mut gathered = Gathered::default();
        for _ in 0..10_000 {
            gathered.push(line(OutputStream::Stdout, &"x".repeat(100)));
        }
        let text: String = gathered
            .take()
            .into_iter()
            .map(|block| block.line)
            .collect();
        assert!(text.len() < MAX_LIVE_BYTES + 100);
        assert_eq!(text.matches("no more live output").count(), 1);
    }
}
