//! Reading of requests, and sentences about those that cannot be read.

pub mod misfit;
