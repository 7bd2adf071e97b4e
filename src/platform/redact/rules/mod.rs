//! The rules by which secrets are recognised in a text.
//!
//! [`find`] applies them all: [`scan`] finds the places at which it is worth looking closer. There,
//! [`forms`] and [`values`] recognise a secret by what it looks like, [`pairs`] by the name before it
//! ([`keys`]), by how both are written ([`tie`], [`quotes`], [`below`]) and by whether the value can be
//! one ([`plausible`]), [`vendors`] by the service it opens, [`commands`] by the program that takes it or
//! the file that lists it, and [`manifests`] by the object that it is the data of.

pub mod below;
pub mod bytes;
pub mod commands;
pub mod find;
pub mod forms;
pub mod keys;
pub mod manifests;
pub mod pairs;
pub mod plausible;
pub mod quotes;
pub mod scan;
pub mod span;
pub mod tie;
pub mod values;
pub mod vendors;
