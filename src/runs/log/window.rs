//! The moment for which pieces of text gather, so that a stream is not a commit for each of them.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::runs::event::Event;
use crate::runs::log::entry::{Entry, JournalCommand};

/// How long after a commit a piece of text waits for more. Nobody sees the difference, and a model that
/// sends a hundred pieces a second costs 25 commits.
pub(super) const WINDOW: Duration = Duration::from_millis(40);

/// The time since the last commit of text. A piece that comes after silence goes at once, and so does the
/// first one after a step.
#[derive(Debug, Default)]
pub(super) struct TextWindow {
    ends: Option<Instant>,
}

impl TextWindow {
    /// The commit of a batch begins.
    pub(super) fn begin(&mut self, batch: &[JournalCommand]) {
        let is_text = batch.iter().all(is_text);
        self.ends = is_text.then(|| Instant::now() + WINDOW);
    }

    /// Adds what comes until the window ends to a batch that is nothing but text. A step waits for nothing,
    /// and neither does whoever waits for a commit.
    pub(super) async fn gather(
        &self,
        receiver: &mut mpsc::Receiver<JournalCommand>,
        batch: &mut Vec<JournalCommand>,
        most: usize,
    ) {
        let Some(ends) = self.ends else {
            return;
        };
        let mut looked = 0;
        loop {
            if !batch[looked..].iter().all(is_text) || batch.len() >= most {
                return;
            }
            looked = batch.len();
            let more = receiver.recv_many(batch, most - looked);
            match timeout_at(ends, more).await {
                Ok(1..) => {}
                // No more will come, or not in time.
                Ok(0) | Err(_) => return,
            }
        }
    }
}

fn is_text(command: &JournalCommand) -> bool {
    match command {
        JournalCommand::Write(entries) => entries
            .iter()
            .all(|entry| matches!(entry, Entry::Event(Event::Text { .. }))),
        JournalCommand::Commit(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio::time::sleep;

    use super::*;

    fn text(text: &str) -> JournalCommand {
        let (text, timestamp) = (text.to_owned(), 0);
        JournalCommand::Write(vec![Entry::Event(Event::Text { text, timestamp })])
    }

    /// The batches of a writer that gets these commands, each so many milliseconds after the one before,
    /// with the millisecond at which each is written.
    async fn batches(commands: Vec<(u64, JournalCommand)>) -> Vec<(u128, usize)> {
        let (sender, mut receiver) = mpsc::channel(512);
        let began = Instant::now();
        let send = async move {
            for (pause, command) in commands {
                sleep(Duration::from_millis(pause)).await;
                assert!(sender.send(command).await.is_ok());
            }
        };
        let write = async {
            let (mut window, mut batch, mut written) =
                (TextWindow::default(), Vec::new(), Vec::new());
            while receiver.recv_many(&mut batch, 256).await > 0 {
                window.gather(&mut receiver, &mut batch, 256).await;
                window.begin(&batch);
                written.push((began.elapsed().as_millis(), batch.drain(..).count()));
            }
            written
        };
        tokio::join!(send, write).1
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_piece_goes_at_once_and_what_follows_within_the_window_is_one_commit() {
        let pieces = (0..20).map(|_| (3, text("piece"))).collect();
        // The text is over after 60 ms, which ends the last window.
        assert_eq!(batches(pieces).await, [(3, 1), (43, 13), (60, 6)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_piece_after_fifty_milliseconds_of_silence_goes_at_once() {
        let pieces = [(0, text("a")), (50, text("b")), (50, text("c"))];
        assert_eq!(batches(pieces.into()).await, [(0, 1), (50, 1), (100, 1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_takes_the_text_before_it_along_and_waits_for_nothing() {
        let step = JournalCommand::Write(vec![Entry::State(serde_json::Value::Null)]);
        let commands = [(0, text("a")), (5, text("b")), (5, step)];
        assert_eq!(batches(commands.into()).await, [(0, 1), (10, 2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_piece_after_a_step_goes_at_once() {
        let step = JournalCommand::Write(vec![Entry::State(serde_json::Value::Null)]);
        let commands = [(0, text("a")), (5, step), (5, text("b")), (5, text("c"))];
        let written = [(0, 1), (5, 1), (10, 1), (15, 1)];
        assert_eq!(batches(commands.into()).await, written);
    }

    #[tokio::test(start_paused = true)]
    async fn a_commit_that_is_waited_for_ends_the_window() {
        let wanted = JournalCommand::Commit(oneshot::channel().0);
        let commands = [(0, text("a")), (5, text("b")), (5, wanted)];
        assert_eq!(batches(commands.into()).await, [(0, 1), (10, 2)]);
    }
}
