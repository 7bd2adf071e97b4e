//! A token for the server that runs.

use std::path::Path;

use crate::server::program;

pub(crate) fn mint(data: &Path) -> String {
    let output = program(data)
        .args([
            "token", "mint", "--org", "bench", "--user", "bench", "--role", "admin",
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
