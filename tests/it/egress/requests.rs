//! Plain requests: what the host gets of them, and what the client gets of its answer.

use navi::exec::egress::limits::EgressLimits;
use navi::exec::egress::proxy::proxy_variables;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::stage::{OK, Site, head, hears, run, run_with, until_closed, whole_request};

#[tokio::test]
async fn a_request_reaches_its_host_without_what_was_meant_for_the_proxy() {
    let site = Site::answering(OK).await;
    let run = run(&format!("site.localhost:{}=private", site.port));
    let text = format!(
        "GET http://site.localhost:{}/a/b?c=d%20e HTTP/1.1\r\nHost: site.localhost\r\nAccept: */*\r\n\
         Authorization: Bearer theirs\r\nProxy-Authorization: Basic ours\r\nProxy-Connection: keep-alive\r\n\
         Keep-Alive: 5\r\nTE: trailers\r\nConnection: X-Named, close\r\nX-Named: 1\r\nX-Other: 2\r\n\
         Upgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n",
        site.port
    );
    let answer = run.ask(text).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok"),
        "{answer}"
    );
    let got = site.got().remove(0);
    let mut lines: Vec<_> = got.trim_end().split("\r\n").collect();
    lines[1..].sort_unstable();
    let host = format!("host: site.localhost:{}", site.port);
    let expected = [
        "GET /a/b?c=d%20e HTTP/1.1",
        "accept: */*",
        "authorization: Bearer theirs",
        "connection: close",
        &host,
        "x-other: 2",
    ];
    assert_eq!(lines, expected);
    let bytes = run.notes.ended(1).await;
    assert_eq!(bytes, [(got.len() as u64, OK.len() as u64)]);
}

#[tokio::test]
async fn an_answer_comes_without_what_was_meant_for_the_proxy() {
    let site = Site::answering(
        "HTTP/1.1 404 Nothing Here\r\nContent-Type: text/x\r\nConnection: keep-alive, X-Named\r\nX-Named: 1\r\n\
         Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nX-Other: 2\r\nContent-Length: 2\r\n\r\nno",
    )
    .await;
    let run = run(&format!("site.localhost:{}=private", site.port));
    let answer = run
        .ask(format!(
            "GET http://site.localhost:{}/ HTTP/1.1\r\n\r\n",
            site.port
        ))
        .await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head
        .split("\r\n")
        .filter(|line| !line.starts_with("date: "))
        .collect();
    lines[1..].sort_unstable();
    let expected = [
        "HTTP/1.1 404 Not Found",
        "connection: close",
        "content-length: 2",
        "content-type: text/x",
        "x-other: 2",
    ];
    assert_eq!((lines.as_slice(), body), (expected.as_slice(), "no"));
}

