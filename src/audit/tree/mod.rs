//! The Merkle tree over a log, and its hashes in rows.

pub mod merkle;
pub mod tiles;
