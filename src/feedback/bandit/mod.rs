//! Which settings are tried next: a bandit that draws for each arm what its acceptance may be, and takes
//! the largest (Thompson sampling). What it knows fades, so a change of taste is noticed.

pub mod model;
pub mod service;
pub mod store;