#[tokio::test]
async fn a_host_that_is_not_listed_is_refused_with_a_sentence() {
    let run = run("example.com:443");
    for (target, place) in [
        ("http://evil.example/", "evil.example:80"),
        ("http://example.com/x", "example.com:80"),
    ] {
        let answer = run.ask(format!("GET {target} HTTP/1.1\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
        assert!(
            answer.ends_with(&format!("\r\n\r\n{place} is not allowed for this run\n")),
            "{answer}"
        );
    }
    assert_eq!(
        run.notes.stages(),
        ["evil.example:80 unlisted", "example.com:80 unlisted"]
    );
    assert_eq!(run.names.asked(), 0);
}

#[tokio::test]
async fn a_name_that_cannot_be_resolved_is_a_502() {
    let run = run("missing.example");
    let answer = run
        .ask("GET http://missing.example/ HTTP/1.1\r\n\r\n")
        .await;
    assert!(
        answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n") && answer.contains("cannot be resolved"),
        "{answer}"
    );
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    // Each side says something only when it has heard what the other said before.
    let site = Site::at("127.0.0.1:0", |mut stream, got| async move {
        let text = head(&mut stream).await;
        got.lock().unwrap().push(text);
        hears(&mut stream, "5\r\nfirst\r\n").await;
        let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nheard\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        hears(&mut stream, "6\r\nsecond\r\n0\r\n\r\n").await;
        stream.write_all(b"3\r\nall\r\n0\r\n\r\n").await.unwrap();
    })
    .await;
    let run = run(&format!("site.localhost:{}=private", site.port));
    let mut client = run.client().await;
    let text = format!(
        "POST http://site.localhost:{}/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n",
        site.port
    );
    client.write_all(text.as_bytes()).await.unwrap();
    let answer = head(&mut client).await;
    assert!(answer.contains("transfer-encoding: chunked"), "{answer}");
    hears(&mut client, "5\r\nheard\r\n").await;
    client.write_all(b"6\r\nsecond\r\n0\r\n\r\n").await.unwrap();
    hears(&mut client, "3\r\nall\r\n0\r\n\r\n").await;
    assert_eq!(until_closed(&mut client).await, "");
}

#[tokio::test]
async fn large_bodies_come_whole_and_are_counted() {
    const BYTES: usize = 3 * 1024 * 1024;
    let site = Site::at("127.0.0.1:0", |mut stream, got| async move {
        let text = whole_request(&mut stream).await;
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        got.lock().unwrap().push(head.to_owned());
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {BYTES}\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let run = run(&format!("site.localhost:{}=private", site.port));
    let body = "x".repeat(BYTES);
    let text = format!(
        "PUT http://site.localhost:{}/ HTTP/1.1\r\nContent-Length: {BYTES}\r\n\r\n{body}",
        site.port
    );
    let mut client = run.client().await;
    let (mut from, mut to) = client.split();
    let mut answer = Vec::new();
    let (written, read) =
        tokio::join!(to.write_all(text.as_bytes()), from.read_to_end(&mut answer));
    written.unwrap();
    read.unwrap();
    assert!(answer.ends_with(body.as_bytes()));
    let [(sent, received)] = run.notes.ended(1).await[..] else {
        panic!("{:?}", run.notes.told())
    };
    assert!(sent > BYTES as u64 && received > BYTES as u64);
}

#[tokio::test]
async fn an_early_answer_to_a_long_request_reaches_the_client() {
    let site = Site::at("127.0.0.1:0", |mut stream, _| async move {
        head(&mut stream).await;
        let answer =
            "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig";
        stream.write_all(answer.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let _end = stream.read_to_end(&mut rest).await;
    })
    .await;
    let run = run(&format!("site.localhost:{}=private", site.port));
    let text = format!(
        "PUT http://site.localhost:{}/ HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nonly this",
        site.port
    );
    let answer = run.ask(text).await;
    assert!(
        answer.starts_with("HTTP/1.1 413 ") && answer.ends_with("big"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_refused_upload_still_shows_why() {
    let run = run("");
    let body = "x".repeat(200_000);
    let text = format!(
        "PUT http://evil.example/ HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = run.ask(text).await;
    assert!(
        answer.ends_with("evil.example:80 is not allowed for this run\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_client_that_waits_to_be_asked_for_its_body_is_asked() {
    let site = Site::answering(OK).await;
    let run = run(&format!("site.localhost:{}=private", site.port));
    let mut client = run.client().await;
    let text = format!(
        "POST http://site.localhost:{}/ HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        site.port
    );
    client.write_all(text.as_bytes()).await.unwrap();
    assert!(head(&mut client).await.starts_with("HTTP/1.1 100 "));
    client.write_all(b"hi").await.unwrap();
    assert!(until_closed(&mut client).await.ends_with("ok"));
    let got = site.got().remove(0);
    assert!(got.ends_with("hi") && !got.contains("expect"), "{got}");
}

#[tokio::test]
async fn a_head_alone_keeps_the_length_of_what_was_not_sent() {
    let site = Site::answering("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n").await;
    let run = run(&format!("site.localhost:{}=private", site.port));
    let answer = run
        .ask(format!(
            "HEAD http://site.localhost:{}/ HTTP/1.1\r\n\r\n",
            site.port
        ))
        .await;
    assert!(
        answer.contains("content-length: 1234\r\n") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn an_old_client_gets_an_answer_that_it_can_read() {
    let site = Site::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    )
    .await;
    let run = run(&format!("site.localhost:{}=private", site.port));
    let answer = run
        .ask(format!(
            "GET http://site.localhost:{}/ HTTP/1.0\r\n\r\n",
            site.port
        ))
        .await;
    assert!(
        answer.starts_with("HTTP/1.0 200 ") && answer.ends_with("\r\n\r\nok"),
        "{answer}"
    );
    assert!(!answer.contains("chunked"));
    assert!(site.got()[0].starts_with("GET / HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_client_that_closes_its_side_gets_its_answer() {
    let site = Site::answering(OK).await;
    let run = run(&format!("site.localhost:{}=private", site.port));
    let mut client = run.client().await;
    let text = format!("GET http://site.localhost:{}/ HTTP/1.1\r\n\r\n", site.port);
    client.write_all(text.as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    assert!(until_closed(&mut client).await.ends_with("ok"));
}

#[tokio::test]
async fn a_host_that_speaks_another_protocol_is_a_502() {
    for answer in [
        "SSH-2.0-host\r\n",
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    ] {
        let site = Site::at("127.0.0.1:0", move |mut stream, _| async move {
            head(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        let run = run(&format!("site.localhost:{}=private", site.port));
        let said = run
            .ask(format!(
                "GET http://site.localhost:{}/ HTTP/1.1\r\n\r\n",
                site.port
            ))
            .await;
        assert!(
            said.starts_with("HTTP/1.1 502 ") && said.contains("gave no answer in HTTP"),
            "{said}"
        );
    }
}

const PROGRAM: &str = r#"
import json, sys, urllib.error, urllib.request
def fetch(url):
    try:
        return urllib.request.urlopen(url, timeout=30).read().decode()
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read().decode()}"
    except urllib.error.URLError as error:
        return str(error.reason)
print(json.dumps([fetch(url) for url in sys.argv[1:]]))
"#;

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a real program is the client")]
async fn a_program_finds_the_proxy_and_shows_which_host_was_refused() {
    // The operator's proxy plays the host, so that the host's name need not be this machine's.
    let upstream = Site::at("127.0.0.1:0", |mut stream, _| async move {
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        head(&mut stream).await;
        stream.write_all(OK.as_bytes()).await.unwrap();
    })
    .await;
    let address = format!("http://127.0.0.1:{}", upstream.port);
    let upstream = Some(address.parse().unwrap());
    let run = run_with("example.com", EgressLimits::default(), upstream);
    let mut program = std::process::Command::new("python3");
    program
        .args(["-c", PROGRAM])
        .args([
            "http://example.com/",
            "http://evil.example/",
            "https://evil.example/",
        ])
        .envs(proxy_variables(run.proxy.port()));
    let output = tokio::task::spawn_blocking(move || program.output().unwrap());
    let output = output.await.unwrap();
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = json!([
        "ok",
        "403 evil.example:80 is not allowed for this run\n",
        "Tunnel connection failed: 403 evil.example:443 is not allowed for this run",
    ]);
    assert_eq!(said, expected);
}
