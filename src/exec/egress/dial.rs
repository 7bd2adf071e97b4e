//! Ways out: to an address that was checked, or through the proxy of the operator's own network.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use memchr::memmem;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::{Host, Url};

use crate::exec::egress::connection::{EgressFailure, EgressRefusal};
use crate::exec::egress::error::EgressError;
use crate::exec::egress::hosts::Admission;
use crate::exec::egress::pattern::HostReach;
use crate::exec::egress::resolve::{NameResolver, SystemResolver, admits, is_this_machine};
use crate::exec::egress::target::EgressTarget;
use crate::exec::egress::wire::stream::Replayed;

/// The most addresses of a name that are tried.
const ADDRESSES: usize = 8;
/// The largest head of an answer of the operator's proxy.
const ANSWER_BYTES: usize = 16 * 1024;

/// The proxy that the server's own network wants connections to the outside to go through.
///
/// It resolves the names of hosts, so their addresses cannot be checked here: that is then its task.
/// Private hosts are connected to without it.
#[derive(Clone)]
pub struct UpstreamProxy {
    host: String,
    port: u16,
    /// The value of `Proxy-Authorization`.
    authorization: Option<String>,
}

impl fmt::Debug for UpstreamProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UpstreamProxy({}:{})", self.host, self.port)
    }
}

impl FromStr for UpstreamProxy {
    type Err = EgressError;

    /// Reads `http://user:password@host:port`, as `HTTPS_PROXY` has it.
    fn from_str(text: &str) -> Result<Self, EgressError> {
        let wrong = |reason| EgressError::Upstream { reason };
        let text = text.trim();
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let url = Url::parse(&with_scheme).map_err(|_| wrong("it is not an address"))?;
        if url.scheme() != "http" {
            return Err(wrong("only `http://` is spoken to a proxy"));
        }
        let host = url.host_str().ok_or_else(|| wrong("it names no host"))?;
        let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let has_user = !url.username().is_empty() || url.password().is_some();
        let authorization = has_user.then(|| {
            let password = url.password().unwrap_or_default();
            let pair = format!("{}:{}", decoded(url.username()), decoded(password));
            format!("Basic {}", BASE64_STANDARD.encode(pair))
        });
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port_or_known_default().unwrap_or(80),
            authorization,
        })
    }
}

/// The making of connections, the same for all runs.
#[derive(Clone)]
pub struct Dialer {
    resolver: Arc<dyn NameResolver>,
    upstream: Option<UpstreamProxy>,
}

impl Default for Dialer {
    fn default() -> Self {
        Self::new(Arc::new(SystemResolver), None)
    }
}

/// A way to a host that a connection may take.
#[derive(Debug)]
pub(super) enum WayOut {
    /// To one of these addresses, which were checked.
    Direct(Vec<SocketAddr>),
    Through(UpstreamProxy),
}

/// Connections that are not made.
#[derive(Clone, Copy, Debug)]
pub(super) enum NoWay {
    Refused(EgressRefusal),
    Failed(EgressFailure),
}

impl Dialer {
    /// Connections by names that this resolves, and through a proxy if there is one.
    pub fn new(resolver: Arc<dyn NameResolver>, upstream: Option<UpstreamProxy>) -> Self {
        Self { resolver, upstream }
    }

    /// Finds the way to a host that is allowed. A name is resolved here and never again.
    pub(super) async fn find(
        &self,
        target: &EgressTarget,
        admission: &Admission,
        limit: Duration,
    ) -> Result<WayOut, NoWay> {
        let reach = admission.reach;
        let addresses = match &target.host {
            Host::Ipv4(address) => vec![IpAddr::from(*address)],
            Host::Ipv6(address) => vec![IpAddr::from(*address)],
            Host::Domain(_) if reach == HostReach::Public && is_this_machine(&target.host) => {
                return Err(NoWay::Refused(EgressRefusal::NotPublic));
            }
            Host::Domain(name) => match &self.upstream {
                Some(upstream) if reach == HostReach::Public => {
                    return Ok(WayOut::Through(upstream.clone()));
                }
                Some(_) | None => self.resolve(name, limit).await?,
            },
        };
        let admitted = addresses
            .into_iter()
            .filter(|address| admits(&target.host, reach, *address));
        let sockets = admitted.map(|address| SocketAddr::new(address, target.port));
        let sockets: Vec<_> = sockets.take(ADDRESSES).collect();
        match &self.upstream {
            _ if sockets.is_empty() => Err(NoWay::Refused(EgressRefusal::NotPublic)),
            Some(upstream) if reach == HostReach::Public => Ok(WayOut::Through(upstream.clone())),
            Some(_) | None => Ok(WayOut::Direct(sockets)),
        }
    }

