//! Servers of this program in processes of their own, for what measures them.

pub mod replica;
