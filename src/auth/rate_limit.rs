//! Limits the changing requests of a principal.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};

use crate::auth::principal::Principal;
use crate::platform::tasks::Tasks;

/// The interval at which quiet principals are forgotten.
const FORGET_EVERY: Duration = Duration::from_mins(1);

/// Counts changing requests by principal. The count is this process's own: with several replicas
/// a principal gets the limit from each.
#[derive(Debug)]
pub struct RateLimiter {
    per_minute: u32,
    /// Absent when there is no limit.
    keyed: Option<DefaultKeyedRateLimiter<(String, String)>>,
    clock: DefaultClock,
}

impl RateLimiter {
    /// At most `per_minute` requests of one principal, all at once or spread; 0 is no limit.
    pub fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            keyed: NonZeroU32::new(per_minute)
                .map(|limit| governor::RateLimiter::keyed(Quota::per_minute(limit))),
            clock: DefaultClock::default(),
        }
    }

    /// The same with at most `burst` of them at once; 0 is as many as a minute has.
    #[must_use]
    pub fn with_burst(mut self, burst: u32) -> Self {
        let burst = NonZeroU32::new(burst.min(self.per_minute));
        if let (Some(limit), Some(burst)) = (NonZeroU32::new(self.per_minute), burst) {
            let quota = Quota::per_minute(limit).allow_burst(burst);
            self.keyed = Some(governor::RateLimiter::keyed(quota));
        }
        self
    }

    /// The limit.
    pub fn per_minute(&self) -> u32 {
        self.per_minute
    }

    /// Counts a request. Answers how many seconds to wait, at least 1, when there were too many.
    pub fn check(&self, principal: &Principal) -> Option<u64> {
        self.check_many(principal, 1)
    }

    /// Counts so many at once: all of them, or none when that is too many. A count above a whole minute's
    /// worth counts as a minute's worth, so that it is not refused forever.
    pub fn check_many(&self, principal: &Principal, count: u32) -> Option<u64> {
        let count = NonZeroU32::new(count.min(self.per_minute))?;
        let key = (
            principal.org_id.as_str().to_owned(),
            principal.user_id.as_str().to_owned(),
        );
        // The inner error cannot be: it says that the limit could never be kept.
        let until = self.keyed.as_ref()?.check_key_n(&key, count).ok()?.err()?;
        let wait = until.wait_time_from(self.clock.now());
        Some(wait.as_secs().saturating_add(1))
    }

    /// Forgets principals who have been quiet, until the process ends, so that memory does not
    /// grow with everybody who ever called.
    pub fn forget_the_quiet(self: &std::sync::Arc<Self>, tasks: &Tasks) {
        let limiter = self.clone();
        let stopping = tasks.stopping();
        tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(FORGET_EVERY) => {}
                    () = stopping.cancelled() => break,
                }
                if let Some(keyed) = &limiter.keyed {
                    keyed.retain_recent();
                }
            }
        });
    }
}
