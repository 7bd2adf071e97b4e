//! Conversations: what the user and the agent said, across runs.
//!
//! A conversation belongs to one user of one organisation; for everybody else it does not exist.
//! Deleting one hides it; its rows stay until they are erased, so that its runs keep their name.
//! Start at [`service::ConversationService`].

pub mod error;
pub mod model;
pub mod routes;
pub mod service;
pub mod store;
pub mod view;
