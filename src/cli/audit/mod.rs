//! `navi audit`: verifying, listing, decrypting, exporting and adopting audit logs.

pub mod adopt;
pub mod command;
pub mod decrypt;
pub mod export;
pub mod list;
pub mod opened;
pub mod verify;
