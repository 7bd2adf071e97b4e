//! Programs whose actions have an object.

use crate::policy::judge::call::Call;
use crate::policy::judge::scopes::{installs, remotes, requests};
use crate::policy::paths::Place;
use crate::policy::scope::ActionScope;

/// The object of a call; none when that is its exact text. `place` finds a folder that the call names;
/// the empty name is the folder where it runs.
pub(in crate::policy::judge) fn of_call(
    call: &Call,
    place: impl Fn(&str) -> Place,
) -> Option<ActionScope> {
    let folder = |name: &str| match place(name) {
        Place::Inside(path) | Place::Temporary(path) | Place::Outside(path) => Some(path),
        Place::Unknown => None,
    };
    if call.program == "git" {
        return remotes::remote(call, folder);
    }
    requests::request(call).or_else(|| installs::install(call, &folder("")?))
}
