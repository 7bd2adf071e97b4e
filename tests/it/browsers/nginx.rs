//! Streams behind nginx, which is not ours, with nothing set but where to. `scripts/nginx.sh` finds or
//! unpacks it and prints the path that `NAVI_NGINX` holds; `scripts/test.sh` does both.

#![expect(clippy::panic, reason = "a test stops at the first surprise")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test looks for nginx, starts it as a process and is its client"
)]
#![expect(clippy::print_stdout, reason = "a test says when it did nothing")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use sqlx::PgPool;
use tempfile::TempDir;

use crate::runs::stage::{calls, says, script};
use crate::runs::stream::EventStream;
use crate::support::served::{Served, url};

/// How often another port is tried when somebody took the one that was free.
const ATTEMPTS: u32 = 10;
const PATIENCE: Duration = Duration::from_secs(30);

/// A proxy in front of a server, in a folder of its own and without root.
struct Nginx {
    process: Child,
    url: String,
    folder: TempDir,
}

impl Nginx {
    /// None where there is no nginx.
    async fn before(served: &Served) -> Option<Self> {
        let Ok(program) = std::env::var("NAVI_NGINX") else {
            println!("not run: NAVI_NGINX names no nginx; scripts/nginx.sh finds or unpacks it");
            return None;
        };
        for _ in 0..ATTEMPTS {
            if let Some(nginx) = Self::start(&program, &served.url).await {
                return Some(nginx);
            }
        }
        panic!("nginx does not start");
    }

    /// None when somebody else has the port by now.
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

    fn said(&self) -> String {
        let read = |name| std::fs::read_to_string(self.folder.path().join(name));
        format!("{:?} {:?}", read("said.log"), read("error.log"))
    }

    async fn post(&self, token: &str, path: &str, body: &Value) -> reqwest::Response {
        let request = reqwest::Client::new().post(format!("{}{path}", self.url));
        request.bearer_auth(token).json(body).send().await.unwrap()
    }

    async fn json(&self, token: &str, path: &str, body: &Value) -> Value {
        let response = self.post(token, path, body).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// Where it listens and what stands behind it; the rest keeps its files in its own folder.
fn settings(listen: &str, behind: &str) -> String {
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let folders = kinds
        .map(|kind| format!("{kind}_temp_path {kind};"))
        .join(" ");
    format!(
        "daemon off; master_process off; pid nginx.pid;
         events {{}}
         http {{
           access_log access.log; {folders}
           server {{ listen {listen}; location / {{ proxy_pass {behind}; }} }}
         }}"
    )
}

fn came_through(headers: &HeaderMap) {
    let server = headers["server"].to_str().unwrap();
    assert!(server.starts_with("nginx"), "{server}");
    assert_eq!(headers["content-type"], "text/event-stream");
    // It is for nginx alone, which does as it says.
    assert_eq!(headers.get("x-accel-buffering"), None);
}

/// Reads until the run asks; nobody has answered it by then.
async fn question(stream: &mut EventStream) -> String {
    let asked = stream
        .until(|event| event["type"] == "prompt_request")
        .await;
    let id = asked["data"]["prompt_id"].as_str().unwrap();
    format!("/api/navi/prompt/{id}")
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn events_come_through_nginx_before_the_run_goes_on(db: PgPool) {
    let turns = [
        calls(&[("ask_user", json!({"question": "Which colour?"}))]),
        calls(&[("ask_user", json!({"question": "Which shade?"}))]),
        says("Good."),
    ];
    let served = Served::start(&script(turns), Some(&url(&db.connect_options()))).await;
    let Some(nginx) = Nginx::before(&served).await else {
        return;
    };
    let token = served.token.as_str();
    let work = json!({"message": "paint it", "workspace_path": served.workspace()});
    let answer = json!({"response": "blue"});

    let response = nginx.post(token, "/api/navi/chat/autonomous", &work).await;
    came_through(response.headers());
    let mut stream = EventStream::new(response.bytes_stream());
    for _ in 0..2 {
        let path = question(&mut stream).await;
        nginx.json(token, &path, &answer).await;
    }
    stream.rest().await;
    assert!(stream.done, "{}", nginx.said());

    // As a page follows a job.
    let made = nginx.json(token, "/api/jobs", &work).await;
    let path = format!(
        "/api/jobs/{}/events",
        made["job"]["job_id"].as_str().unwrap()
    );
    let issued = nginx
        .json(token, "/api/auth/stream-ticket", &json!({ "path": path }))
        .await;
    let ticket = issued["ticket"].as_str().unwrap();
    let address = format!("{}{path}?ticket={ticket}", nginx.url);
    let response = reqwest::get(&address).await.unwrap();
    came_through(response.headers());
    let mut stream = EventStream::new(response.bytes_stream());
    for _ in 0..2 {
        let path = question(&mut stream).await;
        nginx.json(token, &path, &answer).await;
    }
    stream.rest().await;
    assert!(stream.done, "{}", nginx.said());
}
