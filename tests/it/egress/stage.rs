//! A run with its proxy, hosts that it may or may not reach, and names that mean what a test says.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use navi::exec::egress::connection::{ConnectionSink, ConnectionStage, EgressConnection};
use navi::exec::egress::dial::{Dialer, UpstreamProxy};
use navi::exec::egress::hosts::RunHosts;
use navi::exec::egress::limits::EgressLimits;
use navi::exec::egress::proxy::{EgressProxy, RunEgress};
use navi::exec::egress::resolve::NameResolver;
use navi::platform::metrics::Metrics;
use navi::platform::tasks::Tasks;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

/// The time after which a test gives up waiting for something that must happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(40);

/// The answer of an ordinary host.
pub(super) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A host on the loopback. It reads what comes and answers as the test wants.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) port: u16,
    got: Arc<Mutex<Vec<String>>>,
    _tasks: Tasks,
}

impl Site {
    /// A host at this address of the loopback whose connections `serve` gets.
    pub(super) async fn at<F>(
        address: &str,
        serve: impl Fn(TcpStream, Arc<Mutex<Vec<String>>>) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tasks, got) = (Tasks::new(), Arc::default());
        let (accepting, seen) = (tasks.clone(), Arc::clone(&got));
        tasks.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                accepting.spawn(serve(stream, Arc::clone(&seen)));
            }
        });
        Self {
            port,
            got,
            _tasks: tasks,
        }
    }

    /// A host that notes each connection's first request with its body, and gives this answer.
    pub(super) async fn answering(answer: impl Into<String>) -> Self {
        let answer = answer.into();
        Self::at("127.0.0.1:0", move |mut stream, got| {
            let answer = answer.clone();
            async move {
                let text = whole_request(&mut stream).await;
                got.lock().unwrap().push(text);
                stream.write_all(answer.as_bytes()).await.unwrap();
                // Bytes after the request are noted too.
                let mut rest = String::new();
                if stream.read_to_string(&mut rest).await.is_ok() && !rest.is_empty() {
                    got.lock().unwrap().push(rest);
                }
            }
        })
        .await
    }

    /// A host that sends back what it gets.
    pub(super) async fn echoing() -> Self {
        Self::at("127.0.0.1:0", |mut stream, got| async move {
            got.lock().unwrap().push(String::new());
            let (mut from, mut to) = stream.split();
            let _broken = tokio::io::copy(&mut from, &mut to).await;
        })
        .await
    }

    /// The bytes that the host received, by connection.
    pub(super) fn got(&self) -> Vec<String> {
        self.got.lock().unwrap().clone()
    }
}

/// Reads a head, and a body whose length it gives.
pub(super) async fn whole_request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.split("content-length: ").nth(1);
            let length = length.map_or(0, |rest| {
                rest.lines().next().unwrap().trim().parse().unwrap()
            });
            let is_chunked = head.contains("transfer-encoding: chunked");
            let is_whole = body.len() >= length && (!is_chunked || body.ends_with("0\r\n\r\n"));
            if is_whole {
                return text;
            }
        }
        if stream.read_buf(&mut read).await.unwrap() == 0 {
            return text;
        }
    }
}

/// Names and what they mean: each answer once, the last one for ever. Other names below `.localhost`
/// mean this machine, and there are no others.
#[derive(Default)]
pub(super) struct Names {
    answers: Mutex<BTreeMap<String, VecDeque<Vec<IpAddr>>>>,
    asked: AtomicUsize,
}

impl Names {
    pub(super) fn set(&self, name: &str, answers: &[&[&str]]) {
        let parsed = |answer: &&[&str]| answer.iter().map(|one| one.parse().unwrap()).collect();
        let answers = answers.iter().map(parsed).collect();
        self.answers
            .lock()
            .unwrap()
            .insert(name.to_owned(), answers);
    }

    /// The number of look-ups so far.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl NameResolver for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let mut answers = self.answers.lock().unwrap();
            match answers.get_mut(name) {
                Some(answers) if answers.len() > 1 => Ok(answers.pop_front().unwrap()),
                Some(answers) => Ok(answers.front().cloned().unwrap_or_default()),
                None if name.ends_with(".localhost") => Ok(vec![Ipv4Addr::LOCALHOST.into()]),
                None => Err(io::ErrorKind::NotFound.into()),
            }
        }
        .boxed()
    }
}

/// The reports of connections.
#[derive(Default)]
pub(super) struct Notes {
    told: Mutex<Vec<EgressConnection>>,
    more: Notify,
}

impl ConnectionSink for Notes {
    fn note(&self, connection: &EgressConnection) {
        self.told.lock().unwrap().push(connection.clone());
        self.more.notify_waiters();
    }
}

