//! Jobs over HTTP, with a worker in the same process.
//!
//! Every job that ends here is held against the rules of [`crate::runs::rules`], whatever its test is
//! about.

#![expect(clippy::panic, reason = "a test stops at the first surprise")]

mod at_once;
mod cancelling;
mod consenting;
mod creating;
pub(crate) mod desk;
mod following;
mod listing;
mod logging;
mod moving;
mod pausing;
mod sharing;
mod waiting;
