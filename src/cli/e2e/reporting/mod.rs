//! Budgets, raw data, the page and its plots.

pub mod budget;
pub mod data;
pub mod machine;
pub mod page;
pub mod plot;
