//! The moment for which pieces of text gather, so that a stream is not a commit for each of them.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::runs::event::Event;
use crate::runs::log::entry::{Entry, JournalCommand};

/// The time after a commit for which a piece of text waits for more. No reader sees the difference, and a model that
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
    pub(super) fn begin(&mut self, batch: &[JournalCommand], now: Instant) {
        let is_text = batch.iter().all(is_text);
        self.ends = is_text.then(|| now + WINDOW);
    }

    /// The time until which a batch waits for more; none when it is written at once. A step waits for nothing,
    /// and neither does a caller that waits for a commit.
    fn holds(&self, batch: &[JournalCommand], now: Instant) -> Option<Instant> {
        let ends = self.ends.filter(|ends| *ends > now)?;
        batch.iter().all(is_text).then_some(ends)
    }

    /// Adds what comes until the window ends to a batch that is nothing but text.
    pub(super) async fn gather(
        &self,
        receiver: &mut mpsc::Receiver<JournalCommand>,
        batch: &mut Vec<JournalCommand>,
        most: usize,
    ) {
        while let Some(ends) = self.holds(batch, Instant::now())
            && batch.len() < most
        {
            let more = receiver.recv_many(batch, most - batch.len());
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
    use serde_json::Value;
    use tokio::sync::oneshot;

    use super::*;

    fn text() -> JournalCommand {
        let (text, timestamp) = ("piece".to_owned(), 0);
        JournalCommand::Write(vec![Entry::Event(Event::Text { text, timestamp })])
    }

    fn step() -> JournalCommand {
        JournalCommand::Write(vec![Entry::State(Value::Null)])
    }

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_first_piece_goes_at_once_and_what_follows_waits_for_the_end_of_the_window() {
        let (mut window, began) = (TextWindow::default(), Instant::now());
        assert_eq!(window.holds(&[text()], began), None);
        window.begin(&[text()], began);
        let ends = Some(began + WINDOW);
        assert_eq!(window.holds(&[text()], began + millis(1)), ends);
        assert_eq!(window.holds(&[text(), text()], began + millis(39)), ends);
    }

    #[test]
    fn a_piece_after_fifty_milliseconds_of_silence_goes_at_once() {
        let (mut window, began) = (TextWindow::default(), Instant::now());
        window.begin(&[text()], began);
        assert_eq!(window.holds(&[text()], began + millis(50)), None);
    }

    #[test]
    fn a_step_and_a_commit_that_is_waited_for_end_the_window() {
        let (mut window, began) = (TextWindow::default(), Instant::now());
        window.begin(&[text()], began);
        let wanted = JournalCommand::Commit(oneshot::channel().0);
        for last in [step(), wanted] {
            assert_eq!(window.holds(&[text(), last], began + millis(1)), None);
        }
    }

    #[test]
    fn the_first_piece_after_a_step_goes_at_once() {
        let (mut window, began) = (TextWindow::default(), Instant::now());
        window.begin(&[text()], began);
        window.begin(&[text(), step()], began + millis(5));
        assert_eq!(window.holds(&[text()], began + millis(10)), None);
    }

    #[tokio::test]
    async fn a_step_takes_the_text_before_it_along() {
        let (sender, mut receiver) = mpsc::channel(8);
        for command in [text(), step(), text()] {
            assert!(sender.send(command).await.is_ok());
        }
        let mut window = TextWindow::default();
        window.begin(&[text()], Instant::now() + Duration::from_mins(1));
        let mut batch = vec![text()];
        window.gather(&mut receiver, &mut batch, 8).await;
        assert_eq!(batch.len(), 4);
    }
}
