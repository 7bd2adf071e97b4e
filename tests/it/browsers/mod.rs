//! Pages in browsers, and whatever stands between them and the server.

mod cors;
mod streams;
mod tickets;
