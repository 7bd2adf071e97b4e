//! Serves one request: as a tunnel, or as a request to the host that it names and to no other.
//!
//! A connection carries one request. So each is read and judged by itself, whatever came before it,
//! and nothing that follows a request can be taken for a part of it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1 as to_host;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1 as from_run;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional_with_sizes};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::exec::egress::connection::EgressRefusal;
use crate::exec::egress::dial::NoWay;
use crate::exec::egress::served::{OpenConnection, ServedRun};
use crate::exec::egress::target::EgressTarget;
use crate::exec::egress::wire::head::{HeadError, RequestHead, read_head};
use crate::exec::egress::wire::stream::{Counted, Replayed};

/// Answers to heads that are not read to their end.
const TOO_SLOW: &str = "its head came too slowly";
const TOO_LARGE: &str = "its head is too large";

/// The largest head of a host's answer, in bytes.
const ANSWER_HEAD_BYTES: usize = 64 * 1024;
/// As much is read at a time in each direction, in bytes.
const READ_BYTES: usize = 16 * 1024;
/// The longest that a client may take to read the last answer and close its side.
const LINGER: Duration = Duration::from_secs(2);

/// The headers that are about one connection and go no further.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "proxy-connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-authentication-info",
    // It was answered by the one who reads the body: us.
    "expect",
];

type HostAnswer = Response<UnsyncBoxBody<Bytes, hyper::Error>>;

/// An exchange with a host that was begun.
struct Exchange {
    carrier: to_host::Connection<TokioIo<Counted>, Incoming>,
    /// Cancelled when the client has the whole answer.
    answered: CancellationToken,
    open: OpenConnection,
}

/// Serves a client's connection: one request.
pub(super) async fn serve(run: Arc<ServedRun>, mut client: TcpStream) {
    // A handshake's messages are small and should leave at once.
    if let Err(error) = client.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
    let limits = run.limits;
    let (status, reason) = match read_head(&mut client, limits.head_bytes, limits.head).await {
        Ok(head) if head.method == "CONNECT" => return tunnel(&run, head, client).await,
        Ok(head) => return forward(&run, head, client).await,
        Err(HeadError::Gone) => return,
        Err(HeadError::Malformed(reason)) => (StatusCode::BAD_REQUEST, reason),
        Err(HeadError::TooSlow) => (StatusCode::REQUEST_TIMEOUT, TOO_SLOW),
        Err(HeadError::TooLarge) => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LARGE),
    };
    run.malformed("", reason);
    let sentence = EgressRefusal::Malformed(reason).sentence("");
    refuse(client, status, &sentence).await;
}

/// Connects a client with a host, and lets through what they say.
async fn tunnel(run: &Arc<ServedRun>, head: RequestHead, mut client: TcpStream) {
    let target = match EgressTarget::parse(&head.target, None) {
        Ok(_) if head.has_body => Err("a request for a tunnel has no body"),
        other => other,
    };
    let target = match target {
        Ok(target) => target,
        Err(reason) => {
            run.malformed(&head.target, reason);
            let sentence = EgressRefusal::Malformed(reason).sentence("");
            return refuse(client, StatusCode::BAD_REQUEST, &sentence).await;
        }
    };
    let (mut host, open) = match run.open(&target).await {
        Ok(opened) => opened,
        Err(no_way) => {
            let (status, sentence) = told(no_way, &target);
            return refuse(client, status, &sentence).await;
        }
    };
    let established = b"HTTP/1.1 200 Connection established\r\n\r\n";
    if client.write_all(established).await.is_err() {
        return;
    }
    // A client may send what it has for the host without waiting for the answer.
    let early = head.read.freeze().slice(head.length..);
    let mut client = Replayed::new(early, client);
    let copying = copy_bidirectional_with_sizes(&mut client, &mut host, READ_BYTES, READ_BYTES);
    tokio::select! {
        ended = copying => if let Err(error) = ended {
            tracing::debug!(%error, %target, "a tunnel broke");
        },
        () = open.over() => {}
    }
}

/// Hands a request over to the host that its target names, and the answer back.
async fn forward(run: &Arc<ServedRun>, head: RequestHead, client: TcpStream) {
    let RequestHead { read, target, .. } = head;
    let (hand_over, mut handed) = mpsc::channel(1);
    let service = service_fn(|request| {
        let (run, target, hand_over) = (run.clone(), target.clone(), hand_over.clone());
        async move { Ok::<_, Infallible>(answer(&run, &target, request, hand_over).await) }
    });
    let client = Replayed::new(read.freeze(), client);
    let serving = from_run::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        // A client that has asked may close its sending side and wait for the answer.
        .half_close(true)
        .max_buf_size(run.limits.head_bytes + READ_BYTES)
        .serve_connection(TokioIo::new(client), service)
        .without_shutdown();
    let carrying = async {
        let Some(exchange): Option<Exchange> = handed.recv().await else {
            return std::future::pending().await;
        };
        let (carrier, answered, open) = (exchange.carrier, exchange.answered, exchange.open);
        let whole = async {
            // A host that has answered reads no more of the request, so no more of it is carried.
            tokio::select! {
                _broken = carrier => {}
                () = answered.cancelled() => {}
            }
            // The client may still have to read the end of the answer.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = whole => {}
            () = open.over() => {}
        }
    };
    tokio::select! {
        served = serving => match served {
            Ok(parts) => linger(parts.io.into_inner().into_stream()).await,
            Err(error) => tracing::debug!(%error, "a request broke off"),
        },
        () = carrying => {}
    }
}

