//! Tokens that are known by what they look like.
//!
//! [`table`] lists those that begin in a way of their own, which [`token`] reads. Others have nothing of
//! their own but a sign in their middle or end: [`dotted`] finds the pieces between dots, [`marked`] the
//! rest. [`begins`] says where a token can begin.

pub mod begins;
pub mod dotted;
pub mod marked;
pub mod table;
pub mod token;
