//! The way to the database: the address, what the server says when it grants no connection, and the
//! connections that requests share.
//!
//! A server may grant fewer connections than were wished for. Then requests wait for one of those that
//! there are, and the pool wishes for fewer until the server has room again. Reading has half of them at most.

pub mod address;
pub mod connection;
pub mod disk;
pub mod pool;
pub mod refusal;
pub mod servers;
pub mod sessions;
pub mod settings;
pub mod share;
pub mod spelling;
pub mod stock;
pub mod storage;
