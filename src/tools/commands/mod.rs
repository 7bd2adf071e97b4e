//! Tools that run commands and servers.

pub mod check_endpoint;
mod local_http;
mod opened;
pub mod patience;
pub mod protected;
pub mod run_command;
pub mod running_servers;
pub mod start_server;
pub mod stop_server;
mod stopped;
