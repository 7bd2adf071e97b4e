//! The commands and queries of documents for operators, run as an operator runs them.

#![expect(
    clippy::disallowed_methods,
    reason = "a test does what an operator does"
)]

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use navi::llm::script::Script;
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::documents::claims::blocks;
use crate::documents::deployment::search_path;
use crate::documents::read;
use crate::support::app::{AUDIT_KEY, SECRET};
use crate::support::served::Served;

/// The document whose first block prepares the shell for all others.
pub(super) const ONCALL: &str = "docs/ONCALL.md";
/// The longest that the commands of one document may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// The script of a run that takes long.
pub(super) fn long_run() -> Script {
    let script = json!({
        "plan": "ok",
        "turns": [{"say": ["Wait."], "delay_ms": 600_000}],
    });
    serde_json::from_value(script).unwrap()
}

/// The blocks of one kind in a document, those inside lists included.
pub(super) fn steps(path: &str, kind: &str) -> Vec<String> {
    // Two or three spaces are how far a block in a list is moved to the right.
    let flat: Vec<String> = read(path)
        .lines()
        .scan(0, |depth, line| {
            let indent = line.len() - line.trim_start().len();
            if line.trim_start().starts_with("```") {
                *depth = indent;
            }
            Some(
                line.get(indent.min(*depth)..)
                    .unwrap_or_default()
                    .to_owned(),
            )
        })
        .collect();
    let flat = flat.join("\n");
    let found = blocks(&flat).into_iter();
    found
        .filter(|(of, _)| *of == kind)
        .map(|(_, block)| block)
        .collect()
}

/// The address of a database as libpq understands it, too.
pub(super) fn address(options: &PgConnectOptions) -> String {
    let socket = options.get_socket();
    let socket = socket.map(|folder| format!("host={}", folder.display()));
    let mut url = options.to_url_lossy();
    url.set_query(socket.as_deref());
    url.to_string()
}

/// The files that the prepared shell reads, in a folder in the place of `/etc/navi`.
pub(super) fn settings(folder: &Path, served: &Served, address: &str) {
    let data = served.place.data().display().to_string();
    // The server plays a script; its operator has a model.
    let model = "OLLAMA_BASE_URL=http://127.0.0.1:9\nOLLAMA_MODEL=llama3.2\n";
    let plain = format!("NAVI_DATA_DIR={data}\n{model}");
    // The one who may make databases is the one whom the server is, here.
    let secret = format!(
        "DATABASE_URL={address}\nADMIN_URL={address}\nJWT_SECRET={SECRET}\n\
         AUDIT_ENCRYPTION_KEY={AUDIT_KEY}\n"
    );
    std::fs::write(folder.join("navi.env"), plain).unwrap();
    std::fs::write(folder.join("secrets.env"), secret).unwrap();
}

/// Runs a script as an operator's shell would; answers with what it said.
pub(super) async fn carried_out(script: &str, folder: &Path) -> Result<(), String> {
    let mut shell = Command::new("bash")
        .arg("-s")
        .env_clear()
        .env("PATH", search_path())
        .env("HOME", folder)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = shell.stdin.take().unwrap();
    input.write_all(script.as_bytes()).await.unwrap();
    drop(input);
    let output = tokio::time::timeout(PATIENCE, shell.wait_with_output());
    let output = output.await.map_err(|_| "it hangs".to_owned())?.unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    output.status.success().then_some(()).ok_or(said)
}

/// Runs the queries of documents, which only read; answers with their number.
pub(super) async fn queries_run(db: &PgPool, paths: &[String]) -> usize {
    let mut seen = 0;
    for path in paths {
        for query in steps(path, "sql") {
            let mut transaction = db.begin_with("begin read only").await.unwrap();
            let ran = sqlx::raw_sql(AssertSqlSafe(query.clone()))
                .fetch_all(&mut *transaction)
                .await;
            assert!(ran.is_ok(), "{path}: {query}\n{ran:?}");
            seen += 1;
        }
    }
    seen
}

/// Runs the commands of documents in a prepared shell, with what is here in the place of the examples'
/// names; answers with the output of those that failed.
pub(super) async fn commands_fail(
    paths: &[String],
    places: &[(&str, &str)],
    folder: &Path,
) -> Vec<String> {
    let prepared = steps(ONCALL, "sh").remove(0);
    let mut failed = Vec::new();
    for path in paths {
        let before = (path != ONCALL).then(|| prepared.clone());
        let blocks = before.into_iter().chain(steps(path, "sh"));
        let numbered = blocks
            .enumerate()
            .map(|(n, block)| format!("echo '=== block {n}'\n{block}\n"));
        let script: String = std::iter::once("set -euo pipefail\n".to_owned())
            .chain(numbered)
            .collect();
        let script = places
            .iter()
            .fold(script, |text, (there, here)| text.replace(there, here));
        if let Err(said) = carried_out(&script, folder).await {
            failed.push(format!("{path}:\n{said}"));
        }
    }
    failed
}
