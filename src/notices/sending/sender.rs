//! One request to a webhook, and what its answer means.

use std::error::Error as StdError;
use std::time::Duration;

use chrono::{DateTime, Utc};
use url::Url;

use crate::platform::outbound::client::{Client, Method};
use crate::platform::outbound::error::OutboundError;
use crate::platform::secret::{ExposeSecret, SecretString};

/// The longest that a connection may take to be made.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A request.
#[derive(Debug)]
pub struct Outgoing {
    /// Where it goes.
    pub url: SecretString,
    /// Its headers, beside those of every request.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The receiver took it.
    Delivered,
    /// It failed.
    Failed {
        /// Why, in words of ours: what the receiver said is not kept.
        error: String,
        /// When the receiver wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The receiver wants nothing any more.
    Gone,
}

impl Attempt {
    /// A failure of which the receiver said nothing.
    pub fn failed(error: impl Into<String>) -> Self {
        Self::Failed {
            error: error.into(),
            retry_after: None,
        }
    }
}

/// Sends a request and waits for the headers of the answer, at most `patience`. What follows them is not
/// read, and redirects are not followed.
pub async fn send(
    client: &Client,
    outgoing: Outgoing,
    patience: Duration,
    now: DateTime<Utc>,
) -> Attempt {
    let Ok(url) = Url::parse(outgoing.url.expose_secret()) else {
        return Attempt::failed("the address is not a URL");
    };
    let Ok(mut request) = client.request(Method::POST, url) else {
        return Attempt::failed("the address may not be reached from here");
    };
    for (name, value) in outgoing.headers {
        request = request.header(name, value);
    }
    let request = request
        .header("Content-Type", "application/json")
        .body(outgoing.body)
        .timeout(patience);
    match request.send().await {
        Ok(response) => {
            let status = response.status().as_u16();
            let retry_after = response.headers().get("retry-after");
            let retry_after = retry_after.and_then(|value| value.to_str().ok());
            judge(status, retry_after, now)
        }
        Err(error) if is_forbidden(&error) => {
            Attempt::failed("the address may not be reached from here")
        }
        Err(error) if error.is_timeout() => Attempt::failed("no answer in time"),
        Err(error) if error.is_connect() => Attempt::failed("no connection"),
        Err(_) => Attempt::failed("no answer"),
    }
}

fn judge(status: u16, retry_after: Option<&str>, now: DateTime<Utc>) -> Attempt {
    match status {
        200..=299 => Attempt::Delivered,
        410 => Attempt::Gone,
        300..=399 => Attempt::failed(format!("answered {status}, and redirects are not followed")),
        _ => Attempt::Failed {
            error: format!("answered {status}"),
            retry_after: retry_after.and_then(|text| wait(text, now)),
        },
    }
}

/// The time of `Retry-After`: seconds or a date (RFC 9110 §10.2.3).
fn wait(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTime::parse_from_rfc2822(text.trim()).ok()?;
    (at.to_utc() - now).to_std().ok()
}

/// True if the name led to an address that may not be reached.
fn is_forbidden(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<OutboundError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::outbound::reach::Reach;

    #[test]
    fn only_a_success_is_one() {
        let now = DateTime::from_timestamp(784_111_777, 0).unwrap();
        let retry = |text| match judge(503, text, now) {
            Attempt::Failed { retry_after, .. } => retry_after,
            Attempt::Delivered | Attempt::Gone => None,
        };
        assert_eq!(judge(204, None, now), Attempt::Delivered);
        assert_eq!(judge(410, None, now), Attempt::Gone);
        for status in [101, 302, 308, 400, 404, 429, 500] {
            let failed = matches!(judge(status, None, now), Attempt::Failed { .. });
            assert!(failed, "{status}");
        }
        assert_eq!(retry(Some("120")), Some(Duration::from_mins(2)));
        let date = "Sun, 06 Nov 1994 08:50:37 GMT";
        assert_eq!(retry(Some(date)), Some(Duration::from_mins(1)));
        assert_eq!(
            retry(Some("Sun, 06 Nov 1994 08:00:00 GMT")),
            None,
            "it is over"
        );
        assert_eq!(retry(Some("soon")), None);
    }

    #[tokio::test]
    async fn a_name_that_has_moved_to_a_private_address_is_not_connected_to() {
        let client = Client::new(Reach::public(), CONNECT_TIMEOUT).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let outgoing = Outgoing {
            url: SecretString::from(format!("https://localhost:{port}/")),
            headers: Vec::new(),
            body: Vec::new(),
        };
        let attempt = send(&client, outgoing, CONNECT_TIMEOUT, DateTime::UNIX_EPOCH).await;
        let expected = Attempt::failed("the address may not be reached from here");
        assert_eq!(attempt, expected);
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "something connected");
    }
}
