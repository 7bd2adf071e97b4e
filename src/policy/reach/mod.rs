//! The reach of commands beyond the files that they name: files below a folder, files that a repository
//! tracks, and the server's own data; and the targets of links.

pub mod below;
pub mod closed;
pub mod links;
pub mod tracked;
