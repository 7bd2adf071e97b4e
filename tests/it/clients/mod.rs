//! The clients of this repository as people run them, against the real server: the TypeScript client
//! in Node, and the reference page in a browser.

#![expect(
    clippy::disallowed_methods,
    reason = "a test looks for Node and a browser, and starts programs"
)]
#![expect(clippy::print_stdout, reason = "a test says when it did nothing")]

mod backstage;
mod generated;
mod page;
mod typescript;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The folder that a variable names; none where a script could not install what the tests need.
fn installed(variable: &str, script: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable).map(PathBuf::from);
    if found.is_none() {
        println!("not run: {variable} names no folder; {script} installs what is in it");
    }
    found
}

/// The folder of the generator of Python clients.
fn python() -> Option<PathBuf> {
    installed("NAVI_PYTHON_CLIENT", "scripts/python-client.sh")
}

/// The folder of the built TypeScript client.
fn client() -> Option<PathBuf> {
    installed("NAVI_CLIENT", "scripts/client.sh")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs Node to its end, which must be a good one; answers with what it printed.
async fn node(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    run("node", folder, arguments, environment).await
}

/// Runs a program to its end.
async fn ended(
    program: &str,
    folder: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Output {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    output.await.unwrap()
}

/// Runs a program to its end, which must be a good one; answers with what it printed.
async fn run(
    program: &str,
    folder: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> String {
    let output = ended(program, folder, arguments, environment).await;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    said
}
