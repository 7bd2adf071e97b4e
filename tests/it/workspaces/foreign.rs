//! A workspace of another organisation does not exist, on any route.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use navi::http::openapi::walk;
use navi::http::router::document;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::review::repository::{accept_json, content, git};
use crate::support::client::{Client, json_request};
use crate::workspaces::town::{ACME, GLOBEX, Town};

/// A request that opens a folder: its method, its route, and the name of the folder in its body or,
/// with `GET`, in its query.
const OPENING: &[(&str, &str, &str)] = &[
    ("POST", "/api/navi/chat/autonomous", "workspace_path"),
    ("POST", "/api/navi/chat/autonomous", "workspace_root"),
    ("POST", "/api/navi/chat", "workspace_path"),
    ("POST", "/api/navi/chat/stream", "workspace_path"),
    ("POST", "/api/navi/chat/stream/v2", "workspace_path"),
    ("POST", "/api/navi/plan", "workspace_path"),
    ("POST", "/api/jobs", "workspace_path"),
    ("POST", "/api/navi/jobs", "workspace_path"),
    ("POST", "/api/navi/analyze-changes", "workspace_root"),
    ("GET", "/api/navi/analyze-changes", "workspace_root"),
];

/// Routes that take the name of a folder and never look at the folder.
const NAMING: &[(&str, &str)] = &[("POST", "/api/navi-memory/conversations")];

/// A refusal without what differs from one request to the next, and with `PATH` for the folder.
#[derive(Debug, PartialEq)]
struct Refusal {
    status: u16,
    headers: Vec<(String, String)>,
    body: Value,
}

impl Refusal {
    async fn of(client: &Client, row: &(&str, &str, &str), path: &str) -> Self {
        let request = request(row, path);
        let answer = client.answer(request).await;
        let mut body: Value =
            serde_json::from_str(&answer.body.to_string().replace(path, "PATH")).unwrap();
        if let Some(fields) = body.as_object_mut() {
            assert!(fields.remove("request_id").is_some(), "{body}");
        }
        Self {
            status: answer.status.as_u16(),
            headers: told(&answer.headers),
            body,
        }
    }
}

fn request(row: &(&str, &str, &str), path: &str) -> Request<Body> {
    let (method, route, name) = *row;
    let mut request = if method == "GET" {
        let path: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
        json_request(Method::GET, &format!("{route}?{name}={path}"), &Value::Null)
    } else {
        let body = json!({ "message": "what is in there?", name: path, "auto_start": false });
        json_request(Method::POST, route, &body)
    };
    if route.ends_with("analyze-changes") {
        accept_json(&mut request);
    }
    request
}

fn told(headers: &HeaderMap) -> Vec<(String, String)> {
    let ids = [
        "x-request-id",
        "traceparent",
        "x-trace-id",
        "content-length",
    ];
    let told = headers
        .iter()
        .filter(|(name, _)| !ids.contains(&name.as_str()));
    let told = told.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let mut told: Vec<_> = told.collect();
    told.sort();
    told
}

