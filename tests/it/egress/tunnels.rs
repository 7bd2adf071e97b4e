use navi::exec::egress::connection::ConnectionStage;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::stage::{Site, head, hears, run, until_closed};

#[tokio::test]
async fn a_tunnel_carries_bytes_both_ways_and_tells_how_many() {
    let site = Site::echoing().await;
    let host = format!("site.localhost:{}", site.port);
    let run = run(&format!("{host}=private"));
    let mut client = run.tunnel(&host).await;
    client.write_all(b"hello").await.unwrap();
    hears(&mut client, "hello").await;
    client.write_all(b", host").await.unwrap();
    hears(&mut client, ", host").await;
    drop(client);
    assert_eq!(run.notes.ended(1).await, [(11, 11)]);
    assert_eq!(
        run.notes.stages(),
        [format!("{host} allowed"), format!("{host} ended")]
    );
    assert!(
        run.notes
            .told()
            .iter()
            .all(|connection| connection.number == 1)
    );
}

#[tokio::test]
async fn a_tunnel_is_told_before_it_stands() {
    let site = Site::echoing().await;
    let host = format!("site.localhost:{}", site.port);
    let run = run(&format!("{host}=private"));
    let _client = run.tunnel(&host).await;
    assert_eq!(run.notes.stages(), [format!("{host} allowed")]);
}

#[tokio::test]
async fn what_a_client_sends_before_the_answer_reaches_the_host() {
    let site = Site::echoing().await;
    let host = format!("127.0.0.1:{}", site.port);
    let run = run(&format!("{host}=private"));
    let mut client = run.client().await;
    let early = format!("CONNECT {host} HTTP/1.1\r\n\r\nearly");
    client.write_all(early.as_bytes()).await.unwrap();
    assert!(head(&mut client).await.starts_with("HTTP/1.1 200 "));
    hears(&mut client, "early").await;
}

#[tokio::test]
async fn a_host_that_speaks_first_is_heard() {
    let site = Site::at("127.0.0.1:0", |mut stream, _| async move {
        stream.write_all(b"SSH-2.0-host\r\n").await.unwrap();
        let _end = stream.read(&mut [0]).await;
    })
    .await;
    let host = format!("git.localhost:{}", site.port);
    let run = run(&format!("{host}=private"));
    let mut client = run.tunnel(&host).await;
    hears(&mut client, "SSH-2.0-host\r\n").await;
}

