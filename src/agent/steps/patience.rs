//! Patience with a model that cannot answer: the turn is asked again, for as long as a budget of time
//! lasts; then a job pauses and an interactive run ends.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::agent::runner::primitives::{Halt, Runner};
use crate::llm::error::{LlmError, Remedy};
use crate::llm::failure::retry::{MAX_BROKEN, RetryPolicy, asking_again};
use crate::llm::model::Message;
use crate::runs::event_data::PauseReason;
use crate::runs::log::entry::Entry;
use crate::runs::model::RunKind;

/// The most times that an answer that could not be read is asked for again. From the second time on, the model is
/// told what was wrong with it.
const MAX_BOTCHED: u32 = 4;
/// A run that waits longer than this at once gives its slot to another meanwhile.
const SLOT_BOUND: Duration = Duration::from_secs(5);

/// The patience of a run with its model, for one question.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    budget: Duration,
    /// When the first try failed.
    since: Option<Instant>,
    /// The time that the model was silent within tries.
    silent: Duration,
    failed: u32,
    broken: u32,
    botched: u32,
}

/// The reaction to a failure.
#[derive(Debug, PartialEq)]
enum NextTry {
    /// Ask again after a pause.
    Wait(Duration),
    /// Ask again now.
    Again,
    /// Say what was wrong, and ask again now.
    Nudge,
    /// The obstacle may pass, but not within the budget.
    Over,
    /// It will not pass.
    End,
}

impl RetryBudget {
    /// The patience that the run's kind has.
    pub(crate) fn of(runner: &Runner) -> Self {
        Self::new(runner.deps.config.patience(runner.run.kind))
    }

    fn new(budget: Duration) -> Self {
        Self {
            budget,
            since: None,
            silent: Duration::ZERO,
            failed: 0,
            broken: 0,
            botched: 0,
        }
    }

    /// Waits until the model may be asked again, or halts the run. `was_shown` says whether some of the
    /// answer that failed is in the log; those who follow are told to discard it.
    pub(crate) async fn after(
        &mut self,
        runner: &mut Runner,
        error: &LlmError,
        was_shown: bool,
    ) -> Result<(), Halt> {
        let next = self.next_try(error, was_shown, rand::random());
        tracing::warn!(run.id = %runner.run.id, %error, ?next, "the model did not answer");
        match next {
            NextTry::Over if runner.run.kind == RunKind::Job => {
                return Err(Halt::Paused(obstacle(error)));
            }
            NextTry::Over | NextTry::End => return runner.model_failed(error).await,
            NextTry::Wait(_) | NextTry::Again | NextTry::Nudge => {}
        }
        if was_shown {
            discard(runner, error).await?;
        }
        match next {
            NextTry::Wait(pause) => wait(runner, error, pause).await,
            // A run that has no conversation yet has nothing to add to.
            NextTry::Nudge if runner.transcript.position > 0 => nudge(runner, error).await,
            NextTry::Nudge | NextTry::Again | NextTry::Over | NextTry::End => Ok(()),
        }
    }