    async fn resolve(&self, name: &str, limit: Duration) -> Result<Vec<IpAddr>, NoWay> {
        match timeout(limit, self.resolver.resolve(name)).await {
            Ok(Ok(found)) if !found.is_empty() => Ok(found),
            Ok(Ok(_) | Err(_)) | Err(_) => Err(NoWay::Failed(EgressFailure::Unresolved)),
        }
    }
}

impl WayOut {
    /// Connects, within `limit`.
    pub(super) async fn connect(
        &self,
        target: &EgressTarget,
        limit: Duration,
    ) -> Result<Replayed, EgressFailure> {
        match self {
            Self::Direct(addresses) => {
                // All of them together may take as long as one.
                let share = limit / u32::try_from(addresses.len()).unwrap_or(1).max(1);
                for address in addresses {
                    if let Ok(Ok(stream)) = timeout(share, TcpStream::connect(*address)).await {
                        return Ok(ready(Bytes::new(), stream));
                    }
                }
                Err(EgressFailure::Unreachable)
            }
            Self::Through(upstream) => match timeout(limit, upstream.connect(target)).await {
                Ok(Some(stream)) => Ok(stream),
                Ok(None) | Err(_) => Err(EgressFailure::UpstreamProxy),
            },
        }
    }
}

impl UpstreamProxy {
    /// Asks the proxy for a tunnel. None if it gives none.
    async fn connect(&self, target: &EgressTarget) -> Option<Replayed> {
        let address = (self.host.as_str(), self.port);
        let mut stream = TcpStream::connect(address).await.ok()?;
        let authorization = match &self.authorization {
            Some(value) => format!("Proxy-Authorization: {value}\r\n"),
            None => String::new(),
        };
        let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = BytesMut::new();
        let end = loop {
            if let Some(end) = memmem::find(&answer, b"\r\n\r\n") {
                break end + 4;
            }
            if answer.len() > ANSWER_BYTES || stream.read_buf(&mut answer).await.ok()? == 0 {
                return None;
            }
        };
        let rest = answer.split_off(end);
        let line = answer[..].split(|byte| *byte == b'\r').next()?;
        let status = line.split(|byte| *byte == b' ').nth(1)?;
        let is_tunnel = line.starts_with(b"HTTP/1.") && status.len() == 3 && status[0] == b'2';
        if !is_tunnel {
            let status = String::from_utf8_lossy(status);
            tracing::warn!(%status, %target, "the proxy of this network gives no way out");
        }
        is_tunnel.then(|| ready(rest.freeze(), stream))
    }
}

fn ready(before: Bytes, stream: TcpStream) -> Replayed {
    // Handshakes are small and should leave at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
    Replayed::new(before, stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(text: &str) -> UpstreamProxy {
        text.parse().unwrap()
    }

    #[test]
    fn a_proxy_is_read_as_programs_read_it() {
        let plain = upstream("http://proxy.example:3128");
        assert_eq!(format!("{plain:?}"), "UpstreamProxy(proxy.example:3128)");
        assert_eq!(upstream("proxy.example:3128").port, 3128);
        assert_eq!(upstream("http://proxy.example").port, 80);
        assert_eq!(upstream("http://[2001:db8::1]:3128/").host, "2001:db8::1");
        assert_eq!(plain.authorization, None);
        let pair = BASE64_STANDARD.encode("a user:p@ss");
        let authorized = upstream("http://a%20user:p%40ss@proxy.example:3128");
        assert_eq!(authorized.authorization, Some(format!("Basic {pair}")));
    }

    #[test]
    fn a_proxys_password_is_in_no_text() {
        let proxy = upstream("http://user:hidden@proxy.example:3128");
        assert!(!format!("{proxy:?}").contains("hidden"));
        for text in [
            "https://user:hidden@proxy.example",
            "socks5://user:hidden@proxy.example",
            "http://user:hidden@",
            "http://user:hidden@proxy.example:x",
        ] {
            let error = text.parse::<UpstreamProxy>().unwrap_err().to_string();
            assert!(
                !error.contains("hidden") && error.contains("is not valid"),
                "{error}"
            );
        }
    }
}
