//! Walking through a command: every program it would run, with the words it would be given.
//!
//! [`walker`] goes through the tree, [`flow`] follows what programs read and write, [`fields`] expands
//! words as far as they are known, [`wrappers`] looks through programs that run other programs,
//! [`running`] tells whose code they run, [`scopes`] tells the object of a finding, [`trace`] keeps the
//! steps for explanations, and the other files know programs whose effect depends on more than their
//! options.

pub mod call;
pub mod copy;
pub mod delete;
pub mod expansion;
pub mod facts;
pub mod fields;
pub mod file_access;
pub mod flow;
pub mod packages;
pub mod program;
pub mod reading;
pub mod running;
pub mod scan;
pub mod scopes;
pub mod shell_state;
pub mod trace;
pub mod walker;
pub mod wrappers;
pub mod xargs;
