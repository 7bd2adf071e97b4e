//! The security settings of this server, for the security page of administrators.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use url::Url;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::audit::error::Error;
use crate::audit::model::Log;
use crate::auth::config::AuthConfig;
use crate::auth::principal::{Admin, Principal};
use crate::platform::extract::Json;
use crate::platform::problem::Problem;
use crate::platform::text::cut_chars;
use crate::vault::config::VaultConfig;

/// The name shown for the key that development does without KMS.
const DEVELOPMENT_KEY: &str = "development";
/// The number of characters that are shown of a key's id: enough to tell keys apart.
const SHOWN_ID_CHARS: usize = 8;

/// The routes of the security page.
pub fn routes(app: &App) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(security_status))
        .with_state(app.clone())
}

/// The security settings. Holds no secret and no full name of a key.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SecurityStatus {
    /// Tokens that are signed with a secret.
    jwt: JwtStatus,
    /// Keys that seal stored values.
    encryption: EncryptionStatus,
    /// Retention of audit entries.
    audit_retention: RetentionStatus,
    /// The identity provider.
    sso: SsoStatus,
}

/// Tokens that are signed with a secret.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct JwtStatus {
    /// Always true: every request is authenticated.
    enabled: bool,
    /// True when there is a secret to sign with; without one an identity provider signs tokens.
    has_primary_secret: bool,
    /// True when tokens of an earlier secret are still good.
    has_previous_secrets: bool,
    /// True when there are both, so that the secret can be replaced without ending sessions.
    rotation_ready: bool,
}

/// Keys that seal stored values.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct EncryptionStatus {
    /// Always true: the audit log cannot be switched off, and its payloads are sealed.
    audit_encryption_enabled: bool,
    /// The name of the audit key.
    audit_encryption_key_id: Option<String>,
    /// True when there is a key that seals connectors' tokens.
    token_encryption_configured: bool,
    /// The alias of the KMS key or the beginning of its id; `development` without KMS.
    token_encryption_key_id: Option<String>,
}

/// Retention of audit entries.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct RetentionStatus {
    /// True when old entries are dropped.
    enabled: bool,
    /// The days for which entries are kept; 0 means no limit.
    retention_days: i32,
    /// The records of the caller's organisation that should have been dropped by now.
    overdue_count: i64,
    /// Months that end before this are dropped; the beginning of 1970 when none is.
    cutoff_iso: DateTime<Utc>,
}

/// The identity provider.
#[derive(Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
struct SsoStatus {
    /// The domain of the Auth0 tenant, or of another issuer; empty without an identity provider.
    auth0_domain: String,
    /// True when tokens must be made for one of the configured clients.
    auth0_client_configured: bool,
    /// True when tokens must name the configured audience.
    auth0_audience_configured: bool,
    /// Always false: clients sign in with the identity provider themselves.
    device_flow_enabled: bool,
}

/// Shows the security settings of this server.
#[utoipa::path(
    get,
    path = "/api/admin/security/status",
    tag = "operations",
    security(("bearer" = ["admin"])),
    responses((status = 200, description = "the settings", body = SecurityStatus)),
)]
async fn security_status(
    State(app): State<App>,
    Admin(principal): Admin,
) -> Result<Json<SecurityStatus>, Problem> {
    let auth = &app.config.auth;
    let has_primary_secret = app.verifier.has_secret();
    let has_previous_secrets = !auth.previous_secrets().is_empty();
    let seals = app.vault.is_configured();
    let key = seals.then(|| shown_key(&app.config.vault));
    Ok(Json(SecurityStatus {
        jwt: JwtStatus {
            enabled: true,
            has_primary_secret,
            has_previous_secrets,
            rotation_ready: has_primary_secret && has_previous_secrets,
        },
        encryption: EncryptionStatus {
            audit_encryption_enabled: true,
            audit_encryption_key_id: app.audit.key_id().ok().map(str::to_owned),
            token_encryption_configured: seals,
            token_encryption_key_id: key,
        },
        audit_retention: retention(&app, &principal).await?,
        sso: sso(auth),
    }))
}