#[tokio::test]
async fn a_client_that_has_said_everything_still_hears_the_host() {
    let site = Site::at("127.0.0.1:0", |mut stream, _| async move {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let answer = format!("{} bytes", text.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let host = format!("127.0.0.1:{}", site.port);
    let run = run(&format!("{host}=private"));
    let mut client = run.tunnel(&host).await;
    client.write_all(&vec![b'x'; 100_000]).await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(until_closed(&mut client).await, "100000 bytes");
}

#[tokio::test]
async fn a_host_that_has_said_everything_still_hears_the_client() {
    let site = Site::at("127.0.0.1:0", |mut stream, got| async move {
        stream.write_all(b"bye").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        got.lock().unwrap().push(text);
    })
    .await;
    let host = format!("127.0.0.1:{}", site.port);
    let run = run(&format!("{host}=private"));
    let mut client = run.tunnel(&host).await;
    assert_eq!(until_closed(&mut client).await, "bye");
    client.write_all(b"later").await.unwrap();
    drop(client);
    run.notes.ended(1).await;
    while site.got().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(site.got(), ["later"]);
}

#[tokio::test]
async fn a_large_answer_comes_whole() {
    const BYTES: usize = 8 * 1024 * 1024;
    let site = Site::at("127.0.0.1:0", |mut stream, _| async move {
        stream.write_all(&vec![7; BYTES]).await.unwrap();
    })
    .await;
    let host = format!("127.0.0.1:{}", site.port);
    let run = run(&format!("{host}=private"));
    let mut client = run.tunnel(&host).await;
    let mut read = Vec::new();
    client.read_to_end(&mut read).await.unwrap();
    assert!(read.len() == BYTES && read.iter().all(|byte| *byte == 7));
    drop(client);
    assert_eq!(run.notes.ended(1).await, [(0, BYTES as u64)]);
}

#[tokio::test]
async fn a_host_that_is_not_listed_is_refused_by_name_and_not_even_looked_up() {
    let run = run("example.com,*.example.org");
    let mark = run.egress.refusal_mark();
    let answer = run.ask("CONNECT evil.example:443 HTTP/1.1\r\n\r\n").await;
    let sentence = "evil.example:443 is not allowed for this run";
    assert!(
        answer.starts_with(&format!("HTTP/1.1 403 {sentence}\r\n")),
        "{answer}"
    );
    assert!(
        answer.ends_with(&format!("\r\n\r\n{sentence}\n")),
        "{answer}"
    );
    assert_eq!(run.names.asked(), 0);
    assert_eq!(run.notes.stages(), ["evil.example:443 unlisted"]);
    let refused = run.egress.refusals_since(mark);
    let told: Vec<_> = refused.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["`evil.example:443` is not allowed for this run"]);
    let later = run.egress.refusal_mark();
    assert!(run.egress.refusals_since(later).is_empty());
}

#[tokio::test]
async fn a_port_that_is_not_listed_is_refused() {
    let run = run("example.com,git.example.com:22");
    for target in [
        "example.com:25",
        "example.com:22",
        "example.com:8443",
        "git.example.com:443",
    ] {
        assert_eq!(run.connect_status(target).await, "403", "{target}");
    }
    assert_eq!(run.names.asked(), 0);
}

#[tokio::test]
async fn connections_are_counted_by_what_became_of_them() {
    let site = Site::echoing().await;
    let host = format!("127.0.0.1:{}", site.port);
    let run = run(&format!("{host}=private,missing.example"));
    drop(run.tunnel(&host).await);
    run.connect_status("evil.example:443").await;
    run.connect_status("missing.example:443").await;
    run.notes.ended(1).await;
    let text = run.metrics.render().unwrap();
    for verdict in ["allowed", "refused", "failed"] {
        let line = format!("navi_egress_connections_total{{verdict=\"{verdict}\"}} 1\n");
        assert!(text.contains(&line), "{verdict}: {text}");
    }
}

#[tokio::test]
async fn a_connection_that_fails_after_it_was_allowed_says_so_once() {
    let run = run("127.0.0.1:1=private");
    let answer = run.ask("CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.1 502 127.0.0.1:1 cannot be reached\r\n"),
        "{answer}"
    );
    assert_eq!(
        run.notes.stages(),
        ["127.0.0.1:1 allowed", "127.0.0.1:1 unreachable"]
    );
}

#[tokio::test]
async fn what_is_allowed_later_is_reached_later() {
    let site = Site::echoing().await;
    let host = format!("site.localhost:{}", site.port);
    let run = run("");
    assert_eq!(run.connect_status(&host).await, "403");
    run.egress
        .hosts()
        .allow(format!("{host}=private").parse().unwrap());
    let mut client = run.tunnel(&host).await;
    client.write_all(b"now").await.unwrap();
    hears(&mut client, "now").await;
}

#[tokio::test]
async fn what_is_allowed_once_ends_with_its_loan() {
    let site = Site::echoing().await;
    let host = format!("site.localhost:{}", site.port);
    let run = run("");
    let loan = run
        .egress
        .hosts()
        .lend(format!("{host}=private").parse().unwrap());
    let mut client = run.tunnel(&host).await;
    client.write_all(b"once").await.unwrap();
    hears(&mut client, "once").await;
    drop(loan);
    assert_eq!(until_closed(&mut client).await, "");
    assert_eq!(run.connect_status(&host).await, "403");
}

#[tokio::test]
async fn connections_end_with_the_run_and_are_told_before_it_is_closed() {
    let site = Site::echoing().await;
    let host = format!("127.0.0.1:{}", site.port);
    let run = run(&format!("{host}=private"));
    let mut tunnels = Vec::new();
    for _ in 0..5 {
        tunnels.push(run.tunnel(&host).await);
    }
    run.egress.close().await;
    let is_end = |stage| matches!(stage, ConnectionStage::Ended { .. });
    let told = run.notes.told();
    let ended = told.iter().filter(|connection| is_end(connection.stage));
    assert_eq!(ended.count(), 5);
    for mut tunnel in tunnels {
        assert_eq!(until_closed(&mut tunnel).await, "");
    }
    assert!(tokio::net::TcpStream::connect(run.proxy).await.is_err());
}

#[tokio::test]
async fn connections_end_when_the_handle_is_dropped() {
    let site = Site::echoing().await;
    let host = format!("127.0.0.1:{}", site.port);
    let run = run(&format!("{host}=private"));
    let mut client = run.tunnel(&host).await;
    drop(run.egress);
    assert_eq!(until_closed(&mut client).await, "");
}

#[tokio::test]
async fn connections_end_with_the_process() {
    let site = Site::echoing().await;
    let host = format!("127.0.0.1:{}", site.port);
    let run = run(&format!("{host}=private"));
    let mut client = run.tunnel(&host).await;
    assert!(run.tasks.shutdown(super::stage::PATIENCE).await);
    assert_eq!(until_closed(&mut client).await, "");
}

#[tokio::test]
async fn runs_share_nothing() {
    let site = Site::echoing().await;
    let host = format!("127.0.0.1:{}", site.port);
    let (one, other) = (run(&format!("{host}=private")), run(""));
    drop(one.tunnel(&host).await);
    assert_eq!(other.connect_status(&host).await, "403");
    one.egress.close().await;
    assert_eq!(other.connect_status(&host).await, "403");
}
