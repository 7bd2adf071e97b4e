//! From a request to a run that is ready to be worked on.

pub mod attachments;
pub mod bounds;
pub mod history;
pub mod instructions;
pub mod open_workspace;
pub mod prepare;
pub mod request;
pub mod routing;
pub mod sent_history;
