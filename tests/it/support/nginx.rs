//! nginx, which is not ours, in front of servers. `scripts/nginx.sh` finds or unpacks it and prints the path that
//! `NAVI_NGINX` holds; `scripts/test.sh` does both.

#![expect(clippy::panic, reason = "a test stops at the first surprise")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test looks for nginx, starts it as a process and is its client"
)]
#![expect(clippy::print_stdout, reason = "a test says when it did nothing")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::served::Served;

/// The number of ports that are tried, since another program may take a free one.
const ATTEMPTS: u32 = 10;
const PATIENCE: Duration = Duration::from_secs(30);

/// A proxy in front of servers, in a folder of its own and without root.
pub(crate) struct Nginx {
    process: Child,
    pub(crate) url: String,
    folder: TempDir,
}

impl Nginx {
    /// One with nothing set but where to; none where there is no nginx.
    pub(crate) async fn before(served: &Served) -> Option<Self> {
        let behind = format!(
            "server {{ listen HERE; location / {{ proxy_pass {}; }} }}",
            served.url
        );
        Self::with(&behind).await
    }

    /// One with these settings within `http`, which listens at `HERE`; none where there is no nginx.
    pub(crate) async fn with(behind: &str) -> Option<Self> {
        let Ok(program) = std::env::var("NAVI_NGINX") else {
            println!("not run: NAVI_NGINX names no nginx; scripts/nginx.sh finds or unpacks it");
            return None;
        };
        for _ in 0..ATTEMPTS {
            if let Some(nginx) = Self::start(&program, behind).await {
                return Some(nginx);
            }
        }
        panic!("nginx does not start");
    }

    /// None when another program has taken the port by now.
    async fn start(program: &str, behind: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let prefix = folder.path();
        std::fs::write(
            prefix.join("nginx.conf"),
            settings(&address.to_string(), behind),
        )
        .unwrap();
        let log = std::fs::File::create(prefix.join("said.log")).unwrap();
        let process = Command::new(program)
            .args([Path::new("-p"), prefix])
            .args([Path::new("-e"), &prefix.join("error.log")])
            .args(["-c", "nginx.conf"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut nginx = Self {
            process,
            url: format!("http://{address}"),
            folder,
        };
        let began = Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            if nginx.process.try_wait().unwrap().is_some() {
                println!("nginx ended: {}", nginx.said());
                return None;
            }
            assert!(began.elapsed() < PATIENCE, "{}", nginx.said());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Some(nginx)
    }

    pub(crate) fn said(&self) -> String {
        let read = |name| std::fs::read_to_string(self.folder.path().join(name));
        format!("{:?} {:?}", read("said.log"), read("error.log"))
    }

    pub(crate) async fn post(&self, token: &str, path: &str, body: &Value) -> reqwest::Response {
        let request = reqwest::Client::new().post(format!("{}{path}", self.url));
        request.bearer_auth(token).json(body).send().await.unwrap()
    }

    /// The status of an answer, or why there is none.
    pub(crate) async fn try_post(
        &self,
        token: &str,
        path: &str,
        body: &Value,
    ) -> Result<u16, String> {
        let request = reqwest::Client::new().post(format!("{}{path}", self.url));
        status(request.bearer_auth(token).json(body)).await
    }

    /// The same of a question.
    pub(crate) async fn try_get(&self, token: &str, path: &str) -> Result<u16, String> {
        let request = reqwest::Client::new().get(format!("{}{path}", self.url));
        status(request.bearer_auth(token)).await
    }

    pub(crate) async fn json(&self, token: &str, path: &str, body: &Value) -> Value {
        let response = self.post(token, path, body).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }
}

async fn status(request: reqwest::RequestBuilder) -> Result<u16, String> {
    let response = request.send().await.map_err(|error| format!("{error:?}"))?;
    Ok(response.status().as_u16())
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// Its address and its settings; the rest keeps its files in its own folder.
fn settings(listen: &str, behind: &str) -> String {
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let folders = kinds
        .map(|kind| format!("{kind}_temp_path {kind};"))
        .join(" ");
    let told = behind.replace("HERE", listen);
    format!(
        "daemon off; master_process off; pid nginx.pid;
         events {{}}
         http {{
           access_log access.log; {folders}
           {told}
         }}"
    )
}
