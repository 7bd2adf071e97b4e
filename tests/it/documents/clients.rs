//! The commands of `docs/clients.md`, run from top to bottom in one shell against a real server.

#![expect(
    clippy::disallowed_methods,
    reason = "a test runs a shell, as the document's reader does"
)]

use std::process::Command;

use navi::llm::script::Script;
use serde_json::json;
use sqlx::PgPool;

use crate::documents::claims::blocks;
use crate::documents::read;
use crate::runs::stage::{calls, says};
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

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_commands_of_the_guide_for_clients_do_what_they_show(db: PgPool) {
    if Command::new("jq").arg("--version").output().is_err() {
        println!("not run: jq is not installed");
        return;
    }
    let question = json!({
        "question": "Which colour?", "prompt_type": "select", "options": ["red", "blue"],
    });
    let script = Script {
        plan: Some("Pages are counted from 1.".to_owned()),
        turns: vec![
            calls(&[("ask_user", question)]),
            calls(&[("run_command", json!({"command": "rm -r old"}))]),
            says("Done."),
        ],
        ..Script::default()
    };
    let place = Place::new(&script, Some(&url(&db.connect_options())));
    let served = place
        .serve(&["--cors-origins", "https://app.example"])
        .await;
    let workspace = place.workspace("notes");
    std::fs::create_dir(workspace.join("old")).unwrap();

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
