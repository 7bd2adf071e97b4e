//! The object of a sighting, so that a lasting answer covers that alone.
//!
//! What is read here is read strictly: an option that is not listed, a word that is not known, a
//! second address, and the scope is the exact text ([`exact`]) instead of an object.

pub mod exact;
pub mod files;
pub mod handing;
pub mod installs;
pub mod noting;
pub mod objects;
pub mod options;
pub mod outputs;
pub mod remotes;
pub mod requests;
