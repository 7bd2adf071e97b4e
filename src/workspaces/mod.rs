//! Ownership of workspaces: the folders that organisations may work in, and those they have.
//!
//! A setting says where workspaces may lie. The first organisation that uses a folder has it from then
//! on, with all that it holds; for others there is no such folder. Start at [`service::Workspaces`].

pub mod error;
pub mod model;
pub mod roots;
pub mod service;
pub mod store;
pub mod tables;
pub mod territory;
