//! The head of a request, read strictly: what two programs could read differently is refused.

use std::time::Duration;

use bytes::BytesMut;
use memchr::memmem;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout_at};

/// The most header lines of a request.
const HEADER_LINES: usize = 100;

/// The head of a request that can be read in one way only.
#[derive(Debug)]
pub(in crate::exec::egress) struct RequestHead {
    /// All that was read: the head, and what came with it.
    pub(in crate::exec::egress) read: BytesMut,
    /// The length of the head in bytes.
    pub(in crate::exec::egress) length: usize,
    pub(in crate::exec::egress) method: String,
    pub(in crate::exec::egress) target: String,
    /// A body follows.
    pub(in crate::exec::egress) has_body: bool,
}

/// Heads that are not taken.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::exec::egress) enum HeadError {
    /// The client left, or opened a connection to ask for nothing.
    Gone,
    TooSlow,
    TooLarge,
    Malformed(&'static str),
}

/// Reads a head of at most `limit` bytes, within `time` for all of it.
pub(in crate::exec::egress) async fn read_head(
    client: &mut (impl AsyncRead + Unpin),
    limit: usize,
    time: Duration,
) -> Result<RequestHead, HeadError> {
    let due = Instant::now() + time;
    let mut read = BytesMut::with_capacity(2 * 1024);
    loop {
        if let Some(end) = memmem::find(&read, b"\r\n\r\n") {
            let length = end + 4;
            if length > limit {
                return Err(HeadError::TooLarge);
            }
            return check(read, length).map_err(HeadError::Malformed);
        }
        if read.len() >= limit {
            return Err(HeadError::TooLarge);
        }
        // Such a line would only be found to be wrong when no more comes.
        if has_bare_line_feed(&read) {
            return Err(HeadError::Malformed(
                "a line ends without a carriage return",
            ));
        }
        match timeout_at(due, client.read_buf(&mut read)).await {
            Ok(Ok(1..)) => {}
            Err(_) if !read.is_empty() => return Err(HeadError::TooSlow),
            Ok(Ok(0) | Err(_)) | Err(_) => return Err(HeadError::Gone),
        }
    }
}

fn has_bare_line_feed(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', bytes).any(|at| at == 0 || bytes[at - 1] != b'\r')
}

/// Checks a head and takes its first line apart.
fn check(read: BytesMut, length: usize) -> Result<RequestHead, &'static str> {
    let text = &read[..length - 4];
    let is_line_byte = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7f);
    let mut lines = Vec::new();
    let mut from = 0;
    for end in memmem::find_iter(text, b"\r\n").chain([text.len()]) {
        let line = &text[from..end];
        if !line.iter().copied().all(is_line_byte) {
            return Err("it has control characters");
        }
        lines.push(line);
        from = end + 2;
    }
    let (first, headers) = lines.split_first().ok_or("it is empty")?;
    let (method, target) = request_line(first)?;
    let has_body = check_headers(headers)?;
    Ok(RequestHead {
        method: method.to_owned(),
        target: target.to_owned(),
        has_body,
        read,
        length,
    })
}

/// Takes `METHOD TARGET HTTP/1.1` apart.
fn request_line(line: &[u8]) -> Result<(&str, &str), &'static str> {
    const WRONG: &str = "its first line is not `METHOD TARGET HTTP/1.1`";
    let line = std::str::from_utf8(line)
        .ok()
        .filter(|line| line.is_ascii());
    let line = line.ok_or("its first line has other characters than ASCII")?;
    let mut parts = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(WRONG);
    };
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_target = !target.is_empty() && target.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_method || !is_target || !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
        return Err(WRONG);
    }
    Ok((method, target))
}

/// Checks the header lines. Answers whether a body follows.
fn check_headers(lines: &[&[u8]]) -> Result<bool, &'static str> {
    if lines.len() > HEADER_LINES {
        return Err("it has too many headers");
    }
    let (mut hosts, mut lengths, mut codings) = (0, 0, 0);
    let mut is_empty = true;
    for line in lines {
        let (name, value) = header(line)?;
        let value = value.trim_ascii();
        if name.eq_ignore_ascii_case(b"host") {
            hosts += 1;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            lengths += 1;
            if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
                return Err("its content-length is not a number");
            }
            is_empty = is_empty && value.iter().all(|digit| *digit == b'0');
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            codings += 1;
            is_empty = false;
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err("its transfer-encoding is another than chunked");
            }
        } else if name.eq_ignore_ascii_case(b"upgrade") && !value.eq_ignore_ascii_case(b"h2c") {
            return Err("it asks for another protocol; use CONNECT");
        }
    }
    if hosts > 1 {
        return Err("it names a host twice");
    }
    if lengths + codings > 1 {
        return Err("it says more than once how long its body is");
    }
    Ok(!is_empty)
}

