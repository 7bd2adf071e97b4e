//! `navi retention` and `navi erase`: the ends of data, by age and by order.

pub mod erase;
pub mod retention;