async fn nothing_of_theirs_is_seen(town: &Town, paths: &[String], absent: &str) {
    let client = town.client(GLOBEX);
    for row in OPENING {
        let expected = Refusal::of(&client, row, absent).await;
        assert_eq!(expected.status, 404, "{row:?}: {expected:?}");
        assert_eq!(expected.body["error_code"], "WORKSPACE_NOT_FOUND");
        for path in paths {
            let refusal = Refusal::of(&client, row, path).await;
            assert_eq!(refusal, expected, "{row:?} {path}");
        }
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn another_organisations_folder_is_one_that_does_not_exist_on_every_route(db: PgPool) {
    for roots in [Some("ROOT"), None] {
        sqlx::query("delete from workspace_bindings")
            .execute(&db)
            .await
            .unwrap();
        let town = Town::with_roots(db.clone(), roots).await;
        town.make(&["theirs/sub", "mine"]);
        std::fs::write(town.at("theirs/file"), "").unwrap();
        symlink(town.at("theirs"), town.at("mine/link")).unwrap();
        symlink(town.at("theirs/file/x"), town.at("mine/through")).unwrap();
        town.uses(ACME, "theirs").await;
        let theirs = "select count(*) from runs where org_id = 'globex'";
        let runs = town.stage.count(theirs).await;
        let mut paths = vec![town.root().to_str().unwrap().to_owned()];
        for name in [
            "theirs",
            "theirs/",
            "theirs/sub",
            "theirs/sub/../sub",
            "theirs/file",
            "theirs/file/x",
            "theirs/none",
            "mine/link",
            "mine/link/sub",
            "mine/link/file",
            "mine/through",
            "mine/../theirs",
        ] {
            paths.push(format!("{}/{name}", town.root().display()));
        }
        let absent = town.at("absent");
        nothing_of_theirs_is_seen(&town, &paths, absent.to_str().unwrap()).await;
        assert_eq!(town.bound().await, ["acme ROOT/theirs"]);
        assert_eq!(town.stage.count(theirs).await, runs);
        // Of their own folder they are told what is wrong with it.
        std::fs::write(town.at("mine/file"), "").unwrap();
        let (status, problem) = town.job(GLOBEX, "mine/file").await;
        assert_eq!(status, 422, "{problem}");
        town.uses(GLOBEX, "mine").await;
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_lies_outside_ones_roots_is_not_told_from_what_does_not_exist(db: PgPool) {
    let roots = "ROOT/{org}:acme=ROOT/named:ROOT/shared";
    let town = Town::with_roots(db, Some(roots)).await;
    town.make(&["acme/x", "named/x", "elsewhere", "globex", "shared"]);
    std::fs::write(town.at("acme/file"), "").unwrap();
    symlink(town.at("named/x"), town.at("globex/link")).unwrap();
    let names = [
        "",
        "acme",
        "acme/x",
        "acme/file",
        "named",
        "named/x",
        "elsewhere",
        "globex/link",
    ];
    let mut paths: Vec<String> = names
        .iter()
        .map(|name| town.at(name).to_str().unwrap().to_owned())
        .collect();
    paths.extend(["/etc", "/etc/passwd", "/proc/self", "/root"].map(str::to_owned));
    // As one that is not there, in one's own root, in another's, and nowhere.
    for absent in ["globex/none", "acme/none", "none"] {
        let absent = town.at(absent);
        nothing_of_theirs_is_seen(&town, &paths, absent.to_str().unwrap()).await;
    }
    assert!(town.bound().await.is_empty());
    town.uses(GLOBEX, "globex").await;
    town.uses(ACME, "named/x").await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_route_that_takes_a_folder_is_tried(db: PgPool) {
    let town = Town::new(db).await;
    let described = document(&town.stage.app.app);
    let text = serde_json::to_value(&described).unwrap();
    let mut taking = BTreeSet::new();
    for route in walk(&described) {
        let operation = &text["paths"][route.path][route.method.to_ascii_lowercase()];
        let mut said = format!("{}{}", operation["requestBody"], operation["parameters"]);
        let known = text["components"]["schemas"].as_object().unwrap();
        let named = |said: &str, name: &str| said.contains(&format!("schemas/{name}\""));
        let mut left: BTreeSet<&String> = known.keys().collect();
        while let Some(name) = left.iter().copied().find(|name| named(&said, name)) {
            left.remove(name);
            said.push_str(&known[name].to_string());
        }
        if said.contains("\"workspace_path\"") {
            taking.insert((route.method.to_owned(), route.path.to_owned()));
        }
    }
    let tried = OPENING.iter().map(|row| (row.0, row.1));
    let tried: BTreeSet<_> = tried
        .chain(NAMING.iter().copied())
        .map(|(method, path)| (method.to_owned(), path.to_owned()))
        .collect();
    assert_eq!(taking, tried, "served on the left, tried on the right");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_review_reads_no_repository_of_another_organisation(db: PgPool) {
    let town = Town::with(db, Some("ROOT"), content()).await;
    for name in ["theirs", "mine"] {
        town.make(&[name]);
        std::fs::write(town.at(name).join("a.txt"), format!("{name}-value-1\n")).unwrap();
        git(&town.at(name), &["init", "--quiet"]);
        git(&town.at(name), &["add", "--all"]);
        git(&town.at(name), &["commit", "--quiet", "--message=first"]);
    }
    std::fs::write(town.at("mine/a.txt"), "two\n").unwrap();
    let alternates = town.at("mine/.git/objects/info/alternates");
    let borrowed = format!("{}\n", town.at("theirs/.git/objects").display());
    std::fs::write(&alternates, borrowed).unwrap();
    let client = town.client(GLOBEX);
    let row = ("POST", "/api/navi/analyze-changes", "workspace_root");
    let mine = town.at("mine");
    let review = async || {
        let answer = client.answer(request(&row, mine.to_str().unwrap())).await;
        (answer.status.as_u16(), answer.body)
    };
    // As long as it has no owner, it lies where this server works.
    assert_eq!(review().await.0, 200);
    town.uses(ACME, "theirs").await;
    let (status, problem) = review().await;
    assert_eq!(
        (status, &problem["error_code"]),
        (422, &json!("CHANGES_UNREADABLE")),
        "{problem}"
    );
    // A repository around what another has is neither's to read.
    std::fs::remove_file(&alternates).unwrap();
    assert_eq!(review().await.0, 200);
    let inner = town.at("mine/.git");
    std::fs::rename(&inner, town.at(".git")).unwrap();
    town.make(&["mine/sub"]);
    let (status, _) = review().await;
    assert_eq!(
        status, 200,
        "its own files lie beside all folders that others have"
    );
}
