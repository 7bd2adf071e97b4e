//! Clients over kept connections: as fast as they are answered, or at a rate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Makes the request with a number. No number comes twice in a process.
pub(crate) type Make = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

static NUMBER: AtomicU64 = AtomicU64::new(1);

/// The outcome of a load.
#[derive(Default)]
pub(crate) struct Load {
    /// Of the requests that were answered well, shortest first.
    pub(crate) took: Vec<Duration>,
    /// The numbers of these requests, and the bodies of their answers.
    pub(crate) done: Vec<(u64, String)>,
    pub(crate) failed: usize,
    pub(crate) seconds: f64,
}

impl Load {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 requests")]
    pub(crate) fn rate(&self) -> f64 {
        self.took.len() as f64 / self.seconds
    }

    /// The time that so many of a thousand requests did not exceed, in milliseconds.
    pub(crate) fn millis(&self, permille: usize) -> f64 {
        let rank = (self.took.len() * permille).div_ceil(1_000).max(1);
        self.took
            .get(rank - 1)
            .map_or(f64::NAN, |took| took.as_secs_f64() * 1e3)
    }
}

/// Text of one request with a JSON body, or of one that only asks.
pub(crate) fn request(method: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
    if !token.is_empty() {
        head.push_str("authorization: Bearer ");
        head.push_str(token);
        head.push_str("\r\n");
    }
    if !body.is_empty() {
        head.push_str("content-type: application/json\r\ncontent-length: ");
        head.push_str(&body.len().to_string());
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head.push_str(body);
    head.into_bytes()
}

/// So many clients, each of which sends its next request when the one before is answered.
pub(crate) async fn closed(
    address: SocketAddr,
    clients: u64,
    lasts: Duration,
    make: &Make,
) -> Load {
    let end = Instant::now() + lasts;
    let client = move |make: Make| async move {
        let mut load = Load::default();
        let Ok(mut line) = Line::open(address).await else {
            return load;
        };
        while Instant::now() < end {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            if !line.ask(number, &make, Instant::now(), &mut load).await {
                break;
            }
        }
        load
    };
    together((0..clients).map(|_| client(make.clone())).collect()).await
}

/// So many requests a second, sent by so many clients whether or not the ones before are answered
/// quickly. A time counts from when a request was due, so one that waits for its connection is late.
pub(crate) async fn open(
    address: SocketAddr,
    clients: u64,
    rate: f64,
    lasts: Duration,
    make: &Make,
) -> Load {
    let began = Instant::now() + Duration::from_millis(50);
    let client = move |first: u64, make: Make| async move {
        let mut load = Load::default();
        let mut line = Line::open(address).await.unwrap();
        for turn in (first..).step_by(usize::try_from(clients).unwrap()) {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52 requests")]
            let due = began + Duration::from_secs_f64(turn as f64 / rate);
            if due >= began + lasts {
                break;
            }
            tokio::time::sleep_until(due.into()).await;
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            if !line.ask(number, &make, due, &mut load).await {
                line = Line::open(address).await.unwrap();
            }
        }
        load
    };
    together(
        (0..clients)
            .map(|first| client(first, make.clone()))
            .collect(),
    )
    .await
}

async fn together<F: Future<Output = Load> + Send + 'static>(clients: Vec<F>) -> Load {
    let began = Instant::now();
    let tasks: Vec<_> = clients.into_iter().map(tokio::spawn).collect();
    let mut sum = Load::default();
    for task in tasks {
        let one = task.await.unwrap();
        sum.took.extend(one.took);
        sum.done.extend(one.done);
        sum.failed += one.failed;
    }
    sum.seconds = began.elapsed().as_secs_f64();
    sum.took.sort_unstable();
    sum
}

/// A connection and what has arrived on it.
struct Line {
    socket: TcpStream,
    answer: Vec<u8>,
}

impl Line {
    async fn open(address: SocketAddr) -> std::io::Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self {
            socket,
            answer: Vec::with_capacity(64 * 1024),
        })
    }

    /// Sends one request and waits for the end of its answer; false when the connection is lost.
    async fn ask(&mut self, number: u64, make: &Make, since: Instant, load: &mut Load) -> bool {
        let request = make(number);
        self.answer.clear();
        if self.exchange(&request).await.is_none() {
            load.failed += 1;
            return false;
        }
        if self.answer.get(9) == Some(&b'2') {
            load.took.push(since.elapsed());
            let (_, body) = split(&self.answer).unwrap_or_default();
            let short = &body[..body.len().min(200)];
            load.done
                .push((number, String::from_utf8_lossy(short).into_owned()));
        } else {
            load.failed += 1;
        }
        true
    }

    async fn exchange(&mut self, request: &[u8]) -> Option<()> {
        self.socket.write_all(request).await.ok()?;
        while !is_whole(&self.answer) {
            if self.socket.read_buf(&mut self.answer).await.ok()? == 0 {
                return None;
            }
        }
        Some(())
    }
}

fn split(answer: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((&answer[..end], &answer[end + 4..]))
}

fn is_whole(answer: &[u8]) -> bool {
    let Some((head, body)) = split(answer) else {
        return false;
    };
    let name = b"content-length: ";
    match head.windows(name.len()).position(|at| at == name) {
        Some(at) => {
            let digits = head[at + name.len()..].iter().copied();
            let digits = digits.take_while(u8::is_ascii_digit);
            let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
            body.len() >= length
        }
        None => body.ends_with(b"0\r\n\r\n"),
    }
}
