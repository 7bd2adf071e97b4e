//! Preferences: what its owner does not want to be asked again.
//!
//! A preference holds for its owner's runs in one workspace: what is harmless in one project need
//! not be in another. It covers one action by its hash, or what one rule finds of one kind.

pub mod model;
pub mod store;
