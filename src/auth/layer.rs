//! Middleware that authenticates a request once and leaves the [`Principal`] in its extensions.
//!
//! [`Principal`]: crate::auth::principal::Principal

use std::sync::{Arc, OnceLock};

use axum::extract::{MatchedPath, OriginalUri, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::auth::address;
use crate::auth::development::{Lent, Provenance};
use crate::auth::principal::{Denied, Principal, Proof};
use crate::auth::ticket::{StreamPath, TicketRefusal, Tickets};
use crate::auth::token::{Refusal, Verifier};

/// The routes that a request may reach without a token in its head, as templates.
///
/// A route that is in no list needs a token: forgetting to list it locks it, never opens it.
#[derive(Clone, Copy, Debug)]
pub struct Openings {
    /// Those for everybody.
    pub public: &'static [&'static str],
    /// Those that a stream ticket opens, by `GET` alone.
    pub streams: &'static [&'static str],
}

/// For answers about a ticket: no other server learns the address from a page.
pub const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");

/// What the middleware needs: how tokens and tickets are verified, and where.
#[derive(Clone, Debug)]
pub struct Gate {
    verifier: Arc<Verifier>,
    tickets: Tickets,
    lent: Option<Arc<Lent>>,
    openings: Openings,
}

/// Who turned out to ask, for layers around authentication.
#[derive(Clone, Debug, Default)]
pub struct Asker(Arc<OnceLock<Principal>>);

impl Asker {
    /// Who asked, once that is known.
    pub fn get(&self) -> Option<&Principal> {
        self.0.get()
    }
}

/// Authenticates every request to a route that is not public. Requests that match no route pass, to
/// be answered with 404 by the fallback, which reveals nothing.
pub async fn authenticate(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let template = request.extensions().get::<MatchedPath>();
    if template.is_none_or(|template| gate.openings.public.contains(&template.as_str())) {
        return next.run(request).await;
    }
    let principal = match gate.shown(&request) {
        Ok(shown) => gate.principal(shown).await,
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
        // Nobody else sets it.
        let _first = asker.0.set(principal.clone());
    }
    request.extensions_mut().insert(principal);
    let had_ticket = forget_tickets(&mut request);
    let mut response = next.run(request).await;
    if had_ticket {
        let headers = response.headers_mut();
        headers.insert(header::REFERRER_POLICY, NO_REFERRER);
    }
    response
}

/// Keeps tickets from all that works on the request, and from whatever it writes down. Answers whether
/// there were any.
fn forget_tickets(request: &mut Request) -> bool {
    let query = query(request);
    if address::tickets(query).is_empty() {
        return false;
    }
    let rest = address::without_tickets(query);
    let (path, mark) = (request.uri().path(), if rest.is_empty() { "" } else { "?" });
    if let Ok(uri) = format!("{path}{mark}{rest}").parse::<Uri>() {
        request.extensions_mut().insert(OriginalUri(uri.clone()));
        *request.uri_mut() = uri;
    }
    true
}

fn query(request: &Request) -> &str {
    request.uri().query().unwrap_or_default()
}

/// What a request shows to say who sent it.
enum Shown<'a> {
    /// A token, not yet verified.
    Token(&'a str),
    /// A ticket of this principal, or nothing where that is enough.
    Known(Principal),
}

impl Gate {
    /// A gate that is open where `openings` say, and else verifies by these. Requests that show nothing
    /// have the identity that is `lent`, if there is one and they may.
    pub fn new(
        verifier: Arc<Verifier>,
        tickets: Tickets,
        lent: Option<Lent>,
        openings: Openings,
    ) -> Self {
        Self {
            verifier,
            tickets,
            lent: lent.map(Arc::new),
            openings,
        }
    }

