//! Failed answers, sorted by what to do about them. Pure, but for what is remembered.
//!
//! Providers agree on HTTP statuses more than on words, so the status decides where it can; codes and
//! words decide where one status means several things (a 400 can be a long conversation, a 429 an empty
//! account). Start at [`table`]: it holds the words of every provider. [`said`] reads them out of a body,
//! however often gateways have wrapped it, [`classify`] makes the error, [`waiting`] the time to wait, and
//! [`learned`] and [`refused_replays`] remember what a model's server refused.

pub mod broken;
pub mod classify;
pub mod fields;
pub mod learned;
pub mod refused_replays;
pub mod retry;
pub mod said;
pub mod table;
pub mod unreached;
pub mod waiting;
