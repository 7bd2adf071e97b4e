//! The server: merges the slices' routers and puts the middleware around them.
//!
//! Start at [`router`]. Every route is registered through its OpenAPI description, so what
//! `/openapi.json` lists is what exists, and tests that walk it miss nothing.

pub mod connections;
pub mod failures;
pub mod identity;
pub mod limits;
pub mod listeners;
pub mod measure;
pub mod models;
pub mod openapi;
pub mod ops;
pub mod pace;
pub mod router;
pub mod socket;
pub mod trace;
pub mod unpack;
