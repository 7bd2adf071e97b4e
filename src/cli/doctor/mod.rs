//! `navi doctor`: what is missing, and the command that mends it. Changes nothing.

pub mod check;
pub mod command;
mod database;
pub mod disks;
mod own_database;
