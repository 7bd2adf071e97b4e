//! The audit log: complete, sealed, chained, provable.

mod attacks;
mod crashes;
mod entries;
mod page;
mod proofs;
