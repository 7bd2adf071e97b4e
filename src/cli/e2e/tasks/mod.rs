//! The tasks: as they are written, their folders, and the scripts that may play them.

pub mod expected;
pub mod folder;
pub mod generated;
pub mod load;
pub mod model;
pub mod repertoire;
