//! Requests that mean one host to the check and another to what comes after it.

use tokio::io::AsyncWriteExt;

use super::stage::{OK, Site, Stage, run, until_closed};

/// A host that is allowed, one that is not, and the run.
async fn two() -> (Site, Site, Stage) {
    let (good, evil) = (Site::answering(OK).await, Site::answering(OK).await);
    let run = run(&format!("good.localhost:{}=private", good.port));
    (good, evil, run)
}

#[tokio::test]
async fn targets_that_name_no_single_host_reach_none() {
    let (good, evil, run) = two().await;
    let (good_at, evil_at) = (
        format!("good.localhost:{}", good.port),
        format!("evil.localhost:{}", evil.port),
    );
    for target in [
        format!("{good_at}@{evil_at}"),
        format!("user@{evil_at}"),
        format!("user:{good_at}@{evil_at}"),
        format!("{evil_at}#{good_at}"),
        format!("{evil_at}?{good_at}"),
        format!("{evil_at}/{good_at}"),
        format!("{evil_at}\\{good_at}"),
        format!("{evil_at}%00.{good_at}"),
        format!("{evil_at}%0d%0aHost:{good_at}"),
        format!("evil%2elocalhost:{}", evil.port),
        format!("0x7f.1:{}", evil.port),
        format!("2130706433:{}", evil.port),
        format!("127.1:{}", evil.port),
        format!("[::ffff:127.0.0.1]:{}", evil.port),
        format!("[::1%25lo]:{}", evil.port),
        format!("127.0.0.1:{}", evil.port),
        format!("localhost:{}", evil.port),
        format!("good.localhost:{}:{}", good.port, evil.port),
        format!("good.localhost.:{}", evil.port),
        format!("xgood.localhost:{}", evil.port),
        format!("good.localhost.evil.localhost:{}", evil.port),
        format!(":{}", evil.port),
        "*".to_owned(),
        "/".to_owned(),
    ] {
        let tunnel = run
            .ask(format!(
                "CONNECT {target} HTTP/1.1\r\nHost: {good_at}\r\n\r\n"
            ))
            .await;
        let plain = run
            .ask(format!(
                "GET http://{target}/ HTTP/1.1\r\nHost: {good_at}\r\n\r\n"
            ))
            .await;
        for answer in [tunnel, plain] {
            let refused = ["HTTP/1.1 400 ", "HTTP/1.1 403 "];
            assert!(
                refused.iter().any(|one| answer.starts_with(one)),
                "{target}: {answer}"
            );
        }
    }
    assert!(evil.got().is_empty(), "{:?}", evil.got());
    assert!(good.got().is_empty(), "{:?}", good.got());
}

#[tokio::test]
async fn other_schemes_and_targets_are_refused() {
    let (good, _, run) = two().await;
    let at = format!("good.localhost:{}", good.port);
    for target in [
        format!("https://{at}/"),
        format!("ftp://{at}/"),
        format!("ws://{at}/"),
        format!("//{at}/"),
        format!("http:{at}/"),
        "/".to_owned(),
        "*".to_owned(),
        at.clone(),
    ] {
        let answer = run
            .ask(format!("GET {target} HTTP/1.1\r\nHost: {at}\r\n\r\n"))
            .await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{target}: {answer}");
    }
    assert!(good.got().is_empty());
}

#[tokio::test]
async fn a_foreign_host_header_is_replaced_by_the_targets() {
    let (good, _, run) = two().await;
    for host in ["evil.example", "evil.example:80", "", "good.localhost"] {
        let text = format!(
            "GET http://good.localhost:{}/ HTTP/1.1\r\nHost: {host}\r\n\r\n",
            good.port
        );
        assert!(run.ask(text).await.ends_with("ok"));
    }
    let text = format!(
        "GET http://good.localhost:{}/ HTTP/1.1\r\nConnection: host\r\n\r\n",
        good.port
    );
    assert!(run.ask(text).await.ends_with("ok"));
    for got in good.got() {
        let hosts: Vec<_> = got
            .lines()
            .filter(|line| line.to_lowercase().starts_with("host:"))
            .collect();
        assert_eq!(
            hosts,
            [format!("host: good.localhost:{}", good.port)],
            "{got}"
        );
    }
    assert_eq!(good.got().len(), 5);
}

