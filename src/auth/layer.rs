//! Middleware that authenticates a request once and leaves the [`Principal`] in its extensions.
//!
//! [`Principal`]: crate::auth::principal::Principal

use std::sync::{Arc, OnceLock};

use axum::extract::{MatchedPath, OriginalUri, Request};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::auth::address;
use crate::auth::development::{DevelopmentIdentity, Provenance};
use crate::auth::principal::{Denied, Principal, Proof};
use crate::auth::refusal::{Refusal, Scheme};
use crate::auth::ticket::{NoStream, StreamPath, TicketRefusal, Tickets};
use crate::auth::token::Verifier;

/// The templates of routes that a request may reach without a token in its head.
///
/// A route that is in no list needs a token: forgetting to list it locks it, never opens it.
#[derive(Clone, Copy, Debug)]
pub struct AccessRules {
    /// Routes that need no token.
    pub public: &'static [&'static str],
    /// Routes that a stream ticket opens, by `GET` alone.
    pub streams: &'static [&'static str],
}

/// Headers that proxies and tunnels add. A tunnel may write `localhost` into `Host`, so a request with one
/// of these may come from anywhere.
const PROXY_HEADERS: &[&str] = &["forwarded", "via", "x-forwarded-host", "x-real-ip"];

/// For answers about a ticket: no other server learns the address from a page.
pub const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");

/// Everything the middleware needs: the verifiers of tokens and tickets, the development identity and the
/// access rules.
#[derive(Clone, Debug)]
pub struct Gate {
    verifier: Arc<Verifier>,
    tickets: Tickets,
    development: Option<Arc<DevelopmentIdentity>>,
    access: AccessRules,
}

/// The caller that was verified, for layers around authentication.
#[derive(Clone, Debug, Default)]
pub struct Asker(Arc<OnceLock<Principal>>);

impl Asker {
    /// The caller, once it is known.
    pub fn get(&self) -> Option<&Principal> {
        self.0.get()
    }
}

/// Authenticates every request to a route that is not public. Requests that match no route pass, to
/// be answered with 404 by the fallback, which reveals nothing.
pub async fn authenticate<F: Future<Output = Response>>(
    gate: &Gate,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let template = request.extensions().get::<MatchedPath>();
    if template.is_none_or(|template| gate.access.public.contains(&template.as_str())) {
        return next(request).await;
    }
    let principal = match gate.credential(&request) {
        Ok(credential) => gate.principal(credential).await,
        Err(denied) => Err(denied),
    };
    let principal = match principal {
        Ok(principal) => principal,
        Err(denied) => return denied.into_response(),
    };
    let span = tracing::Span::current();
    span.record("org.id", principal.org_id.as_str());
    span.record("user.id", principal.user_id.as_str());
    if let Some(asker) = request.extensions().get::<Asker>() {
        // It is set here alone.
        let _first = asker.0.set(principal.clone());
    }
    request.extensions_mut().insert(principal);
    let had_ticket = forget_tickets(&mut request);
    let mut response = next(request).await;
    if had_ticket {
        let headers = response.headers_mut();
        headers.insert(header::REFERRER_POLICY, NO_REFERRER);
    }
    response
}

/// Removes tickets from the request, so that no code behind this layer can write them down. Returns true
/// when there were any.
fn forget_tickets(request: &mut Request) -> bool {
    let query = query(request);
    if address::tickets(query).is_empty() {
        return false;
    }
    let rest = address::without_tickets(query);
    let (path, mark) = (request.uri().path(), if rest.is_empty() { "" } else { "?" });
    let without = format!("{path}{mark}{rest}").parse::<Uri>();
    // The route was found already, so an address that cannot be written without its ticket may be lost.
    let uri = without.unwrap_or_else(|_| Uri::from_static("/"));
    request.extensions_mut().insert(OriginalUri(uri.clone()));
    *request.uri_mut() = uri;
    true
}

fn query(request: &Request) -> &str {
    request.uri().query().unwrap_or_default()
}

/// The proof of who sent a request.
enum Credential<'a> {
    /// A token, not yet verified.
    Token(&'a str),
    /// A ticket of this principal, or nothing where that is enough.
    Known(Principal),
}

impl Gate {
    /// A gate that verifies by these where `access` demands it. Requests without a credential have the
    /// identity `development`, if there is one and they may.
    pub fn new(
        verifier: Arc<Verifier>,
        tickets: Tickets,
        development: Option<DevelopmentIdentity>,
        access: AccessRules,
    ) -> Self {
        Self {
            verifier,
            tickets,
            development: development.map(Arc::new),
            access,
        }
    }

