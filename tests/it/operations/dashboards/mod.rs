//! The dashboards for Grafana: their files, and what their panels show.

mod board;
mod files;
mod panels;
