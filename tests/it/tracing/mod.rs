//! What is traced, as a collector receives it that is not ours, and what a broken collector costs.

mod outages;
mod receiver;
mod trees;
