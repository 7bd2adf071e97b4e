//! Middleware that verifies a request's token once and leaves the [`Principal`] in its extensions.
//!
//! [`Principal`]: crate::auth::principal::Principal

use std::sync::{Arc, OnceLock};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::auth::principal::{Denied, Principal};
use crate::auth::token::{Refusal, Verifier};

/// What the middleware needs: how tokens are verified, and which routes do without one.
#[derive(Clone, Debug)]
pub struct Gate {
    verifier: Arc<Verifier>,
    public: &'static [&'static str],
}

impl Gate {
    /// A gate that lets only the route templates in `public` pass without a token.
    ///
    /// A route that is in no list needs a token: forgetting to list it locks it, never opens it.
    pub fn new(verifier: Arc<Verifier>, public: &'static [&'static str]) -> Self {
        Self { verifier, public }
    }
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

/// Verifies the token of every request to a route that is not public. Requests that match no
/// route pass, to be answered with 404 by the fallback, which reveals nothing.
pub async fn authenticate(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let open = request
        .extensions()
        .get::<MatchedPath>()
        .is_none_or(|template| gate.public.contains(&template.as_str()));
    if !open {
        match principal(&gate.verifier, bearer(request.headers())).await {
            Ok(principal) => {
                let span = tracing::Span::current();
                span.record("org.id", principal.org_id.as_str());
                span.record("user.id", principal.user_id.as_str());
                if let Some(asker) = request.extensions().get::<Asker>() {
                    // Nobody else sets it.
                    let _first = asker.0.set(principal.clone());
                }
                request.extensions_mut().insert(principal);
            }
            Err(denied) => return denied.into_response(),
        }
    }
    next.run(request).await
}

async fn principal(verifier: &Verifier, token: Result<&str, Denied>) -> Result<Principal, Denied> {
    let verdict = verifier.verify_or_ask(token?).await;
    verdict.map_err(|refusal| {
        if refusal == Refusal::NoKeys {
            Denied::NoKeys
        } else {
            Denied::BadToken(refusal.reason())
        }
    })
}

/// Reads the one `Authorization` header. Two of them are refused: whoever checks one and
/// whoever uses the other must not disagree. Tokens in the query are never looked at, since
/// addresses are logged.
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
