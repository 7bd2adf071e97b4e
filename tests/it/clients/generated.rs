//! Clients that others' generators make of the description of the API, and the programs that `docs/clients.md` shows.

use std::fmt::Write as _;
use std::path::Path;

use navi::http::router::document;
use navi::llm::script::{Fail, FailKind, Script, Turn};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::clients::{client, ended, node, python, root, run};
use crate::documents::claims::blocks;
use crate::documents::clients::shipped;
use crate::documents::read;
use crate::runs::stage::{calls, says};
use crate::support::app::TestApp;
use crate::support::served::{Place, Served, url};

/// The model's answer.
const ANSWER: &str = "Hello. I read nothing and changed nothing.";

/// A folder with the description in it.
struct Bench {
    folder: tempfile::TempDir,
    described: Value,
}

impl Bench {
    async fn new(db: &PgPool) -> Self {
        let app = TestApp::new(db.clone()).await;
        let described = serde_json::to_value(document(&app.app)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let text = serde_json::to_string(&described).unwrap();
        std::fs::write(folder.path().join("openapi.json"), text).unwrap();
        Self { folder, described }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// The types of events, with the component of each.
    fn events(&self) -> Vec<(String, String)> {
        let union = &self.described["components"]["schemas"]["RunEvent"];
        let mapping = union["discriminator"]["mapping"].as_object().unwrap();
        let name = |reference: &Value| {
            let reference = reference.as_str().unwrap();
            reference.rsplit('/').next().unwrap().to_owned()
        };
        mapping
            .iter()
            .map(|(kind, reference)| (kind.clone(), name(reference)))
            .collect()
    }

    /// The example of each event.
    fn examples(&self) -> Vec<Value> {
        let schemas = &self.described["components"]["schemas"];
        let examples = self.events().into_iter().map(|(_, name)| {
            let example = &schemas[&name]["examples"][0];
            assert!(example.is_object(), "{name} has no example");
            example.clone()
        });
        examples.collect()
    }

    /// Generates the Python client as the page says, but from the file.
    async fn python_client(&self, tools: &Path) {
        let paths = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
        let generator = tools.join("openapi-python-client");
        let arguments = [
            "generate",
            "--path",
            "openapi.json",
            "--output-path",
            "navi_client",
            "--meta",
            "none",
            // A schema that is left out is a warning.
            "--fail-on-warning",
        ];
        let generator = generator.to_str().unwrap();
        run(generator, self.path(), &arguments, &[("PATH", &paths)]).await;
    }

    /// Generates the types with the generator that the TypeScript client is built with.
    async fn typescript_types(&self, tools: &Path) {
        let program = tools.join("node_modules/openapi-typescript/bin/cli.js");
        let arguments = [
            program.to_str().unwrap(),
            "openapi.json",
            "--output",
            "api.ts",
        ];
        node(self.path(), &arguments, &[]).await;
    }

    /// Compiles a program of this folder to JavaScript, strictly.
    async fn compile(&self, tools: &Path, program: &str) {
        let modules = tools.join("node_modules");
        // So that the types of Node are found.
        std::os::unix::fs::symlink(&modules, self.path().join("node_modules")).unwrap();
        self.write("package.json", r#"{"type": "module"}"#);
        let compiler = modules.join("typescript/bin/tsc");
        let arguments = [
            compiler.to_str().unwrap(),
            "--strict",
            "--target",
            "es2022",
            "--module",
            "nodenext",
            "--lib",
            "es2022,dom,dom.iterable,dom.asynciterable",
            "--types",
            "node",
            program,
        ];
        node(self.path(), &arguments, &[]).await;
    }
}

/// The program of the page that begins with a line.
fn program(kind: &str, has: &str) -> String {
    let text = read("docs/clients.md");
    let all = blocks(&text);
    let mut found = all
        .into_iter()
        .filter(|(one, block)| *one == kind && block.contains(has));
    let (_, block) = found.next().unwrap();
    assert!(found.next().is_none(), "two programs in {kind} have {has}");
    block
}

/// The commands of the page that have a text among them.
fn commands(has: &str) -> String {
    program("console", has)
}

fn lines(program: &str) -> usize {
    program.lines().filter(|line| !line.is_empty()).count()
}

/// A server with the script that the page names.
async fn server(db: &PgPool) -> Served {
    Served::start(&shipped(), Some(&url(&db.connect_options()))).await
}

/// A server whose model refuses.
async fn failing(db: &PgPool) -> Served {
    let fail = Fail {
        kind: FailKind::Rejected,
        retry_after_ms: None,
        times: None,
    };
    let script = Script {
        turns: vec![Turn {
            fail: Some(fail),
            ..Turn::default()
        }],
        ..Script::default()
    };
    Served::start(&script, Some(&url(&db.connect_options()))).await
}

/// Runs a program of the page, which says hello; then against a server whose model fails, with a token that is
/// refused, and without a server: each time it ends with a sentence and the exit code 1.
async fn says_how_it_ended(db: &PgPool, program: &str, folder: &Path, arguments: &[&str]) {
    let server = server(db).await;
    let good = [("NAVI_URL", &*server.url), ("NAVI_TOKEN", &*server.token)];
    assert_eq!(run(program, folder, arguments, &good).await, ANSWER);
    let refused = [good[0], ("NAVI_TOKEN", "nonsense")];
    let said = fails(program, folder, arguments, &refused).await;
    assert!(
        said.contains("the access token was refused: it is malformed"),
        "{said}"
    );
    let (url, token) = (server.url.clone(), server.token.clone());
    drop(server);
    let away = [("NAVI_URL", &*url), ("NAVI_TOKEN", &*token)];
    let said = fails(program, folder, arguments, &away).await;
    assert!(said.contains(&format!("{url} does not answer: ")), "{said}");
    let failing = failing(db).await;
    let bad = [("NAVI_URL", &*failing.url), ("NAVI_TOKEN", &*failing.token)];
    let said = fails(program, folder, arguments, &bad).await;
    assert!(said.contains("the script rejects the request"), "{said}");
}

/// Runs a program that fails in good order: with the exit code 1 and one line; answers with the line.
async fn fails(
    program: &str,
    folder: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> String {
    let output = ended(program, folder, arguments, environment).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    said
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_client_in_python_reads_the_stream_of_a_run_and_says_how_it_ended(db: PgPool) {
    let program = program("python", "urlopen");
    assert!(lines(&program) <= 26, "{program}");
    says_how_it_ended(&db, "python3", root(), &["-c", &program]).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_client_in_typescript_is_compiled_as_the_page_says_and_says_how_a_run_ended(
    db: PgPool,
) {
    let Some(tools) = client() else {
        return;
    };
    let program = program("ts", "RunFrame");
    assert!(lines(&program) <= 28, "{program}");
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("follow.mts"), program).unwrap();
    // In place of the installation, which needs a network.
    std::os::unix::fs::symlink(tools.join("node_modules"), folder.join("node_modules")).unwrap();
    let all = commands("npx tsc");
    let (compiling, starting) = all.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(starting, "node follow.mjs");
    let server = server(&db).await;
    let environment = [("NAVI_URL", &*server.url), ("NAVI_TOKEN", &*server.token)];
    run("bash", folder, &["-ec", compiling], &environment).await;
    drop(server);
    says_how_it_ended(&db, "node", folder, &["follow.mjs"]).await;
}

/// Reads the frames of a file, one a line, and says which class each became and what of it is not described.
const READS: &str = r#"
import json, sys
import navi_client.models as models

def undescribed(value):
    if isinstance(value, list):
        return [name for one in value for name in undescribed(one)]
    if not hasattr(value, "__attrs_attrs__"):
        return []
    members = [member.name for member in value.__attrs_attrs__ if member.name != "additional_properties"]
    # What has no members of its own may hold anything.
    more = list(value.additional_properties) if members else []
    return more + [name for member in members for name in undescribed(getattr(value, member))]

for frame in [models.RunFrame, models.JobFrame, models.ChatFrame, models.ReviewFrame]:
    assert frame.from_dict({"data": "[DONE]"}).data == "[DONE]"
for line in open(sys.argv[1]):
    frame, event = line.split(" ", 1)
    read = getattr(models, frame).from_dict({"data": json.loads(event)}).data
    assert read.to_dict() == json.loads(event), event
    print(type(read).__name__, *undescribed(read))
"#;

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_generated_python_client_reads_every_event_and_follows_a_job(db: PgPool) {
    let Some(tools) = python() else {
        return;
    };
    let bench = Bench::new(&db).await;
    bench.python_client(&tools).await;
    let python = tools.join("python");
    let python = python.to_str().unwrap();

    let mut frames = String::new();
    for example in bench.examples() {
        writeln!(frames, "JobFrame {example}").unwrap();
    }
    bench.write("frames", &frames);
    let said = run(python, bench.path(), &["-c", READS, "frames"], &[]).await;
    let names: Vec<_> = bench.events().into_iter().map(|(_, name)| name).collect();
    assert_eq!(said.lines().collect::<Vec<_>>(), names);

    // Frames of real streams are read to the last member.
    let frames = recorded(&db).await;
    bench.write("frames", &frames);
    let said = run(python, bench.path(), &["-c", READS, "frames"], &[]).await;
    assert_eq!(said.lines().count(), frames.lines().count());
    for (read, sent) in said.lines().zip(frames.lines()) {
        assert!(!read.contains(' '), "{read} is not described: {sent}");
    }

    let program = program("python", "navi_client");
    says_how_it_ended(&db, python, bench.path(), &["-c", &program]).await;
}

/// The frames of a run, a job, a chat and a review, each with the component that it is.
async fn recorded(db: &PgPool) -> String {
    let question = json!({
        "question": "Which colour?", "prompt_type": "select", "options": ["red", "blue"],
    });
    let script = Script {
        plan: Some("Pages are counted from 1.".to_owned()),
        turns: vec![
            calls(&[("ask_user", question)]),
            calls(&[("run_command", json!({"command": "rm -r old"}))]),
            calls(&[(
                "write_file",
                json!({"path": "notes.txt", "content": "notes\n"}),
            )]),
            says(ANSWER),
        ],
        ..Script::default()
    };
    let place = Place::new(&script, Some(&url(&db.connect_options())));
    let server = place.serve(&[]).await;
    let mut kept = String::new();

    let workspace = server.workspace();
    std::fs::create_dir(workspace.join("old")).unwrap();
    let mut run = server.begin("clean up").await;
    while let Some(event) = run.next().await {
        let data = &event["data"];
        let (path, answer) = match event["type"].as_str() {
            Some("prompt_request") => ("prompt", json!({"response": "red"})),
            Some("command.consent_required") => ("consent", json!({"choice": "allow_once"})),
            _ => continue,
        };
        let id = data[format!("{path}_id")].as_str().unwrap();
        let path = format!("/api/navi/{path}/{id}");
        assert_eq!(server.post(&path, &answer).await.0, 200);
    }
    let summary = &run.frames.last().unwrap().data["summary"];
    let id = summary["task_id"].as_str().unwrap().to_owned();
    let mut job = server.follow(&id, 0, true).await;
    job.rest().await;
    for (component, frames) in [("RunFrame", &run.frames), ("JobFrame", &job.frames)] {
        assert!(frames.len() > 10, "{frames:?}");
        for frame in frames {
            writeln!(kept, "{component} {}", frame.data).unwrap();
        }
    }
    for (component, path, body) in [
        (
            "ChatFrame",
            "/api/navi/chat/stream/v2",
            json!({"message": "Where?"}),
        ),
        (
            "PlainChatFrame",
            "/api/navi/chat/stream",
            json!({"message": "Where?"}),
        ),
        (
            "ReviewFrame",
            "/api/navi/analyze-changes",
            json!({"workspace_root": workspace}),
        ),
    ] {
        let answer = server
            .send(reqwest::Method::POST, path, &body)
            .await
            .unwrap();
        let text = answer.text().await.unwrap();
        let data = text.lines().filter_map(|line| line.strip_prefix("data: {"));
        for event in data {
            writeln!(kept, "{component} {{{event}").unwrap();
        }
    }
    kept
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn generated_typescript_tells_every_event_by_its_type(db: PgPool) {
    let Some(tools) = client() else {
        return;
    };
    let bench = Bench::new(&db).await;
    bench.typescript_types(&tools).await;
    let mut cases = String::new();
    for (kind, name) in bench.events() {
        writeln!(
            cases,
            "case {kind:?}: {{ const one: Schemas[{name:?}] = event; return one.type; }}"
        )
        .unwrap();
    }
    let mut constants = String::new();
    for (n, example) in bench.examples().iter().enumerate() {
        writeln!(
            constants,
            "export const example{n}: Schemas[\"RunEvent\"] = {example};"
        )
        .unwrap();
    }
    // The cases are all that there are, else `event` is no `never`.
    let program = format!(
        r#"import type {{ components, paths }} from "./api.js";
type Schemas = components["schemas"];
export function name(event: Schemas["RunEvent"]): string {{
switch (event.type) {{
{cases}default: {{ const none: never = event; return none; }}
}}
}}
{constants}
export function inner(event: Schemas["RunEvent"]): string | undefined {{
    if (event.type === "router_info") return event.router_info.effectiveModelId;
    if (event.type === "command.consent_required") return event.data.danger_level;
    if (event.type === "prompt_request") return event.data.options[0]?.label;
    if (event.type === "error") return event.code === "MODEL_UNAVAILABLE" ? "later" : event.error;
    if (event.type === "complete" && event.summary.stopped_reason === "cost_limit") return "spent";
    if (event.type === "heartbeat") return undefined;
    return event.job_status === "running" ? event.job_id : undefined;
}}
// The members of a frame that are read, from its first to its last.
export function said(data: Schemas["RunFrame"]["data"]): string {{
    if (data === "[DONE]") return "";
    if (data.type === "text") return data.text;
    return data.type ? data.type : data.router_info.effectiveModelId;
}}
export const last: Schemas["JobFrame"] = {{ data: "[DONE]" }};
// @ts-expect-error: no stream ends so.
export const noLast: Schemas["JobFrame"] = {{ data: "DONE" }};
type Answers = paths["/api/navi/chat/autonomous"]["post"]["responses"][200]["content"];
export const stream: Answers["text/event-stream"] = "data: [DONE]";
export const code: Schemas["Problem"]["error_code"] = "JOB_NOT_FOUND";
// @ts-expect-error: no such code.
export const none: Schemas["Problem"]["error_code"] = "JOB_NOT_FUN";
"#
    );
    bench.write("use.ts", &program);
    bench.compile(&tools, "use.ts").await;
}
