//! From a request to a run that is ready to be worked on.

pub mod attachments;
pub mod history;
pub mod prepare;
pub mod request;
pub mod sent_history;
