//! The latency that NAVI adds to a streamed model call: decoding by itself, and a whole call against a
//! local server beside the same bytes read by a bare HTTP client.
//!
//! The objectives are 1 ms for the first token and 50 µs for every frame, at the 99th percentile;
//! the percentiles are printed after the measurements.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark stops at the first surprise, prints, and compares with a bare client"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_util::StreamExt;
use navi::llm::http_provider::{HttpProvider, Patience};
use navi::llm::model::{ChatRequest, Message, StreamEvent};
use navi::llm::provider::Provider;
use navi::llm::wire::anthropic::codec::Anthropic;
use navi::llm::wire::codec::Codec;
use navi::llm::wire::openai::codec::OpenAi;
use navi::llm::wire::openai::dialect::Dialect;
use navi::llm::wire::sse::FrameReader;
use navi::platform::clock::Clock;
use navi::platform::outbound::client::{CONNECT_TIMEOUT, Client};
use navi::platform::outbound::reach::Reach;
use tokio::runtime::Runtime;
use url::Url;

const FRAMES: usize = 1_000;
/// Frames that the percentiles are taken from, and the interval at which the server sends them.
const PACED_FRAMES: usize = 2_000;
const PACE: Duration = Duration::from_micros(500);

/// The moment from which sending times are counted, shared by server and client.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

fn nanos() -> u128 {
    EPOCH.elapsed().as_nanos()
}

fn openai_frame(text: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1763890000,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}],\"usage\":null}}\n\n"
    )
}

const OPENAI_END: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":9}}\n\ndata: [DONE]\n\n";

fn openai_stream() -> String {
    openai_frame(" a word or").repeat(FRAMES) + OPENAI_END
}

fn anthropic_stream() -> String {
    let mut stream = String::from(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"m\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    );
    stream += &"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" a word or\"}}\n\n".repeat(FRAMES);
    stream + "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
}

/// Decodes a whole stream that comes in packets of a usual size; answers the number of events.
fn decode(codec: &dyn Codec, request: &ChatRequest, stream: &[u8]) -> usize {
    let mut reader = FrameReader::default();
    let mut decoder = codec.decoder(request);
    let mut events = Vec::new();
    let mut count = 0;
    for packet in stream.chunks(1_400) {
        let mut input = packet;
        while let Some(frame) = reader.next_frame(&mut input).unwrap() {
            decoder.frame(&frame, &mut events).unwrap();
            count += events.drain(..).count();
        }
    }
    count
}

fn decoding(criterion: &mut Criterion) {
    let request = request();
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(FRAMES as u64));
    let cases: [(&str, Box<dyn Codec>, String); 2] = [
        ("openai", Box::new(OpenAi(Dialect::OPENAI)), openai_stream()),
        ("anthropic", Box::new(Anthropic), anthropic_stream()),
    ];
    for (name, codec, stream) in cases {
        assert_eq!(
            decode(codec.as_ref(), &request, stream.as_bytes()),
            FRAMES + 1
        );
        group.bench_function(name, |bencher| {
            bencher.iter(|| decode(codec.as_ref(), &request, stream.as_bytes()));
        });
    }
    group.finish();
}

fn request() -> ChatRequest {
    ChatRequest {
        model: "m".to_owned(),
        messages: vec![Message::user("hello")],
        ..ChatRequest::default()
    }
}

/// A server on threads of its own. `/fast/…` sends everything at once, `/paced/…` frame by frame
/// with the time of sending as its text.
fn serve() -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let socket = socket.unwrap();
            std::thread::spawn(move || answer_all(socket));
        }
    });
    Url::parse(&base).unwrap()
}

fn answer_all(mut socket: TcpStream) {
    socket.set_nodelay(true).unwrap();
    let stream = openai_stream();
    let mut reader = BufReader::new(socket.try_clone().unwrap());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let paced = line.contains("/paced/");
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            if let Some(value) = header.to_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
            if header.trim().is_empty() {
                break;
            }
        }
        reader.read_exact(&mut vec![0; length]).unwrap();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut sent = socket.write_all(head.as_bytes()).is_ok();
        if paced {
            for _ in 0..PACED_FRAMES {
                std::thread::sleep(PACE);
                sent = sent && send(&mut socket, &openai_frame(&nanos().to_string()));
            }
            sent = sent && send(&mut socket, OPENAI_END);
        } else {
            sent = sent && send(&mut socket, &stream);
        }
        if !sent || socket.write_all(b"0\r\n\r\n").is_err() {
            return;
        }
    }
}

