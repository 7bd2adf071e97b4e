//! Everything that works on notices, put together.

use crate::notices::address::AddressRules;
use crate::notices::config::NoticeConfig;
use crate::notices::costs::Costs;
use crate::notices::sending::dispatcher::Dispatcher;
use crate::notices::service::Webhooks;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::metrics::Metrics;
use crate::platform::outbound::error::OutboundError;
use crate::platform::tasks::Tasks;
use crate::vault::service::Vault;

/// The parts of this slice; cheap to clone.
#[derive(Clone, Debug)]
pub struct Notices {
    /// Where organisations want to be told what happens.
    pub webhooks: Webhooks,
    /// The sender to them.
    pub dispatcher: Dispatcher,
    /// The service that finds out the cost of calls to models.
    pub costs: Costs,
}

impl Notices {
    /// Over a database and a vault. In development notices may also go to this machine, over http.
    pub fn new(
        db: &Pool,
        clock: &Clock,
        vault: &Vault,
        metrics: &Metrics,
        config: &NoticeConfig,
        development: bool,
    ) -> Result<Self, OutboundError> {
        let rules = AddressRules::new(&config.webhook_private_urls, development);
        let dispatcher = Dispatcher::new(
            db.clone(),
            clock.clone(),
            vault.clone(),
            metrics.clone(),
            &rules,
            config,
        )?;
        Ok(Self {
            webhooks: Webhooks::new(db.clone(), clock.clone(), vault.clone(), rules),
            dispatcher,
            costs: Costs::new(db.clone(), clock.clone(), config),
        })
    }

    /// Sends, and watches costs, until `tasks` end.
    pub fn start(&self, tasks: &Tasks) {
        self.dispatcher.start(tasks);
        tasks.spawn(self.costs.clone().watch(tasks.stopping()));
    }
}
