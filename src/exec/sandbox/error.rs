//! Failures to build a wall.

/// A wall that could not be built; the command was not started.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox could not be set up: {doing}: {reason}")]
pub struct WallError {
    doing: &'static str,
    reason: String,
}

impl WallError {
    /// An error while doing this.
    pub fn new(doing: &'static str, reason: impl std::fmt::Display) -> Self {
        Self {
            doing,
            reason: reason.to_string(),
        }
    }

    /// For `map_err`.
    pub fn at<E: std::fmt::Display>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |reason| Self::new(doing, reason)
    }
}
