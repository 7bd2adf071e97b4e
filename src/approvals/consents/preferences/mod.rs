//! Preferences: actions that their owner does not want to be asked about again.
//!
//! A preference holds for its owner's runs in one workspace: what is harmless in one project need
//! not be in another. It covers one action by its hash, or what one rule finds about one object: the
//! same file, remote, server, packages or text, and no more harm than was shown.

pub mod model;
pub mod store;
