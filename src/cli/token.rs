//! `navi token mint`: a bearer token for development, scripts and the first sign-in.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use crate::auth::principal::{Principal, Proof, Role};
use crate::auth::token::Verifier;
use crate::cli::beacon;
use crate::cli::failure::Failure;
use crate::config::settings::Config;
use crate::platform::clock::Clock;
use crate::platform::ids::{OrgId, TeamId, UserId};

/// The longest life of a token: a secret should be changed more often than that.
const MAX_TTL: Duration = Duration::from_hours(24 * 366);

/// Whom the token speaks for, and how long.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The organisation.
    #[arg(long, value_name = "ID")]
    pub org: OrgId,
    /// The person within it.
    #[arg(long, value_name = "ID")]
    pub user: UserId,
    /// Their team, if they have one.
    #[arg(long, value_name = "ID")]
    pub team: Option<TeamId>,
    /// viewer, planner or admin.
    #[arg(long)]
    pub role: Role,
    /// Lifetime of the token: a number with s, m, h or d.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    pub ttl: Duration,
}

/// Writes a token, and nothing else, to `out`.
///
/// A shell without the server's settings signs with a secret of the data folder, and the server refuses the
/// token. So that is said, unless a server runs over that folder.
pub fn mint(
    args: &Args,
    config: &Config,
    clock: &Clock,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let secret = config.signing_secret()?;
    if config.auth.jwt_secret.is_none() {
        let folder = config.data_dir()?;
        if beacon::find(&folder).is_none() {
            tracing::warn!(
                folder = %folder.display(),
                "JWT_SECRET is not set, so this token is for a development server over this data folder"
            );
        }
    }
    let verifier = Verifier::new(&config.auth, &secret, clock.clone());
    let principal = Principal {
        org_id: args.org.clone(),
        user_id: args.user.clone(),
        team_id: args.team.clone(),
        role: args.role,
        proof: Proof::Token,
    };
    writeln!(out, "{}", verifier.mint(&principal, args.ttl)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a duration is a number with s, m, h or d, such as 30m, up to 366d")]
struct InvalidDuration;

fn duration(text: &str) -> Result<Duration, InvalidDuration> {
    let unit = text.chars().last().ok_or(InvalidDuration)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(InvalidDuration),
    };
    let number: u64 = text[..text.len() - 1]
        .parse()
        .map_err(|_| InvalidDuration)?;
    let found = Duration::from_secs(number.checked_mul(seconds).ok_or(InvalidDuration)?);
    if found.is_zero() || found > MAX_TTL {
        Err(InvalidDuration)
    } else {
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h"), Ok(Duration::from_hours(1)));
        assert_eq!(duration("366d"), Ok(MAX_TTL));
        for bad in [
            "",
            "h",
            "1",
            "-1h",
            "0s",
            "1w",
            "1.5h",
            "367d",
            "9999999999999999999d",
            "1ä",
        ] {
            assert_eq!(duration(bad), Err(InvalidDuration), "{bad:?}");
        }
    }
}
