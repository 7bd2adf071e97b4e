//! A database whose certificate is of a private authority.

#![expect(
    clippy::disallowed_methods,
    reason = "a test starts commands as processes"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::database::clusters::{Cluster, give_away};

/// Makes an authority, and a certificate of it for `localhost`, as an operator does.
fn make_certificates(folder: &Path) {
    let steps = [
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
        "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem",
    ];
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    for step in steps {
        let made = Command::new("openssl")
            .args(step.split(' '))
            .current_dir(folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{step}: {said}");
    }
    let key = folder.join("server.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    give_away(&key);
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Exit code of a command, and what it said.
fn navi(url: &str, root: Option<&Path>, arguments: &[&str]) -> (Option<i32>, String) {
    let data = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_navi"));
    command.args(arguments).env_clear();
    command
        .env("DATABASE_URL", url)
        .env("NAVI_DATA_DIR", data.path());
    if let Some(root) = root {
        command.env("PGSSLROOTCERT", root);
    }
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn a_private_authority_is_named_in_the_address_or_beside_it_and_the_refusal_says_so() {
    let mut cluster = Cluster::make();
    let certificates = cluster.folder.path().to_owned();
    make_certificates(&certificates);
    let port = free_port();
    let file = |name: &str| certificates.join(name).display().to_string();
    let settings = [
        "listen_addresses=127.0.0.1".to_owned(),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", file("server.pem")),
        format!("ssl_key_file={}", file("server.key")),
        format!("port={port}"),
    ];
    let settings = settings.each_ref().map(String::as_str);
    cluster.start_at(port, &settings).await;
    let ca = certificates.join("ca.pem");
    let url = |host: &str| format!("postgres://navi@{host}:{port}/postgres?sslmode=verify-full");

    let (code, said) = navi(&url("localhost"), None, &["migrate", "--check"]);
    assert_eq!(code, Some(3), "{said}");
    for word in ["UnknownIssuer", "sslrootcert", "PGSSLROOTCERT"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let (_, said) = navi(&url("localhost"), None, &["doctor"]);
    assert!(said.contains("PGSSLROOTCERT"), "{said}");

    let named = format!("{}&sslrootcert={}", url("localhost"), ca.display());
    for (url, root) in [(named, None), (url("localhost"), Some(ca.as_path()))] {
        let (code, said) = navi(&url, root, &["migrate"]);
        assert_eq!(code, Some(0), "{url}: {said}");
    }
    let (code, said) = navi(&url("127.0.0.1"), Some(&ca), &["migrate", "--check"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("not among the names"), "{said}");

    // A file that is none is named with the setting that names it, before anything is asked.
    let missing = certificates.join("none.pem");
    let named = format!("{}&sslrootcert={}", url("localhost"), missing.display());
    for (url, root, setting) in [
        (named, None, "sslrootcert"),
        (url("localhost"), Some(missing.as_path()), "PGSSLROOTCERT"),
    ] {
        let (code, said) = navi(&url, root, &["migrate", "--check"]);
        assert_eq!(code, Some(2), "{said}");
        for word in [missing.to_str().unwrap(), setting, "No such file"] {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
}

#[tokio::test]
async fn a_database_that_shows_the_certificate_of_an_authority_is_told_to_have_one_of_its_own() {
    let mut cluster = Cluster::make();
    let certificates = cluster.folder.path().to_owned();
    make_certificates(&certificates);
    let key = certificates.join("ca.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    give_away(&key);
    let port = free_port();
    let ca = certificates.join("ca.pem");
    let settings = [
        "listen_addresses=127.0.0.1".to_owned(),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", ca.display()),
        format!("ssl_key_file={}", key.display()),
        format!("port={port}"),
    ];
    let settings = settings.each_ref().map(String::as_str);
    cluster.start_at(port, &settings).await;
    let url = format!("postgres://navi@localhost:{port}/postgres?sslmode=verify-full");
    let (code, said) = navi(&url, Some(&ca), &["migrate", "--check"]);
    assert_eq!(code, Some(3), "{said}");
    for word in ["CaUsedAsEndEntity", "CA:FALSE", "subjectAltName"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(!said.contains("not known here"), "{said}");
    assert!(said.contains(&format!("localhost:{port}: ")), "{said}");
}