    /// What a request shows. Tokens count in the header alone, since addresses are logged.
    fn shown<'a>(&self, request: &'a Request) -> Result<Shown<'a>, Denied> {
        let (stream, tickets) = (self.stream(request), address::tickets(query(request)));
        if request.headers().contains_key(header::AUTHORIZATION) {
            return match stream {
                Some(_) if !tickets.is_empty() => Err(Denied::BadTicket(
                    "there is an Authorization header too; send one of them",
                )),
                Some(_) | None => bearer(request.headers()).map(Shown::Token),
            };
        }
        if address::has_token(query(request)) {
            return Err(Denied::BadToken(
                "`access_token` in an address ends in logs; send the header, or get a stream ticket",
            ));
        }
        match (&tickets[..], stream) {
            ([], _) => self.without_any(request).map(Shown::Known),
            (_, None) => Err(Denied::BadTicket(
                "it opens a stream, by `GET`, and nothing else",
            )),
            ([ticket], Some(stream)) => self.by_ticket(ticket, &stream, request).map(Shown::Known),
            ([_, _, ..], Some(_)) => Err(Denied::BadTicket("there are several; send one")),
        }
    }

    /// Whom that lets in.
    async fn principal(&self, shown: Shown<'_>) -> Result<Principal, Denied> {
        match shown {
            Shown::Known(principal) => Ok(principal),
            Shown::Token(token) => {
                let verdict = self.verifier.verify_or_ask(token).await;
                verdict.map_err(|refusal| match refusal {
                    Refusal::NoKeys => Denied::NoKeys,
                    refusal => Denied::BadToken(refusal.reason()),
                })
            }
        }
    }

    /// The stream that a request wants to open.
    fn stream(&self, request: &Request) -> Option<StreamPath> {
        let is_get = request.method() == Method::GET;
        let stream = || StreamPath::parse(request.uri().path(), self.openings.streams);
        is_get.then(stream).flatten()
    }

    fn by_ticket(
        &self,
        ticket: &str,
        stream: &StreamPath,
        request: &Request,
    ) -> Result<Principal, Denied> {
        let verdict = self.tickets.verify(ticket, stream);
        let principal = verdict.map_err(|refusal| match refusal {
            TicketRefusal::Forged => Denied::BadTicket("it is none of this server's"),
            TicketRefusal::Elsewhere => Denied::BadTicket("it is for another stream"),
            TicketRefusal::Expired => Denied::OldTicket,
        })?;
        match principal.proof {
            // A ticket is worth what was shown for it, here nothing.
            Proof::Development => self.without_any(request),
            Proof::Token | Proof::Ticket | Proof::Owner => Ok(principal),
        }
    }

    /// The identity of requests that show nothing.
    fn without_any(&self, request: &Request) -> Result<Principal, Denied> {
        let lent = self.lent.as_ref().ok_or(Denied::NoToken)?;
        let principal = lent.to(&provenance(request));
        principal.cloned().map_err(Denied::NotFromHere)
    }
}

/// What a request says of where it comes from.
fn provenance(request: &Request) -> Provenance<'_> {
    let all = |name: HeaderName| {
        let values = request.headers().get_all(name).iter();
        // What is no text is nothing that could be allowed, and is not left out either.
        values.map(|value| value.to_str().unwrap_or("")).collect()
    };
    Provenance {
        hosts: all(header::HOST),
        authority: request.uri().authority().map(Authority::as_str),
        origins: all(header::ORIGIN),
        sites: all(HeaderName::from_static("sec-fetch-site")),
        forwarded_for: all(HeaderName::from_static("x-forwarded-for")),
    }
}

/// Reads the one `Authorization` header. Two of them are refused: whoever checks one and
/// whoever uses the other must not disagree.
fn bearer(headers: &HeaderMap) -> Result<&str, Denied> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Denied::NoToken)?;
    if values.next().is_some() {
        return Err(Denied::BadToken("more than one Authorization header"));
    }
    let text = value
        .to_str()
        .map_err(|_| Denied::BadToken("not a text of ASCII characters"))?;
    let (scheme, token) = text.split_once(' ').ok_or(Denied::NoToken)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Denied::NoToken);
    }
    Ok(token.trim())
}
