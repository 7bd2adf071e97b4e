//! Secrets of Kubernetes: the values of their `data` and `stringData`, whatever these are.
//!
//! [`marker`] finds the words that tell of one, and [`object`] what they belong to. That is read by
//! [`lines`] where lines and how far they are set in make the structure, which [`page`] finds, and by
//! [`flow`] where braces do.

pub mod flow;
pub mod lines;
pub mod marker;
pub mod object;
pub mod page;
