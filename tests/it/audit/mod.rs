//! The audit log: complete, sealed, chained, provable.

mod attacks;
mod crashes;
mod entries;
mod oracle;
mod page;
mod proofs;
mod tree;
