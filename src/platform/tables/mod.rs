//! The policy of every table: the retention of its rows, their owner, and the effect of an erasure.
//!
//! Each slice declares its own tables ([`model::TablePolicy`]); what walks over them ([`store`]) is the only
//! place where SQL is put together from names, and the names are the declared ones. The list of all
//! tables is `lifecycle::tables`.

pub mod model;
pub mod store;
