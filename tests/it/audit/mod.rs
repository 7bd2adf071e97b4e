//! The audit log: complete, sealed, chained, provable.

mod answers;
mod attacks;
mod crashes;
mod entries;
mod forgeries;
mod later;
mod listing;
mod looking_first;
mod oracle;
mod page;
mod proofs;
mod seals;
mod starting_keys;
mod streams;
mod tables;
mod tree;
mod witnesses;
