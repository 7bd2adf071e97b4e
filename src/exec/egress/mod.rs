//! The only way out of a run's own network: a proxy that knows which hosts the run may reach.
//!
//! [`proxy`] serves the listener that stands inside a run's network namespace. What a client asks
//! for is read once into a [`target`] and compared with the [`hosts`] of the run; its name is
//! resolved once, and the connection goes to the very address that was checked ([`dial`]). `CONNECT`
//! becomes a tunnel and plain HTTP is forwarded, one request for each connection ([`forward`]).
//! Every connection is told to a sink ([`connection`]): what becomes of that is not known here.

pub mod connection;
pub mod dial;
pub mod error;
mod forward;
pub mod hosts;
pub mod limits;
pub mod pattern;
pub mod proxy;
pub mod registries;
pub mod resolve;
mod served;
pub mod target;
pub mod wire;
