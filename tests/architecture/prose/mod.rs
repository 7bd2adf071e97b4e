//! Rules for the English of documentation and of texts.

pub(crate) mod counting;
pub(crate) mod lines;
pub(crate) mod retired;
mod width;
