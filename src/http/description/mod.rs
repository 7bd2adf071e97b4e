//! The parts of the API description that no handler declares.

pub mod codes;
pub mod examples;
pub mod words;
