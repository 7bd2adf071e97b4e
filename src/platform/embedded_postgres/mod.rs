//! A private Postgres cluster in the data folder, for users without a database server.
//!
//! Start at [`server::EmbeddedPostgres`]. Real Postgres binaries, found on the machine; a socket and
//! never a TCP port; a folder that only its owner may enter, and a password besides. One process
//! at a time uses a data folder. Postgres ends when `navi` ends, however `navi` ends: cleanly on
//! every regular way out, and by the parent-death signal when `navi` is killed.
//!
//! ```text
//! <data folder>/postgres/
//!   lock       held by the process that uses the cluster; says its process id
//!   data/      the cluster
//!   data.new/  a cluster that is being made; left behind only by a crash, and then removed
//!   s/         the socket, unless the path is too long for one: then a folder under /tmp
//!   password   of the role `navi`, readable by the owner alone
//!   log log.1  what Postgres says; at most a few megabytes
//! ```

pub mod account;
pub mod binaries;
pub mod error;
pub mod folder;
pub mod log;
pub mod process;
pub mod server;
