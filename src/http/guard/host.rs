//! The name that a request asks for: one, and no more.
//!
//! A proxy and a server that read two different names in one request disagree about whom it is for. An
//! answer that is cached, or access that is allowed, for one name is then given to another (RFC 9112,
//! 3.2). So a request that comes over HTTP/1 has exactly one `Host`. That holds for HTTP/1.0 as well,
//! which may do without: no client of this server needs to. HTTP/2 names it in `:authority`, and may do
//! so once more in `Host`. An address that names a host itself names the same one.

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};

use crate::platform::problem::Problem;

/// Says that a request came over a connection, so that it has to name a host. What a program hands to the
/// router itself came from nowhere.
#[derive(Clone, Copy, Debug)]
pub struct CameOverWire;

/// Refuses a request that names no host, or several.
pub async fn require_host<F: Future<Output = Response>>(
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let came_over_wire = request.extensions().get::<CameOverWire>().is_some();
    if came_over_wire && let Err(why) = named_host(&request) {
        return refused(why);
    }
    next(request).await
}

fn refused(why: &'static str) -> Response {
    let mut response = Problem::new(StatusCode::BAD_REQUEST, "host-invalid", why).into_response();
    // A client that is wrong about the host may be wrong about where the request ends.
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Checks that a request names its host once.
fn named_host<B>(request: &axum::http::Request<B>) -> Result<(), &'static str> {
    let hosts = hosts(request.headers());
    let address = request.uri().authority();
    let is_in_address = request.version() > Version::HTTP_11 && address.is_some();
    match hosts.as_slice() {
        [] if is_in_address => Ok(()),
        [] => Err("the header Host is missing; every request names the host it is for"),
        [host] if !is_host(host) => Err("the header Host is not a host name or address"),
        [host] if address.is_none_or(|address| is_same(address, host)) => Ok(()),
        [_] => Err("the header Host is not the host in the address; a request names one host"),
        [_, _, ..] => Err("the header Host is there twice; a request names one host"),
    }
}

fn hosts(headers: &HeaderMap) -> Vec<&HeaderValue> {
    headers.get_all(header::HOST).iter().collect()
}

/// A name or an address, and maybe a port; empty where the address of the request has no host.
fn is_host(host: &HeaderValue) -> bool {
    let bytes = host.as_bytes();
    bytes.is_empty() || (!bytes.contains(&b'@') && parts(bytes).is_some())
}

/// True if a header and an address name the same host.
fn is_same(address: &Authority, host: &HeaderValue) -> bool {
    let address = parts(address.as_str().as_bytes());
    address.is_some() && address == parts(host.as_bytes())
}

/// The host in small letters, and its port unless it is a usual one; none for a port that is none.
fn parts(host: &[u8]) -> Option<(String, Option<u16>)> {
    let authority = Authority::try_from(host).ok()?;
    let (_, rest) = authority.as_str().split_once(authority.host())?;
    let port = match rest.strip_prefix(':') {
        None | Some("") => None,
        Some(port) => Some(port.parse().ok()?),
    };
    let is_usual = |port: &u16| matches!(port, 80 | 443);
    let host = authority.host().to_ascii_lowercase();
    Some((host, port.filter(|port| !is_usual(port))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_named(version: Version, uri: &str, hosts: &[&str]) -> bool {
        let mut request = axum::http::Request::builder().version(version).uri(uri);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        named_host(&request.body(()).unwrap()).is_ok()
    }

    #[test]
    fn a_request_names_one_host() {
        for host in [
            "localhost",
            "127.0.0.1:8787",
            "[::1]:8787",
            "a_service.example",
            "",
        ] {
            assert!(is_named(Version::HTTP_11, "/", &[host]), "{host:?}");
            assert!(is_named(Version::HTTP_10, "/", &[host]), "{host:?}");
        }
        for hosts in [
            &[][..],
            &["a", "a"],
            &["a", "b"],
            &["a b"],
            &["a, b"],
            &["u@a"],
            &["a/b"],
            &["a:99999"],
            &["a:b"],
        ] {
            assert!(!is_named(Version::HTTP_11, "/", hosts), "{hosts:?}");
            assert!(!is_named(Version::HTTP_10, "/", hosts), "{hosts:?}");
        }
    }

    #[test]
    fn an_address_and_a_header_name_the_same_host() {
        let address = "http://Navi.example:80/ping";
        assert!(is_named(Version::HTTP_11, address, &["navi.example"]));
        for host in ["evil.example", "navi.example:81", ""] {
            assert!(!is_named(Version::HTTP_11, address, &[host]), "{host:?}");
        }
    }

    #[test]
    fn http_2_names_it_in_the_address() {
        let address = "https://navi.example/ping";
        assert!(is_named(Version::HTTP_2, address, &[]));
        assert!(is_named(Version::HTTP_2, address, &["navi.example"]));
        assert!(!is_named(Version::HTTP_2, address, &["a", "b"]));
        assert!(!is_named(Version::HTTP_2, address, &["evil.example"]));
        assert!(!is_named(Version::HTTP_2, "/ping", &[]));
        assert!(!is_named(Version::HTTP_11, address, &[]));
    }
}