fn send(socket: &mut TcpStream, text: &str) -> bool {
    let chunk = format!("{:x}\r\n{text}\r\n", text.len());
    socket.write_all(chunk.as_bytes()).is_ok()
}

fn provider(base: &Url, path: &str) -> HttpProvider {
    let patience = Patience {
        response: Duration::from_secs(10),
        idle: Duration::from_secs(10),
    };
    HttpProvider::new(
        Box::new(OpenAi(Dialect::OPENAI)),
        Client::new(Reach::public().and_named(base), CONNECT_TIMEOUT).unwrap(),
        &base.join(path).unwrap(),
        None,
        patience,
        Clock::System,
    )
}

fn bare() -> reqwest::Client {
    reqwest::Client::builder()
        .tcp_nodelay(true)
        .no_proxy()
        .build()
        .unwrap()
}

async fn ask_bare(client: &reqwest::Client, url: &Url) -> reqwest::Response {
    let body = OpenAi(Dialect::OPENAI).body(&request());
    client.post(url.clone()).json(&body).send().await.unwrap()
}

/// A thousand frames that arrive at once: what a call costs from its first byte to its last.
fn calls(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let base = serve();
    let url = base.join("/fast/chat/completions").unwrap();
    let (client, provider, request) = (bare(), provider(&base, "/fast/"), request());
    let mut group = criterion.benchmark_group("call");
    group.throughput(Throughput::Elements(FRAMES as u64));
    group.bench_function("bare client", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let mut response = ask_bare(&client, &url).await;
            let mut read = 0;
            while let Some(packet) = response.chunk().await.unwrap() {
                read += packet.len();
            }
            read
        });
    });
    group.bench_function("provider", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let events = provider.stream(&request).await.unwrap();
            events.count().await
        });
    });
    group.finish();
    let mut group = criterion.benchmark_group("first token");
    group.bench_function("bare client", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let mut response = ask_bare(&client, &url).await;
            response.chunk().await.unwrap().unwrap().len()
        });
    });
    group.bench_function("provider", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let mut events = provider.stream(&request).await.unwrap();
            events.next().await.unwrap().unwrap()
        });
    });
    group.finish();
}

/// From the server's sending of a frame to its event: the percentiles, side by side.
fn percentiles(_: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let base = serve();
    let url = base.join("/paced/chat/completions").unwrap();
    let theirs = runtime.block_on(async {
        let mut response = ask_bare(&bare(), &url).await;
        let mut waits = Vec::new();
        while let Some(packet) = response.chunk().await.unwrap() {
            let arrived = nanos();
            let text = String::from_utf8_lossy(&packet).into_owned();
            let sent = text.split_once("\"content\":\"");
            let sent = sent.and_then(|(_, rest)| rest.split('"').next()?.parse::<u128>().ok());
            waits.extend(sent.map(|sent| arrived - sent));
        }
        waits
    });
    let provider = provider(&base, "/paced/");
    let ours = runtime.block_on(async {
        let mut events = provider.stream(&request()).await.unwrap();
        let mut waits = Vec::new();
        while let Some(event) = events.next().await {
            let arrived = nanos();
            if let Ok(StreamEvent::Text { delta }) = event {
                waits.push(arrived - delta.parse::<u128>().unwrap());
            }
        }
        waits
    });
    println!("\nmicroseconds from sending a frame to having it, {PACED_FRAMES} frames");
    for (name, mut waits) in [("bare client", theirs), ("provider", ours)] {
        // The first ones find cold caches and a connection that is just being made.
        waits.drain(..PACED_FRAMES / 20);
        waits.sort_unstable();
        let at = |part: usize| waits[(waits.len() * part / 1_000).min(waits.len() - 1)] / 1_000;
        println!(
            "{name:12} p50 {:>5}  p90 {:>5}  p99 {:>5}  max {:>5}  ({} frames)",
            at(500),
            at(900),
            at(990),
            at(1_000),
            waits.len()
        );
    }
}

criterion_group!(benches, decoding, calls, percentiles);
criterion_main!(benches);
