//! The topic of notifications about answers.

/// The topic under which processes notify others that a person answered.
pub const ANSWERS: &str = "answers";
