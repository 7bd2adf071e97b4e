//! The infrastructure as code, read by `python-hcl2`, which is not ours. `scripts/terraform.sh` installs it and prints
//! the Python that `NAVI_HCL` holds.

#![expect(
    clippy::disallowed_methods,
    reason = "a test looks for a program that is not ours, and runs it"
)]
#![expect(clippy::print_stdout, reason = "a test says when it did nothing")]

use std::path::Path;
use std::process::Command;

use crate::documents::{files, read, root};

/// True if the checks find nothing in a folder, and their output; none where there is no reader.
fn checked(folder: &Path) -> Option<(bool, String)> {
    let Ok(python) = std::env::var("NAVI_HCL") else {
        println!(
            "not run: NAVI_HCL names no Python with python-hcl2; scripts/terraform.sh installs it"
        );
        return None;
    };
    let output = Command::new(python)
        .arg(root().join("terraform/check.py"))
        .arg(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Some((output.status.success(), said))
}

#[test]
fn the_infrastructure_refers_to_what_there_is_and_is_not_public() {
    if let Some((well, said)) = checked(&root().join("terraform")) {
        assert!(well, "{said}");
    }
}

/// The same with one thing changed, which must be found.
#[test]
fn what_would_be_public_unsealed_or_nowhere_is_found() {
    for (file, there, here, word) in [
        (
            "database.tf",
            "publicly_accessible = false",
            "publicly_accessible = true",
            "public",
        ),
        (
            "database.tf",
            "storage_encrypted = true",
            "storage_encrypted = false",
            "encrypted",
        ),
        (
            "database.tf",
            "aws_kms_key.data.arn",
            "aws_kms_key.date.arn",
            "aws_kms_key.date",
        ),
        (
            "cluster.tf",
            "endpoint_public_access = false",
            "endpoint_public_access = true",
            "public",
        ),
        (
            "backups.tf",
            "block_public_acls = true",
            "block_public_acls = false",
            "public",
        ),
        ("providers.tf", "project = var.project", "", "project"),
        ("keys.tf", "var.region", "var.regoin", "var.regoin"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        for path in files("terraform", ".tf") {
            let name = path.rsplit('/').next().unwrap();
            let mut text = read(&path);
            // However it is aligned.
            if name == file {
                let words = text.split(' ').filter(|word| !word.is_empty());
                text = words.collect::<Vec<_>>().join(" ");
                assert!(text.contains(there), "{file}: {there}");
                text = text.replace(there, here);
            }
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let Some((well, said)) = checked(folder.path()) else {
            return;
        };
        assert!(!well && said.contains(word), "{file} {here}: {said}");
    }
}
