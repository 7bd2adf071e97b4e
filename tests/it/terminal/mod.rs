//! `navi agent` and `navi demo` as a person at a terminal sees them, and as a script without one does.

mod ends;
mod leaving;
mod questions;
mod refusals;
mod screen;
mod servers;
mod stage;
