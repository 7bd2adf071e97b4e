//! The files that bring servers into production: an image, manifests, infrastructure, and a proxy in front.

mod image;
mod infrastructure;
mod manifests;
mod pods;
mod rolling;
