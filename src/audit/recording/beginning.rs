//! The beginning of a request's entry, before the request or beside it.

use crate::audit::error::Error;
use crate::audit::model::NewEntry;
use crate::audit::recording::clearance::Clearance;
use crate::audit::service::{Audit, Open};

/// Routes whose handlers look up all that they need before they change anything: they do that while their entry
/// is written, and wait for it in between ([`Clearance`]).
const LOOK_FIRST: &[&str] = &[
    "/api/jobs",
    "/api/navi/jobs",
    "/api/navi/chat",
    "/api/navi/chat/autonomous",
    "/api/navi/chat/stream",
    "/api/navi/chat/stream/v2",
];

/// Begins the entry of a request to a route, and has the request answered under a clearance. Answers with both, or
/// with why nothing was changed.
pub(super) async fn begun<A, F: Future<Output = A>>(
    audit: &Audit,
    entry: NewEntry,
    answer: impl FnOnce(Clearance) -> F,
) -> Result<(Open, A), Error> {
    let route = entry.route.as_deref();
    if !route.is_some_and(|route| LOOK_FIRST.contains(&route)) {
        let open = audit.begin(entry).await?;
        return Ok((open, answer(Clearance::default()).await));
    }
    let (clearing, clearance) = Clearance::default().and();
    let begin = async {
        let open = audit.begin(entry).await?;
        clearing.give();
        Ok(open)
    };
    // Should the beginning fail, the handler is dropped where it waits for it.
    let answer = async { Ok(answer(clearance).await) };
    tokio::try_join!(begin, answer)
}
