//! The ground of the tests: the whole service over a real database, and a client for it.

pub(crate) mod app;
pub(crate) mod client;
pub(crate) mod described;
pub(crate) mod identity;
pub(crate) mod model;
pub(crate) mod nginx;
pub(crate) mod packing;
pub(crate) mod promises;
pub(crate) mod served;
pub(crate) mod shapes;
pub(crate) mod signing;
pub(crate) mod wire;
