//! Leases: which process works on which run.
//!
//! A *worker* is a process that takes runs. It holds one lease, of its own row, and renews it; the
//! runs it took are its own for as long as the lease lasts. A run whose worker has none any more is
//! taken over, under a higher *fence*, and what its former worker still writes is refused.

pub mod keeper;
pub mod model;
pub mod store;
mod taken;
