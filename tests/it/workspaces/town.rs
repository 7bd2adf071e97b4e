//! Two organisations on one server, and the folders they may share.

use std::path::{Path, PathBuf};

use navi::auth::principal::Role;
use navi::llm::script::Script;
use serde_json::{Value, json};
use sqlx::PgPool;
use tempfile::TempDir;

use crate::runs::stage::{Stage, says, script};
use crate::support::client::Client;

/// The organisation that comes first in most tests.
pub(crate) const ACME: &str = "acme";
/// The other one.
pub(crate) const GLOBEX: &str = "globex";

/// A server and a folder for workspaces.
pub(crate) struct Town {
    pub(crate) stage: Stage,
    pub(crate) db: PgPool,
    folder: TempDir,
}

impl Town {
    /// A server with one root for all.
    pub(crate) async fn new(db: PgPool) -> Self {
        Self::with_roots(db, Some("ROOT")).await
    }

    /// A server with these roots, in which `ROOT` stands for the town's folder.
    pub(crate) async fn with_roots(db: PgPool, roots: Option<&str>) -> Self {
        Self::with(db, roots, script([says("Done.")])).await
    }

    /// The same, whose model plays a script.
    pub(crate) async fn with(db: PgPool, roots: Option<&str>, script: Script) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_str().unwrap();
        let roots = roots.map(|roots| format!("--workspace-roots={}", roots.replace("ROOT", root)));
        let flags = std::iter::once("--writes-per-minute=0");
        let flags: Vec<&str> = flags.chain(roots.as_deref()).collect();
        let stage = Stage::with(db.clone(), script, &flags).await;
        Self { stage, db, folder }
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the town's folder; the folder itself when it is empty.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        match path {
            "" => self.root().to_owned(),
            path => self.root().join(path),
        }
    }

    /// Makes folders.
    pub(crate) fn make(&self, folders: &[&str]) {
        for folder in folders {
            std::fs::create_dir_all(self.at(folder)).unwrap();
        }
    }

    /// A person of an organisation.
    pub(crate) fn client(&self, org: &str) -> Client {
        self.stage.app.client_of(org, "ada", Role::Planner)
    }

    /// Asks for a job in a folder that is never started.
    pub(crate) async fn job(&self, org: &str, path: &str) -> (u16, Value) {
        self.job_by(&self.client(org), path).await
    }

    pub(crate) async fn job_by(&self, client: &Client, path: &str) -> (u16, Value) {
        let body = json!({
            "message": "do it", "workspace_path": self.at(path), "auto_start": false,
        });
        let (status, answer) = client.post("/api/jobs", body).await;
        (status.as_u16(), answer)
    }

    /// The organisation works in a folder.
    pub(crate) async fn uses(&self, org: &str, path: &str) {
        let (status, answer) = self.job(org, path).await;
        assert_eq!(status, 200, "{org} {path}: {answer}");
    }

    /// The organisation finds no such folder.
    pub(crate) async fn misses(&self, org: &str, path: &str) {
        let (status, problem) = self.job(org, path).await;
        assert_eq!(
            (status, &problem["error_code"]),
            (404, &json!("WORKSPACE_NOT_FOUND")),
            "{org} {path}: {problem}"
        );
    }

    /// Every binding, as `organisation path`, with the town's folder as `ROOT`.
    pub(crate) async fn bound(&self) -> Vec<String> {
        let sql = "select org_id || ' ' || path from workspace_bindings order by path";
        let rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(&self.db).await.unwrap();
        let real = self.root().canonicalize().unwrap();
        let real = real.to_str().unwrap();
        rows.iter().map(|row| row.replace(real, "ROOT")).collect()
    }
}
