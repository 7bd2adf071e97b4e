//! The SQL of connectors. Every statement for a person names the organisation and the user; those
//! that renew seals walk along the key, which begins with the organisation.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::connectors::model::{Owner, Provider, Stored};
use crate::platform::ids::{OrgId, UserId};
use crate::vault::model::Sealed;

/// The owner's token.
pub async fn find(conn: &mut PgConnection, owner: &Owner) -> sqlx::Result<Option<Stored>> {
    sqlx::query_as!(
        Stored,
        "select base_url, account, email, sealed, verified_at, updated_at
         from connector_tokens
         where org_id = $1 and user_id = $2 and provider = $3",
        &owner.org_id as &OrgId,
        &owner.user_id as &UserId,
        owner.provider as Provider,
    )
    .fetch_optional(conn)
    .await
}

/// A person's connection to a provider, without its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The provider.
    pub provider: Provider,
    /// The address that its owner gave.
    pub base_url: Option<String>,
    /// The account that it belongs to, as the provider names it.
    pub account: Option<String>,
    /// When the provider last said that it is good.
    pub verified_at: Option<DateTime<Utc>>,
    /// When it was handed in, or replaced.
    pub updated_at: DateTime<Utc>,
}

/// A person's connections.
pub async fn of_person(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
) -> sqlx::Result<Vec<Held>> {
    sqlx::query_as!(
        Held,
        r#"select provider as "provider: Provider", base_url, account, verified_at, updated_at
           from connector_tokens where org_id = $1 and user_id = $2"#,
        org_id as &OrgId,
        user_id as &UserId,
    )
    .fetch_all(conn)
    .await
}

/// Stores a token, in place of the one that was there.
pub async fn put(
    conn: &mut PgConnection,
    owner: &Owner,
    token: &Stored,
    sealed_with: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into connector_tokens
           (org_id, user_id, provider, base_url, account, email, sealed, sealed_with, verified_at,
            created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
         on conflict (org_id, user_id, provider) do update
         set base_url = excluded.base_url, account = excluded.account, email = excluded.email,
             sealed = excluded.sealed, sealed_with = excluded.sealed_with,
             verified_at = excluded.verified_at, updated_at = excluded.updated_at",
        &owner.org_id as &OrgId,
        &owner.user_id as &UserId,
        owner.provider as Provider,
        token.base_url,
        token.account,
        token.email,
        token.sealed,
        sealed_with,
        token.verified_at,
        token.updated_at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Notes what the provider said of a token, unless the row holds another one, or another seal of it,
/// by now.
pub async fn set_verified(
    conn: &mut PgConnection,
    owner: &Owner,
    token: &Stored,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update connector_tokens set account = $4, verified_at = $5
         where org_id = $1 and user_id = $2 and provider = $3 and sealed = $6",
        &owner.org_id as &OrgId,
        &owner.user_id as &UserId,
        owner.provider as Provider,
        token.account,
        token.verified_at,
        token.sealed,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Removes the owner's token. Answers whether there was one.
pub async fn delete(conn: &mut PgConnection, owner: &Owner) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "delete from connector_tokens where org_id = $1 and user_id = $2 and provider = $3",
        &owner.org_id as &OrgId,
        &owner.user_id as &UserId,
        owner.provider as Provider,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The number of tokens with a format and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealCount {
    /// Format and key.
    pub sealed_with: String,
    /// Number of tokens.
    pub rows: i64,
}

/// All tokens by format and key, over all organisations: what the operator asks.
pub async fn count_seals(conn: &mut PgConnection) -> sqlx::Result<Vec<SealCount>> {
    sqlx::query_as!(
        SealCount,
        r#"select sealed_with, count(*) as "rows!"
           from connector_tokens group by sealed_with order by sealed_with"#,
    )
    .fetch_all(conn)
    .await
}

/// A token that is to be sealed again.
#[derive(Clone, PartialEq, Eq)]
pub struct Old {
    /// The organisation.
    pub org_id: OrgId,
    /// The person.
    pub user_id: UserId,
    /// The provider.
    pub provider: Provider,
    /// A part of its place.
    pub base_url: Option<String>,
    /// The token.
    pub sealed: Vec<u8>,
}

impl Old {
    /// The owner.
    pub fn owner(&self) -> Owner {
        Owner {
            org_id: self.org_id.clone(),
            user_id: self.user_id.clone(),
            provider: self.provider,
        }
    }
}

/// The next tokens, in the order of the key, that are not sealed with `current`.
pub async fn next_old(
    conn: &mut PgConnection,
    current: &str,
    after: Option<&Owner>,
    limit: i64,
) -> sqlx::Result<Vec<Old>> {
    // Nothing sorts before the empty text, and no id is empty.
    let (org, user, provider) = after.map_or(("", "", ""), |owner| {
        (
            owner.org_id.as_str(),
            owner.user_id.as_str(),
            owner.provider.as_str(),
        )
    });
    sqlx::query_as!(
        Old,
        r#"select org_id as "org_id: OrgId", user_id as "user_id: UserId",
                  provider as "provider: Provider", base_url, sealed
           from connector_tokens
           where (org_id, user_id, provider) > ($1, $2, $3) and sealed_with <> $4
           order by org_id, user_id, provider
           limit $5"#,
        org,
        user,
        provider,
        current,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Puts new seals in the place of the old ones, all in one statement. A token that was replaced or
/// removed in the meantime stays as it is. Answers how many were renewed.
pub async fn renew(conn: &mut PgConnection, tokens: &[(Old, Sealed)]) -> sqlx::Result<u64> {
    let owners = || tokens.iter().map(|(old, _)| old);
    let orgs: Vec<String> = owners().map(|old| old.org_id.to_string()).collect();
    let users: Vec<String> = owners().map(|old| old.user_id.to_string()).collect();
    let providers: Vec<String> = owners().map(|old| old.provider.to_string()).collect();
    let before: Vec<Vec<u8>> = tokens.iter().map(|(old, _)| old.sealed.clone()).collect();
    let after: Vec<Vec<u8>> = tokens.iter().map(|(_, new)| new.bytes.clone()).collect();
    let with: Vec<String> = tokens.iter().map(|(_, new)| new.with.clone()).collect();
    let done = sqlx::query!(
        "update connector_tokens t set sealed = n.after, sealed_with = n.sealed_with
         from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::text[])
              as n (org_id, user_id, provider, before, after, sealed_with)
         where t.org_id = n.org_id and t.user_id = n.user_id and t.provider = n.provider
           and t.sealed = n.before",
        &orgs,
        &users,
        &providers,
        &before,
        &after,
        &with,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
