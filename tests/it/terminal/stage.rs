//! The program with a scripted model and a project, on a pseudo-terminal or without one.

#![expect(
    clippy::disallowed_methods,
    reason = "a test starts the program as a process, as a person does"
)]
#![expect(clippy::panic, reason = "a test stops at the first surprise")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use navi::llm::script::{Script, Turn};
use nix::pty::{Winsize, openpty};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, PgPool};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::runs::stage::{calls, script};
use crate::support::app::{AUDIT_KEY, SECRET};
use crate::support::served::Place;

/// The most time that the program may take for anything.
const PATIENCE: Duration = Duration::from_mins(1);

/// A project, a scripted model, a database and a data folder.
pub(crate) struct Desk {
    pub(crate) place: Arc<Place>,
    database: String,
}

/// The exit code and the output of a command.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) error: String,
}

impl Said {
    /// The success in the last frame of a command that prints frames.
    pub(crate) fn verdict(&self) -> (bool, String) {
        let last: Value = serde_json::from_str(self.out.lines().last().unwrap()).unwrap();
        assert_eq!(last["type"], "complete", "{last}");
        let summary = &last["summary"];
        let verdict = summary["verdict"].as_str().unwrap();
        (summary["success"].as_bool().unwrap(), verdict.to_owned())
    }
}

impl Desk {
    /// A model that plays these turns.
    pub(crate) fn new(db: &PgPool, turns: impl IntoIterator<Item = Turn>) -> Self {
        let database = db.connect_options().to_url_lossy().to_string();
        Self {
            place: Place::new(&script(turns), Some(&database)),
            database,
        }
    }

    /// Has the model play these turns from now on.
    pub(crate) fn plays(&self, turns: impl IntoIterator<Item = Turn>) {
        let script: Script = script(turns);
        self.place
            .write_script(&serde_json::to_string(&script).unwrap());
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.place.workspace(".").canonicalize().unwrap()
    }

    /// A file of the project.
    pub(crate) fn put(&self, path: &str, text: &str) {
        let path = self.workspace().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A project whose only check wants `value` to be 5.
    pub(crate) fn checked_project(&self) {
        self.put("Makefile", "test:\n\t@grep -q '^5$$' value\n");
        self.put("value", "4\n");
    }

    fn prepared(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.place.data().with_file_name("home"))
            .env("TERM", "xterm")
            .env("DATABASE_URL", &self.database)
            .env("AUDIT_ENCRYPTION_KEY", AUDIT_KEY)
            .env("JWT_SECRET", SECRET)
            .env("NAVI_DATA_DIR", self.place.data())
            .env(
                "NAVI_SCRIPT",
                self.place.data().with_file_name("script.json"),
            )
            .current_dir(self.workspace());
        command
    }

    /// A command as it is run by a script: without a person at a terminal.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.prepared(env!("CARGO_BIN_EXE_navi"));
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end, without a terminal.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Said {
        said(self.command(arguments)).await
    }

    /// Starts a command on a terminal with this many columns.
    pub(crate) fn sits(&self, columns: u16, arguments: &[&str]) -> Terminal {
        self.sits_with(columns, arguments, &[])
    }

    /// The same, with these variables.
    pub(crate) fn sits_with(
        &self,
        columns: u16,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Terminal {
        let size = Winsize {
            ws_row: 40,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(Some(&size), None).unwrap();
        // The terminal's own keys, such as Ctrl-C, go to whom it belongs.
        let mut command = self.prepared("setsid");
        command
            .arg("--ctty")
            .arg(env!("CARGO_BIN_EXE_navi"))
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(pty.slave.try_clone().unwrap())
            .stdout(pty.slave.try_clone().unwrap())
            .stderr(pty.slave);
        let child = command.spawn().unwrap();
        // The ends that the command keeps would hold the terminal open.
        drop(command);
        Terminal::new(pty.master, child)
    }
}

/// Runs a command to its end.
pub(crate) async fn said(mut command: Command) -> Said {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: text(output.stdout),
        error: text(output.stderr),
    }
}

/// A terminal with a program on it.
pub(crate) struct Terminal {
    keys: File,
    child: Child,
    arriving: UnboundedReceiver<Vec<u8>>,
    bytes: Vec<u8>,
}

impl Terminal {
    fn new(master: OwnedFd, child: Child) -> Self {
        let keys = File::from(master);
        let mut screen = keys.try_clone().unwrap();
        let (send, arriving) = unbounded_channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The end of the other side is an error.
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                if send.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            keys,
            child,
            arriving,
            bytes: Vec::new(),
        }
    }

    /// All that was written so far, without colours.
    pub(crate) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        anstream::adapter::strip_str(&text).to_string()
    }

    /// The lines that stand on the screen, and above it.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.text().split('\n').map(seen).collect()
    }

    /// Waits until a text was written.
    pub(crate) async fn sees(&mut self, wanted: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !self.text().contains(wanted) {
            match tokio::time::timeout_at(deadline, self.arriving.recv()).await {
                Ok(Some(bytes)) => self.bytes.extend(bytes),
                Ok(None) => panic!("`{wanted}` never came:\n{}", self.text()),
                Err(error) => panic!("`{wanted}` does not come, {error}:\n{}", self.text()),
            }
        }
    }

    /// Types keys.
    pub(crate) fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the end of the program; answers with its exit code.
    pub(crate) async fn ends(&mut self) -> Option<i32> {
        let began = Instant::now();
        let status = loop {
            while let Ok(bytes) = self.arriving.try_recv() {
                self.bytes.extend(bytes);
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "still there:\n{}", self.text());
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        while let Some(bytes) = self.arriving.recv().await {
            self.bytes.extend(bytes);
        }
        status.code()
    }

    /// Kills the program without a word.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The id of the run that it shows.
    pub(crate) fn run_id(&self) -> String {
        let text = self.text();
        let after = text.split_once("Run: ").unwrap().1;
        after.chars().take(36).collect()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may be gone already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The text that a terminal shows of a line that was written over.
fn seen(line: &str) -> String {
    let mut cells: Vec<char> = Vec::new();
    let mut at = 0;
    for c in line.chars() {
        if c == '\r' {
            at = 0;
        } else {
            cells.resize(cells.len().max(at + 1), ' ');
            cells[at] = c;
            at += 1;
        }
    }
    String::from_iter(cells).trim_end().to_owned()
}

/// A turn that writes a file.
pub(crate) fn writes(path: &str, content: &str) -> Turn {
    calls(&[("write_file", json!({ "path": path, "content": content }))])
}

/// A turn that runs a command.
pub(crate) fn runs(command: &str) -> Turn {
    calls(&[("run_command", json!({ "command": command }))])
}

/// A turn that never comes.
pub(crate) fn hangs() -> Turn {
    serde_json::from_value(json!({"fail": {"kind": "hang"}})).unwrap()
}
