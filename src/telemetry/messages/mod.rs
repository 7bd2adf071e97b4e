//! Messages of errors without what varies from one occurrence to the next.
//!
//! [`general`] finds the parts that have a form of their own, such as addresses and files; [`ids`] judges
//! the words that are left.

pub mod general;
pub mod ids;