/// Answers one request: with the host's answer, or with why there is none.
async fn answer(
    run: &Arc<ServedRun>,
    asked: &str,
    request: Request<Incoming>,
    hand_over: mpsc::Sender<Exchange>,
) -> HostAnswer {
    let target = match target(&request) {
        Ok(target) => target,
        Err(reason) => {
            run.malformed(asked, reason);
            let sentence = EgressRefusal::Malformed(reason).sentence("");
            return refusal(StatusCode::BAD_REQUEST, &sentence);
        }
    };
    let no_answer = || {
        let sentence = format!("{target} gave no answer in HTTP");
        refusal(StatusCode::BAD_GATEWAY, &sentence)
    };
    let (stream, open) = match run.open(&target).await {
        Ok(opened) => opened,
        Err(no_way) => {
            let (status, sentence) = told(no_way, &target);
            return refusal(status, &sentence);
        }
    };
    let Some(request) = rewritten(request, &target) else {
        return no_answer();
    };
    let handshake = to_host::Builder::new()
        .max_buf_size(ANSWER_HEAD_BYTES)
        .handshake(TokioIo::new(stream));
    let Ok((mut sender, carrier)) = handshake.await else {
        return no_answer();
    };
    let answered = CancellationToken::new();
    let exchange = Exchange {
        carrier,
        answered: answered.clone(),
        open,
    };
    // Without a receiver there is no client any more either.
    let _left = hand_over.send(exchange).await;
    match sender.send_request(request).await {
        Ok(answer) if answer.status() != StatusCode::SWITCHING_PROTOCOLS => {
            let (parts, body) = answer.into_parts();
            let last = answered.drop_guard();
            let body = body.map_frame(move |frame| {
                let _until_the_body_is_dropped = &last;
                frame
            });
            let mut answer = Response::new(body.boxed_unsync());
            *answer.status_mut() = parts.status;
            *answer.headers_mut() = end_to_end(parts.headers);
            answer
        }
        Ok(_) | Err(_) => no_answer(),
    }
}

/// The host and port that a request is for: those of its target, whatever its headers say.
fn target(request: &Request<Incoming>) -> Result<EgressTarget, &'static str> {
    let uri = request.uri();
    match (uri.scheme_str(), uri.authority()) {
        (Some("http"), Some(authority)) => EgressTarget::parse(authority.as_str(), Some(80)),
        (Some("https"), _) => Err("https goes through CONNECT"),
        (None, None) => Err("this is a proxy; its target is a whole address"),
        (Some(_) | None, _) => Err("its target is not an http:// address"),
    }
}

/// The request as the host gets it.
fn rewritten(request: Request<Incoming>, target: &EgressTarget) -> Option<Request<Incoming>> {
    let (parts, body) = request.into_parts();
    let is_chunked = parts.headers.contains_key(header::TRANSFER_ENCODING);
    let mut headers = end_to_end(parts.headers);
    let host = match target.port {
        80 => target.host.to_string(),
        _ => target.to_string(),
    };
    headers.insert(header::HOST, HeaderValue::from_str(&host).ok()?);
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    if is_chunked {
        headers.insert(
            header::TRANSFER_ENCODING,
            HeaderValue::from_static("chunked"),
        );
        headers.remove(header::CONTENT_LENGTH);
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::new(body);
    *request.method_mut() = parts.method;
    *request.uri_mut() = path.parse::<Uri>().ok()?;
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = headers;
    Some(request)
}

/// The headers without those that are about one connection, or are said to be.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .collect();
    // The length of the body belongs to the message, whatever `Connection` says of it.
    let named = named.iter().filter(|name| **name != header::CONTENT_LENGTH);
    for name in named
        .map(HeaderName::as_str)
        .chain(HOP_BY_HOP.iter().copied())
    {
        headers.remove(name);
    }
    headers
}

/// The status and the sentence that a client gets for a connection that was not made.
fn told(no_way: NoWay, target: &EgressTarget) -> (StatusCode, String) {
    let place = target.to_string();
    match no_way {
        NoWay::Refused(refusal) => (StatusCode::FORBIDDEN, refusal.sentence(&place)),
        NoWay::Failed(failure) => (StatusCode::BAD_GATEWAY, failure.sentence(&place)),
    }
}

/// A refusal as an answer of HTTP.
fn refusal(status: StatusCode, sentence: &str) -> HostAnswer {
    let body = Full::from(format!("{sentence}\n")).map_err(|never| match never {});
    let mut answer = Response::new(body.boxed_unsync());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, plain);
    answer
}

/// Refuses a request before anything else speaks HTTP with the client. The sentence stands in the
/// first line too: of an answer to CONNECT many programs show no more.
async fn refuse(mut client: TcpStream, status: StatusCode, sentence: &str) {
    let answer = format!(
        "HTTP/1.1 {} {sentence}\r\ncontent-type: text/plain; charset=utf-8\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{sentence}\n",
        status.as_u16(),
        sentence.len() + 1,
    );
    if client.write_all(answer.as_bytes()).await.is_ok() {
        linger(client).await;
    }
}

/// Lets the client read the last answer before the connection is closed: closing it while the client
/// still sends resets it, and the answer may be lost with it.
async fn linger(mut client: TcpStream) {
    if client.shutdown().await.is_err() {
        return;
    }
    let mut discarded = [0; 4 * 1024];
    let discarding =
        async { while client.read(&mut discarded).await.is_ok_and(|read| read > 0) {} };
    let _in_time = timeout(LINGER, discarding).await;
}
