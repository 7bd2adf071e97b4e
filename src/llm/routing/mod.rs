//! The choice of a model, as the router makes it: [`search`] over the [`models`] that can be named.

pub mod answer_limit;
pub mod models;
pub mod search;
