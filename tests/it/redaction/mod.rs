//! Redaction: the texts it takes out, the texts it leaves, and that nothing goes around it.

mod canaries;
pub(crate) mod corpus;
mod forms;
pub(crate) mod logs;