/// Takes a header line apart.
fn header(line: &[u8]) -> Result<(&[u8], &[u8]), &'static str> {
    if line.starts_with(b" ") || line.starts_with(b"\t") {
        return Err("a header goes on in the next line");
    }
    let colon = memchr::memchr(b':', line).ok_or("a header has no colon")?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if name.is_empty() || !name.iter().all(is_token) {
        return Err("the name of a header has other characters than letters, digits and `-`");
    }
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    async fn read(text: &[u8]) -> Result<RequestHead, HeadError> {
        read_head(&mut &*text, 1_000, Duration::from_mins(1)).await
    }

    async fn reason(text: &str) -> &'static str {
        match read(text.as_bytes()).await {
            Err(HeadError::Malformed(reason)) => reason,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_head_is_taken_apart_and_what_follows_is_kept() {
        let text = "POST http://example.com/a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";
        let head = read(text.as_bytes()).await.unwrap();
        assert_eq!(
            (head.method.as_str(), head.target.as_str()),
            ("POST", "http://example.com/a")
        );
        assert!(head.has_body);
        assert_eq!(&head.read[head.length..], b"hi");
        let head = read(b"CONNECT example.com:443 HTTP/1.0\r\n\r\n")
            .await
            .unwrap();
        assert!(!head.has_body);
        let head = read(b"CONNECT a:1 HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
            .await
            .unwrap();
        assert!(!head.has_body);
    }

    #[tokio::test]
    async fn what_two_programs_could_read_differently_is_refused() {
        for (headers, expected) in [
            ("Host: a\r\nHost: a", "names a host twice"),
            ("Host: a\r\nhOST: b", "names a host twice"),
            (
                "Content-Length: 5\r\nTransfer-Encoding: chunked",
                "more than once",
            ),
            (
                "Transfer-Encoding: chunked\r\nContent-Length: 5",
                "more than once",
            ),
            ("Content-Length: 5\r\nContent-Length: 5", "more than once"),
            ("Content-Length: 5\r\nContent-Length: 6", "more than once"),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                "more than once",
            ),
            ("Content-Length: +5", "not a number"),
            ("Content-Length: 5, 5", "not a number"),
            ("Content-Length: 0x5", "not a number"),
            ("Content-Length:", "not a number"),
            ("Transfer-Encoding: gzip, chunked", "another than chunked"),
            (
                "Transfer-Encoding: chunked, identity",
                "another than chunked",
            ),
            ("Transfer-Encoding: xchunked", "another than chunked"),
            ("Transfer-Encoding : chunked", "the name of a header"),
            ("Transfer-Encoding\t: chunked", "the name of a header"),
            (" Host: b", "goes on in the next line"),
            ("Host: a\r\n b", "goes on in the next line"),
            ("Host: a\r\n\tb", "goes on in the next line"),
            ("Host", "no colon"),
            (": a", "the name of a header"),
            ("Ho st: a", "the name of a header"),
            ("Höst: a", "the name of a header"),
            ("Host: a\rX: b", "control characters"),
            ("Host: a\0b", "control characters"),
            ("Upgrade: websocket", "another protocol"),
            ("Upgrade: h2c, websocket", "another protocol"),
        ] {
            let reason = reason(&format!("GET http://a/ HTTP/1.1\r\n{headers}\r\n\r\n")).await;
            assert!(reason.contains(expected), "{headers:?}: {reason}");
        }
    }

    #[tokio::test]
    async fn first_lines_that_are_not_plain_are_refused() {
        for line in [
            "",
            "GET",
            "GET http://a/",
            "GET  http://a/ HTTP/1.1",
            "GET http://a/ HTTP/1.1 ",
            " GET http://a/ HTTP/1.1",
            "GET http://a/ b HTTP/1.1",
            "GET http://a/\tHTTP/1.1",
            "get http://a/ HTTP/1.1",
            "G(T http://a/ HTTP/1.1",
            "GET http://a/ HTTP/2.0",
            "GET http://a/ HTTP/1.2",
            "GET http://a/ http/1.1",
            "GET http://ä/ HTTP/1.1",
        ] {
            assert!(
                reason(&format!("{line}\r\n\r\n"))
                    .await
                    .contains("first line"),
                "{line:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_line_feed_alone_ends_no_line() {
        for text in [
            "GET http://a/ HTTP/1.1\nHost: a\n\n",
            "GET http://a/ HTTP/1.1\r\nHost: a\n\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
            "\n",
        ] {
            reason(text).await;
        }
    }

    #[tokio::test]
    async fn a_head_is_bounded_in_bytes_and_lines() {
        let long = format!("GET http://a/{} HTTP/1.1\r\n\r\n", "a".repeat(1_000));
        assert_eq!(
            read(long.as_bytes()).await.unwrap_err(),
            HeadError::TooLarge
        );
        let endless = "a".repeat(5_000);
        assert_eq!(
            read(endless.as_bytes()).await.unwrap_err(),
            HeadError::TooLarge
        );
        let many = format!("GET http://a/ HTTP/1.1\r\n{}\r\n", "a:\r\n".repeat(101));
        assert!(reason(&many).await.contains("too many"));
        assert_eq!(read(b"GET http://a/").await.unwrap_err(), HeadError::Gone);
    }

    proptest! {
        #[test]
        fn a_head_is_read_the_same_however_it_comes(
            text in "GET http://a/ HTTP/1\\.1\r\n(A: b\r\n){0,4}\r\n.{0,10}", cut in 0_usize..60,
        ) {
            let bytes = text.as_bytes();
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let whole = runtime.block_on(read(bytes)).unwrap();
            let parts = runtime.block_on(read_head(&mut first.chain(second), 1_000, Duration::from_mins(1))).unwrap();
            prop_assert_eq!((whole.length, whole.target), (parts.length, parts.target));
            prop_assert!(bytes.starts_with(&parts.read));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let mut text = b"GET http://a/ HTTP/1.1\r\n".to_vec();
            text.extend(&bytes);
            text.extend(b"\r\n\r\n");
            let _any = runtime.block_on(read(&text));
        }
    }
}
