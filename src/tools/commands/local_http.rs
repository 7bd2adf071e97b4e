//! One request to a server on the loopback address: of the run's own network where it has one, of this
//! machine where it has not.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::header::{CONNECTION, HOST, LOCATION};
use hyper_util::rt::TokioIo;
use url::Url;

use crate::exec::text;
use crate::platform::outbound::client::{Method, innermost};
use crate::tools::context::ToolContext;

/// The beginning of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LocalAnswer {
    pub(super) status: u16,
    /// Where a redirect leads; it is not followed.
    pub(super) location: Option<String>,
    /// The first bytes of its body.
    pub(super) preview: Vec<u8>,
}

/// Sends a request and reads at most `limit` bytes of the answer's body. The error says why there is
/// none. The caller bounds the time.
pub(super) async fn ask(
    method: &Method,
    url: &Url,
    limit: usize,
    context: &ToolContext,
) -> Result<LocalAnswer, String> {
    let port = url.port_or_known_default().unwrap_or(80);
    match context.processes.connect(port).await {
        Some(connected) => {
            if url.scheme() != "http" {
                return Err("servers of a run are asked over http only".to_owned());
            }
            let stream = connected.map_err(|error| error.to_string())?;
            within_run(stream, method, url, limit).await
        }
        None => on_this_machine(method, url, limit, context).await,
    }
}

async fn within_run(
    stream: tokio::net::TcpStream,
    method: &Method,
    url: &Url,
    limit: usize,
) -> Result<LocalAnswer, String> {
    let failed = |error: hyper::Error| innermost(&error);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    let authority = url.authority();
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let request = hyper::Request::builder()
        .method(method)
        .uri(target)
        .header(HOST, authority)
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let asking = async {
        let answer = sender.send_request(request).await.map_err(failed)?;
        let status = answer.status().as_u16();
        let location = answer.headers().get(LOCATION);
        let location = location.map(|to| text::lossy(to.as_bytes()).0);
        let mut body = answer.into_body();
        let mut preview = Vec::new();
        while preview.len() < limit {
            let Some(Ok(frame)) = body.frame().await else {
                break;
            };
            if let Ok(bytes) = frame.into_data() {
                preview.extend(bytes.iter().take(limit - preview.len()));
            }
        }
        Ok(LocalAnswer {
            status,
            location,
            preview,
        })
    };
    // The connection is driven here, so that nothing of it is left when the caller loses interest.
    let mut asking = std::pin::pin!(asking);
    tokio::select! {
        answer = &mut asking => answer,
        ended = connection => match ended {
            // The bytes sent by then may be a whole answer.
            Ok(()) => asking.await,
            Err(error) => Err(failed(error)),
        },
    }
}

async fn on_this_machine(
    method: &Method,
    url: &Url,
    limit: usize,
    context: &ToolContext,
) -> Result<LocalAnswer, String> {
    let request = context.http.request(method.clone(), url.clone());
    let request = request.map_err(|error| error.to_string())?;
    let answer = request.send().await;
    let mut answer = answer.map_err(|error| innermost(&error))?;
    let status = answer.status().as_u16();
    let location = answer.headers().get("location");
    let location = location.map(|to| text::lossy(to.as_bytes()).0);
    let mut preview = Vec::new();
    while preview.len() < limit {
        let Ok(Some(chunk)) = answer.chunk().await else {
            break;
        };
        preview.extend(chunk.iter().take(limit - preview.len()));
    }
    Ok(LocalAnswer {
        status,
        location,
        preview,
    })
}
