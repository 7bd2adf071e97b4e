//! What is kept of every table: how long, whose it is, and what erasing does to it.
//!
//! Each slice declares its own tables ([`model::TablePolicy`]); what walks over them ([`store`]) is the only
//! place where SQL is put together from names, and the names are the declared ones. The list of all
//! tables is `lifecycle::tables`.

pub mod model;
pub mod store;
