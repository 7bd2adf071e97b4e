//! What clients report, and reading it.

mod measured;
mod reading;
mod resolving;
mod stock;
