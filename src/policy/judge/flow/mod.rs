//! The flow of data: input of programs, files that they write, and targets of paths.

pub mod places;
pub mod redirects;
