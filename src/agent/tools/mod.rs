//! The tools an agent may call.
//!
//! [`registry`] names them and dispatches; each tool has a file. A tool answers with a result that
//! always has `success`, or with a [`registry::ToolError`]: `Tell` is the model's mistake and told to
//! it, `Stop` is ours and ends the run. Files are reached only through
//! [`crate::agent::workspace::Workspace`], processes are started only by [`process`].

pub mod arguments;
pub mod ask_user;
pub mod capture;
pub mod check_endpoint;
pub mod context;
pub mod diff;
pub mod edit_file;
pub mod environment;
pub mod git;
pub mod list_directory;
pub mod matching;
pub mod process;
pub mod read_file;
pub mod registry;
pub mod run_command;
pub mod search_files;
pub mod servers;
pub mod specs;
pub mod supervisor;
pub mod sweeping;
pub mod text;
pub mod write_file;