    fn next_try(&mut self, error: &LlmError, had_begun: bool, chance: f64) -> NextTry {
        match error.remedy() {
            Remedy::Wait => {}
            Remedy::AskAgain if self.botched == MAX_BOTCHED => return NextTry::End,
            Remedy::AskAgain => {
                self.botched += 1;
                return if self.botched == 1 {
                    NextTry::Again
                } else {
                    NextTry::Nudge
                };
            }
            Remedy::AskPerson => return NextTry::Over,
            Remedy::Compact
            | Remedy::ShortenAnswer
            | Remedy::LeaveOut
            | Remedy::PutBack
            | Remedy::FallBack
            | Remedy::GiveUp => return NextTry::End,
        }
        self.failed += 1;
        self.broken += u32::from(had_begun);
        if let LlmError::TimedOut { waited, .. } = error {
            self.silent = self.silent.saturating_add(*waited);
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        let used = since.elapsed().max(self.silent);
        let left = self.budget.saturating_sub(used);
        let pause = RetryPolicy::default().pause(self.failed, error, left, chance);
        match pause {
            Some(pause) if self.broken <= MAX_BROKEN => NextTry::Wait(pause),
            Some(_) | None => NextTry::Over,
        }
    }
}

/// Tells those who follow that the text of an answer that broke off is void. Clients that do not know
/// this kind of event show the sentence before it.
pub(crate) async fn discard(runner: &Runner, error: &LlmError) -> Result<(), Halt> {
    let message = format!("The answer broke off ({error}) and is asked for again");
    runner.thinking(&message).await?;
    Ok(runner
        .journal
        .write(vec![Entry::Discarded { message }])
        .await?)
}

async fn wait(runner: &mut Runner, error: &LlmError, pause: Duration) -> Result<(), Halt> {
    if let Some(message) = asking_again(error, pause) {
        runner.thinking(&message).await?;
    }
    runner.waited.add(pause);
    if pause > SLOT_BOUND {
        runner.wait_without_slot(sleep(pause)).await
    } else {
        runner.unless_halted(sleep(pause)).await
    }
}

async fn nudge(runner: &mut Runner, error: &LlmError) -> Result<(), Halt> {
    let message = format!(
        "Your last answer could not be read ({error}). Answer again; call a tool by its exact name, with \
         one JSON object as its arguments."
    );
    runner.append(Message::user(message)).await
}

/// The obstacle as the pause of a job names it.
fn obstacle(error: &LlmError) -> PauseReason {
    PauseReason {
        code: error.code().to_owned(),
        message: format!(
            "The job is paused: {error}. Resume it when that has passed; it continues where it \
             stopped."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVERLOADED: LlmError = LlmError::Unavailable {
        provider: "test",
        status: 529,
        retry_after: None,
        reason: String::new(),
    };
    const CUT: LlmError = LlmError::Truncated { provider: "test" };

    fn botched() -> LlmError {
        LlmError::Botched {
            provider: "test",
            reason: String::new(),
        }
    }

    #[test]
    fn an_overload_is_waited_for_as_long_as_the_budget_lasts() {
        let mut patience = RetryBudget::new(Duration::from_mins(15));
        for expected in [500, 1_000, 2_000, 4_000] {
            let next = patience.next_try(&OVERLOADED, false, 1.0);
            assert_eq!(next, NextTry::Wait(Duration::from_millis(expected)));
        }
        let mut patience = RetryBudget::new(Duration::ZERO);
        assert_eq!(patience.next_try(&OVERLOADED, false, 1.0), NextTry::Over);
    }

    #[test]
    fn silence_uses_up_the_budget_too() {
        let mut patience = RetryBudget::new(Duration::from_mins(2));
        let silent = LlmError::TimedOut {
            provider: "test",
            waited: Duration::from_mins(1),
        };
        assert!(matches!(
            patience.next_try(&silent, false, 1.0),
            NextTry::Wait(_)
        ));
        assert_eq!(patience.next_try(&silent, false, 1.0), NextTry::Over);
    }

    #[test]
    fn a_provider_that_asks_for_more_time_than_there_is_is_not_waited_for() {
        let mut patience = RetryBudget::new(Duration::from_mins(2));
        let limited = LlmError::RateLimited {
            provider: "test",
            retry_after: Some(Duration::from_mins(3)),
            reason: String::new(),
        };
        assert_eq!(patience.next_try(&limited, false, 0.0), NextTry::Over);
    }

    #[test]
    fn answers_that_break_off_are_paid_for_and_so_not_asked_for_without_end() {
        let mut patience = RetryBudget::new(Duration::from_hours(1));
        let waits = (0..20)
            .filter(|_| matches!(patience.next_try(&CUT, true, 0.0), NextTry::Wait(_)))
            .count();
        assert_eq!(waits, 8);
    }

    #[test]
    fn what_cannot_be_read_is_asked_for_again_then_nudged_then_given_up() {
        let mut patience = RetryBudget::new(Duration::ZERO);
        let tries: Vec<_> = (0..6)
            .map(|_| patience.next_try(&botched(), false, 0.0))
            .collect();
        let expected = [
            NextTry::Again,
            NextTry::Nudge,
            NextTry::Nudge,
            NextTry::Nudge,
            NextTry::End,
            NextTry::End,
        ];
        assert_eq!(tries, expected);
    }

    #[test]
    fn what_only_a_person_can_change_is_no_end_and_what_nothing_changes_is() {
        let mut patience = RetryBudget::new(Duration::from_mins(15));
        let empty = LlmError::QuotaExhausted { provider: "test" };
        assert_eq!(patience.next_try(&empty, false, 0.0), NextTry::Over);
        let refused = LlmError::Unauthorized {
            provider: "test",
            status: 401,
        };
        assert_eq!(patience.next_try(&refused, false, 0.0), NextTry::End);
    }
}
