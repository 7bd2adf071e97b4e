//! A real Prometheus that watches a server.

#![expect(
    clippy::disallowed_methods,
    reason = "a test starts Prometheus as a process and is its client"
)]
#![expect(clippy::print_stdout, reason = "a test says when it did nothing")]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Url;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The time within which something must be there that certainly comes. Machines may be busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// Prometheus, scraping a server every second as the job `navi`.
pub(crate) struct Scraper {
    process: Child,
    url: String,
    folder: TempDir,
}

impl Scraper {
    /// Watches the server at this URL; none when there is no Prometheus.
    pub(crate) async fn watch(server: &str) -> Option<Self> {
        let Some(programs) = std::env::var_os("NAVI_PROMETHEUS") else {
            println!("not run: NAVI_PROMETHEUS names no folder; scripts/prometheus.sh fills one");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let target = server.strip_prefix("http://").unwrap();
        let config = json!({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [{"job_name": "navi", "static_configs": [{"targets": [target]}]}],
        });
        // JSON is YAML.
        std::fs::write(at("prometheus.yml"), config.to_string()).unwrap();
        let log = std::fs::File::create(at("log")).unwrap();
        let process = Command::new(std::path::Path::new(&programs).join("prometheus"))
            .arg("--config.file")
            .arg(at("prometheus.yml"))
            .arg("--storage.tsdb.path")
            .arg(at("data"))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut scraper = Self {
            process,
            url: String::new(),
            folder,
        };
        scraper.url = scraper.listens().await;
        scraper.until("navi_runs_active{job=\"navi\"}").await;
        Some(scraper)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Its own address, once it says it.
    async fn listens(&mut self) -> String {
        let began = Instant::now();
        loop {
            let log = self.log();
            let mut told = log.lines().filter(|line| line.contains("Listening on"));
            let address = told.find_map(|line| line.split("address=").nth(1));
            if let Some(address) = address {
                return format!("http://{}", address.split_whitespace().next().unwrap());
            }
            assert!(self.process.try_wait().unwrap().is_none(), "{log}");
            assert!(began.elapsed() < PATIENCE, "{log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks it; answers with the series that have a number.
    async fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Vec<Value> {
        let url = format!("{}/api/v1/{path}", self.url);
        let url = Url::parse_with_params(&url, parameters).unwrap();
        let Ok(response) = reqwest::get(url).await else {
            // It listens before it answers.
            return Vec::new();
        };
        if response.status() == 503 {
            return Vec::new();
        }
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["status"], "success", "{parameters:?}: {answer}");
        let mut found = answer["data"]["result"].as_array().unwrap().clone();
        found.retain(has_number);
        found
    }

    /// The series of a query now.
    pub(crate) async fn now(&self, expr: &str) -> Vec<Value> {
        self.ask("query", &[("query", expr)]).await
    }

    /// The series of a query since a moment, second by second.
    pub(crate) async fn since(&self, from: i64, expr: &str) -> Vec<Value> {
        let (from, to) = (from.to_string(), chrono::Utc::now().timestamp().to_string());
        let parameters = [
            ("query", expr),
            ("start", &from),
            ("end", &to),
            ("step", "1"),
        ];
        self.ask("query_range", &parameters).await
    }

    /// Waits until a query has an answer.
    pub(crate) async fn until(&self, expr: &str) -> Vec<Value> {
        let began = Instant::now();
        loop {
            let found = self.now(expr).await;
            if !found.is_empty() {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "{expr}: {}", self.log());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Drop for Scraper {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// True if there is a number in a series; a division by zero gives none.
fn has_number(series: &Value) -> bool {
    let is_number = |sample: &Value| {
        let value = sample[1].as_str().unwrap();
        value.parse::<f64>().unwrap().is_finite()
    };
    match series["values"].as_array() {
        Some(samples) => samples.iter().any(is_number),
        None => is_number(&series["value"]),
    }
}
