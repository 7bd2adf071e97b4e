//! A bandit that chooses temperature and model by Thompson sampling: it draws an acceptance from each arm's
//! posterior and takes the largest. Counts decay, so that it follows a change of taste.

pub mod model;
pub mod service;
pub mod store;
