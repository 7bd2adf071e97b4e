//! The project's own checks: found, run, compared.
//!
//! [`projects`] finds the projects of a workspace and of a change, [`detect`] what each offers to check
//! it with, [`run`] runs it, [`failures`] reads from the output what failed and whether anything ran at
//! all, [`compare`] says what that means for the run: what failed before is not blamed on it, and what
//! never ran is never called passed.

pub mod compare;
pub mod detect;
pub mod failures;
pub mod left_out;
mod makefile;
pub mod model;
pub mod projects;
pub mod run;
mod scripts;
