//! The HTTP client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use reqwest::Method;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use crate::platform::outbound::error::OutboundError;
use crate::platform::outbound::reach::Reach;
use crate::platform::outbound::tls;

/// The longest that a connection may take to be made, when the caller does not say.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// An HTTP client that goes only where its [`Reach`] allows. Cheap to clone; keeps its
/// connections open for reuse.
#[derive(Clone, Debug)]
pub struct Client {
    inner: reqwest::Client,
    reach: Reach,
}

impl Client {
    /// A client with small packets sent at once, no total time limit (streams last as long as
    /// they last), no redirects and no proxy from the environment.
    pub fn new(reach: Reach, connect_timeout: Duration) -> Result<Self, OutboundError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that makes clients"
        )]
        let inner = reqwest::Client::builder()
            .user_agent(concat!("navi/", env!("CARGO_PKG_VERSION")))
            .tcp_nodelay(true)
            .tcp_keepalive(Duration::from_mins(1))
            .connect_timeout(connect_timeout)
            .pool_idle_timeout(Duration::from_secs(90))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .tls_backend_preconfigured(tls::config()?)
            .dns_resolver(Arc::new(CheckedResolver {
                reach: reach.clone(),
            }))
            .build()?;
        Ok(Self { inner, reach })
    }

    /// Begins a request, if the URL may be reached.
    pub fn request(
        &self,
        method: Method,
        url: Url,
    ) -> Result<reqwest::RequestBuilder, OutboundError> {
        self.reach.check(&url)?;
        Ok(self.inner.request(method, url))
    }
}

/// The innermost cause of a failed request: the system's own words, without the layers around them.
pub fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Resolves names and keeps the addresses that may be reached.
#[derive(Debug)]
struct CheckedResolver {
    reach: Reach,
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let admitted: Vec<SocketAddr> = found
                .filter(|address| reach.admits(&host, address.ip()))
                .collect();
            if admitted.is_empty() {
                return Err(OutboundError::Forbidden { host }.into());
            }
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_resolves_to_loopback_is_refused_when_connecting() {
        let client = Client::new(Reach::public(), CONNECT_TIMEOUT).unwrap();
        let error = client
            .request(Method::GET, Url::parse("https://localhost:1/").unwrap())
            .unwrap()
            .send()
            .await
            .unwrap_err();
        assert!(format!("{error:?}").contains("Forbidden"), "{error:?}");
    }
}
