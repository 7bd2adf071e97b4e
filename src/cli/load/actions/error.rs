//! Why an action failed.

/// A failed action. Its text is the reason under which it is counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// No connection, or one that broke before the answer.
    #[error("no connection")]
    Connection,
    /// The server refused.
    #[error("{status} {code}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The code of the problem.
        code: String,
    },
    /// A stream ended before its last frame.
    #[error("a stream was cut off")]
    CutOff,
    /// Events of a job came twice, or one never.
    #[error("an event is missing or came twice")]
    Torn,
    /// The work was done, and not well.
    #[error("ended with {0}")]
    Unhappy(String),
    /// An answer is not what it should be.
    #[error("an answer could not be parsed")]
    Garbled,
    /// It took longer than a user waits.
    #[error("too late")]
    Late,
}
