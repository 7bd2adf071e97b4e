//! The comparison of what was acknowledged with what is stored and what was counted.

pub mod compare;
pub mod settle;
pub mod store;
