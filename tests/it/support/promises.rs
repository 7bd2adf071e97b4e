//! Promised times, and how tests hold them.

use std::time::{Duration, Instant};

/// A run is over this soon after its user cancels it or the client of its stream leaves.
pub(crate) const CANCELLED_WITHIN: Duration = Duration::from_secs(1);
/// A request that cannot be audited is refused this soon.
pub(crate) const REFUSED_WITHIN: Duration = Duration::from_secs(1);
/// A message to one server reaches another one this soon.
pub(crate) const HEARD_WITHIN: Duration = Duration::from_secs(1);

/// The factor by which a machine may be slower that runs other tests meanwhile. Less than the three
/// seconds that a command gets to end by itself, so a cancellation that waits for them is found.
const LOAD: f64 = 2.5;

/// Asserts that what began then took no longer than promised.
#[track_caller]
pub(crate) fn kept(promised: Duration, began: Instant) {
    let took = began.elapsed();
    assert!(
        took < promised.mul_f64(LOAD),
        "{took:?} instead of {promised:?}"
    );
}
