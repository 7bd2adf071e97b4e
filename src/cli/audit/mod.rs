//! `navi audit`: verifying, listing, decrypting and exporting the audit log; and `navi erase`.

pub mod command;
pub mod decrypt;
pub mod erase;
pub mod export;
pub mod list;
pub mod opened;
pub mod verify;
