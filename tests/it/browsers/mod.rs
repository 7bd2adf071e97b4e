//! Pages in browsers, and whatever stands between them and the server.

mod cors;
mod development;
mod nginx;
mod streams;
mod tickets;
