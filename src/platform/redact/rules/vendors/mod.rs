//! Keys that are called by the service they open: [`table`] lists the services, [`mod@value`] reads what
//! stands under their names.

pub mod table;
pub mod value;
