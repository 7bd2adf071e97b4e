//! The commands of `docs/clients.md`, run from top to bottom in one shell against a real server.

#![expect(
    clippy::disallowed_methods,
    reason = "a test runs a shell, as the document's reader does"
)]

use std::process::Command;

use navi::llm::script::Script;
use sqlx::PgPool;

use crate::documents::claims::blocks;
use crate::documents::read;
use crate::support::served::{Place, url};

/// Stands for what an example leaves out.
const MORE: &str = "…";
/// Separates the outputs of commands.
const SEPARATOR: char = '\u{1e}';

/// Fails unless `real` is what `shown` shows: its parts, in their order.
fn hold(command: &str, shown: &str, real: &str) {
    let (shown, mut rest) = (shown.trim(), real.trim());
    let parts: Vec<_> = shown.split(MORE).map(str::trim).collect();
    for (n, part) in parts.iter().enumerate() {
        let is_last = n + 1 == parts.len() && !part.is_empty();
        let found = if is_last {
            rest.rfind(part)
        } else {
            rest.find(part)
        };
        let at = found.filter(|at| n > 0 || *at == 0);
        assert!(
            at.is_some(),
            "{command}\nshows\n{shown}\nand not, from `{part}` on,\n{real}"
        );
        rest = &rest[at.unwrap() + part.len()..];
    }
    let is_whole = rest.is_empty() || shown.ends_with(MORE);
    assert!(is_whole, "{command}\nalso shows\n{rest}");
}

/// The script that the page names.
pub(crate) fn shipped() -> Script {
    const NAME: &str = "examples/clients.script.json";
    assert!(read("docs/clients.md").contains(&format!("NAVI_SCRIPT={NAME} ")));
    Script::from_json(&read(NAME)).unwrap()
}

/// The first block of the page that has a text.
fn block_with(kind: &str, has: &str) -> String {
    let text = read("docs/clients.md");
    let mut all = blocks(&text).into_iter();
    let found = all.find(|(one, block)| *one == kind && block.contains(has));
    found.unwrap().1
}

/// The page's way of waiting for a job, under a `curl` that answers with these jobs one after another.
fn waiting(kind: &str, answers: &[&str]) -> bool {
    let block = block_with("sh", "waits_for()");
    let (function, _) = block.split_once("\n}\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (n, answer) in answers.iter().enumerate() {
        std::fs::write(folder.path().join(n.to_string()), answer).unwrap();
    }
    let program = format!(
        "AUTH= JOB= URL=; n=0\n{function}\n}}\n\
         curl() {{ cat \"$n\"; }}\n\
         until waits_for {kind}; do n=$((n + 1)); [ -e \"$n\" ] || exit 9; done >/dev/null"
    );
    let mut shell = Command::new("bash");
    shell.args(["-euc", &program]).current_dir(folder.path());
    let status = shell.status().unwrap();
    assert!([Some(0), Some(9)].contains(&status.code()), "{status}");
    status.success()
}

#[test]
fn the_guide_for_clients_waits_until_a_job_asks_or_is_over() {
    if Command::new("jq").arg("--version").output().is_err() {
        println!("not run: jq is not installed");
        return;
    }
    let works = r#"{"job": {"status": "running", "pending_approval": null, "finished_at": null, "error": null}}"#;
    assert!(!waiting("prompt", &[works, works]), "a job works");
    let asks = r#"{"job": {"status": "paused_for_approval", "pending_approval": {"kind": "consent"},
                           "finished_at": null, "error": null}}"#;
    assert!(waiting("consent", &[works, asks]), "it asks");
    assert!(!waiting("prompt", &[works, asks]), "it asks something else");
    for status in ["completed", "failed", "canceled"] {
        let over = format!(
            r#"{{"job": {{"status": "{status}", "pending_approval": null, "finished_at": 1795606703.1, "error": null}}}}"#
        );
        assert!(waiting("prompt", &[works, &over]), "it is {status}");
    }
    let paused = r#"{"job": {"status": "paused_for_approval", "pending_approval": null, "finished_at": null,
                             "error": "the model is away"}}"#;
    assert!(waiting("prompt", &[works, paused]), "it is paused");
    let refused = r#"{"type": "/problems/unauthorized", "status": 401}"#;
    assert!(waiting("prompt", &[works, refused]), "it cannot be asked");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_commands_of_the_guide_for_clients_do_what_they_show(db: PgPool) {
    if Command::new("jq").arg("--version").output().is_err() {
        println!("not run: jq is not installed");
        return;
    }
    let script = shipped();
    let place = Place::new(&script, Some(&url(&db.connect_options())));
    let served = place
        .serve(&["--cors-origins", "https://app.example"])
        .await;
    let workspace = place.workspace("notes");

    let text = read("docs/clients.md");
    let mut commands: Vec<(String, Option<String>)> = Vec::new();
    for (kind, block) in blocks(&text) {
        match kind {
            "sh" => commands.push((block, None)),
            "json" | "text" => {
                let (_, shown) = commands.last_mut().unwrap();
                assert!(shown.replace(block).is_none(), "two outputs of a command");
            }
            // Programs, and commands that install something; see `crate::clients::generated`.
            _ => {}
        }
    }
    assert!(commands.len() >= 15, "{} commands", commands.len());
    let end = format!("\nprintf '{SEPARATOR}'\n");
    let all: String = commands
        .iter()
        .flat_map(|(command, _)| [command.as_str(), &end])
        .collect();
    let mut shell = Command::new("bash");
    shell
        .args(["-euc", &all])
        .env("NAVI_URL", &served.url)
        .env("NAVI_TOKEN", &served.token)
        .env("WORKSPACE", workspace);
    let output = tokio::task::spawn_blocking(move || shell.output().unwrap());
    let output = output.await.unwrap();
    let real = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{real}\n{said}\n{}", served.log());
    let outputs: Vec<_> = real.split_terminator(SEPARATOR).collect();
    assert_eq!(outputs.len(), commands.len());
    for ((command, shown), real) in commands.iter().zip(outputs) {
        hold(command, shown.as_deref().unwrap_or(""), real);
    }
}