impl Notes {
    pub(super) fn told(&self) -> Vec<EgressConnection> {
        self.told.lock().unwrap().clone()
    }

    /// The stages that were told, in short.
    pub(super) fn stages(&self) -> Vec<String> {
        let short = |connection: EgressConnection| {
            let place = format!("{}:{}", connection.host, connection.port);
            match connection.stage {
                ConnectionStage::Allowed => format!("{place} allowed"),
                ConnectionStage::Refused(refusal) => format!("{place} {}", refusal.as_str()),
                ConnectionStage::Failed(failure) => format!("{place} {}", failure.as_str()),
                ConnectionStage::Ended { .. } => format!("{place} ended"),
            }
        };
        self.told().into_iter().map(short).collect()
    }

    /// Waits until so many connections have ended, and answers with the bytes there and back of each.
    pub(super) async fn ended(&self, count: usize) -> Vec<(u64, u64)> {
        let waiting = async {
            loop {
                let more = self.more.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                let told = self.told();
                let bytes = told.iter().filter_map(|connection| match connection.stage {
                    ConnectionStage::Ended { sent, received, .. } => Some((sent, received)),
                    ConnectionStage::Allowed
                    | ConnectionStage::Refused(_)
                    | ConnectionStage::Failed(_) => None,
                });
                let bytes: Vec<_> = bytes.collect();
                if bytes.len() >= count {
                    return bytes;
                }
                more.await;
            }
        };
        timeout(PATIENCE, waiting).await.unwrap()
    }
}

/// A run and its way out.
pub(super) struct Stage {
    pub(super) egress: RunEgress,
    pub(super) notes: Arc<Notes>,
    pub(super) names: Arc<Names>,
    pub(super) metrics: Metrics,
    pub(super) tasks: Tasks,
    pub(super) proxy: SocketAddr,
}

/// A run that may reach these hosts.
pub(super) fn run(hosts: &str) -> Stage {
    run_with(hosts, EgressLimits::default(), None)
}

/// A run with these bounds, or behind a proxy.
pub(super) fn run_with(
    hosts: &str,
    limits: EgressLimits,
    upstream: Option<UpstreamProxy>,
) -> Stage {
    let (names, notes): (Arc<Names>, Arc<Notes>) = Default::default();
    let metrics = Metrics::new(&[], &[]).unwrap();
    let proxy = EgressProxy::new(
        limits,
        Dialer::new(names.clone(), upstream),
        metrics.clone(),
    );
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let tasks = Tasks::new();
    let hosts = RunHosts::new(hosts.parse().unwrap());
    let egress = proxy.serve(listener, hosts, notes.clone(), &tasks).unwrap();
    Stage {
        proxy: egress.address(),
        egress,
        notes,
        names,
        metrics,
        tasks,
    }
}

impl Stage {
    /// A client's connection to the proxy.
    pub(super) async fn client(&self) -> TcpStream {
        TcpStream::connect(self.proxy).await.unwrap()
    }

    /// Writes this to the proxy and reads all that it answers until it closes.
    pub(super) async fn ask(&self, text: impl AsRef<[u8]>) -> String {
        let mut client = self.client().await;
        client.write_all(text.as_ref()).await.unwrap();
        until_closed(&mut client).await
    }

    /// A tunnel that stands.
    pub(super) async fn tunnel(&self, target: &str) -> TcpStream {
        let mut client = self.client().await;
        let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let head = head(&mut client).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        client
    }

    /// Asks for a tunnel and answers with the status of the proxy, without waiting for the end.
    pub(super) async fn connect_status(&self, target: &str) -> String {
        let mut client = self.client().await;
        let request = format!("CONNECT {target} HTTP/1.1\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let head = head(&mut client).await;
        head.split(' ').nth(1).unwrap_or_default().to_owned()
    }
}

/// Reads a head, byte by byte, so that nothing behind it is lost.
pub(super) async fn head(stream: &mut TcpStream) -> String {
    let reading = async {
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => read.push(byte),
                Err(_) => break,
            }
        }
        String::from_utf8(read).unwrap()
    };
    timeout(PATIENCE, reading).await.unwrap()
}

/// Reads until the other side closes. A reset is an end too.
pub(super) async fn until_closed(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    let _end = timeout(PATIENCE, stream.read_to_end(&mut said))
        .await
        .unwrap();
    String::from_utf8_lossy(&said).into_owned()
}

/// Reads exactly as many bytes as this text has, and compares.
pub(super) async fn hears(stream: &mut TcpStream, text: &str) {
    let mut said = vec![0; text.len()];
    timeout(PATIENCE, stream.read_exact(&mut said))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&said), text);
}
