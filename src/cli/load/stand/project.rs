//! The project that runs work on, and the script that the model plays. Each turn of the model takes the
//! time of a quick real one, so that what is measured is a server whose runs mostly wait.

use std::io;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::llm::script::{Script, ScriptedCall, Turn};

/// The turns: a tool that reads, and its arguments. None changes a file, since runs share the folder.
fn calls() -> [(&'static str, Value); 4] {
    [
        ("list_directory", json!({"path": "."})),
        ("read_file", json!({"path": "README.md"})),
        ("search_files", json!({"pattern": "round_invoice"})),
        ("read_file", json!({"path": "src/part_3.rs"})),
    ]
}

/// The pieces of text of a turn.
const PIECES: usize = 10;
/// The files of the project.
const FILES: usize = 10;

/// The script: a plan, turns with a call each, and a last turn without. Every piece comes after a pause.
pub fn script(pause_ms: u64) -> Script {
    let say: Vec<String> = (0..PIECES)
        .map(|piece| format!("and so it goes on, {piece}; "))
        .collect();
    let with_call = |(name, arguments): (&str, Value)| Turn {
        say: say.clone(),
        calls: vec![ScriptedCall {
            name: name.to_owned(),
            arguments: arguments.as_object().cloned().unwrap_or_else(Map::new),
            raw_arguments: None,
        }],
        delay_ms: pause_ms,
        ..Turn::default()
    };
    let last = Turn {
        say: say.clone(),
        delay_ms: pause_ms,
        ..Turn::default()
    };
    let turns = calls().into_iter().map(with_call).chain([last]);
    Script {
        // A request without tools is answered by this: the plan of a run, and a chat.
        plan: Some(r#"{"steps":[{"title":"Find the rounding"},{"title":"Say where"}]}"#.to_owned()),
        turns: turns.collect(),
        ..Script::default()
    }
}

/// A sentence about where answers come from.
pub fn describe(pause_ms: u64) -> String {
    format!(
        "a stand-in over HTTP that plays a script of {} turns of {PIECES} pieces with {pause_ms} ms before \
         each; plans and chats are answered at once",
        calls().len() + 1
    )
}

/// Writes the project into a folder.
pub fn write(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder.join("src"))?;
    let readme = "# Invoices\n\nThey are rounded.\n";
    std::fs::write(folder.join("README.md"), readme)?;
    for part in 0..FILES {
        let function = format!(
            "/// Rounds.\npub fn round_invoice_{part}(amount: i64) -> i64 {{\n    amount / 100 * 100\n}}\n\n"
        );
        let file = folder.join(format!("src/part_{part}.rs"));
        std::fs::write(file, function.repeat(20))?;
    }
    Ok(())
}
