//! The topics of notifications about runs.

/// A log has grown; the number is its last sequence.
pub const EVENTS: &str = "events";
/// A process has streams of a run.
pub const FOLLOWED: &str = "followed";
/// A run waits for a worker.
pub const WAITING: &str = "waiting";
/// A run is to end.
pub const CANCEL: &str = "cancel";
