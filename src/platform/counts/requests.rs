//! Counters of requests by method, route and status.
//!
//! They are most of all series. The registry copies every label of every series for each scrape and then sorts
//! the copies; these stand in their order, each with the text of its line.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use crate::platform::sync::{read, write};

/// The metric's name.
const NAME: &str = "http_requests_total";

/// The counters; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct RequestCounts(Arc<RwLock<Methods>>);

type Methods = BTreeMap<&'static str, BTreeMap<String, Vec<CountedSeries>>>;

/// The requests to a route that were answered with a status.
#[derive(Debug)]
struct CountedSeries {
    status: String,
    /// The line up to the value.
    line: String,
    count: AtomicU64,
}

impl RequestCounts {
    /// Brings a series to life at zero.
    pub fn touch(&self, method: &'static str, path: &str, status: &str) {
        self.add(method, path, status, 0);
    }

    /// Counts a request.
    pub fn count(&self, method: &'static str, path: &str, status: &str) {
        self.add(method, path, status, 1);
    }

    fn add(&self, method: &'static str, path: &str, status: &str, more: u64) {
        let order = Ordering::Relaxed;
        let known = read(&self.0);
        let series = known.get(method).and_then(|paths| paths.get(path));
        if let Some(series) = series.and_then(|series| find(series, status).ok()) {
            series.count.fetch_add(more, order);
            return;
        }
        drop(known);
        let mut known = write(&self.0);
        let paths = known.entry(method).or_default();
        let series = paths.entry(path.to_owned()).or_default();
        match find(series, status) {
            // Another made it meanwhile.
            Ok(series) => {
                series.count.fetch_add(more, order);
            }
            Err(place) => series.insert(place, CountedSeries::new(method, path, status, more)),
        }
    }

    /// Writes all series in the Prometheus text format.
    pub fn write(&self, text: &mut String) {
        text.push_str("# HELP http_requests_total HTTP requests, by route template.\n");
        text.push_str("# TYPE http_requests_total counter\n");
        for series in read(&self.0).values().flat_map(BTreeMap::values).flatten() {
            text.push_str(&series.line);
            text.push_str(&series.count.load(Ordering::Relaxed).to_string());
            text.push('\n');
        }
    }
}

/// The series of a status, or the place where it belongs.
fn find<'a>(series: &'a [CountedSeries], status: &str) -> Result<&'a CountedSeries, usize> {
    let place = series.partition_point(|one| one.status.as_str() < status);
    series
        .get(place)
        .filter(|one| one.status == status)
        .ok_or(place)
}

impl CountedSeries {
    fn new(method: &str, path: &str, status: &str, count: u64) -> Self {
        let path = path.replace('\\', r"\\").replace('"', "\\\"");
        Self {
            status: status.to_owned(),
            line: format!("{NAME}{{method=\"{method}\",path=\"{path}\",status=\"{status}\"}} "),
            count: AtomicU64::new(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_is_written_once_and_in_order() {
        let counts = RequestCounts::default();
        counts.touch("POST", "/api/jobs", "200");
        counts.count("GET", "/b", "404");
        counts.touch("GET", "/b", "200");
        counts.count("GET", "/b", "404");
        counts.touch("GET", "/a/{id}", "200");
        let mut text = String::new();
        counts.write(&mut text);
        let expected = r#"# HELP http_requests_total HTTP requests, by route template.
# TYPE http_requests_total counter
http_requests_total{method="GET",path="/a/{id}",status="200"} 0
http_requests_total{method="GET",path="/b",status="200"} 0
http_requests_total{method="GET",path="/b",status="404"} 2
http_requests_total{method="POST",path="/api/jobs",status="200"} 0
"#;
        assert_eq!(text, expected);
    }
}