async fn retention(app: &App, principal: &Principal) -> Result<RetentionStatus, Error> {
    let days = app.config.audit.audit_retention_days;
    let enabled = days > 0;
    let overdue_count = if enabled {
        let log = Log::Org(principal.org_id.clone());
        app.audit.overdue(&log, days).await?
    } else {
        0
    };
    let cutoff = app.clock.now() - TimeDelta::days(days.into());
    Ok(RetentionStatus {
        enabled,
        retention_days: days,
        overdue_count,
        cutoff_iso: if enabled {
            cutoff
        } else {
            DateTime::UNIX_EPOCH
        },
    })
}

/// The alias that a KMS key's name holds, or the beginning of its id. An ARN names the account, which
/// is the operator's alone.
fn shown_key(config: &VaultConfig) -> String {
    let named = config.token_encryption_key_id.as_deref().map(str::trim);
    let Some(name) = named.filter(|name| !name.is_empty()) else {
        return DEVELOPMENT_KEY.to_owned();
    };
    if let Some(alias) = name.rfind("alias/") {
        return name[alias..].to_owned();
    }
    let id = name.rsplit(['/', ':']).next().unwrap_or(name);
    cut_chars(id, SHOWN_ID_CHARS)
}

fn sso(config: &AuthConfig) -> SsoStatus {
    let provider = config.identity_provider();
    let issuer = provider.as_ref().and_then(|of| of.issuer.as_deref());
    let domain = issuer.and_then(|issuer| Url::parse(issuer).ok());
    SsoStatus {
        auth0_domain: domain
            .and_then(|url| url.host_str().map(str::to_owned))
            .unwrap_or_default(),
        auth0_client_configured: provider
            .as_ref()
            .is_some_and(|of| !of.client_ids.is_empty()),
        auth0_audience_configured: provider.is_some_and(|of| of.audience.is_some()),
        device_flow_enabled: false,
    }
}

#[cfg(test)]
mod tests {
    use crate::config::settings::Config;

    use super::*;

    #[test]
    fn a_key_is_shown_by_its_alias_or_the_beginning_of_its_id() {
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        let arn = format!("arn:aws:kms:eu-central-1:111122223333:key/{id}");
        for (name, shown) in [
            ("alias/navi", "alias/navi"),
            (
                "arn:aws:kms:eu-central-1:111122223333:alias/team/navi",
                "alias/team/navi",
            ),
            (id, "1234abcd…"),
            (&arn, "1234abcd…"),
            (&format!("mrk-{id}"), "mrk-1234…"),
            ("short", "short"),
            (" ", DEVELOPMENT_KEY),
        ] {
            let flags = ["--token-encryption-key-id", name];
            let config = Config::from_flags(flags).unwrap();
            assert_eq!(shown_key(&config.vault), shown);
        }
    }

    #[test]
    fn an_identity_provider_is_shown_by_its_domain() {
        let of = |flags: &[&str]| sso(&Config::from_flags(flags.iter().copied()).unwrap().auth);
        let none = SsoStatus {
            auth0_domain: String::new(),
            auth0_client_configured: false,
            auth0_audience_configured: false,
            device_flow_enabled: false,
        };
        assert_eq!(of(&[]), none);
        let auth0 = of(&[
            "--auth0-domain",
            "acme.eu.auth0.com",
            "--auth0-valid-client-ids",
            "app-1",
            "--jwt-audience",
            "navi",
        ]);
        let expected = SsoStatus {
            auth0_domain: "acme.eu.auth0.com".to_owned(),
            auth0_client_configured: true,
            auth0_audience_configured: true,
            device_flow_enabled: false,
        };
        assert_eq!(auth0, expected);
        let oidc = of(&["--oidc-issuer", "https://id.acme.example/realms/navi"]);
        assert_eq!(oidc.auth0_domain, "id.acme.example");
        assert!(!oidc.auth0_client_configured && !oidc.auth0_audience_configured);
    }
}
