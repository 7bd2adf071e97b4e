//! The people of a load and their tokens.

use std::time::Duration;

use crate::auth::principal::{Principal, Proof, Role};
use crate::auth::token::Verifier;
use crate::cli::failure::Failure;
use crate::config::settings::Config;
use crate::platform::clock::Clock;
use crate::platform::ids::{OrgId, UserId};
use crate::platform::secret::SecretString;

/// The people of one organisation.
pub const IN_ORGANISATION: u32 = 50;
/// The life of their tokens.
const TOKEN_TTL: Duration = Duration::from_hours(24);

/// The people of a load.
#[derive(Clone, Debug)]
pub struct People {
    /// Their organisations.
    pub orgs: Vec<String>,
    /// Their tokens.
    pub tokens: Vec<SecretString>,
    /// The people of one organisation.
    pub in_organisation: u32,
}

impl People {
    /// So many people, so many of them in an organisation. These organisations are new, since
    /// their names begin with `name`.
    pub fn mint(
        config: &Config,
        clock: &Clock,
        name: &str,
        (count, in_organisation): (u32, u32),
    ) -> Result<Self, Failure> {
        let secret = config.signing_secret()?;
        let verifier = Verifier::new(&config.auth, &secret, clock.clone());
        let orgs: Vec<String> = (0..count.div_ceil(in_organisation))
            .map(|number| format!("{name}-{number}"))
            .collect();
        let tokens = (0..count).map(|number| {
            let principal = principal(&format!("{name}-{}", number / in_organisation), number)?;
            Ok(SecretString::from(verifier.mint(&principal, TOKEN_TTL)?))
        });
        Ok(Self {
            tokens: tokens.collect::<Result<_, Failure>>()?,
            orgs,
            in_organisation,
        })
    }
}

fn principal(org: &str, number: u32) -> Result<Principal, Failure> {
    let invalid = || Failure::Usage(format!("`{org}` cannot be the name of an organisation"));
    let org_id: OrgId = org.parse().map_err(|_| invalid())?;
    let user_id: UserId = format!("user-{number}").parse().map_err(|_| invalid())?;
    Ok(Principal {
        org_id,
        user_id,
        team_id: None,
        // The audit log is read by admins alone.
        role: Role::Admin,
        proof: Proof::Token,
    })
}
