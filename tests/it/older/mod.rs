//! Requests of older clients, as they send them, and the answers as they read them.

mod missing;
mod organisations;
mod panel;
mod security;
mod unbuilt;
