//! Pages for browsers: the API page at `/docs`, and the welcome page at `/`.
//!
//! Everything is in the binary. The pages' policy lets a browser load nothing from elsewhere, and run
//! nothing that is not one of the scripts here.

mod assets;
pub mod docs;
pub mod welcome;
