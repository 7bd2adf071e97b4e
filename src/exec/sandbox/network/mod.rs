//! The network of a run: the process that holds it, and ways into it for the server.

pub mod descriptors;
pub mod forward;
pub mod holder;
pub mod run_network;
