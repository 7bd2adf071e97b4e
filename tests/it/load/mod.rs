//! Claims about `navi load`: its times, its comparison of rows, its judgement.

mod judging;
mod program;
mod rows;
mod times;
