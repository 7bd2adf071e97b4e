//! The tools an agent may call.
//!
//! [`registry`] names them and dispatches; each tool has a file. A tool answers with a result that
//! always has `success`, or with a [`registry::ToolError`]: `Tell` is the model's mistake and told to
//! it, `Stop` is ours and ends the run. Files are reached only through
//! [`crate::workspace::paths::Workspace`], processes are started only by [`process`].

pub mod arguments;
pub mod ask_user;
pub mod commands;
pub mod context;
pub mod files;
pub mod outcome;
pub mod registry;
pub mod tool;
