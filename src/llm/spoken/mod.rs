//! Calls of tools that a model wrote as text, because its server did not read them or it does not know the
//! interface for calls.
//!
//! [`read`] decides what a text is: words, calls, or something that was meant as a call and cannot be run.
//! [`scan`] reads the notations of models, [`json`], [`tags`] and [`code`] their parts, [`held`] keeps a text
//! that may become a call from being shown meanwhile. All are pure, and the same for every provider.

mod code;
pub mod held;
mod json;
pub mod read;
mod scan;
mod tags;
