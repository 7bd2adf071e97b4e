//! Names and the addresses that they turn out to have.

use super::stage::{Site, hears, run};

#[tokio::test]
async fn a_name_at_an_address_that_is_not_public_is_refused() {
    let site = Site::echoing().await;
    let run = run(&format!("*.example.com:{}", site.port));
    for (number, address) in [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "fc00::1",
        "fe80::1",
        "ff02::1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ]
    .iter()
    .enumerate()
    {
        let name = format!("n{number}.example.com");
        run.names.set(&name, &[&[*address]]);
        let status = run.connect_status(&format!("{name}:{}", site.port)).await;
        assert_eq!(status, "403", "{address}");
        let stage = format!("{name}:{} not_public", site.port);
        assert_eq!(run.notes.stages().last(), Some(&stage), "{address}");
    }
    assert!(site.got().is_empty());
    let refused = run
        .egress
        .refusals_since(navi::exec::egress::connection::RefusalMark::default());
    let told = refused.last().unwrap().to_string();
    assert!(told.contains("its address is not public"), "{told}");
}

#[tokio::test]
async fn a_private_name_does_not_lead_to_this_machine_or_its_clouds_services() {
    let site = Site::echoing().await;
    let host = format!("git.internal:{}", site.port);
    let run = run(&format!("{host}=private"));
    for address in [
        "127.0.0.1",
        "0.0.0.0",
        "::1",
        "::ffff:127.0.0.1",
        "169.254.169.254",
    ] {
        run.names.set("git.internal", &[&[address]]);
        assert_eq!(run.connect_status(&host).await, "403", "{address}");
    }
    assert!(site.got().is_empty());
}

#[tokio::test]
async fn localhost_is_no_way_in_unless_it_is_named_as_private() {
    let site = Site::echoing().await;
    let hosts = format!("localhost:{0},app.localhost:{0}", site.port);
    let run = run(&hosts);
    for name in ["localhost", "app.localhost", "LOCALHOST."] {
        let target = format!("{name}:{}", site.port);
        assert_eq!(run.connect_status(&target).await, "403", "{name}");
    }
    assert_eq!((site.got().len(), run.names.asked()), (0, 0));
}

#[tokio::test]
async fn an_answer_that_changes_after_the_check_changes_nothing() {
    // One name, whose second answer is what must not be reached. The same port at both addresses.
    let good = Site::at("127.0.0.1:0", |mut stream, got| async move {
        got.lock().unwrap().push(String::new());
        let (mut from, mut to) = stream.split();
        let _broken = tokio::io::copy(&mut from, &mut to).await;
    })
    .await;
    let host = format!("site.localhost:{}", good.port);
    let run = run(&format!("{host}=private"));
    run.names
        .set("site.localhost", &[&["127.0.0.1"], &["169.254.169.254"]]);
    let mut client = run.tunnel(&host).await;
    tokio::io::AsyncWriteExt::write_all(&mut client, b"pinned")
        .await
        .unwrap();
    hears(&mut client, "pinned").await;
    // It was looked up once for the check and the connection together.
    assert_eq!(run.names.asked(), 1);
    // The next connection is looked up and checked by itself.
    assert_eq!(run.connect_status(&host).await, "403");
    assert_eq!((run.names.asked(), good.got().len()), (2, 1));
}

#[tokio::test]
async fn addresses_that_may_not_be_reached_are_passed_over() {
    let site = Site::echoing().await;
    let host = format!("site.localhost:{}", site.port);
    let run = run(&format!("{host}=private"));
    run.names.set(
        "site.localhost",
        &[&["169.254.169.254", "fe80::1", "127.0.0.1"]],
    );
    drop(run.tunnel(&host).await);
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_does_not_answer() {
    let site = Site::echoing().await;
    let host = format!("site.localhost:{}", site.port);
    let run = run(&format!("{host}=private"));
    run.names.set(
        "site.localhost",
        &[&["127.0.0.3", "127.0.0.2", "127.0.0.1"]],
    );
    drop(run.tunnel(&host).await);
    assert_eq!(run.names.asked(), 1);
}

#[tokio::test]
async fn a_name_without_an_address_is_a_502_that_says_so() {
    let run = run("missing.example,empty.example");
    run.names.set("empty.example", &[&[]]);
    for name in ["missing.example", "empty.example"] {
        let answer = run
            .ask(format!("CONNECT {name}:443 HTTP/1.1\r\n\r\n"))
            .await;
        let first = format!("HTTP/1.1 502 the name of {name}:443 cannot be resolved\r\n");
        assert!(answer.starts_with(&first), "{answer}");
    }
    assert_eq!(
        run.notes.stages(),
        [
            "missing.example:443 unresolved",
            "empty.example:443 unresolved"
        ]
    );
}

#[tokio::test]
async fn spellings_of_a_listed_name_are_that_name() {
    let site = Site::echoing().await;
    let run = run(&format!("site.localhost:{}=private", site.port));
    for name in ["site.localhost", "SITE.LocalHost", "site.localhost."] {
        drop(run.tunnel(&format!("{name}:{}", site.port)).await);
    }
    let stage = format!("site.localhost:{} allowed", site.port);
    let allowed = run.notes.stages().into_iter().filter(|one| *one == stage);
    assert_eq!(allowed.count(), 3);
}

#[tokio::test]
async fn addresses_are_reached_only_as_they_are_listed() {
    let site = Site::echoing().await;
    let port = site.port;
    let run = run(&format!("127.0.0.1:{port}=private"));
    drop(run.tunnel(&format!("127.0.0.1:{port}")).await);
    for host in [
        "127.0.0.2",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
    ] {
        let status = run.connect_status(&format!("{host}:{port}")).await;
        assert!(
            ["400", "403"].contains(&status.as_str()),
            "{host}: {status}"
        );
    }
    assert_eq!((site.got().len(), run.names.asked()), (1, 0));
}
