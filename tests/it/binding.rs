//! The addresses that the server listens on.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use navi::cli::serve::Running;
use navi::config::settings::Config;
use navi::http::sockets::listeners::Listeners;
use sqlx::PgPool;
use tokio::net::{TcpListener, TcpStream};

use crate::support::app::{AUDIT_KEY, SECRET};
use crate::support::served::url;

async fn open(bind: &str) -> std::io::Result<Listeners> {
    Listeners::open(&bind.parse().unwrap()).await
}

async fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.is_ok()
}

/// The loopback addresses of this machine.
async fn loopback() -> Vec<IpAddr> {
    let mut addresses = vec![IpAddr::from(Ipv4Addr::LOCALHOST)];
    if has_ipv6().await {
        addresses.push(Ipv6Addr::LOCALHOST.into());
    }
    addresses
}

#[tokio::test]
async fn localhost_and_no_host_are_reached_at_every_loopback_address() {
    for bind in ["localhost:0", ":0", "LOCALHOST:0"] {
        let listeners = open(bind).await.unwrap();
        let port = listeners.address().port();
        assert_ne!(port, 0);
        for address in loopback().await {
            let connected = TcpStream::connect((address, port)).await;
            assert!(connected.is_ok(), "{bind} at {address}: {connected:?}");
        }
    }
}

#[tokio::test]
async fn one_address_is_reached_there_alone() {
    let listeners = open("127.0.0.1:0").await.unwrap();
    let port = listeners.address().port();
    assert_eq!(listeners.into_sockets().len(), 1);
    let elsewhere = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), port)).await;
    assert!(elsewhere.is_ok(), "{elsewhere:?}");
    if has_ipv6().await {
        let listeners = open("[::1]:0").await.unwrap();
        assert!(listeners.address().is_ipv6());
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error_although_another_is_free() {
    for address in loopback().await {
        let taken = TcpListener::bind((address, 0)).await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let refused = open(&format!("localhost:{port}")).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AddrInUse, "{address}");
    }
}

#[tokio::test]
async fn an_address_of_another_machine_and_a_name_without_address_are_errors() {
    let refused = open("192.0.2.1:0").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AddrNotAvailable);
    assert!(open("name.invalid:0").await.is_err());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_on_localhost_prints_an_address_that_answers(db: PgPool) {
    let database = url(&db.connect_options());
    let flags = [
        ["--database-url", &database],
        ["--bind", "localhost:0"],
        ["--jwt-secret", SECRET],
        ["--audit-encryption-key", AUDIT_KEY],
    ];
    let config = Config::from_flags(flags.into_iter().flatten()).unwrap();
    let running = Running::start(config, false).await.unwrap();
    let printed = running.url();
    assert_eq!(printed, format!("http://{}", running.address));
    let port = running.address.port();
    assert_eq!(running.app.config.server.bind.port(), port);
    for address in loopback().await {
        let url = format!("http://{}/ping", std::net::SocketAddr::new(address, port));
        let answer = reqwest::get(&url).await.unwrap();
        assert_eq!(answer.status(), 200, "{url}");
    }
    assert!(running.stop().await);
}
