//! `navi load`: many users at once, and what becomes of their requests, of the server and of its rows.
//!
//! Arrivals are planned beforehand and do not wait for answers, and a time counts from when a request was
//! to be sent: a server that is slow is not asked more seldom for it. What fails counts as long as its
//! user would have waited. Afterwards the rows of the database are compared with what was acknowledged.
//!
//! [`measure`] holds what is measured, [`actions`] what users do, [`drive`] when they do it, [`watch`]
//! what the server, its database and the machine do meanwhile, [`stand`] where all of this happens,
//! [`stand_in`] the model that answers there, [`parity`] the comparison of the rows, and [`report`] what
//! is told.

pub mod actions;
pub mod budget;
pub mod command;
pub mod drive;
pub mod measure;
pub mod measurement;
pub mod named_setting;
pub mod parity;
pub mod report;
pub mod stand;
pub mod stand_in;
pub mod watch;
