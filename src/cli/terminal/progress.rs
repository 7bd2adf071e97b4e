//! One line on the terminal about work that takes a while.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Work that is done sooner shows nothing.
const QUIET: Duration = Duration::from_secs(2);
/// The pause between two lines.
const EVERY: Duration = Duration::from_millis(100);

/// Shows how far a piece of work is, on a terminal and nowhere else.
#[derive(Debug)]
pub struct Progress {
    began: Instant,
    last: Option<Instant>,
    terminal: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            last: None,
            terminal: io::stderr().is_terminal(),
        }
    }
}

impl Progress {
    /// Shows this line, if it is time to.
    pub fn show(&mut self, line: &str) {
        let soon = self.last.is_some_and(|last| last.elapsed() < EVERY);
        if !self.terminal || soon || self.began.elapsed() < QUIET {
            return;
        }
        self.last = Some(Instant::now());
        let mut stderr = io::stderr();
        // A terminal that went away is no reason to stop working.
        let _shown = write!(stderr, "\r\x1b[K{line}").and_then(|()| stderr.flush());
    }

    /// Leaves the line.
    pub fn end(&self) {
        if self.last.is_some() {
            let _left = writeln!(io::stderr());
        }
    }
}