#[tokio::test]
async fn requests_that_can_be_read_in_two_ways_reach_nothing() {
    let (good, evil, run) = two().await;
    let target = format!("http://good.localhost:{}/", good.port);
    let smuggled = format!("GET http://evil.localhost:{}/ HTTP/1.1\r\n\r\n", evil.port);
    for headers in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 4\r\nContent-Length: 40",
        "Content-Length: 4, 40",
        "Content-Length: +4",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "X: y\r\n Host: evil.localhost",
        "X: y\nContent-Length: 40",
        "X: y\rContent-Length: 40",
        "X: y\0",
        "Host: evil.localhost",
    ] {
        let text =
            format!("POST {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n0\r\n\r\n{smuggled}");
        let answer = run.ask(text).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{headers:?}: {answer}");
        assert_eq!(answer.matches("content-length: ").count(), 1, "{answer}");
    }
    for head in [
        format!("GET {target} HTTP/1.1\nHost: x\n\n"),
        format!("GET  {target} HTTP/1.1\r\n\r\n"),
        format!("GET {target}\t HTTP/1.1\r\n\r\n"),
        format!("GET {target} HTTP/1.1\r\n Host: x\r\n\r\n"),
        format!("\r\nGET {target} HTTP/1.1\r\n\r\n"),
        format!("GET {target} HTTP/0.9\r\n\r\n"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}\n\n".to_owned(),
    ] {
        let answer = run.ask(&head).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head:?}: {answer}");
    }
    assert!(
        good.got().is_empty() && evil.got().is_empty(),
        "{:?}",
        good.got()
    );
}

#[tokio::test]
async fn a_second_request_on_a_connection_goes_nowhere() {
    let (good, evil, run) = two().await;
    let first = format!(
        "GET http://good.localhost:{}/one HTTP/1.1\r\nHost: x\r\n\r\n",
        good.port
    );
    for second in [
        format!(
            "GET http://evil.localhost:{}/two HTTP/1.1\r\nHost: x\r\n\r\n",
            evil.port
        ),
        format!(
            "GET http://good.localhost:{}/two HTTP/1.1\r\nHost: x\r\n\r\n",
            good.port
        ),
        "GET /two HTTP/1.1\r\nHost: evil.localhost\r\n\r\n".to_owned(),
        format!("CONNECT evil.localhost:{} HTTP/1.1\r\n\r\n", evil.port),
    ] {
        let answer = run.ask(format!("{first}{second}")).await;
        assert!(
            answer.to_lowercase().contains("\r\nconnection: close\r\n"),
            "{answer}"
        );
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    }
    assert!(evil.got().is_empty());
    let got = good.got();
    assert!(
        got.len() == 4
            && got
                .iter()
                .all(|one| one.contains("GET /one ") && !one.contains("two")),
        "{got:?}"
    );
}

#[tokio::test]
async fn a_second_request_that_waits_for_the_first_answer_goes_nowhere_either() {
    let (good, evil, run) = two().await;
    let mut client = run.client().await;
    let first = format!(
        "GET http://good.localhost:{}/ HTTP/1.1\r\nConnection: keep-alive\r\nProxy-Connection: keep-alive\r\n\r\n",
        good.port
    );
    client.write_all(first.as_bytes()).await.unwrap();
    let mut answer = super::stage::head(&mut client).await;
    let second = format!("GET http://evil.localhost:{}/ HTTP/1.1\r\n\r\n", evil.port);
    // The proxy may have closed the connection already.
    let _closed = client.write_all(second.as_bytes()).await;
    answer.push_str(&until_closed(&mut client).await);
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert_eq!((good.got().len(), evil.got().len()), (1, 0));
}

#[tokio::test]
async fn what_follows_a_body_is_no_request() {
    let (good, evil, run) = two().await;
    let smuggled = format!(
        "GET http://evil.localhost:{}/ HTTP/1.1\r\nHost: x\r\n\r\n",
        evil.port
    );
    let target = format!("http://good.localhost:{}/", good.port);
    run.ask(format!(
        "POST {target} HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi{smuggled}"
    ))
    .await;
    run.ask(format!(
        "POST {target} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n{smuggled}"
    ))
    .await;
    let got = good.got();
    assert_eq!(got.len(), 2, "{got:?}");
    assert!(got[0].ends_with("\r\n\r\nhi"), "{got:?}");
    assert!(got[1].ends_with("\r\n\r\n2\r\nhi\r\n0\r\n\r\n"), "{got:?}");
    assert!(evil.got().is_empty());
}

