//! What servers are brought into production with: an image, manifests, infrastructure, and a proxy in front.

mod image;
mod infrastructure;
mod manifests;
mod pods;
mod rolling;
