//! What commands reach beyond the files that they name: what is below a folder, what a repository
//! tracks, and the server's own data; and where links lead.

pub mod below;
pub mod closed;
pub mod links;
pub mod tracked;
