//! A model that says the same over and over until its limit is stopped.
//!
//! Start at [`guarded`], which watches the answers of a provider. [`period`] finds out whether a text ends with
//! repetitions, and [`prose`] lets it look at prose alone.

pub mod guarded;
pub mod period;
pub mod prose;
