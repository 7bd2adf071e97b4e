//! The tools a model may call.
//!
//! [`tool`] says what a tool is, [`registry`] lists them; each has a file of its own. A tool answers
//! with a result that always has `success`, or with an [`outcome::ToolError`]: `Tell` is the model's
//! mistake and told to it, `Stop` is ours and ends the run. Files are reached only through
//! [`crate::workspace::paths::Workspace`], processes are started only by [`crate::exec::process`].

pub mod arguments;
pub mod ask_user;
pub mod commands;
pub mod context;
pub mod files;
pub mod outcome;
pub mod registry;
pub mod tool;
