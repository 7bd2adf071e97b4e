//! The origin of the code that a program runs: the project's own build, a file of the workspace, or
//! something from outside.

pub mod builds;
pub mod files;
pub mod scripts;
pub mod system;
