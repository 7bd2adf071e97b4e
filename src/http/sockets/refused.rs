//! Requests that are no HTTP: hyper answers them without a body, before any route sees them. Here the answer is
//! put into words.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use axum::http::StatusCode;
use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http::sockets::socket::Socket;
use crate::platform::problem::Problem;

/// The statuses that hyper refuses requests with, and the words for each.
const REFUSALS: &[(&str, StatusCode)] = &[
    (
        "the request is no HTTP, or its address has a character that has to be written otherwise, `<` as `%3C`, `>` \
         as `%3E` and a space as `%20`; maybe a placeholder such as `<job_id>` still stands in it",
        StatusCode::BAD_REQUEST,
    ),
    (
        "the address of the request is too long",
        StatusCode::URI_TOO_LONG,
    ),
    (
        "the headers of the request are too large",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    ),
];
/// The rest of an answer behind its status. Routes refuse with a problem, which is not empty.
const EMPTY: &[u8] = b"connection: close\r\ncontent-length: 0\r\n";

/// A socket that says why a request was refused.
pub(super) struct InWords {
    socket: Socket,
    /// The rest of the words that are sent in place of the last answer.
    instead: Option<Bytes>,
}

impl InWords {
    pub(super) fn over(socket: Socket) -> Self {
        Self {
            socket,
            instead: None,
        }
    }

    /// Sends the words in place of an answer, if it has none. The answer counts as written then.
    fn poll_instead(
        &mut self,
        cx: &mut Context<'_>,
        answer: &[u8],
    ) -> Poll<io::Result<Option<usize>>> {
        if self.instead.is_none() {
            self.instead = in_words(answer);
        }
        let Some(rest) = &mut self.instead else {
            return Poll::Ready(Ok(None));
        };
        while rest.has_remaining() {
            let sent = ready!(Pin::new(&mut self.socket).poll_write(cx, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            rest.advance(sent);
        }
        self.instead = None;
        Poll::Ready(Ok(Some(answer.len())))
    }
}

/// The answer in place of one without a body that refuses a request; none for other answers.
fn in_words(answer: &[u8]) -> Option<Bytes> {
    let rest = answer.strip_prefix(b"HTTP/1.1 ")?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (status, rest) = rest.split_at(end + 1);
    if !rest.starts_with(EMPTY) {
        return None;
    }
    let fits = |refusal: &&(&str, StatusCode)| status.starts_with(refusal.1.as_str().as_bytes());
    let (detail, status) = REFUSALS.iter().find(fits)?;
    let problem = Problem::new(*status, "invalid-request", *detail);
    let body = serde_json::to_string(&problem).ok()?;
    let head = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/problem+json\r\nx-error-code: {}\r\n\
         x-content-type-options: nosniff\r\ncache-control: no-store\r\ncontent-length: {}\r\n\r\n",
        problem.error_code,
        body.len(),
    );
    Some(Bytes::from(head + &body))
}

impl AsyncRead for InWords {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for InWords {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match ready!(this.poll_instead(cx, bytes))? {
            Some(written) => Poll::Ready(Ok(written)),
            None => Pin::new(&mut this.socket).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let first = slices.first().map_or(&[][..], |slice| slice);
        match ready!(this.poll_instead(cx, first))? {
            Some(written) => Poll::Ready(Ok(written)),
            None => Pin::new(&mut this.socket).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_refusal_is_put_into_words_and_other_answers_are_left() {
        for other in [
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\ncontent-length: 9\r\n\r\n",
            "{\"text\": \"HTTP/1.1 400 Bad Request\"}",
            "",
        ] {
            assert_eq!(in_words(other.as_bytes()), None, "{other}");
        }
        for (_, status) in REFUSALS {
            let head = format!("HTTP/1.1 {status}\r\n");
            let said = in_words(&[head.as_bytes(), EMPTY, b"date: now\r\n\r\n"].concat()).unwrap();
            let said = std::str::from_utf8(&said).unwrap();
            let (head, body) = said.split_once("\r\n\r\n").unwrap();
            assert!(head.ends_with(&format!("content-length: {}", body.len())));
            assert!(
                body.contains("\"error_code\":\"INVALID_REQUEST\""),
                "{body}"
            );
        }
    }
}
