//! The rows of the table, by what they load.

pub(crate) mod chat;
pub(crate) mod feedback;
pub(crate) mod growth;
pub(crate) mod kills;
pub(crate) mod queue;
pub(crate) mod reading;
pub(crate) mod resources;
pub(crate) mod runs;
pub(crate) mod telemetry;
