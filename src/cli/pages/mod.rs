//! Pages that are made from raw data: their text, and their charts as SVG.

pub mod curves;
pub mod markdown;
pub mod svg;
