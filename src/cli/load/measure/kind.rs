//! Actions of users, their mixtures, and the moments that are timed.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// One thing that a user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserAction {
    /// Asks a question and reads the answer as it comes.
    Chat,
    /// Has a task done and watches.
    Run,
    /// Has a task done in the background, and loses the connection to its events on the way.
    Job,
    /// Reports a batch of events.
    Telemetry,
    /// Rates an answer.
    Feedback,
    /// Looks at a list or at statistics.
    Analytics,
}

/// A moment of an action; the time until then is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// The answer is there.
    Answer,
    /// The first piece of the model's text is there.
    FirstToken,
    /// After a lost connection the next event is there. This time alone counts from when the new
    /// connection was asked for.
    Resume,
    /// All is over.
    End,
}

/// A mixture of actions.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// Chats, and runs that are watched.
    Interactive,
    /// Jobs whose followers lose their connection and come back.
    Durable,
    /// Batches of events.
    Telemetry,
    /// Ratings.
    Feedback,
    /// Lists and statistics.
    Analytics,
    /// A bit of everything.
    #[default]
    Mixed,
}

impl UserAction {
    /// The moments that are timed.
    pub fn moments(self) -> &'static [Moment] {
        match self {
            Self::Chat | Self::Run => &[Moment::FirstToken, Moment::End],
            Self::Job => &[
                Moment::Answer,
                Moment::FirstToken,
                Moment::Resume,
                Moment::End,
            ],
            Self::Telemetry | Self::Feedback | Self::Analytics => &[Moment::Answer],
        }
    }

    /// The name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Run => "run",
            Self::Job => "job",
            Self::Telemetry => "telemetry",
            Self::Feedback => "feedback",
            Self::Analytics => "analytics",
        }
    }
}

impl Moment {
    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::FirstToken => "first token",
            Self::Resume => "resume",
            Self::End => "end",
        }
    }
}

impl Scenario {
    /// The actions of one user, each with its number in a second.
    pub fn mixture(self) -> &'static [(UserAction, f64)] {
        match self {
            Self::Interactive => &[(UserAction::Chat, 0.15), (UserAction::Run, 0.05)],
            Self::Durable => &[(UserAction::Job, 0.1)],
            Self::Telemetry => &[(UserAction::Telemetry, 1.0)],
            Self::Feedback => &[(UserAction::Feedback, 0.5)],
            Self::Analytics => &[(UserAction::Analytics, 0.5)],
            Self::Mixed => &[
                (UserAction::Telemetry, 0.5),
                (UserAction::Analytics, 0.2),
                (UserAction::Chat, 0.1),
                (UserAction::Feedback, 0.1),
                (UserAction::Run, 0.05),
                (UserAction::Job, 0.05),
            ],
        }
    }

    /// The actions of all its users in a second.
    pub fn rate(self, users: u32, pace: f64) -> f64 {
        let one: f64 = self.mixture().iter().map(|(_, rate)| rate).sum();
        one * f64::from(users) * pace
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interactive => "interactive",
            Self::Durable => "durable",
            Self::Telemetry => "telemetry",
            Self::Feedback => "feedback",
            Self::Analytics => "analytics",
            Self::Mixed => "mixed",
        })
    }
}
