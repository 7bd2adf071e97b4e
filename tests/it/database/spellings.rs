//! Addresses of the database as people write them, given to the program.

#![expect(
    clippy::disallowed_methods,
    reason = "a test starts commands as processes"
)]

use std::process::{Command, Output};

use sqlx::PgPool;

use crate::database::address;

fn migrate(settings: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_navi"))
        .args(["migrate", "--check"])
        .env_clear()
        .envs(settings.iter().copied())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_database_is_reached_by_every_spelling_of_its_address(db: PgPool) {
    let url = address(&db, "navi");
    let rest = url.strip_prefix("postgres://").unwrap();
    let options = db.connect_options();
    let socket = options.get_socket().unwrap().display().to_string();
    let (name, port) = (options.get_database().unwrap(), options.get_port());
    let encoded = socket.replace('/', "%2F");
    for spelling in [
        format!("postgresql+asyncpg://{rest}"),
        format!("postgresql+psycopg2://{rest}"),
        format!("\"{url}\""),
        format!("postgres://navi@{encoded}:{port}/{name}"),
        format!("postgres://navi@/{name}?host={socket}/.s.PGSQL.{port}"),
        format!("host={socket} port={port} user=navi dbname={name}"),
        format!("host={socket},/nowhere port={port} user=navi dbname={name}"),
        format!("host=/nowhere,{socket} port={port} user=navi dbname={name}"),
    ] {
        let output = migrate(&[("DATABASE_URL", &spelling)]);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{spelling}: {}",
            said(&output)
        );
    }
}

#[test]
fn what_is_no_postgres_is_refused_by_the_name_of_the_setting_and_without_the_password() {
    for (url, word) in [
        ("mysql://ada:hunter2@db.example/navi", "mysql"),
        ("sqlite:///home/ada/hunter2.db", "sqlite"),
        (
            "postgres://ada:hunter2@a.example,b.example/navi?target_session_attrs=standby",
            "read-write",
        ),
        ("postgres://ada:hunter2@a.example,/navi", "several hosts"),
        ("postgres://ada:hun/ter2@db.example/navi", "%2F"),
        ("postgres://ada:hunter2@db.example:port/navi", "port"),
        ("service=navi password=hunter2", "pg_service.conf"),
        ("hunter2", "postgres://USER:PASSWORD@HOST/NAME"),
    ] {
        let output = migrate(&[("DATABASE_URL", url)]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{url}: {said}");
        assert!(
            said.contains("DATABASE_URL") && said.contains(word),
            "{said}"
        );
        assert!(
            !said.contains("hunter2") && !said.contains("ter2"),
            "{said}"
        );
    }
}

#[test]
fn a_pooler_without_the_way_around_it_is_refused() {
    let settings = [
        ("DATABASE_URL", "postgres://ada@pooler.example/navi"),
        ("DATABASE_POOLER", "transaction"),
    ];
    let output = migrate(&settings);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("DATABASE_DIRECT_URL"),
        "{}",
        said(&output)
    );
}

#[test]
fn an_ipv6_address_is_connected_to() {
    // With IPv6 or without: the connection is refused, not the name.
    let output = migrate(&[("DATABASE_URL", "postgres://ada@[::1]:1/navi")]);
    assert_eq!(output.status.code(), Some(3));
    assert!(!said(&output).contains("lookup"), "{}", said(&output));
}
