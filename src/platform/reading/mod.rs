//! What clients send, and sentences about what of it cannot be read.

pub mod misfit;
