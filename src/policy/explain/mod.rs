//! Why the policy says what it says of a command, for people.

pub mod explanation;
