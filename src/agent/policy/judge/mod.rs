//! Walking through a command: every program it would run, with the words it would be given.
//!
//! [`walker`] goes through the tree, [`fields`] expands words as far as they are known, [`wrappers`]
//! looks through programs that run other programs, and the other files know programs whose effect
//! depends on more than their options.

pub mod call;
pub mod copying;
pub mod deleting;
pub mod execution;
pub mod expansion;
pub mod feeding;
pub mod fields;
pub mod finding;
pub mod packages;
pub mod scan;
pub mod scope;
pub mod walker;
pub mod wrappers;
pub mod writing;
