//! The server: merges the slices' routers and puts the middleware around them.
//!
//! Start at [`router`]. Every route is registered through its OpenAPI description, so what
//! `/openapi.json` lists is what exists, and tests that walk it miss nothing.

pub mod cors;
pub mod description;
pub mod failures;
pub mod guard;
pub mod identity;
pub mod limits;
pub mod measure;
pub mod missing;
pub mod models;
pub mod nearest;
pub mod openapi;
pub mod ops;
pub mod pages;
pub mod patience;
pub mod router;
pub mod security;
pub mod sockets;
pub mod spans;
pub mod unbuilt;
pub mod unpack;
