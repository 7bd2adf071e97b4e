//! `navi audit`: verifying, listing, decrypting and exporting the audit log.

pub mod command;
pub mod decrypt;
pub mod export;
pub mod list;
pub mod opened;
pub mod verify;
