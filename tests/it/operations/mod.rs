//! What operators rely on, held against what the server does.

mod dashboards;
mod scraper;
mod traffic;
