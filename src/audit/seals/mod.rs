//! Where logs end, who sealed that, and how a log passes from one seal to another.

pub mod chain;
pub mod fitting;
pub mod handover;
pub mod seal;
