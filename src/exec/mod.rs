//! Running commands: the only door to processes of the agent.
//!
//! [`process`] starts them under a [`supervision`] that outlives neither them nor the server,
//! [`capture`] reads their output within a bound, and [`status_file`] holds how a command ended, for
//! the process that takes over its run. [`sandbox`] is the wall around them, and [`egress`] the way out of a
//! run's own network.

pub mod capture;
pub mod credentials;
pub mod egress;
pub mod environment;
pub mod error;
pub mod finding;
pub mod launch;
pub mod output;
pub mod peer;
pub mod presence;
pub mod process;
pub mod replicas;
pub mod running;
pub mod sandbox;
pub mod status_file;
pub mod supervision;
pub mod text;
