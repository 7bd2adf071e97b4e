//! The SQL of notices.

pub mod claims;
pub mod deliveries;
pub mod outbox;
pub mod seals;
pub mod webhooks;
