//! What the description of the API holds that no handler declares.

pub mod codes;
pub mod examples;
