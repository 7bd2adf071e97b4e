//! A run on a server whose own network has a proxy.

use navi::exec::egress::limits::EgressLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::stage::{Site, Stage, head, hears, run_with, until_closed};

/// The operator's proxy. It notes what it is asked and gives this answer; then it plays the host.
async fn proxy(answer: &'static str) -> Site {
    Site::at("127.0.0.1:0", move |mut stream, got| async move {
        let asked = head(&mut stream).await;
        got.lock().unwrap().push(asked);
        stream.write_all(answer.as_bytes()).await.unwrap();
        let (mut from, mut to) = stream.split();
        let _broken = tokio::io::copy(&mut from, &mut to).await;
    })
    .await
}

fn behind(proxy: &Site, hosts: &str) -> Stage {
    let upstream = format!("http://user:p%40ss@127.0.0.1:{}", proxy.port);
    run_with(
        hosts,
        EgressLimits::default(),
        Some(upstream.parse().unwrap()),
    )
}

#[tokio::test]
async fn a_public_host_is_reached_through_the_operators_proxy_by_its_name() {
    let proxy = proxy("HTTP/1.1 200 OK\r\nX: y\r\n\r\nhost first").await;
    let run = behind(&proxy, "example.com");
    let mut client = run.tunnel("EXAMPLE.com.:443").await;
    hears(&mut client, "host first").await;
    client.write_all(b"and back").await.unwrap();
    hears(&mut client, "and back").await;
    assert_eq!(
        proxy.got(),
        [
            "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nProxy-Authorization: Basic dXNlcjpwQHNz\r\n\r\n"
        ]
    );
    // It is the proxy that resolves.
    assert_eq!(run.names.asked(), 0);
}

#[tokio::test]
async fn a_plain_request_goes_through_a_tunnel_too() {
    let proxy = Site::at("127.0.0.1:0", |mut stream, got| async move {
        let asked = head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let request = head(&mut stream).await;
        got.lock().unwrap().extend([asked, request]);
        stream.write_all(super::stage::OK.as_bytes()).await.unwrap();
    })
    .await;
    let run = behind(&proxy, "example.com");
    let asked = "GET http://example.com/x HTTP/1.1\r\nProxy-Authorization: Basic theirs\r\n\r\n";
    let answer = run.ask(asked).await;
    assert!(answer.ends_with("ok"), "{answer}");
    let got = proxy.got();
    assert!(
        got[0].starts_with("CONNECT example.com:80 HTTP/1.1\r\n"),
        "{got:?}"
    );
    assert!(
        got[1].starts_with("GET /x HTTP/1.1\r\n") && got[1].contains("host: example.com\r\n"),
        "{got:?}"
    );
    // The operator's password stays between the two proxies.
    assert!(
        !got[1].to_lowercase().contains("proxy-authorization"),
        "{got:?}"
    );
}

#[tokio::test]
async fn the_operators_proxy_is_asked_for_no_private_host() {
    let proxy = proxy("HTTP/1.1 200 OK\r\n\r\n").await;
    let site = Site::echoing().await;
    let hosts = format!("localhost:{0},app.localhost:{0},*.example.com", site.port);
    let run = behind(&proxy, &hosts);
    for host in [
        format!("localhost:{}", site.port),
        format!("app.localhost:{}", site.port),
        format!("127.0.0.1:{}", proxy.port),
        "10.0.0.1:443".to_owned(),
        "169.254.169.254:80".to_owned(),
        "[::1]:443".to_owned(),
        "evil.example:443".to_owned(),
    ] {
        assert_eq!(run.connect_status(&host).await, "403", "{host}");
    }
    assert!(proxy.got().is_empty() && site.got().is_empty());
}

#[tokio::test]
async fn a_host_that_is_named_as_private_is_reached_without_the_proxy() {
    let proxy = proxy("HTTP/1.1 200 OK\r\n\r\n").await;
    let site = Site::echoing().await;
    let host = format!("git.localhost:{}", site.port);
    let run = behind(&proxy, &format!("{host}=private"));
    let mut client = run.tunnel(&host).await;
    client.write_all(b"direct").await.unwrap();
    hears(&mut client, "direct").await;
    assert!(proxy.got().is_empty());
}

#[tokio::test]
async fn a_proxy_that_gives_no_way_out_is_a_502() {
    for answer in [
        "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        "HTTP/1.1 403 Forbidden\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "SSH-2.0-host 200\r\n\r\n",
        "\r\n\r\n",
    ] {
        let run = behind(&proxy(answer).await, "example.com");
        let said = run.ask("CONNECT example.com:443 HTTP/1.1\r\n\r\n").await;
        assert!(said.starts_with("HTTP/1.1 502 "), "{answer:?}: {said}");
        assert_eq!(
            run.notes.stages(),
            ["example.com:443 allowed", "example.com:443 upstream_proxy"]
        );
    }
}

#[tokio::test]
async fn an_endless_answer_of_the_proxy_is_a_502() {
    let proxy = Site::at("127.0.0.1:0", |mut stream, _| async move {
        let block = [b'a'; 4_096];
        while stream.write_all(&block).await.is_ok() {}
    })
    .await;
    let run = behind(&proxy, "example.com");
    let mut client = run.client().await;
    client
        .write_all(b"CONNECT example.com:443 HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    assert!(head(&mut client).await.starts_with("HTTP/1.1 502 "));
    until_closed(&mut client).await;
    let _end = client.read(&mut [0]).await;
}