    /// Reads the credential of a request. Tokens count in the header alone, since addresses are logged.
    fn credential<'a>(&self, request: &'a Request) -> Result<Credential<'a>, Denied> {
        let (stream, tickets) = (self.stream(request), address::tickets(query(request)));
        if let (Err(NoStream::NoId), [_, ..]) = (&stream, &tickets[..]) {
            return Err(Denied::BadTicket(
                "the address names no stream, because what stands in the place of its id is no UUID",
            ));
        }
        let stream = stream.ok();
        if request.headers().contains_key(header::AUTHORIZATION) {
            return match stream {
                Some(_) if !tickets.is_empty() => Err(Denied::BadTicket(
                    "there is an Authorization header too; send one of them",
                )),
                Some(_) | None => bearer(request.headers()).map(Credential::Token),
            };
        }
        if address::has_token(query(request)) {
            return Err(Denied::TokenInAddress("access_token"));
        }
        match (&tickets[..], stream) {
            ([], _) => self.without_any(request).map(Credential::Known),
            (_, None) => Err(Denied::BadTicket("it only opens a stream, by `GET`")),
            ([ticket], Some(stream)) => self
                .by_ticket(ticket, &stream, request)
                .map(Credential::Known),
            ([_, _, ..], Some(_)) => Err(Denied::BadTicket("there are several; send one")),
        }
    }

    /// Verifies a credential.
    async fn principal(&self, credential: Credential<'_>) -> Result<Principal, Denied> {
        match credential {
            Credential::Known(principal) => Ok(principal),
            Credential::Token(token) => {
                let verdict = self.verifier.verify_or_ask(token).await;
                verdict.map_err(|refusal| {
                    if refusal == Refusal::NoKeys {
                        Denied::NoKeys
                    } else {
                        Denied::BadToken(refusal.reason())
                    }
                })
            }
        }
    }

    /// The stream that a request wants to open.
    fn stream(&self, request: &Request) -> Result<StreamPath, NoStream> {
        if request.method() != Method::GET {
            return Err(NoStream::OtherPath);
        }
        StreamPath::parse(request.uri().path(), self.access.streams)
    }

    fn by_ticket(
        &self,
        ticket: &str,
        stream: &StreamPath,
        request: &Request,
    ) -> Result<Principal, Denied> {
        let verdict = self.tickets.verify(ticket, stream);
        let principal = verdict.map_err(|refusal| match refusal {
            TicketRefusal::Forged => Denied::BadTicket("it was not issued by this server"),
            TicketRefusal::WrongStream => Denied::BadTicket("it is for another stream"),
            TicketRefusal::Expired => Denied::OldTicket,
        })?;
        match principal.proof {
            // A ticket is worth as much as the credential that it was given for: here nothing.
            Proof::Development => self.without_any(request),
            Proof::Token | Proof::Ticket | Proof::Owner => self.unerased(principal),
        }
    }

    /// Refuses a ticket that may be from before its person was erased. None is older than its life, so this
    /// refuses one of a person who came back for a minute at most.
    fn unerased(&self, principal: Principal) -> Result<Principal, Denied> {
        let (org, user) = (&principal.org_id, &principal.user_id);
        let issued = Some(self.tickets.earliest_issue());
        if self.verifier.erased().refuses(org, user, issued) {
            return Err(Denied::BadTicket(Refusal::Erased.reason()));
        }
        Ok(principal)
    }

    /// The identity of requests that show nothing.
    fn without_any(&self, request: &Request) -> Result<Principal, Denied> {
        let nothing = || {
            let meant = address::meant_token(query(request));
            meant.map_or(Denied::NoToken, Denied::TokenInAddress)
        };
        let development = self.development.as_ref().ok_or_else(nothing)?;
        let principal = development.to(&provenance(request));
        principal.cloned().map_err(Denied::NotFromHere)
    }
}

/// The headers that show where a request comes from.
fn provenance(request: &Request) -> Provenance<'_> {
    let all = |name: HeaderName| {
        let values = request.headers().get_all(name).iter();
        // A value that is not text can match nothing allowed. It is not left out either.
        values.map(|value| value.to_str().unwrap_or("")).collect()
    };
    Provenance {
        hosts: all(header::HOST),
        authority: request.uri().authority().map(Authority::as_str),
        origins: all(header::ORIGIN),
        sites: all(HeaderName::from_static("sec-fetch-site")),
        forwarded_for: all(HeaderName::from_static("x-forwarded-for")),
        is_proxied: PROXY_HEADERS
            .iter()
            .any(|name| request.headers().contains_key(*name)),
    }
}

/// Reads the one `Authorization` header. Two of them are refused: a proxy that checks one and a server that
/// uses the other must not disagree.
fn bearer(headers: &HeaderMap) -> Result<&str, Denied> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Denied::NoToken)?;
    if values.next().is_some() {
        return Err(Denied::BadToken("more than one Authorization header"));
    }
    let text = value
        .to_str()
        .map_err(|_| Denied::BadToken("not a text of ASCII characters"))?;
    let (scheme, token) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let scheme = Scheme::of(scheme);
    if scheme != Scheme::Bearer || token.trim().is_empty() {
        return Err(Denied::WrongScheme(scheme));
    }
    Ok(token.trim())
}
