//! Walking through a command: every program it would run, with the words it would be given.
//!
//! [`walker`] goes through the tree, [`fields`] expands words as far as they are known, [`wrappers`]
//! looks through programs that run other programs, [`scopes`] tells the object of what was found, and
//! the other files know programs whose effect depends on more than their options.

pub mod call;
pub mod copy;
pub mod delete;
pub mod expansion;
pub mod facts;
pub mod fields;
pub mod file_access;
pub mod packages;
pub mod program;
pub mod reading;
pub mod scan;
pub mod scopes;
pub mod shell_state;
pub mod walker;
pub mod wrappers;
pub mod xargs;
