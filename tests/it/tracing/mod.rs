//! Traces as an independent collector receives them, and the cost of a broken one.

mod outages;
mod receiver;
mod trees;
