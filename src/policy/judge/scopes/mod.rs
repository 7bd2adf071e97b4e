//! The object of a sighting, so that a lasting answer covers that alone.
//!
//! The reading here is strict: with an option that is not listed, a word that is not known, or a second
//! address, the scope is the exact text ([`exact`]) instead of an object.

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
