//! Clients and hosts that are slow, endless or many.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use navi::exec::egress::limits::EgressLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::stage::{OK, Site, head, hears, run, run_with, until_closed};

/// Short enough for a test to wait for.
const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let limits = EgressLimits {
        head: SHORT,
        ..EgressLimits::default()
    };
    let run = run_with("", limits, None);
    let answer = run.ask("GET http://example.com/ HTTP/1.1\r\nX-Slow:").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    // Nothing was asked, so nothing is answered or told.
    assert_eq!(run.ask("").await, "");
    assert_eq!(run.notes.stages(), [":0 malformed"]);
}

#[tokio::test]
async fn a_head_that_trickles_is_as_late_as_one_that_does_not_come() {
    let limits = EgressLimits {
        head: SHORT,
        ..EgressLimits::default()
    };
    let run = run_with("", limits, None);
    let mut client = run.client().await;
    let (mut from, mut to) = client.split();
    let trickle = async {
        while to.write_all(b"GET").await.is_ok() {
            tokio::time::sleep(SHORT / 20).await;
        }
    };
    let mut answer = Vec::new();
    tokio::select! {
        _ = from.read_to_end(&mut answer) => {}
        () = trickle => {}
    }
    assert!(
        answer.starts_with(b"HTTP/1.1 408 "),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let run = run("example.com");
    for start in [
        "",
        "CONNECT ",
        "GET http://example.com/ HTTP/1.1\r\nX: ",
        "GET http://example.com/",
    ] {
        let mut client = run.client().await;
        let (mut from, mut to) = client.split();
        let text = format!("{start}{}", "a".repeat(10_000_000));
        let mut answer = Vec::new();
        // The proxy stops reading, so writing may fail.
        let (_written, _read) =
            tokio::join!(to.write_all(text.as_bytes()), from.read_to_end(&mut answer));
        assert!(
            answer.starts_with(b"HTTP/1.1 431 "),
            "{start:?}: {}",
            String::from_utf8_lossy(&answer)
        );
    }
    let many = "a: b\r\n".repeat(1_000);
    let answer = run
        .ask(format!("GET http://example.com/ HTTP/1.1\r\n{many}\r\n"))
        .await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn an_answers_head_without_end_is_a_502() {
    let site = Site::at("127.0.0.1:0", |mut stream, _| async move {
        head(&mut stream).await;
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "a".repeat(1_000_000));
        let _closed = stream.write_all(endless.as_bytes()).await;
        let _end = stream.read(&mut [0]).await;
    })
    .await;
    let run = run(&format!("site.localhost:{}=private", site.port));
    let answer = run
        .ask(format!(
            "GET http://site.localhost:{}/ HTTP/1.1\r\n\r\n",
            site.port
        ))
        .await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
}

#[tokio::test]
async fn a_tunnel_in_which_nothing_happens_ends() {
    let site = Site::echoing().await;
    let host = format!("127.0.0.1:{}", site.port);
    let limits = EgressLimits {
        idle: SHORT,
        ..EgressLimits::default()
    };
    let run = run_with(&format!("{host}=private"), limits, None);
    let mut client = run.tunnel(&host).await;
    client.write_all(b"hello").await.unwrap();
    hears(&mut client, "hello").await;
    assert_eq!(until_closed(&mut client).await, "");
    assert_eq!(run.notes.ended(1).await, [(5, 5)]);
}

#[tokio::test]
async fn a_host_that_does_not_answer_a_request_is_not_waited_for_without_end() {
    let site = Site::at("127.0.0.1:0", |mut stream, _| async move {
        let mut rest = Vec::new();
        let _end = stream.read_to_end(&mut rest).await;
    })
    .await;
    let limits = EgressLimits {
        idle: SHORT,
        ..EgressLimits::default()
    };
    let run = run_with(
        &format!("site.localhost:{}=private", site.port),
        limits,
        None,
    );
    let text = format!("GET http://site.localhost:{}/ HTTP/1.1\r\n\r\n", site.port);
    assert_eq!(run.ask(text).await, "");
    run.notes.ended(1).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_not_waited_for_without_end() {
    let site = Site::at("127.0.0.1:0", |mut stream, _| async move {
        let block = vec![7; 1024 * 1024];
        while stream.write_all(&block).await.is_ok() {}
    })
    .await;
    let host = format!("127.0.0.1:{}", site.port);
    let limits = EgressLimits {
        idle: SHORT,
        ..EgressLimits::default()
    };
    let run = run_with(&format!("{host}=private"), limits, None);
    let client = run.tunnel(&host).await;
    let [(_, received)] = run.notes.ended(1).await[..] else {
        panic!("{:?}", run.notes.told())
    };
    assert!(received > 0);
    drop(client);
}

#[tokio::test]
async fn more_connections_than_there_is_room_for_wait_their_turn() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (now.clone(), most.clone());
    let site = Site::at("127.0.0.1:0", move |mut stream, _| {
        let (now, most) = counts.clone();
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            head(&mut stream).await;
            // So long that all that may come at once have come.
            tokio::time::sleep(SHORT / 4).await;
            now.fetch_sub(1, Ordering::SeqCst);
            stream.write_all(OK.as_bytes()).await.unwrap();
        }
    })
    .await;
    let limits = EgressLimits {
        connections: 2,
        ..EgressLimits::default()
    };
    let run = run_with(
        &format!("site.localhost:{}=private", site.port),
        limits,
        None,
    );
    let text = format!("GET http://site.localhost:{}/ HTTP/1.1\r\n\r\n", site.port);
    let answers = join_all((0..8).map(|_| run.ask(&text))).await;
    assert!(
        answers.iter().all(|answer| answer.ends_with("ok")),
        "{answers:?}"
    );
    assert!(most.load(Ordering::SeqCst) <= 2, "{most:?}");
}

#[tokio::test]
async fn a_host_that_takes_no_connection_is_not_waited_for_without_end() {
    // Nothing accepts, and the queue is full: further connections hang.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener: TcpListener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    for _ in 0..8 {
        let connecting = tokio::net::TcpStream::connect(address);
        if let Ok(Ok(stream)) = tokio::time::timeout(SHORT, connecting).await {
            queue.push(stream);
        }
    }
    let limits = EgressLimits {
        connect: SHORT,
        ..EgressLimits::default()
    };
    let run = run_with(&format!("{address}=private"), limits, None);
    let answer = run.ask(format!("CONNECT {address} HTTP/1.1\r\n\r\n")).await;
    assert!(
        answer.starts_with("HTTP/1.1 502 ") && answer.contains("cannot be reached"),
        "{answer}"
    );
}