#[tokio::test]
async fn a_body_that_looks_like_a_request_is_a_body() {
    let (good, evil, run) = two().await;
    let body = format!(
        "GET http://evil.localhost:{}/ HTTP/1.1\r\nHost: x\r\n\r\n",
        evil.port
    );
    let text = format!(
        "POST http://good.localhost:{}/ HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}",
        good.port,
        body.len()
    );
    assert!(run.ask(text).await.ends_with("ok"));
    assert!(good.got()[0].ends_with(&body));
    assert!(evil.got().is_empty());
}

#[tokio::test]
async fn chunks_that_lie_about_their_length_break_the_request() {
    let (good, evil, run) = two().await;
    let smuggled = format!("GET http://evil.localhost:{}/ HTTP/1.1\r\n\r\n", evil.port);
    for chunks in [
        "zz\r\nhi\r\n0\r\n\r\n",
        "2\nhi\r\n0\r\n\r\n",
        "1\r\nhi\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nhi",
        "-2\r\nhi\r\n0\r\n\r\n",
    ] {
        let text = format!(
            "POST http://good.localhost:{}/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}{smuggled}",
            good.port
        );
        run.ask(text).await;
    }
    assert!(evil.got().is_empty());
    assert!(
        good.got().iter().all(|got| !got.contains("evil.localhost")),
        "{:?}",
        good.got()
    );
}

#[tokio::test]
async fn a_redirect_is_the_clients_own_next_request() {
    let evil = Site::answering(OK).await;
    let location = format!("http://evil.localhost:{}/", evil.port);
    let good = Site::answering(format!(
        "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    ))
    .await;
    let run = run(&format!("good.localhost:{}=private", good.port));
    let answer = run
        .ask(format!(
            "GET http://good.localhost:{}/ HTTP/1.1\r\n\r\n",
            good.port
        ))
        .await;
    assert!(
        answer.starts_with("HTTP/1.1 302 Found\r\n") && answer.contains(&location),
        "{answer}"
    );
    assert_eq!((good.got().len(), evil.got().len()), (1, 0));
    let next = run.ask(format!("GET {location} HTTP/1.1\r\n\r\n")).await;
    assert!(next.starts_with("HTTP/1.1 403 "), "{next}");
    assert!(evil.got().is_empty());
}

#[tokio::test]
async fn no_answer_switches_to_another_protocol() {
    let good = Site::answering(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nfree",
    )
    .await;
    let run = run(&format!("good.localhost:{}=private", good.port));
    let answer = run
        .ask(format!(
            "GET http://good.localhost:{}/ HTTP/1.1\r\n\r\n",
            good.port
        ))
        .await;
    assert!(
        answer.starts_with("HTTP/1.1 502 ") && !answer.contains("free"),
        "{answer}"
    );
    let asked = format!(
        "GET http://good.localhost:{}/ HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        good.port
    );
    assert!(run.ask(asked).await.starts_with("HTTP/1.1 400 "));
    assert_eq!(good.got().len(), 1);
}

#[tokio::test]
async fn a_request_for_a_tunnel_has_no_body() {
    let (good, _, run) = two().await;
    let at = format!("good.localhost:{}", good.port);
    for headers in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
        let answer = run
            .ask(format!("CONNECT {at} HTTP/1.1\r\n{headers}\r\n\r\nhello"))
            .await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    assert!(good.got().is_empty());
}

#[tokio::test]
async fn what_is_told_of_a_bad_target_holds_no_password() {
    let (_, _, run) = two().await;
    run.ask("CONNECT user:hidden@evil.example:443 HTTP/1.1\r\n\r\n")
        .await;
    run.ask("GET http://user:hidden@evil.example/?token=hidden HTTP/1.1\r\n\r\n")
        .await;
    assert_eq!(
        run.notes.stages(),
        ["evil.example:443:0 malformed", "evil.example:0 malformed"]
    );
}
