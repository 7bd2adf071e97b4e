//! Building blocks that know nothing about the product.
//!
//! A file is admitted here only if it knows nothing about runs, models, money or feedback and two
//! slices need it. Every side effect has its one door here: the clock, ids, outbound HTTP,
//! spawned tasks, the database.

pub mod body;
pub mod clock;
pub mod counts;
pub mod database;
pub mod db;
pub mod embedded_postgres;
pub mod encoding;
pub mod extract;
pub mod health;
pub mod hex;
pub mod idempotency;
pub mod ids;
pub mod json;
pub mod logging;
pub mod metrics;
pub mod origin;
pub mod outbound;
pub mod page;
pub mod privacy;
pub mod problem;
pub mod process;
pub mod reading;
pub mod redact;
pub mod secret;
pub mod secret_file;
pub mod signals;
pub mod sse;
pub mod sync;
pub mod tables;
pub mod tasks;
pub mod text;
pub mod traces;
