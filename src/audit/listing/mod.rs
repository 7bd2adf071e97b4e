//! Lists of entries and looks at single payloads, also in the shapes of the audit page of older
//! clients, which cannot be changed any more.

pub mod model;
pub mod newest;
pub mod routes;
pub mod view;
